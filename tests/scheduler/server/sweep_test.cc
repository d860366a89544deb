#include "scheduler/server/sweep.h"

#include <set>

#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "scheduler/server/job_spec.h"
#include "tests/scheduler/server/cluster.h"

namespace octet::scheduler {
namespace {

using google::protobuf::util::MessageDifferencer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kRate[] = "train.optimizer.sgd.learning_rate";

v1::JobSpec Training() {
  v1::JobSpec spec;
  spec.set_name("search");
  spec.mutable_train()->mutable_model()->set_name("cnn");
  spec.mutable_train()->mutable_dataset()->set_name("fashion-mnist");
  return spec;
}

v1::SweepParameter& AddValues(v1::JobSpec& spec, const std::string& field,
                              const std::vector<std::string>& values) {
  v1::SweepParameter& parameter = *spec.mutable_sweep()->add_parameters();
  parameter.set_field(field);
  for (const std::string& value : values) parameter.add_values(value);
  return parameter;
}

v1::SweepParameter& AddRange(v1::JobSpec& spec, const std::string& field, double min, double max,
                             const std::string& scale = "") {
  v1::SweepParameter& parameter = AddValues(spec, field, {});
  parameter.set_min(min);
  parameter.set_max(max);
  parameter.set_scale(scale);
  return parameter;
}

std::string ErrorOf(const v1::JobSpec& spec) {
  return std::string(TrialsOf(spec).status().message());
}

TEST(SweepTest, AJobWithoutOneHasNoTrials) { EXPECT_TRUE(TrialsOf(Training())->empty()); }

TEST(SweepTest, AGridHasEveryCombinationTheLastParameterFastest) {
  v1::JobSpec spec = Training();
  AddValues(spec, kRate, {"0.1", "0.01"});
  AddValues(spec, "train.model.batch_norm", {"true", "false"});
  const auto trials = *TrialsOf(spec);
  ASSERT_EQ(trials.size(), 4u);
  std::vector<std::pair<double, bool>> points;
  for (const v1::JobSpec& trial : trials)
    points.emplace_back(trial.train().optimizer().sgd().learning_rate(),
                        trial.train().model().batch_norm());
  EXPECT_THAT(points, ElementsAre(std::pair(0.1, true), std::pair(0.1, false),
                                  std::pair(0.01, true), std::pair(0.01, false)));
  EXPECT_EQ(trials[3].labels().at(kRate), "0.01");
  EXPECT_EQ(trials[3].array().size(), 4);
  EXPECT_EQ(trials[3].train().model().name(), "cnn") << "the rest is as submitted";
}

TEST(SweepTest, RandomTrialsAreAFunctionOfTheSeedAndLieInTheirRange) {
  v1::JobSpec spec = Training();
  AddRange(spec, kRate, 1e-4, 1, "log");
  AddRange(spec, "train.epochs", 1, 3);
  AddRange(spec, "train.seed", 1, 1000);
  spec.mutable_sweep()->set_trials(100);
  const auto trials = *TrialsOf(spec), again = *TrialsOf(spec);
  spec.mutable_sweep()->set_seed(2);
  const auto others = *TrialsOf(spec);
  std::set<uint64_t> seeds;
  int below = 0;
  for (size_t i = 0; i < trials.size(); ++i) {
    EXPECT_TRUE(MessageDifferencer::Equals(trials[i], again[i]));
    const double rate = trials[i].train().optimizer().sgd().learning_rate();
    EXPECT_TRUE(rate >= 1e-4 && rate <= 1) << rate;
    below += rate < 1e-2;
    seeds.insert(trials[i].train().seed());
  }
  EXPECT_NEAR(below, 50, 15) << "half of a log scale";
  EXPECT_GT(seeds.size(), 80u);
  EXPECT_NE(trials[0].labels().at(kRate), others[0].labels().at(kRate));
}

TEST(SweepTest, VariablesOfACommandCanDiffer) {
  v1::JobSpec spec;
  spec.mutable_command()->add_argv("train.py");
  (*spec.mutable_command()->mutable_env())["KEPT"] = "yes";
  AddValues(spec, "command.env.RATE", {"1", "2"});
  const auto trials = *TrialsOf(spec);
  ASSERT_EQ(trials.size(), 2u);
  EXPECT_EQ(trials[1].command().env().at("RATE"), "2");
  EXPECT_EQ(trials[1].command().env().at("KEPT"), "yes");
}

TEST(SweepTest, DefaultsThatDependOnAFieldFollowTheTrial) {
  v1::JobSpec spec = Training();
  AddValues(spec, "train.epochs", {"10", "100"});
  auto trials = *TrialsOf(spec);
  FillDefaults(trials[1], "cpu");
  EXPECT_EQ(trials[1].train().schedule().warmup_epochs(), 5);
}

TEST(SweepTest, MistakesAreNamedWithTheirPlace) {
  v1::JobSpec spec = Training();
  spec.mutable_sweep();
  EXPECT_THAT(ErrorOf(spec), StartsWith("sweep.parameters: is empty"));
  AddValues(spec, "train.optimizer.sgd.learning_rat", {"1"});
  EXPECT_THAT(ErrorOf(spec), StartsWith("sweep.parameters[0].field: there is no field "
                                        "train.optimizer.sgd.learning_rat; did you mean "
                                        "learning_rate?"));
  spec.mutable_sweep()->mutable_parameters(0)->set_field("train.optimizer");
  EXPECT_THAT(ErrorOf(spec), HasSubstr("train.optimizer is no single value"));
  spec.mutable_sweep()->mutable_parameters(0)->set_field("train.gang.slots");
  EXPECT_THAT(ErrorOf(spec), HasSubstr("is the same for all trials"));
  spec.mutable_sweep()->mutable_parameters(0)->set_field(kRate);
  spec.mutable_sweep()->mutable_parameters(0)->set_values(0, "much");
  EXPECT_THAT(ErrorOf(spec), HasSubstr("\"much\" cannot be the value of"));
  spec.mutable_sweep()->mutable_parameters(0)->clear_values();
  EXPECT_THAT(ErrorOf(spec), HasSubstr("give either values, or min and max"));
  spec.mutable_sweep()->mutable_parameters(0)->set_min(0);
  spec.mutable_sweep()->mutable_parameters(0)->set_max(1);
  EXPECT_THAT(ErrorOf(spec), HasSubstr("sweep.trials: 0 is not from 1 to 10000"));
  spec.mutable_sweep()->mutable_parameters(0)->set_scale("log");
  EXPECT_THAT(ErrorOf(spec), HasSubstr("a log scale begins above 0"));
  spec.mutable_sweep()->mutable_parameters(0)->clear_scale();
  spec.mutable_sweep()->set_method("grid");
  EXPECT_THAT(ErrorOf(spec), HasSubstr("a grid needs values"));
  spec.mutable_array()->set_size(2);
  EXPECT_THAT(ErrorOf(spec), StartsWith("array: does not go with sweep"));
}

TEST(SweepTest, RungsRiseUpToTheLastEpoch) {
  v1::JobSpec spec = Training();
  spec.mutable_train()->set_epochs(27);
  EXPECT_TRUE(EarlyStopOf(spec).rungs.empty());
  spec.mutable_sweep()->mutable_asha();
  EXPECT_THAT(EarlyStopOf(spec).rungs, ElementsAre(1, 3, 9));
  spec.mutable_sweep()->mutable_asha()->set_min_epochs(2);
  spec.mutable_sweep()->mutable_asha()->set_reduction(2);
  EXPECT_THAT(EarlyStopOf(spec).rungs, ElementsAre(2, 4, 8, 16));
}

void ReportFigure(FakeAgent& agent, const v1::StartAttempt& start, double epochs, double top1) {
  v1::AgentMessage message;
  *message.mutable_report()->mutable_ref() = start.ref();
  message.mutable_report()->mutable_progress()->set_epoch(epochs);
  message.mutable_report()->mutable_progress()->set_top1(top1);
  agent.Send(message);
}

TEST(SweepServiceTest, TrialsAreJobsAndTheWorseOneEndsEarly) {
  TestCluster cluster;
  FakeAgent agent(cluster, "n1", 2);
  ASSERT_TRUE(agent.Connect().first.ok());
  v1::JobSpec spec = Training();
  AddValues(spec, kRate, {"0.1", "0.2"});
  spec.mutable_sweep()->mutable_asha();
  const auto [status, first] = cluster.Create(spec);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(first.spec().train().optimizer().sgd().learning_rate(), 0.1);
  EXPECT_EQ(cluster.Get("j2").spec().train().optimizer().sgd().learning_rate(), 0.2);
  const v1::StartAttempt good = agent.NextStart(), bad = agent.NextStart();
  ReportFigure(agent, good, 1, 80);
  ReportFigure(agent, bad, 1, 70);
  EXPECT_THAT(agent.Next().stop_attempt().reason(), HasSubstr("ended early"));
  agent.ReportStopped(bad.ref());
  const v1::Job ended = cluster.WaitFor("j2", v1::JOB_STATE_CANCELLED);
  EXPECT_THAT(ended.rungs(), ElementsAre(70));
  EXPECT_EQ(cluster.Get("j1").state(), v1::JOB_STATE_RUNNING);
}

TEST(SweepServiceTest, ATrialThatCannotBeIsNamedAtSubmit) {
  TestCluster cluster;
  v1::JobSpec spec = Training();
  AddValues(spec, kRate, {"0.1", "-1"});
  const absl::Status status = cluster.Create(spec).first;
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              StartsWith("trial 1: train.optimizer.sgd.learning_rate: -1"));
}

}  // namespace
}  // namespace octet::scheduler

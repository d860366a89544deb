#include "common/yaml_message.h"

#include "gmock/gmock.h"
#include "octet/v1/agents.pb.h"
#include "octet/v1/jobs.pb.h"

namespace octet {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

v1::JobSpec Parse(const std::string& text) {
  v1::JobSpec spec;
  const absl::Status status = ParseYamlMessage(text, "job.yaml", &spec);
  EXPECT_TRUE(status.ok()) << status;
  return spec;
}

template <typename Message = v1::JobSpec>
std::string Error(const std::string& text) {
  Message message;
  const absl::Status status = ParseYamlMessage(text, "job.yaml", &message);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  return std::string(status.message());
}

TEST(YamlMessageTest, ReadsEveryKindOfValue) {
  const v1::JobSpec spec = Parse(R"(
name: demo
max_restarts: 0
labels: {team: vision, 7: "x"}
train:
  batch_size: 256
  epochs: 2.5
  seed: 18446744073709551615
  optimizer:
    sgd: {learning_rate: 1e-1, nesterov: false}
export:
  targets: [gpu, onnx-int8]
)");
  EXPECT_EQ(spec.name(), "demo");
  EXPECT_TRUE(spec.has_max_restarts());
  EXPECT_EQ(spec.max_restarts(), 0);
  EXPECT_EQ(spec.labels().at("team"), "vision");
  EXPECT_EQ(spec.labels().at("7"), "x");
  EXPECT_EQ(spec.train().batch_size(), 256);
  EXPECT_EQ(spec.train().epochs(), 2.5);
  EXPECT_EQ(spec.train().seed(), 18446744073709551615u);
  EXPECT_EQ(spec.train().optimizer().sgd().learning_rate(), 0.1);
  EXPECT_TRUE(spec.train().optimizer().sgd().has_nesterov());
  EXPECT_FALSE(spec.train().optimizer().sgd().nesterov());
  EXPECT_FALSE(spec.train().optimizer().sgd().has_momentum());
  EXPECT_THAT(spec.export_().targets(), ElementsAre("gpu", "onnx-int8"));
}

TEST(YamlMessageTest, TakesNamesOfTheProtoAndOfItsJson) {
  EXPECT_EQ(Parse("max_restarts: 2\n").max_restarts(), 2);
  EXPECT_EQ(Parse("maxRestarts: 2\n").max_restarts(), 2);
}

TEST(YamlMessageTest, TakesJson) {
  EXPECT_EQ(Parse(R"({"name": "demo", "train": {"batchSize": 8}})").train().batch_size(), 8);
}

TEST(YamlMessageTest, NullLeavesAFieldUnset) {
  const v1::JobSpec spec = Parse("name: ~\ntrain:\n");
  EXPECT_EQ(spec.name(), "");
  EXPECT_FALSE(spec.has_train());
}

TEST(YamlMessageTest, PlainNumbersAreTextWhereTextIsWanted) {
  EXPECT_EQ(Parse("name: 2026\n").name(), "2026");
}

TEST(YamlMessageTest, AnchorsAreFollowed) {
  const v1::JobSpec spec =
      Parse("train:\n  dataset: &data {name: d, path: /d}\nexport:\n  dataset: *data\n");
  EXPECT_EQ(spec.export_().dataset().path(), "/d");
}

TEST(YamlMessageTest, ReplacesWhatTheMessageHeld) {
  v1::JobSpec spec;
  spec.set_name("old");
  ASSERT_TRUE(ParseYamlMessage("max_restarts: 1\n", "job.yaml", &spec).ok());
  EXPECT_EQ(spec.name(), "");
}

TEST(YamlMessageTest, ReadsTimesAndDurationsAsJsonDoes) {
  v1::Job job;
  ASSERT_TRUE(
      ParseYamlMessage("create_time: 2026-01-31T12:00:00Z\nprogress: {remaining: 1.5s}\nstate: "
                       "JOB_STATE_RUNNING\n",
                       "job.yaml", &job)
          .ok());
  EXPECT_EQ(job.create_time().seconds(), 1769860800);
  EXPECT_EQ(job.progress().remaining().nanos(), 500000000);
  EXPECT_EQ(job.state(), v1::JOB_STATE_RUNNING);
}

struct Mistake {
  const char* text;
  const char* error;  // how it begins
};

class YamlMistakeTest : public testing::TestWithParam<Mistake> {};

TEST_P(YamlMistakeTest, IsNamedWithItsPlaceAndTheWayOut) {
  EXPECT_THAT(Error(GetParam().text), StartsWith(GetParam().error));
}

INSTANTIATE_TEST_SUITE_P(
    Fields, YamlMistakeTest,
    testing::Values(
        Mistake{"name: a\ntrain:\n  epoch: 3\n",
                "job.yaml:3:3: train has no field \"epoch\"; did you mean epochs?"},
        Mistake{"nmae: a\n", "job.yaml:1:1: there is no field \"nmae\"; did you mean name?"},
        Mistake{"train: {optimizer: {adam: {}}}\n",
                "job.yaml:1:21: train.optimizer has no field \"adam\"; there are: sgd"},
        Mistake{"name: a\ntrain: {seed: 1}\nname: b\n", "job.yaml:3:1: name is given twice"},
        Mistake{"max_restarts: 1\nmaxRestarts: 2\n", "job.yaml:2:1: max_restarts is given twice"},
        Mistake{"labels:\n  a: x\n  a: y\n", "job.yaml:3:3: labels.a is given twice"},
        Mistake{"labels: {a: }\n", "job.yaml:1:10: labels.a has no value"},
        Mistake{"? [a]\n: b\n", "job.yaml:1:3: a field's name must be a word"},
        Mistake{"train: &a {optimizer: *a}\n",
                "job.yaml:1:12: train.optimizer has no field \"optimizer\""}));

INSTANTIATE_TEST_SUITE_P(
    Values, YamlMistakeTest,
    testing::Values(
        Mistake{"name: a\ntrain:\n  epochs: \"ten\"\n",
                "job.yaml:3:11: train.epochs: \"ten\" is not a number"},
        Mistake{"train: {batch_size: many}\n",
                "job.yaml:1:21: train.batch_size: \"many\" is not a number"},
        Mistake{"train: {batch_size: 2.5}\n",
                "job.yaml:1:21: train.batch_size: \"2.5\" is not a whole number"},
        Mistake{"max_restarts: 2147483648\n",
                "job.yaml:1:15: max_restarts: \"2147483648\" is out of range; it must be from "
                "-2147483648 to 2147483647"},
        Mistake{"train: {seed: -1}\n", "job.yaml:1:15: train.seed: \"-1\" is out of range"},
        Mistake{"train: {epochs: 1e999}\n",
                "job.yaml:1:17: train.epochs: \"1e999\" is out of range"},
        Mistake{"train: {optimizer: {sgd: {nesterov: yes}}}\n",
                "job.yaml:1:37: train.optimizer.sgd.nesterov: \"yes\" is not true or false"},
        Mistake{"name: [a]\n", "job.yaml:1:7: name must be a single value, not a list"},
        Mistake{"name: {a: b}\n", "job.yaml:1:7: name must be a single value, not fields"},
        Mistake{"export:\n  targets: gpu\n", "job.yaml:2:12: export.targets must be a list"},
        Mistake{"export:\n  targets: [gpu, [a]]\n",
                "job.yaml:2:18: export.targets[1] must be a single value, not a list"},
        Mistake{"export:\n  targets:\n  - gpu\n  -\n", "job.yaml:5:1: export.targets[1] is empty"},
        Mistake{"labels: [a]\n", "job.yaml:1:9: labels must have entries, as `name: value`"},
        Mistake{"train: 3\n", "job.yaml:1:8: train must have fields, as `name: value`"}));

INSTANTIATE_TEST_SUITE_P(
    Texts, YamlMistakeTest,
    testing::Values(Mistake{"", "job.yaml:1:1: the file is empty"},
                    Mistake{"# nothing\n", "job.yaml:1:1: the file is empty"},
                    Mistake{"just text\n", "job.yaml:1:1: the file must have fields"},
                    Mistake{"name: a\n---\nname: b\n", "job.yaml:3:1: a second document"},
                    Mistake{"name: a\ntrain: [1, 2\nmax_restarts: 1\n", "job.yaml:3:13: not YAML"},
                    Mistake{"name: a: b\n", "job.yaml:1:8: not YAML"},
                    Mistake{"name: *nobody\n", "job.yaml:1:7: not YAML"}));

TEST(YamlMessageTest, UnknownEnumValueNamesTheNearest) {
  EXPECT_EQ(Error<v1::Job>("state: JOB_STATE_RUNING\n"),
            "job.yaml:1:8: state: \"JOB_STATE_RUNING\" is not one of its values; did you mean "
            "JOB_STATE_RUNNING?");
}

TEST(YamlMessageTest, WrongDurationSaysTheForm) {
  EXPECT_THAT(Error<v1::Job>("progress: {remaining: soon}\n"),
              AllOf(HasSubstr("1:23: progress.remaining"), HasSubstr("such as 1.5s")));
}

TEST(YamlMessageTest, WhatExcludesEachOtherIsNamed) {
  EXPECT_EQ(
      Error<v1::AttemptReport>("rendezvous_endpoint: a\nprogress: {}\n"),
      "job.yaml:2:1: progress is given beside rendezvous_endpoint, and only one of them can be; "
      "remove one");
}

TEST(YamlMessageTest, TextThatIsNotUtf8IsNamed) {
  EXPECT_THAT(Error("name: \"a\xc3\"\n"), HasSubstr("1:7: name is not UTF-8"));
}

TEST(YamlMessageTest, TextSurvivesWhateverItHolds) {
  EXPECT_EQ(Parse("name: \"a\\\"\\\\\\n\xc3\xa9\"\n").name(), "a\"\\\n\xc3\xa9");
}

}  // namespace
}  // namespace octet

#include "client/why.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/call.h"
#include "client/job_page.h"
#include "client/output.h"
#include "client/reasons.h"
#include "common/text.h"
#include "octet/v1/jobs.grpc.pb.h"

namespace octet::client {
namespace {

// Sets what one `--if NAME=VALUE` supposes.
absl::Status Suppose(v1::WhyJobRequest& request, const std::string& text) {
  const size_t equals = std::min(text.find('='), text.size());
  const std::string name = text.substr(0, equals);
  const std::string value = text.substr(std::min(equals + 1, text.size()));
  if (value.empty())
    return absl::InvalidArgumentError(
        absl::StrCat("--if ", text, ": has no value; write such as slots=4"));
  if (name == "team" || name == "time_limit") {
    name == "team" ? request.set_team(value) : request.set_time_limit(value);
    return absl::OkStatus();
  }
  if (name != "slots" && name != "nodes" && name != "priority")
    return absl::InvalidArgumentError(
        absl::StrCat("--if ", text, ": there is no wish \"", name, "\"",
                     DidYouMean(name, {"slots", "nodes", "priority", "team", "time_limit"})));
  int number = 0;
  if (!absl::SimpleAtoi(value, &number))
    return absl::InvalidArgumentError(
        absl::StrCat("--if ", text, ": \"", value, "\" is not a whole number"));
  if (name == "slots") request.set_slots(number);
  if (name == "nodes") request.set_nodes(number);
  if (name == "priority") request.set_priority(number);
  return absl::OkStatus();
}

std::string PositionText(const v1::WhyJobResponse& why) {
  if (why.position() == 0) return "not in the queue";
  return absl::StrCat(why.position(), " of ", why.queue_length());
}

std::string EstimateText(const v1::WhyJobResponse& why, absl::Time now) {
  if (why.has_estimated_start_time())
    return StartText(ToTime(why.estimated_start_time()), now, absl::LocalTimeZone());
  return absl::StrCat("unknown", why.no_estimate().empty() ? "" : ": ", why.no_estimate());
}

std::string AheadText(const v1::WhyJobResponse& why) {
  return why.ahead().empty() ? "nobody" : absl::StrJoin(why.ahead(), ", ");
}

std::vector<std::string> ReasonTexts(const v1::WhyJobResponse& why) {
  std::vector<std::string> texts;
  for (const v1::PendingReason& reason : why.reasons()) texts.push_back(ReasonText(reason));
  if (texts.empty()) texts.push_back("nothing is in its way");
  return texts;
}

void PrintWhy(Context& context, const v1::WhyJobResponse& why) {
  const char* name = "why";
  for (const std::string& reason : ReasonTexts(why)) {
    context.out << absl::StrFormat("%-9s %s\n", name, reason);
    name = "";
  }
  context.out << "position  " << PositionText(why) << "\n"
              << "ahead     " << AheadText(why) << "\n"
              << "start     " << EstimateText(why, context.clock.Now()) << "\n";
}

// Both side by side; reasons, which are long, below.
void PrintComparison(Context& context, const v1::WhyJobResponse& now,
                     const v1::WhyJobResponse& then, const std::string& supposed) {
  const absl::Time time = context.clock.Now();
  Table table({"", "NOW", absl::StrCat("IF ", supposed)});
  table.Add({"position", PositionText(now), PositionText(then)});
  table.Add({"ahead", AheadText(now), AheadText(then)});
  table.Add({"start", EstimateText(now, time), EstimateText(then, time)});
  table.Print(context.out);
  context.out << "now:\n";
  for (const std::string& reason : ReasonTexts(now)) context.out << "  " << reason << "\n";
  context.out << "if " << supposed << ":\n";
  for (const std::string& reason : ReasonTexts(then)) context.out << "  " << reason << "\n";
}

absl::StatusOr<v1::WhyJobResponse> Ask(Context& context, const v1::WhyJobRequest& request) {
  return Call<v1::JobService>(context, "WhyJob", &v1::JobService::StubInterface::WhyJob, request);
}

absl::StatusOr<int> Why(Context& context, const std::string& id,
                        const std::vector<std::string>& supposed) {
  v1::WhyJobRequest request;
  request.set_job_id(id);
  v1::WhyJobRequest changed = request;
  for (const std::string& text : supposed) RETURN_IF_ERROR(Suppose(changed, text));
  ASSIGN_OR_RETURN(const v1::WhyJobResponse now, Ask(context, request));
  const v1::Job& job = now.job();
  v1::WhyJobResponse then;
  if (!supposed.empty() && job.state() == v1::JOB_STATE_PENDING) {
    ASSIGN_OR_RETURN(then, Ask(context, changed));
    if (PrintMessages(context, {&now, &then})) return kOk;
  } else if (PrintMessage(context, now)) {
    return kOk;
  }
  context.out << "job " << id << " (" << job.spec().name() << ") " << Word(job.state());
  if (job.state() != v1::JOB_STATE_PENDING) {
    context.out << ": it does not wait; `octet job " << id << "` shows it\n";
    return kOk;
  }
  context.out << " for " << ShortDuration(context.clock.Now() - ToTime(job.create_time())) << "\n";
  supposed.empty() ? PrintWhy(context, now)
                   : PrintComparison(context, now, then, absl::StrJoin(supposed, ", "));
  return kOk;
}

}  // namespace

void AddWhy(Commands& commands) {
  struct Options {
    std::string job;
    std::vector<std::string> supposed;
  };
  auto options = std::make_shared<Options>();
  CLI::App* app =
      commands.Add("why", "Tell why a job waits, who is ahead, and when it will start",
                   [=](Context& context) { return Why(context, options->job, options->supposed); });
  app->add_option("JOB", options->job, "The job's id")->required();
  app->add_option("--if", options->supposed,
                  "What if it asked for something else: slots, nodes, priority, team or "
                  "time_limit, such as slots=4; again for more")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
}

}  // namespace octet::client

#include "scheduler/server/gate.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "octet/v1/agents.pb.h"

namespace octet::scheduler {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// The job and the attempt that a request is about; attempt 0: the newest.
struct Subject {
  std::string job_id;
  int attempt = 0;
};

std::string StringField(const Message& message, const char* name) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  if (field == nullptr || field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) return "";
  return message.GetReflection()->GetString(message, field);
}

Subject SubjectOf(const Message& request) {
  if (const FieldDescriptor* ref = request.GetDescriptor()->FindFieldByName("ref")) {
    const Message& attempt = request.GetReflection()->GetMessage(request, ref);
    if (attempt.GetDescriptor() == v1::AttemptRef::descriptor()) return SubjectOf(attempt);
  }
  Subject subject{.job_id = StringField(request, "job_id")};
  if (const FieldDescriptor* attempt = request.GetDescriptor()->FindFieldByName("attempt"))
    subject.attempt = request.GetReflection()->GetInt32(request, attempt);
  return subject;
}

std::string TargetOf(const Message& request, const Subject& subject) {
  if (!subject.job_id.empty()) return subject.job_id;
  for (const char* name : {"node", "token_id", "user"})
    if (std::string target = StringField(request, name); !target.empty()) return target;
  return "";
}

bool RanOn(const Job& job, int number, const std::string& node) {
  const auto& attempts = job.attempts;
  const auto attempt = std::find_if(attempts.rbegin(), attempts.rend(), [&](const Attempt& each) {
    return number == 0 || each.number == number;
  });
  return attempt != attempts.rend() &&
         std::any_of(attempt->parts.begin(), attempt->parts.end(),
                     [&](const Part& part) { return part.node == node; });
}

absl::Status CheckReach(const v1::Principal& caller, const Subject& subject, const Job& job) {
  if (caller.role() == v1::ROLE_NODE && !RanOn(job, subject.attempt, caller.name()))
    return absl::PermissionDeniedError(absl::StrCat("job ", subject.job_id, " has no attempt ",
                                                    subject.attempt, " on node ", caller.name()));
  if (!caller.team().empty() && job.team != caller.team())
    return absl::PermissionDeniedError(absl::StrCat(
        "job ", subject.job_id, " is another team's; your rights end at team ", caller.team()));
  return absl::OkStatus();
}

}  // namespace

absl::Status Gate::Check(const grpc::ServerContextBase& context, const Message* request,
                         Admitted& call) const {
  const Subject subject = request == nullptr ? Subject{} : SubjectOf(*request);
  if (request != nullptr) call.target = TargetOf(*request, subject);
  auto caller = authenticator_.Identify(context);
  if (caller.ok()) call.caller = *caller;
  if (!caller.ok() && !call.method->access.anyone()) return caller.status();
  RETURN_IF_ERROR(identity::CheckRole(*call.method, caller.ok() ? &*caller : nullptr));
  if (subject.job_id.empty() || (call.caller.team().empty() && call.caller.role() != v1::ROLE_NODE))
    return absl::OkStatus();
  ASSIGN_OR_RETURN(const JobView view, controller_.GetJob(subject.job_id));
  return CheckReach(call.caller, subject, view.job);
}

absl::StatusOr<Admitted> Gate::Admit(const grpc::ServerContextBase& context,
                                     const std::string& method, const Message* request) const {
  Admitted call{.method = &identity::FindMethod(method), .peer = context.peer()};
  const absl::Status checked = Check(context, request, call);
  if (checked.ok()) return call;
  Record(call, checked);
  return checked;
}

void Gate::Record(const Admitted& call, const absl::Status& status) const {
  // What back-pressure sends away has done nothing, and comes in floods.
  if (!call.method->access.audited() || absl::IsResourceExhausted(status)) return;
  v1::AuditEntry line;
  *line.mutable_time() = ToTimestamp(clock_.Now());
  *line.mutable_principal() = call.caller;
  line.set_peer(call.peer);
  line.set_method(call.method->name);
  line.set_target(call.target);
  line.set_code(absl::StatusCodeToString(status.code()));
  if (!status.ok()) line.set_message(std::string(status.message()));
  audit_.Append(line);
}

}  // namespace octet::scheduler

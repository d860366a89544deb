// What every call passes on its way in.
#ifndef OCTET_SCHEDULER_SERVER_GATE_H_
#define OCTET_SCHEDULER_SERVER_GATE_H_

#include <string>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "grpcpp/server_context.h"
#include "identity/access.h"
#include "octet/v1/identity.pb.h"
#include "scheduler/server/audit_log.h"
#include "scheduler/server/authenticator.h"
#include "scheduler/server/controller.h"

namespace octet::scheduler {

/// A call that was let in.
struct Admitted {
  const identity::Method* method = nullptr;
  v1::Principal caller;  // without a role where anyone may call
  std::string peer;
  std::string target;  // for the audit log: the job, node or token it is about
};

/// Lets a call in when its method's access option opens it to who calls, and
/// when the job that it names is one that the caller reaches: a job of the team
/// at which a person's rights end, an attempt that runs or ran on the calling
/// node. Writes the audit log. Thread-safe.
class Gate {
 public:
  /// All must outlive the gate.
  Gate(const Authenticator& authenticator, const Controller& controller, AuditLog& audit,
       const Clock& clock)
      : authenticator_(authenticator), controller_(controller), audit_(audit), clock_(clock) {}

  /// method: such as JobService/CreateJob. request: its fields job_id, attempt,
  /// ref and node, where it has them, are what it is about; null: they are not
  /// known yet. UNAUTHENTICATED, PERMISSION_DENIED; NOT_FOUND for a job that
  /// is not there.
  absl::StatusOr<Admitted> Admit(const grpc::ServerContextBase& context, const std::string& method,
                                 const google::protobuf::Message* request) const;

  /// How a call that was let in has ended. Call it once for each.
  void Record(const Admitted& call, const absl::Status& status) const;

 private:
  absl::Status Check(const grpc::ServerContextBase& context,
                     const google::protobuf::Message* request, Admitted& call) const;

  const Authenticator& authenticator_;
  const Controller& controller_;
  AuditLog& audit_;
  const Clock& clock_;
};

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_GATE_H_

// Calls of any method by its name.
#ifndef OCTET_TESTS_SCHEDULER_SERVER_ANY_CALL_H_
#define OCTET_TESTS_SCHEDULER_SERVER_ANY_CALL_H_

#include <memory>
#include <string>

#include "grpcpp/grpcpp.h"

namespace octet::scheduler {

struct FirstAnswer {
  grpc::Status status;  // OK when there was one
  std::string bytes;
};

/// Calls any method, unary or stream: sends one message, and waits for one.
/// method: such as /octet.v1.JobService/GetJob. token: empty for none.
FirstAnswer Ask(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                const std::string& message, const std::string& token = "");

}  // namespace octet::scheduler

#endif  // OCTET_TESTS_SCHEDULER_SERVER_ANY_CALL_H_

#include "tests/scheduler/server/any_call.h"

#include <vector>

#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "tests/scheduler/server/cluster.h"

namespace octet::scheduler {
namespace {

std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return "";
  std::string bytes;
  for (const grpc::Slice& slice : slices)
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

}  // namespace

FirstAnswer Ask(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                const std::string& message, const std::string& token) {
  grpc::GenericStub stub(channel);
  grpc::CompletionQueue queue;
  const auto context = NewContext();
  if (!token.empty()) context->AddMetadata("authorization", "Bearer " + token);
  const auto wait = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    EXPECT_TRUE(queue.Next(&tag, &ok));
    return ok;
  };
  const auto call = stub.PrepareCall(context.get(), method, &queue);
  call->StartCall(nullptr);
  wait();
  const grpc::Slice slice(message);
  call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
  wait();
  grpc::ByteBuffer bytes;
  call->Read(&bytes, nullptr);
  const bool answered = wait();
  // Streams may go on; how they end is not asked.
  if (answered) context->TryCancel();
  FirstAnswer answer;
  call->Finish(&answer.status, nullptr);
  wait();
  if (answered) answer = {grpc::Status::OK, ToString(bytes)};
  return answer;
}

}  // namespace octet::scheduler

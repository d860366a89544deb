#include "client/short_call.h"

#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/fd.h"

namespace octet::client {
namespace {

constexpr size_t kPrefixBytes = 5;  // a flag and the length, big endian
constexpr size_t kMostBytes = 64 << 20;
constexpr int kMostCalls = 5;
// Between two looks for a server that does not listen yet.
constexpr absl::Duration kPause = absl::Milliseconds(20);

grpc::Status Unavailable(const std::string& what) {
  return grpc::Status(grpc::StatusCode::UNAVAILABLE, what);
}

std::string Frame(const google::protobuf::MessageLite& message) {
  std::string frame(kPrefixBytes, '\0');
  message.AppendToString(&frame);
  const size_t size = frame.size() - kPrefixBytes;
  for (size_t i = 0; i < 4; ++i) frame[4 - i] = static_cast<char>(size >> (8 * i));
  return frame;
}

// What the percent signs of a grpc-message stand for.
std::string PercentDecoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '%' && i + 2 < text.size() && isxdigit(text[i + 1]) != 0 &&
                         isxdigit(text[i + 2]) != 0;
    if (!escaped) {
      decoded += text[i];
      continue;
    }
    decoded += absl::HexStringToBytes(absl::string_view(text.data() + i + 1, 2));
    i += 2;
  }
  return decoded;
}

// One request and its answer on one connection.
class Exchange {
 public:
  Exchange(int socket, const std::string& method, absl::Time deadline,
           const google::protobuf::MessageLite& request)
      : socket_(socket), deadline_(deadline), request_(Frame(request)) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, OnFrame);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnData);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, OnClose);
    nghttp2_session_client_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    Begin(method);
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() { nghttp2_session_del(session_); }

  // Until the answer is there, but for the server's first sign of life until
  // `first_contact`.
  void Run(absl::Time first_contact) {
    while (!closed_) {
      if (!Send()) break;
      if (!Receive(heard_ ? deadline_ : std::min(first_contact, deadline_))) break;
    }
  }

  bool heard() const { return heard_; }
  // Milliseconds that the server wants to be left alone; negative: for good.
  std::optional<int> pushback() const { return pushback_; }

  grpc::Status Finish(google::protobuf::MessageLite* response) const {
    if (late_) return {grpc::StatusCode::DEADLINE_EXCEEDED, "no answer in time"};
    if (!status_.has_value()) return Unavailable("the connection broke off");
    if (*status_ != grpc::StatusCode::OK)
      return {static_cast<grpc::StatusCode>(*status_), PercentDecoded(message_)};
    const bool whole = answer_.size() >= kPrefixBytes && answer_[0] == 0 &&
                       response->ParseFromArray(answer_.data() + kPrefixBytes,
                                                static_cast<int>(answer_.size() - kPrefixBytes));
    if (!whole) return {grpc::StatusCode::INTERNAL, "the answer cannot be read"};
    return grpc::Status::OK;
  }

 private:
  static Exchange& Of(void* user) { return *static_cast<Exchange*>(user); }

  void Begin(const std::string& method) {
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
    const auto left = absl::ToInt64Milliseconds(deadline_ - absl::Now());
    const std::string timeout = absl::StrCat(std::max<int64_t>(left, 1), "m");
    const std::pair<std::string_view, std::string_view> headers[] = {
        {":method", "POST"},     {":scheme", "http"},
        {":path", method},       {":authority", "localhost"},
        {"te", "trailers"},      {"content-type", "application/grpc"},
        {"user-agent", "octet"}, {"grpc-timeout", timeout},
    };
    nghttp2_nv fields[std::size(headers)];
    std::transform(std::begin(headers), std::end(headers), fields, [](const auto& header) {
      const auto bytes = [](std::string_view text) {
        return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(text.data()));
      };
      return nghttp2_nv{bytes(header.first), bytes(header.second), header.first.size(),
                        header.second.size(), NGHTTP2_NV_FLAG_NONE};
    });
    nghttp2_data_provider body{};
    body.read_callback = ReadRequest;
    stream_ = nghttp2_submit_request(session_, nullptr, fields, std::size(fields), &body, nullptr);
  }

  static ssize_t ReadRequest(nghttp2_session*, int32_t, uint8_t* buffer, size_t room,
                             uint32_t* flags, nghttp2_data_source*, void* user) {
    Exchange& exchange = Of(user);
    if (!exchange.heard_) return NGHTTP2_ERR_DEFERRED;
    const size_t n = std::min(room, exchange.request_.size() - exchange.sent_);
    memcpy(buffer, exchange.request_.data() + exchange.sent_, n);
    exchange.sent_ += n;
    if (exchange.sent_ == exchange.request_.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(n);
  }

  static int OnFrame(nghttp2_session* session, const nghttp2_frame*, void* user) {
    Exchange& exchange = Of(user);
    if (!std::exchange(exchange.heard_, true))
      nghttp2_session_resume_data(session, exchange.stream_);
    return 0;
  }

  static int OnHeader(nghttp2_session*, const nghttp2_frame*, const uint8_t* name, size_t name_size,
                      const uint8_t* value, size_t value_size, uint8_t, void* user) {
    const std::string_view key(reinterpret_cast<const char*>(name), name_size);
    const absl::string_view text(reinterpret_cast<const char*>(value), value_size);
    Exchange& exchange = Of(user);
    int number = 0;
    if (key == "grpc-message") exchange.message_ = std::string(text);
    if (key == "grpc-status" && absl::SimpleAtoi(text, &number)) exchange.status_ = number;
    // Whatever is no number of milliseconds means never (gRFC A6).
    if (key == "grpc-retry-pushback-ms")
      exchange.pushback_ = absl::SimpleAtoi(text, &number) ? number : -1;
    return 0;
  }

  static int OnData(nghttp2_session*, uint8_t, int32_t, const uint8_t* data, size_t size,
                    void* user) {
    std::string& answer = Of(user).answer_;
    if (answer.size() + size > kMostBytes) return NGHTTP2_ERR_CALLBACK_FAILURE;
    answer.append(reinterpret_cast<const char*>(data), size);
    return 0;
  }

  static int OnClose(nghttp2_session*, int32_t, uint32_t, void* user) {
    Of(user).closed_ = true;
    return 0;
  }

  // False: the connection broke.
  bool Send() {
    std::string out;
    const uint8_t* data = nullptr;
    for (ssize_t n; (n = nghttp2_session_mem_send(session_, &data)) > 0;)
      out.append(reinterpret_cast<const char*>(data), static_cast<size_t>(n));
    for (size_t done = 0; done < out.size();) {
      const ssize_t n = send(socket_, out.data() + done, out.size() - done, MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return false;
      done += static_cast<size_t>(n);
    }
    return true;
  }

  // False: nothing came until then, or the connection broke.
  bool Receive(absl::Time until) {
    const auto wait = absl::ToInt64Milliseconds(until - absl::Now()) + 1;
    pollfd in{.fd = socket_, .events = POLLIN, .revents = 0};
    const int ready = poll(&in, 1, static_cast<int>(std::max<int64_t>(wait, 0)));
    if (ready < 0) return errno == EINTR;
    late_ = ready == 0;
    if (late_) return false;
    uint8_t buffer[16 << 10];
    const ssize_t n = recv(socket_, buffer, sizeof(buffer), 0);
    if (n < 0 && errno == EINTR) return true;
    if (n <= 0) return false;
    return nghttp2_session_mem_recv(session_, buffer, static_cast<size_t>(n)) >= 0;
  }

  const int socket_;
  const absl::Time deadline_;
  const std::string request_;
  nghttp2_session* session_ = nullptr;
  int32_t stream_ = 0;
  size_t sent_ = 0;
  bool heard_ = false, closed_ = false, late_ = false;
  std::string answer_, message_;
  std::optional<int> status_, pushback_;
};

// Not open: nothing has listened until then; errno says why.
Fd Connect(const std::string& path, absl::Time until) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  for (;;) {
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0)
      return socket;
    if (absl::Now() >= until) return Fd();
    absl::SleepFor(kPause);
  }
}

}  // namespace

ShortCallResult ShortCall(const std::string& path, const std::string& method,
                          const ShortCallLimits& limits,
                          const google::protobuf::MessageLite& request,
                          google::protobuf::MessageLite* response) {
  const absl::Time begin = absl::Now();
  for (int calls = 1;; ++calls) {
    const Fd socket = Connect(path, begin + limits.first_contact);
    if (!socket.ok()) return {Unavailable("nothing listens there"), false};
    Exchange exchange(socket.get(), method, begin + limits.call, request);
    exchange.Run(begin + limits.first_contact);
    ShortCallResult result{exchange.Finish(response), exchange.heard()};
    if (!result.heard) result.status = Unavailable("no sign of life");
    const int delay = exchange.pushback().value_or(-1);
    if (result.status.error_code() != grpc::StatusCode::RESOURCE_EXHAUSTED || delay < 0 ||
        calls == kMostCalls)
      return result;
    absl::SleepFor(absl::Milliseconds(delay));
  }
}

}  // namespace octet::client

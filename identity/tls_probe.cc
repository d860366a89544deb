#include "identity/tls_probe.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status.h"
#include "identity/certificate.h"
#include "identity/openssl.h"

namespace octet::identity {
namespace {

struct Address {
  std::string host, port;
};

// [::1]:7070 has its brackets for the colon's sake alone.
absl::StatusOr<Address> Split(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == address.size())
    return absl::InvalidArgumentError(absl::StrCat(address, ": write HOST:PORT or unix:PATH"));
  Address parts{address.substr(0, colon), address.substr(colon + 1)};
  if (parts.host.front() == '[' && parts.host.back() == ']')
    parts.host = parts.host.substr(1, parts.host.size() - 2);
  return parts;
}

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  int fd() const { return fd_; }

 private:
  int fd_;
};

absl::StatusOr<Socket> Dial(const std::string& address, absl::Duration patience) {
  ASSIGN_OR_RETURN(const Address parts, Split(address));
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(parts.host.c_str(), parts.port.c_str(), &hints, &found);
      error != 0)
    return absl::NotFoundError(
        absl::StrCat("cannot reach the scheduler at ", address, ": ", gai_strerror(error)));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, freeaddrinfo);
  int error = 0;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    Socket socket(::socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval limit = absl::ToTimeval(patience);
    // Linux heeds the first for connect, too.
    setsockopt(socket.fd(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    setsockopt(socket.fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (connect(socket.fd(), each->ai_addr, each->ai_addrlen) == 0) return socket;
    error = errno;
  }
  errno = error;
  return absl::UnavailableError(
      absl::StrCat(ErrnoStatus("cannot reach the scheduler at", address).message(),
                   "; see whether it runs there, or name another with --server"));
}

using Context = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Free<SSL_free>>;

/// OpenSSL writes to a socket as to a file: while this lives, a peer that hangs
/// up does not end the program.
class HangUpsAreErrors {
 public:
  HangUpsAreErrors() {
    struct sigaction ignore = {};
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &ignore, &before_);
  }
  ~HangUpsAreErrors() { sigaction(SIGPIPE, &before_, nullptr); }

 private:
  struct sigaction before_;
};

void Trust(SSL_CTX* context, const std::string& authority) {
  const Bio bio = Reader(authority);
  while (const Certificate each{PEM_read_bio_X509(bio.get(), nullptr, NoPassPhrase, nullptr)})
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), each.get());
  ERR_clear_error();
}

absl::Status Explain(const std::string& address, const SSL* session) {
  const long verified = SSL_get_verify_result(session);
  if (verified == X509_V_OK)
    return absl::FailedPreconditionError(
        absl::StrCat("who answers at ", address,
                     " does not speak TLS as a scheduler does; is it the right port?"));
  return absl::FailedPreconditionError(absl::StrCat(
      "who answers at ", address,
      " is not the scheduler that is meant: ", X509_verify_cert_error_string(verified),
      "; compare ca.crt with that of the scheduler's --tls folder, and the name that you dial with "
      "those that `octet ca issue scheduler` was given"));
}

}  // namespace

absl::Status ProbeTls(const std::string& address, const std::string& authority,
                      absl::Duration patience) {
  RETURN_IF_ERROR(Annotate(ReadCertificate(authority).status(), "the authority's certificate"));
  ASSIGN_OR_RETURN(const Address parts, Split(address));
  ASSIGN_OR_RETURN(const Socket socket, Dial(address, patience));
  const Context context(SSL_CTX_new(TLS_client_method()));
  Trust(context.get(), authority);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  const Session session(SSL_new(context.get()));
  X509_VERIFY_PARAM* wanted = SSL_get0_param(session.get());
  if (X509_VERIFY_PARAM_set1_ip_asc(wanted, parts.host.c_str()) != 1)
    X509_VERIFY_PARAM_set1_host(wanted, parts.host.c_str(), 0);
  SSL_set_tlsext_host_name(session.get(), parts.host.c_str());
  SSL_set_fd(session.get(), socket.fd());
  const HangUpsAreErrors guard;
  const bool agreed = SSL_connect(session.get()) == 1;
  ERR_clear_error();
  if (!agreed) return Explain(address, session.get());
  return absl::UnavailableError(
      absl::StrCat("the scheduler at ", address, " did not answer in time; try again"));
}

}  // namespace octet::identity

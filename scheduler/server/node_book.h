// Nodes' certificates: who has joined, and who is let in no more.
#ifndef OCTET_SCHEDULER_SERVER_NODE_BOOK_H_
#define OCTET_SCHEDULER_SERVER_NODE_BOOK_H_

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "identity/certificate.h"
#include "octet/v1/identity.pb.h"
#include "scheduler/server/token_book.h"
#include "scheduler/store/store.h"

namespace octet::scheduler {

/// Thread-safe; Check never waits for the disk.
class NodeBook {
 public:
  /// Everything it refers to must outlive it. authority: signs; nothing: nodes
  /// neither join nor renew here. Errors as the store's, and DATA_LOSS for a
  /// record that cannot be read.
  static absl::StatusOr<std::unique_ptr<NodeBook>> Open(
      Store& store, TokenBook& tokens, std::optional<identity::CertificateAuthority> authority,
      const Clock& clock);

  /// Both as identity.proto says. The token's use and the certificate are
  /// stored as one.
  absl::StatusOr<v1::NodeCertificate> Join(const v1::JoinNodeRequest& request);
  absl::StatusOr<v1::NodeCertificate> Renew(const std::string& node,
                                            const std::string& certificate_request);
  /// No certificate that the node has now counts any more; those that were not
  /// issued here neither. INVALID_ARGUMENT: not a node's name.
  absl::Status Revoke(const std::string& node);

  /// Whose certificate it is. The connection has checked who signed it and that
  /// it had not ended; both ends are looked at again, for connections may be
  /// old. UNAUTHENTICATED.
  absl::StatusOr<v1::Principal> Check(const std::string& certificate) const;

 private:
  struct Entry {
    absl::Time end = absl::UnixEpoch();      // of the last certificate that counts
    absl::Time revoked = absl::UnixEpoch();  // what was issued up to then counts no more
  };

  NodeBook(Store& store, TokenBook& tokens, std::optional<identity::CertificateAuthority> authority,
           const Clock& clock)
      : store_(store), tokens_(tokens), authority_(std::move(authority)), clock_(clock) {}
  Entry Find(const std::string& node) const;
  /// Signs, and says in `entry` until when.
  absl::StatusOr<v1::NodeCertificate> Sign(const std::string& node, const std::string& request,
                                           Entry& entry) const;
  void Publish(const std::string& node, const Entry& entry);

  Store& store_;
  TokenBook& tokens_;
  const std::optional<identity::CertificateAuthority> authority_;
  const Clock& clock_;
  /// Held over a change and its commit, which readers do not wait for.
  absl::Mutex changes_ ABSL_ACQUIRED_BEFORE(mutex_);
  mutable absl::Mutex mutex_;
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);  // by node
};

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_NODE_BOOK_H_

// The tokens of people, and those with which nodes join.
#ifndef OCTET_SCHEDULER_SERVER_TOKEN_BOOK_H_
#define OCTET_SCHEDULER_SERVER_TOKEN_BOOK_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "octet/v1/identity.pb.h"
#include "scheduler/store/store.h"

namespace octet::scheduler {

/// Keeps a hash of each token's secret in the store. What it answers is stored
/// before. Thread-safe; Check never waits for the disk.
class TokenBook {
 public:
  /// store and clock must outlive the book. Errors as the store's, and
  /// DATA_LOSS for a record that cannot be read.
  static absl::StatusOr<std::unique_ptr<TokenBook>> Open(Store& store, const Clock& clock);

  /// As identity.proto says of CreateToken; `by` makes it. PERMISSION_DENIED:
  /// the rights of `by` end at another team.
  absl::StatusOr<v1::CreateTokenResponse> Create(const v1::CreateTokenRequest& request,
                                                 const v1::Principal& by);
  /// Newest first; those that `by` may see.
  std::vector<v1::Token> List(const v1::Principal& by) const;
  /// NOT_FOUND: there is none that `by` may revoke.
  absl::StatusOr<v1::Token> Revoke(const std::string& id, const v1::Principal& by);

  /// Who has the token. authorization: "Bearer TOKEN". UNAUTHENTICATED.
  absl::StatusOr<v1::Principal> Check(std::string_view authorization) const;

  /// Takes a use of a join token for `node`. `then` gets the token and adds to
  /// the batch what is to be stored with it; after its error, or the store's,
  /// nothing is used. UNAUTHENTICATED, as identity.proto says of JoinNode.
  absl::Status Join(const std::string& text, const std::string& node,
                    const std::function<absl::Status(const v1::Token&, Batch&)>& then);

 private:
  struct Entry {
    v1::Token token;
    std::string hash;  // of its secret
  };

  TokenBook(Store& store, const Clock& clock) : store_(store), clock_(clock) {}
  /// The entry, if it counts now. UNAUTHENTICATED says nothing of which part of
  /// the text is wrong.
  absl::StatusOr<Entry> Find(std::string_view text) const;
  absl::Status Keep(const Entry& entry, Batch batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(changes_);

  Store& store_;
  const Clock& clock_;
  /// Held over a change and its commit, which readers do not wait for.
  absl::Mutex changes_ ABSL_ACQUIRED_BEFORE(mutex_);
  mutable absl::Mutex mutex_;
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);  // by id
};

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_TOKEN_BOOK_H_

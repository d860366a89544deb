// The system's accounts that teams' jobs run as.
#ifndef OCTET_WORKER_ISOLATION_ACCOUNT_H_
#define OCTET_WORKER_ISOLATION_ACCOUNT_H_

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace octet::isolation {

struct Account {
  std::string user;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // Supplementary ones.
};

/// Of the system's user data base. NOT_FOUND: there is none of that name.
/// INVALID_ARGUMENT: it is root's.
absl::StatusOr<Account> FindAccount(const std::string& user);

/// Whether the account may pass through every folder above `path`, and through
/// it: PERMISSION_DENIED names the one that is closed. By mode bits only.
absl::Status CheckReach(const Account& account, const std::string& path);

/// Teams' accounts. Constant after construction.
class AccountMap {
 public:
  /// pairs: "TEAM=USER" each; the team "*" is every other one.
  static absl::StatusOr<AccountMap> Parse(const std::vector<std::string>& pairs);

  bool empty() const { return by_team_.empty(); }
  const std::map<std::string, Account>& by_team() const { return by_team_; }
  /// Null: the team has none.
  const Account* Find(const std::string& team) const;

 private:
  std::map<std::string, Account> by_team_;
};

}  // namespace octet::isolation

#endif  // OCTET_WORKER_ISOLATION_ACCOUNT_H_

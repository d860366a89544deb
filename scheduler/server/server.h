// The scheduler as one object: store, controller, services, listeners.
#ifndef OCTET_SCHEDULER_SERVER_SERVER_H_
#define OCTET_SCHEDULER_SERVER_SERVER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "scheduler/server/options.h"
#include "scheduler/store/store.h"

namespace octet::scheduler {

/// What the server stands on; tests bring their own.
struct ServerDependencies {
  /// Null: the SQLite store <dir>/scheduler.db.
  std::unique_ptr<Store> store;
  const Clock* clock = &Clock::Real();
};

/// Serves from Start until it is destroyed. Thread-safe.
class Server {
 public:
  /// Takes the folder's lock, loads the state that an earlier scheduler left,
  /// and listens. ALREADY_EXISTS: another scheduler has the folder or the
  /// socket; UNAVAILABLE: a port is in use; others as the store's Load and
  /// LoadCatalog say.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const Options& options,
                                                       ServerDependencies dependencies = {});
  /// Ends every call and closes the store. Jobs run on: their agents come
  /// back to the next scheduler.
  virtual ~Server() = default;

  /// As --listen takes them, with the ports that are bound.
  virtual const std::vector<std::string>& addresses() const = 0;
  /// host:port; empty: no metrics are served.
  virtual const std::string& metrics_address() const = 0;
  /// host:port; empty: there is no health service of its own.
  virtual const std::string& health_address() const = 0;
};

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_SERVER_H_

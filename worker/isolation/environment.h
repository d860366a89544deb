// The environment that a job starts from.
#ifndef OCTET_WORKER_ISOLATION_ENVIRONMENT_H_
#define OCTET_WORKER_ISOLATION_ENVIRONMENT_H_

#include <map>
#include <string>
#include <vector>

namespace octet::isolation {

using Environment = std::map<std::string, std::string>;

/// Whether a variable of the agent's is for its jobs: those that say where
/// programs and libraries are, which language is spoken, and how accelerators,
/// their networks and computing threads are to be used. Everything else may be
/// a secret.
bool IsForJobs(const std::string& name);

/// Those of `environment` ("NAME=VALUE", up to a null pointer) that are for
/// jobs, or that `pass` names.
Environment CleanEnvironment(char* const* environment, const std::vector<std::string>& pass);

}  // namespace octet::isolation

#endif  // OCTET_WORKER_ISOLATION_ENVIRONMENT_H_

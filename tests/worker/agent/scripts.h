// Shell scripts in the place of trainers, and the messages that start them.
#ifndef OCTET_TESTS_WORKER_AGENT_SCRIPTS_H_
#define OCTET_TESTS_WORKER_AGENT_SCRIPTS_H_

#include <filesystem>
#include <string>
#include <vector>

#include "common/files.h"
#include "gtest/gtest.h"
#include "octet/v1/agents.pb.h"

namespace octet::agent {

/// Makes an executable of `body`. It runs in the job's folder.
inline void WriteScript(const std::string& path, const std::string& body) {
  ASSERT_TRUE(WriteFileAtomic(path, "#!/bin/sh\n" + body + "\n").ok());
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
}

/// All `ranks` ranks of the job's training, on this node's first slots.
inline v1::SchedulerMessage StartMessage(const std::string& job, int attempt, int ranks) {
  v1::SchedulerMessage message;
  v1::StartAttempt& start = *message.mutable_start_attempt();
  start.mutable_ref()->set_job_id(job);
  start.mutable_ref()->set_attempt(attempt);
  start.set_stage("train");
  start.mutable_spec()->set_name("test");
  start.set_world_size(ranks);
  start.set_single_node(true);
  for (int rank = 0; rank < ranks; ++rank) {
    start.add_ranks(rank);
    start.add_slot_indices(rank);
  }
  return message;
}

/// All `ranks` ranks of the job's command, on the first slots of `node`.
inline v1::SchedulerMessage CommandMessage(const std::string& job, int attempt, int ranks,
                                           const std::vector<std::string>& argv,
                                           const v1::Node& node) {
  v1::SchedulerMessage message = StartMessage(job, attempt, ranks);
  v1::StartAttempt& start = *message.mutable_start_attempt();
  start.set_stage("command");
  start.set_array_index(-1);
  start.mutable_spec()->mutable_command()->mutable_argv()->Add(argv.begin(), argv.end());
  for (int rank = 0; rank < ranks; ++rank) start.add_rank_endpoints(node.slots(rank).endpoint());
  return message;
}

inline v1::SchedulerMessage StopMessage(const std::string& job, int attempt, int grace_seconds) {
  v1::SchedulerMessage message;
  message.mutable_stop_attempt()->mutable_ref()->set_job_id(job);
  message.mutable_stop_attempt()->mutable_ref()->set_attempt(attempt);
  message.mutable_stop_attempt()->mutable_grace()->set_seconds(grace_seconds);
  message.mutable_stop_attempt()->set_reason("the test says so");
  return message;
}

}  // namespace octet::agent

#endif  // OCTET_TESTS_WORKER_AGENT_SCRIPTS_H_

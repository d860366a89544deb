#include "worker/agent/rank_command.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status.h"
#include "worker/agent/attempt_ref.h"
#include "worker/agent/command_env.h"
#include "worker/agent/program_path.h"

namespace octet::agent {
namespace {

absl::Status CheckSlots(const v1::StartAttempt& start, size_t slots) {
  if (start.ranks_size() == 0 || start.ranks_size() != start.slot_indices_size())
    return absl::InvalidArgumentError(absl::StrCat(ToString(start.ref()), " has ",
                                                   start.ranks_size(), " ranks for ",
                                                   start.slot_indices_size(), " slots here"));
  for (const int index : start.slot_indices()) {
    if (index < 0 || index >= static_cast<int>(slots))
      return absl::InvalidArgumentError(absl::StrCat(ToString(start.ref()), " asks for slot ",
                                                     index, ", but this node has ", slots));
  }
  return absl::OkStatus();
}

// What each of Octet's own programs needs.
std::map<std::string, std::string> StageEnvironment(const v1::StartAttempt& start, int local_rank,
                                                    const RankHost& host) {
  const v1::Slot& slot = host.slots[start.slot_indices(local_rank)];
  std::map<std::string, std::string> env = {
      {"RANK", absl::StrCat(start.ranks(local_rank))},
      {"WORLD_SIZE", absl::StrCat(start.world_size())},
      {"LOCAL_RANK", absl::StrCat(local_rank)},
      {"OCTET_JOB_ID", start.ref().job_id()},
      {"OCTET_ATTEMPT", absl::StrCat(start.ref().attempt())},
      {kAgentVariable, host.rank_address},
      // By UUID: CUDA numbers GPUs by speed, NVML by bus.
      {"CUDA_VISIBLE_DEVICES", slot.uuid()},
  };
  if (start.spec().train().has_threads_per_rank()) {
    env.emplace("OMP_NUM_THREADS", absl::StrCat(start.spec().train().threads_per_rank()));
  } else if (slot.resource() == "cpu") {
    env.emplace("OMP_NUM_THREADS", "1");
  }
  return env;
}

// A rank of octet-trainer or octet-exporter.
RankCommand StageCommand(const v1::StartAttempt& start, int local_rank, const RankHost& host,
                         const AttemptPaths& paths) {
  RankCommand command;
  command.program =
      host.program_dir + (start.stage() == "train" ? "/octet-trainer" : "/octet-exporter");
  const v1::Slot& slot = host.slots[start.slot_indices(local_rank)];
  // The rank sees one GPU, its own, which is cuda:0 to it.
  command.argv = {command.program,
                  "--start",
                  paths.start_file,
                  "--rank",
                  absl::StrCat(start.ranks(local_rank)),
                  "--device",
                  slot.resource() == "gpu" ? "cuda:0" : "cpu",
                  "--agent",
                  host.rank_address,
                  "--agent-key",
                  paths.key_file,
                  "--dir",
                  paths.job_dir};
  if (start.stage() == "train") {
    command.argv.push_back("--position");
    command.argv.push_back(paths.Position(start.ranks(local_rank)));
  }
  command.env = StageEnvironment(start, local_rank, host);
  command.cwd = paths.job_dir;
  return command;
}

absl::StatusOr<RankCommand> UserCommand(const v1::StartAttempt& start, const AttemptPaths& paths) {
  const v1::CommandSpec& spec = start.spec().command();
  if (spec.argv().empty())
    return absl::InvalidArgumentError(absl::StrCat(ToString(start.ref()), " has no command"));
  RankCommand command;
  command.argv.assign(spec.argv().begin(), spec.argv().end());
  command.cwd = spec.working_dir().empty() ? paths.job_dir : spec.working_dir();
  const auto path = spec.env().find("PATH");
  ASSIGN_OR_RETURN(command.program,
                   FindProgram(spec.argv(0), command.cwd,
                               path == spec.env().end() ? InheritedPath() : path->second));
  return command;
}

}  // namespace

AttemptPaths::AttemptPaths(const std::string& dir, const v1::AttemptRef& ref)
    : job_dir(absl::StrCat(dir, "/jobs/", ref.job_id())),
      attempt_dir(absl::StrCat(dir, "/attempts/", ref.job_id(), "/", ref.attempt())),
      start_file(attempt_dir + "/start.json"),
      key_file(attempt_dir + "/key"),
      parts_dir(absl::StrCat(dir, "/parts/", ref.job_id())) {}

std::string AttemptPaths::Log(int rank, const std::string& stream) const {
  return absl::StrCat(attempt_dir, "/rank-", rank, ".", stream);
}

std::string AttemptPaths::Position(int rank) const { return Log(rank, "position"); }

absl::StatusOr<std::vector<RankCommand>> RankCommands(const v1::StartAttempt& start,
                                                      const RankHost& host,
                                                      const AttemptPaths& paths) {
  RETURN_IF_ERROR(CheckSlots(start, host.slots.size()));
  const bool users = start.stage() == "command";
  if (!users && start.stage() != "train" && start.stage() != "export")
    return absl::InvalidArgumentError(
        absl::StrCat("this agent knows no stage \"", start.stage(),
                     "\" (train, export, command); is it older than the scheduler?"));
  RankCommand common;
  std::vector<std::map<std::string, std::string>> environments;
  if (users) {
    ASSIGN_OR_RETURN(common, UserCommand(start, paths));
    ASSIGN_OR_RETURN(environments, CommandEnvironments(start, host));
  }
  std::vector<RankCommand> commands;
  for (int i = 0; i < start.ranks_size(); ++i) {
    RankCommand& command =
        commands.emplace_back(users ? common : StageCommand(start, i, host, paths));
    command.rank = start.ranks(i);
    if (users) command.env = std::move(environments[i]);
    command.input = users && start.spec().command().stdin() && command.rank == 0;
    command.out = paths.Log(command.rank, "stdout");
    command.err = paths.Log(command.rank, "stderr");
  }
  return commands;
}

absl::Status CheckArtifactName(const std::string& name) {
  const std::vector<std::string> parts = absl::StrSplit(name, '/');
  const bool bad = std::any_of(parts.begin(), parts.end(), [](const std::string& part) {
    return part.empty() || part == "." || part == "..";
  });
  if (bad || name.find('\0') != std::string::npos)
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", name, "\" cannot be an artifact's name: it must be a relative path without \"..\""));
  return absl::OkStatus();
}

}  // namespace octet::agent

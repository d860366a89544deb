# Deliberate mistakes, one at a time, that the simulation must find: in FILE the
# text FROM becomes TO, which behaves as FROM does while its mutant is off.
# FROM must be there exactly once.

mutation(forgotten_fence scheduler/core/core_reports.cc
  [[attempt == nullptr || attempt->number != ref.attempt)]]
  [[attempt == nullptr ||
      (attempt->number != ref.attempt && !faults::Mutant("forgotten_fence")))]])

mutation(effect_before_commit scheduler/server/controller.cc
  [[  Batch batch = std::move(change.batch);
]]
  [[  if (faults::Mutant("effect_before_commit")) {
    for (const auto& [node, message] : change.messages)
      if (recipients_.contains(node)) recipients_[node]->Send(message);
    change.messages.clear();
  }
  Batch batch = std::move(change.batch);
]])

mutation(answer_before_commit scheduler/server/controller.cc
  [[  if (change.IsEmpty()) return;
]]
  [[  if (change.IsEmpty()) return;
  if (faults::Mutant("answer_before_commit") && change.then)
    std::exchange(change.then, nullptr)(absl::OkStatus());
]])

mutation(ack_of_what_is_not_stored scheduler/server/controller_agents.cc
  [[        if (!status.ok()) return;
]]
  [[        if (!status.ok() && !faults::Mutant("ack_of_what_is_not_stored")) return;
]])

mutation(failed_commit_shown scheduler/server/controller.cc
  [[    if (status.ok()) {
      Publish(*change);]]
  [[    if (status.ok() || faults::Mutant("failed_commit_shown")) {
      Publish(*change);]])

mutation(slot_not_marked_busy scheduler/core/cluster.cc
  [[        slot.job = job;
]]
  [[        slot.job = faults::Mutant("slot_not_marked_busy") ? kNoJob : job;
]])

mutation(slots_not_released scheduler/core/core.cc
  [[  cluster_.Free(job.id, part);
]]
  [[  if (!faults::Mutant("slots_not_released")) cluster_.Free(job.id, part);
]])

mutation(slots_forgotten_when_an_agent_returns scheduler/core/core_nodes.cc
  [[  cluster_.Hold(job.id, part);
]]
  [[  if (!faults::Mutant("slots_forgotten_when_an_agent_returns")) cluster_.Hold(job.id, part);
]])

mutation(gang_told_but_for_one_node scheduler/core/core.cc
  [[    TellToStart(job, part);
  }
]]
  [[    if (part.first_rank == 0 || !faults::Mutant("gang_told_but_for_one_node"))
      TellToStart(job, part);
  }
]])

mutation(gang_without_its_last_node scheduler/core/core.cc
  [[  int rank = 0;
  for (NodeShare& share : shares) {]]
  [[  int rank = 0;
  if (shares.size() > 1 && faults::Mutant("gang_without_its_last_node")) shares.pop_back();
  for (NodeShare& share : shares) {]])

mutation(next_attempt_while_a_part_runs scheduler/core/core.cc
  [[  if (attempt.AllPartsAre(Part::State::kEnded)) return EndAttempt(job);
]]
  [[  if (attempt.AllPartsAre(Part::State::kEnded) ||
      (!succeeded && faults::Mutant("next_attempt_while_a_part_runs")))
    return EndAttempt(job);
]])

mutation(final_state_overwritten scheduler/core/core.cc
  [[  if (IsFinal(job->state) || job->cancel_requested) return absl::OkStatus();
]]
  [[  if ((IsFinal(job->state) && !faults::Mutant("final_state_overwritten")) || job->cancel_requested)
    return absl::OkStatus();
]])

mutation(request_not_remembered scheduler/server/controller.cc
  [[  if (request.request_id.empty()) return std::nullopt;
]]
  [[  if (request.request_id.empty() || faults::Mutant("request_not_remembered"))
    return std::nullopt;
]])

mutation(request_not_stored scheduler/server/controller.cc
  [[      change.batch.puts.push_back({kRequestTable, KeyOf(request), EncodeRequest(made)});
]]
  [[      if (!faults::Mutant("request_not_stored"))
        change.batch.puts.push_back({kRequestTable, KeyOf(request), EncodeRequest(made)});
]])

mutation(job_numbers_given_again scheduler/core/core.cc
  [[  next_id_ = std::max(next_id_, stored.id + 1);
]]
  [[  if (!faults::Mutant("job_numbers_given_again")) next_id_ = std::max(next_id_, stored.id + 1);
]])

mutation(adoption_restarts_the_job scheduler/core/core_nodes.cc
  [[  if (!runs && part.agent_instance != event.agent_instance) {]]
  [[  if (faults::Mutant("adoption_restarts_the_job") ||
      (!runs && part.agent_instance != event.agent_instance)) {]])

mutation(unwanted_attempt_runs_on scheduler/core/core_nodes.cc
  [[    if (!FindLive(ref, event.name).ok())
]]
  [[    if (!FindLive(ref, event.name).ok() && !faults::Mutant("unwanted_attempt_runs_on"))
]])

mutation(unwanted_attempt_runs_on scheduler/server/controller_agents.cc
  [[    if (wanted) continue;
]]
  [[    if (wanted || faults::Mutant("unwanted_attempt_runs_on")) continue;
]])

mutation(lost_node_kept scheduler/core/core_nodes.cc
  [[  for (const std::string& name : silent) LoseNode(name);
]]
  [[  for (const std::string& name : silent)
    if (!faults::Mutant("lost_node_kept")) LoseNode(name);
]])

mutation(cut_off_scheduler_evicts scheduler/core/core_nodes.cc
  [[  if (cut_off) return;
]]
  [[  if (cut_off && !faults::Mutant("cut_off_scheduler_evicts")) return;
]])

mutation(frozen_scheduler_evicts scheduler/server/controller.cc
  [[Tick{.was_deaf = was_deaf}]]
  [[Tick{.was_deaf = was_deaf && !faults::Mutant("frozen_scheduler_evicts")}]])

mutation(drain_forgotten_when_an_agent_returns scheduler/core/core_nodes.cc
  [[    if (drain != drains_.end()) node.drain = drain->second;
]]
  [[    if (drain != drains_.end() && !faults::Mutant("drain_forgotten_when_an_agent_returns"))
      node.drain = drain->second;
]])

mutation(limit_of_a_team_ignored scheduler/core/core_schedule.cc
  [[    if (size > team.Limit(wish.resource) - team.Used(wish.resource)) continue;
]]
  [[    if (size > team.Limit(wish.resource) - team.Used(wish.resource) &&
        !faults::Mutant("limit_of_a_team_ignored"))
      continue;
]])

mutation(limit_of_an_array_ignored scheduler/core/core_schedule.cc
  [[running->second >= job.array_max_running)]]
  [[running->second >= job.array_max_running &&
        !faults::Mutant("limit_of_an_array_ignored"))]])

mutation(quota_taken_from_a_team scheduler/core/victims.cc
  [[  if (team.Used(wish_.resource) - so_far - FreedBy(victim) < team.Quota(wish_.resource))
]]
  [[  if (team.Used(wish_.resource) - so_far - FreedBy(victim) < team.Quota(wish_.resource) &&
        !faults::Mutant("quota_taken_from_a_team"))
]])

mutation(dependency_ignored scheduler/core/core.cc
  [[    if (DependencyMet(dependency)) continue;
]]
  [[    if (DependencyMet(dependency) || faults::Mutant("dependency_ignored")) continue;
]])

mutation(hold_ignored scheduler/core/core.cc
  [[  bool ready = !job.held;
]]
  [[  bool ready = !job.held || faults::Mutant("hold_ignored");
]])

mutation(wait_after_a_failure_skipped scheduler/core/core.cc
  [[  if (job.not_before > now_) {]]
  [[  if (job.not_before > now_ && !faults::Mutant("wait_after_a_failure_skipped")) {]])

mutation(time_limit_forgotten_on_restart scheduler/core/core.cc
  [[  if (live == nullptr) return;
  NoteEnd(job);
]]
  [[  if (live == nullptr) return;
  if (!faults::Mutant("time_limit_forgotten_on_restart")) NoteEnd(job);
]])

mutation(preempted_job_goes_first_again scheduler/core/core.cc
  [[(job.stage > 0 && last != StopCause::kPreempt)]]
  [[(job.stage > 0 &&
       (last != StopCause::kPreempt || faults::Mutant("preempted_job_goes_first_again")))]])

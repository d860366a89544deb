// A job in words.
#ifndef OCTET_CLIENT_JOB_PAGE_H_
#define OCTET_CLIENT_JOB_PAGE_H_

#include <iosfwd>
#include <string>

#include "absl/time/time.h"
#include "client/command.h"
#include "octet/v1/jobs.pb.h"

namespace octet::client {

/// Whether it stays in this state for ever.
bool IsFinal(v1::JobState state);

/// "n1 (ranks 0-3), n2 (ranks 4-7)".
std::string PlacementText(const v1::Attempt& attempt);

/// Slots that it holds, or would.
int SlotsOf(const v1::Job& job);

/// "j5[3]" for a job of an array, else "".
std::string ArrayText(const v1::Job& job);

/// "learning_rate=0.1, momentum=0.8" for a trial of a sweep, else "".
std::string TrialText(const v1::Job& job);

/// "rank 3 on node n1 was killed by ... [rank 3 on n1, signal 9]".
std::string FailureText(const v1::Failure& failure);

/// All that is known of the job, for people: state, attempts with what ended
/// them, progress or result, targets.
void PrintJobPage(Context& context, const v1::Job& job);

/// Where its files are, on stderr; nothing for a job that has none.
void PrintArtifactsHint(Context& context, const v1::Job& job);

/// What it came to: the training's result with what its FLOPS count, and the
/// table of targets. Nothing for what the job has not reached.
void PrintResult(Context& context, const v1::Job& job);

}  // namespace octet::client

#endif  // OCTET_CLIENT_JOB_PAGE_H_

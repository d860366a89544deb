#include "worker/failure/rules.h"

namespace octet::failure {
namespace {

using enum Fact;
using Texts = std::vector<std::string_view>;

// Allocators say it in their own words.
const Texts kMemoryTexts = {
    "CUDA out of memory",
    "CUDA error: out of memory",
    "cuda failure*out of memory",
    "CUDA_ERROR_OUT_OF_MEMORY",
    "cudaErrorMemoryAllocation",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "HIP out of memory",
    "OutOfMemoryError",
    "DefaultCPUAllocator: can't allocate memory",
    "OOM when allocating",
    "RESOURCE_EXHAUSTED: Out of memory",
    "ResourceExhaustedError*OOM",
    "MemoryError",
    "std::bad_alloc",
    "Cannot allocate memory",
    "Unable to allocate*with shape",
    "memory allocation of*failed",
    "memory exhausted",
    "java.lang.OutOfMemory",
    "out of shared memory",
    "insufficient shared memory",
    "oom-kill event",
    ": out of memory",
};

const Texts kDiskTexts = {
    "No space left on device", "Disk quota exceeded", "ENOSPC", "disk is full", "StorageFull",
};

const Texts kNanTexts = {
    "the loss became",
    "loss is nan",
    "loss is inf",
    "loss nan",
    "loss=nan",
    "loss: nan",
    "loss = nan",
    "loss : nan",
    "loss:nan",
    "losses nan",
    "nan losses",
    "nan or inf",
    "nan detected",
    "detected nan",
    "encountered nan",
    "contains nan",
    "exploded to nan",
    "nan loss",
    "loss diverged",
    "nan and/or inf",
    "returned nan values",
    "Tensor had NaN",
    "Tensor had Inf",
    "Nan in summary histogram",
    "invalid value (nan)",
    "FloatingPointError",
    "non-finite",
    "is not finite",
    "Invalid loss, terminating",
    "loss scale already at minimum",
    "Minimum loss scale reached",
};

const Texts kDataTexts = {
    "truncated: ",
    "corrupt gzip",
    "expected IDX magic",
    "expected labels from",
    "expected gzip data",
    "there is neither",
    "has an empty split",
    "image file is truncated",
    "cannot identify image file",
    "UnidentifiedImageError",
    "BadZipFile",
    "BadGzipFile",
    "zlib.error",
    "Invalid JPEG",
    "Invalid PNG",
    "Corrupt JPEG",
    "Invalid image",
    "Unsupported image",
    "Failed to decode",
    "Error decoding",
    "decoding failed",
    "Could not find any image",
    "Invalid data found when processing input",
    "DataLossError",
    "corrupted record",
    "truncated record",
    "truncated file",
    "Compressed file ended before",
    "JSONDecodeError",
    "UnpicklingError",
    "UnicodeDecodeError",
    "ParserError",
    "ArrowInvalid",
    "is corrupt",
    "file is corrupted",
    "Target * is out of bounds",
    "Assertion `t >= 0",
    "Found array with 0 sample",
    "num_samples should be a positive integer",
    "Label value*outside*valid range",
    "FileNotFoundError*.jp",
    "FileNotFoundError*.png",
    "FileNotFoundError*.csv",
    "FileNotFoundError*.npy",
    "FileNotFoundError*.tar",
    "FileNotFoundError*.tfrecord",
    "FileNotFoundError*.parquet",
    "FileNotFoundError*dataset",
    "FileNotFoundError*/data/",
};

const Texts kCommandTexts = {
    "command not found",
    "sh: *: not found",
    "env: *No such file or directory",
    "bad interpreter",
    "cannot execute",
    "Exec format error",
    "can't open file*No such file or directory",
    "python*: No module named",
    "error while loading shared libraries",
    "error: unrecognized arguments",
    "error: the following arguments are required",
    "error: argument *invalid",
    "error: invalid choice",
    "unrecognized option",
    "invalid option --",
    "syntax error near unexpected token",
    "syntax error: unexpected",
    "Unable to access jarfile",
};

const Texts kCrashTexts = {
    "SIGSEGV",         "Segmentation fault",      "segfault",    "SIGILL",
    "SIGFPE",          "Illegal instruction",     "core dumped", "double free or corruption",
    "free(): invalid", "stack smashing detected",
};

// A collective that waited in vain for a rank.
const Texts kTimeoutTexts = {
    "Watchdog caught collective operation timeout",
    "Collective operation timed out",
    "failed to pass monitoredBarrier",
    "mismatch between collectives",
    "waiting for remainder of ranks",
    "Missing ranks",
    "stalled tensors",
    "Barrier timed out",
    "Collective has timed out",
    "may be stuck",
    "Termination timeout for",
    "Timed out waiting*for recv",
    "Timed out waiting*for send",
    "watchdog got stuck",
    "Heartbeat monitor timed out",
    "wait timeout after",
    "Deadline Exceeded",
};

// The network itself, not a peer that is gone.
const Texts kNetworkTexts = {
    "Got completion from peer*status=12",
    "Got completion from peer*error 12",
    "Got async event*port error",
    "retry count*exceeded",
    "retry counter exceeded",
    "Connection timed out",
    "connect() timed out",
    "client socket has timed out",
    "No route to host",
    "Network is unreachable",
    "Network is down",
    "Endpoint timeout",
    "Read timed out",
    "Temporary failure in name resolution",
};

// The same as a library's warning, after which the error itself says little.
const Texts kNetworkWarnings = {
    "WARN*Connection timed out",      "WARN*No route to host", "WARN*Network is unreachable",
    "WARN*no socket interface found", "WARN*retry count",      "WARN*No interface found",
};

// A file system or a disk that does not do its part.
const Texts kStorageTexts = {
    "Input/output error",       "Stale file handle",
    "Read-only file system",    "Transport endpoint is not connected",
    "Structure needs cleaning", "Too many open files in system",
};

const Texts kPeerTexts = {
    "Connection reset by peer",
    "Connection closed by",
    "remote process exited",
    "remote process exiting",
    "Socket closed",
    "ncclRemoteError",
    "heartbeat timeout. This indicates",
    "Broken pipe",
    "pair closure",
    "connection to the C10d store has failed",
    "lost communication with a remote daemon",
};

const Texts kRightsTexts = {"Permission denied", "PermissionError", "Operation not permitted",
                            "EACCES"};

// A launcher's words on a child that SIGKILL ended.
const Texts kKilledTexts = {
    "exited on signal 9",
    "return code = -9",
    "exitcode*: -9",
    "is killed by signal: Killed",
};

const Texts kDeviceTexts = {
    "ECC error",
    "fallen off the bus",
    "No CUDA GPUs are available",
    "CUDA driver error",
    "hardware error",
    "CUDA-capable device(s) is/are busy",
    "unable to determine the device handle",
};

const Texts kAgentTexts = {
    "the agent of this node: Socket closed",
    "the agent of this node: failed to connect",
    "ranks.sock",
};

const std::vector<Rule>& Table() {
  static const std::vector<Rule> table = {
      // Who asked for the end knows best.
      {"cancelled", Cause::kCancelled, {kCancelled}},
      {"time-limit", Cause::kTimeLimit, {kOutOfTime}},
      {"signal-of-user", Cause::kCancelled, {kSignalledByUser}},
      // Then whoever has lost sight of it.
      {"node-silent", Cause::kNodeLost, {kNodeSilent}},
      {"agent-gone", Cause::kAgentKilled, {kAgentGone}},
      {"slurm-time-limit", Cause::kTimeLimit, {}, {"DUE TO TIME LIMIT"}},
      {"slurm-node-failure", Cause::kNodeLost, {}, {"DUE TO NODE FAILURE"}},

      {"closed-path", Cause::kNotAllowed, {kNotStarted}, {"is closed to jobs"}},

      // What the kernel did.
      {"oom-kill", Cause::kOutOfMemory, {kSigkill, kOomKill}, {}, {}, {kSignalledByAgent}},
      {"oom-kill-of-child",
       Cause::kOutOfMemory,
       {kOomKill},
       {"Killed", "signal 9", "SIGKILL", "exitcode*: -9", "return code = -9"}},
      {"oom-kill-in-log",
       Cause::kOutOfMemory,
       {kSigkill},
       {"Killed process"},
       Where::kKernel,
       {kSignalledByAgent}},
      {"shm-full", Cause::kOutOfMemory, {kSigbus, kShmFull}},
      {"cpu-limit", Cause::kTimeLimit, {kSigxcpu}},
      {"file-size-limit", Cause::kOverLimit, {kSigxfsz}},

      // Who stands still while the others wait.
      {"rank-behind", Cause::kHang, {kRankBehind}},

      // A crash is nobody else's; what was said before it may be old.
      {"fatal-signal", Cause::kCrash, {kSigsegv}},

      // What it said itself, the most telling words first.
      {"shm-full-text", Cause::kOutOfMemory, {}, {"/torch_*No space left on device"}},
      {"file-size-text", Cause::kOverLimit, {}, {"File too large"}},
      {"disk-text", Cause::kDiskFull, {}, kDiskTexts},
      {"memory-text", Cause::kOutOfMemory, {}, kMemoryTexts},
      {"nan-text", Cause::kNan, {}, kNanTexts},
      {"device-text", Cause::kDeviceFault, {}, kDeviceTexts},
      {"device-log", Cause::kDeviceFault, {kFailed}, {"NVRM: Xid"}, Where::kKernel},
      {"data-text", Cause::kBadData, {}, kDataTexts, Where::kLastWord},
      {"storage-text", Cause::kMachineFault, {}, kStorageTexts, Where::kLastWord},
      {"agent-text", Cause::kAgentKilled, {}, kAgentTexts},
      {"command-text", Cause::kWrongCommand, {}, kCommandTexts},

      // A timeout alone does not say whose fault it is.
      {"network-text", Cause::kSlowNetwork, {}, kNetworkTexts, Where::kLastWord},
      {"network-warning", Cause::kSlowNetwork, {}, kNetworkWarnings},
      {"link-log",
       Cause::kSlowNetwork,
       {kFailed},
       {"Link down", "link is down", "NETDEV WATCHDOG"},
       Where::kKernel},
      {"timeout-and-retransmits", Cause::kSlowNetwork, {kRetransmits}, kTimeoutTexts},
      {"timeout-text", Cause::kHang, {}, kTimeoutTexts},
      {"crash-text", Cause::kCrash, {}, kCrashTexts},
      {"peer-text", Cause::kPeerLost, {}, kPeerTexts, Where::kLastWord},
      {"echo", Cause::kPeerLost, {kEcho}},

      {"killed-text", Cause::kKilled, {}, kKilledTexts},

      // Without words.
      {"oom-kill-near", Cause::kOutOfMemory, {kOomKill, kFailed}, {}, {}, {kSignalledByAgent}},
      {"disk-full", Cause::kDiskFull, {kDiskFull, kFailed}, {}, {}, {kSigkill, kSigterm}},
      {"abort", Cause::kCrash, {kSigabrt}},
      {"bus-error", Cause::kCrash, {kSigbus}},
      {"killed", Cause::kKilled, {kSigkill}},
      {"terminated", Cause::kKilled, {kSigterm}},
      {"exit-127", Cause::kWrongCommand, {kCommand, kExit127}},
      {"exit-126", Cause::kWrongCommand, {kCommand, kExit126}},
      {"rights-text", Cause::kNotAllowed, {kCommand}, kRightsTexts, Where::kLastWord},
      {"report-of-machine", Cause::kMachineFault, {kBlamesMachine}},
      {"report", Cause::kProgramError, {kReported}},
      {"not-started", Cause::kMachineFault, {kNotStarted}},
      {"exit-code", Cause::kProgramError, {kCommand, kFailed}},
      {"silent-end", Cause::kSilentEnd, {kFailed}},
  };
  return table;
}

}  // namespace

std::string_view Describe(Fact fact) {
  switch (fact) {
    case kOutOfTime:
      return "its time limit had passed";
    case kSignalledByUser:
      return "its user sent the signal";
    case kNodeSilent:
      return "nothing is heard of the node";
    case kAgentGone:
      return "the node's agent ended and took the ranks along";
    case kOomKill:
      return "the kernel killed a process of its cgroup for want of memory";
    case kDiskFull:
      return "the file system that it writes to is full";
    case kShmFull:
      return "/dev/shm is full";
    case kRetransmits:
      return "TCP had to send again much of what it sent";
    case kRankBehind:
      return "the other ranks wait for it";
    case kSigxcpu:
      return "its limit of CPU time had passed";
    case kSigxfsz:
      return "a file grew beyond its limit";
    case kEcho:
      return "the rank says that its peers are gone";
    case kBlamesMachine:
      return "the rank blames its machine";
    default:
      return "";
  }
}

std::span<const Rule> Rules() { return Table(); }

}  // namespace octet::failure

#include "worker/failure/node_watch.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "worker/failure/classifier.h"

namespace octet::failure {
namespace {

// The kernel's log keeps time by a clock of its own, which may differ a little.
constexpr absl::Duration kLogSlack = absl::Seconds(1);
constexpr size_t kMostLogLines = 20;
// Of fewer segments a share says nothing.
constexpr int64_t kFewestSegments = 1000;

constexpr std::string_view kTelling[] = {
    "Killed process",     "oom-kill:",
    "segfault at",        "NVRM: Xid",
    "I/O error",          "EXT4-fs error",
    "XFS*Corruption",     "Remounting filesystem read-only",
    "nfs*not responding", "Link down",
    "link is down",       "NETDEV WATCHDOG",
    "Hardware Error",     "blocked for more than",
};

absl::Duration SinceBoot() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return absl::DurationFromTimespec(now);
}

std::string Read(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The number after `key` in lines of "key number"; nothing: -1.
int64_t NumberAfter(const std::string& text, absl::string_view key) {
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(line, ' ');
    int64_t number = 0;
    if (parts.first == key && absl::SimpleAtoi(parts.second, &number)) return number;
  }
  return -1;
}

// Of the hierarchies in /proc/self/cgroup, the one that accounts for memory:
// its file with OOM kills, under `root`.
std::vector<std::string> OomFiles(const std::string& root) {
  std::vector<std::string> files;
  for (const absl::string_view line : absl::StrSplit(Read(root + "/proc/self/cgroup"), '\n')) {
    const std::vector<absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    if (parts[1].empty())
      files.push_back(absl::StrCat(root, "/sys/fs/cgroup", parts[2], "/memory.events"));
    for (const absl::string_view controller : absl::StrSplit(parts[1], ','))
      if (controller == "memory")
        files.push_back(
            absl::StrCat(root, "/sys/fs/cgroup/memory", parts[2], "/memory.oom_control"));
  }
  // In a container the path may be the host's; its own cgroup is the top then.
  files.push_back(root + "/sys/fs/cgroup/memory.events");
  files.push_back(root + "/sys/fs/cgroup/memory/memory.oom_control");
  return files;
}

int64_t FreeBytes(const std::string& folder) {
  struct statvfs room {};
  if (statvfs(folder.c_str(), &room) != 0) return std::numeric_limits<int64_t>::max();
  const bool no_files_left = room.f_files > 0 && room.f_favail == 0;
  return no_files_left ? 0 : static_cast<int64_t>(room.f_bavail * room.f_frsize);
}

}  // namespace

std::string TellingLine(const std::string& record, absl::Duration since) {
  // "priority,sequence,microseconds,flags;text\n KEY=value\n".
  const size_t semicolon = record.find(';');
  if (semicolon == std::string::npos) return "";
  const std::vector<std::string> head = absl::StrSplit(record.substr(0, semicolon), ',');
  int64_t microseconds = 0;
  if (head.size() < 3 || !absl::SimpleAtoi(head[2], &microseconds)) return "";
  if (absl::Microseconds(microseconds) < since) return "";
  const std::string text = record.substr(semicolon + 1, record.find('\n') - semicolon - 1);
  const bool telling = std::any_of(std::begin(kTelling), std::end(kTelling),
                                   [&](std::string_view sign) { return Contains(text, sign); });
  return telling ? text : "";
}

NodeWatch::NodeWatch(std::string root)
    : root_(std::move(root)), began_(SinceBoot()), oom_kills_(OomKills()), tcp_(TcpSegments()) {}

int64_t NodeWatch::OomKills() const {
  for (const std::string& file : OomFiles(root_))
    if (const int64_t kills = NumberAfter(Read(file), "oom_kill"); kills >= 0) return kills;
  return 0;
}

// Two lines that begin with "Tcp:", of names and of numbers.
NodeWatch::Tcp NodeWatch::TcpSegments() const {
  std::vector<std::string> names, numbers;
  for (const absl::string_view line : absl::StrSplit(Read(root_ + "/proc/net/snmp"), '\n'))
    if (line.substr(0, 4) == "Tcp:") (names.empty() ? names : numbers) = absl::StrSplit(line, ' ');
  Tcp tcp;
  for (size_t i = 0; i < std::min(names.size(), numbers.size()); ++i) {
    if (names[i] == "OutSegs") (void)absl::SimpleAtoi(numbers[i], &tcp.sent);
    if (names[i] == "RetransSegs") (void)absl::SimpleAtoi(numbers[i], &tcp.sent_again);
  }
  return tcp;
}

std::vector<std::string> NodeWatch::KernelLog() const {
  std::vector<std::string> lines;
  const int fd = open((root_ + "/dev/kmsg").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return lines;
  char record[8192];
  for (;;) {
    const ssize_t size = read(fd, record, sizeof record);
    // EPIPE: a record was overwritten before it was read; the next follows.
    if (size < 0 && (errno == EPIPE || errno == EINTR)) continue;
    if (size <= 0) break;
    std::string line =
        TellingLine(std::string(record, static_cast<size_t>(size)), began_ - kLogSlack);
    if (!line.empty()) lines.push_back(std::move(line));
  }
  close(fd);
  if (lines.size() > kMostLogLines) lines.erase(lines.begin(), lines.end() - kMostLogLines);
  return lines;
}

NodeFacts NodeWatch::Collect(const std::vector<std::string>& folders) const {
  NodeFacts facts;
  facts.oom_kills = OomKills() - oom_kills_;
  for (const std::string& folder : folders)
    facts.disk_free_bytes = std::min(facts.disk_free_bytes, FreeBytes(folder));
  facts.shm_free_bytes = FreeBytes(root_ + "/dev/shm");
  const Tcp now = TcpSegments();
  if (now.sent - tcp_.sent >= kFewestSegments)
    facts.retransmitted = static_cast<double>(now.sent_again - tcp_.sent_again) /
                          static_cast<double>(now.sent - tcp_.sent);
  facts.kernel_log = KernelLog();
  return facts;
}

}  // namespace octet::failure

#include "worker/agent/node_metrics.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/files.h"
#include "common/scraped.h"

namespace octet::agent {
namespace {

using Labels = std::map<std::string, std::string>;

// The fields of a line of numbers, without its name.
std::vector<double> NumbersOf(const std::string& line) {
  const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipWhitespace());
  std::vector<double> numbers;
  double number = 0;
  for (size_t i = 1; i < words.size() && absl::SimpleAtod(words[i], &number); ++i)
    numbers.push_back(number);
  return numbers;
}

// The line that starts with the word; empty: there is none.
std::string LineOf(std::string_view text, std::string_view word) {
  for (const auto& line : absl::StrSplit(absl::string_view(text.data(), text.size()), '\n')) {
    const std::string_view each(line.data(), line.size());
    if (each.substr(0, word.size()) == word) return std::string(each);
  }
  return "";
}

void AddDisk(const std::string& folder, const Labels& labels, Scraped& size, Scraped& free) {
  struct statvfs disk;
  if (statvfs(folder.c_str(), &disk) != 0) return;
  const auto block = static_cast<double>(disk.f_frsize);
  size.Add(labels, static_cast<double>(disk.f_blocks) * block);
  free.Add(labels, static_cast<double>(disk.f_bavail) * block);
}

}  // namespace

double MemoryBytes(std::string_view meminfo, std::string_view field) {
  const auto numbers = NumbersOf(LineOf(meminfo, std::string(field) + ":"));
  return numbers.empty() ? -1 : numbers[0] * 1024;
}

double BusySeconds(std::string_view stat) {
  // user nice system idle iowait irq softirq steal: proc(5). Time of guests is
  // in user already.
  constexpr size_t kIdle = 3, kIoWait = 4, kCounted = 8;
  const auto ticks = NumbersOf(LineOf(stat, "cpu "));
  if (ticks.size() < kCounted) return -1;
  double busy = 0;
  for (size_t i = 0; i < kCounted; ++i)
    if (i != kIdle && i != kIoWait) busy += ticks[i];
  return busy / static_cast<double>(sysconf(_SC_CLK_TCK));
}

void CollectNode(const std::string& node, const std::string& dir,
                 std::vector<prometheus::MetricFamily>& families) {
  const Labels labels{{"node", node}};
  Scraped disk_size("octet_agent_disk_size_bytes", "File system of the agent's folder.");
  Scraped disk_free("octet_agent_disk_free_bytes",
                    "Free in the file system of the agent's folder.");
  AddDisk(dir, labels, disk_size, disk_free);
  Scraped shm_size("octet_agent_shm_size_bytes", "/dev/shm, through which ranks pass tensors.");
  Scraped shm_free("octet_agent_shm_free_bytes", "Free in /dev/shm.");
  AddDisk("/dev/shm", labels, shm_size, shm_free);
  Scraped memory_size("octet_agent_memory_size_bytes", "Memory of the node.");
  Scraped memory_free("octet_agent_memory_available_bytes",
                      "Memory of the node that new processes could have.");
  if (const auto meminfo = ReadFile("/proc/meminfo"); meminfo.ok()) {
    memory_size.Add(labels, MemoryBytes(*meminfo, "MemTotal"));
    memory_free.Add(labels, MemoryBytes(*meminfo, "MemAvailable"));
  }
  Scraped cpus("octet_agent_cpus", "CPUs of the node.");
  cpus.Add(labels, std::thread::hardware_concurrency());
  Scraped busy("octet_agent_cpu_busy_seconds_total",
               "Time that the node's CPUs were not idle, over all of them.",
               prometheus::MetricType::Counter);
  if (const auto stat = ReadFile("/proc/stat"); stat.ok()) busy.Add(labels, BusySeconds(*stat));
  for (Scraped* family :
       {&disk_size, &disk_free, &shm_size, &shm_free, &memory_size, &memory_free, &cpus, &busy})
    family->To(families);
}

}  // namespace octet::agent

#include "worker/isolation/usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/fd.h"
#include "common/files.h"

namespace octet::isolation {
namespace {

constexpr int64_t kMostFiles = 1'000'000;
constexpr int64_t kBlock = 512;  // Of st_blocks, whatever the file system's are.

using Folder = std::unique_ptr<DIR, int (*)(DIR*)>;
using FileId = std::pair<dev_t, ino_t>;

pid_t ParentOf(const std::string& pid) {
  const auto stat = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  if (!stat.ok()) return 0;
  // "PID (NAME) STATE PARENT ...", where the name may hold anything.
  const size_t name_end = stat->rfind(')');
  if (name_end == std::string::npos || name_end + 4 >= stat->size()) return 0;
  return static_cast<pid_t>(std::strtol(stat->c_str() + name_end + 4, nullptr, 10));
}

// The sum of lines "NAME:  123 kB" of a file in /proc.
int64_t SumOf(const std::string& path, const std::vector<std::string_view>& names) {
  std::ifstream file(path);
  int64_t kilobytes = 0;
  for (std::string line; std::getline(file, line);) {
    for (const std::string_view name : names) {
      if (!line.starts_with(name) || line[name.size()] != ':') continue;
      kilobytes += std::strtoll(line.c_str() + name.size() + 1, nullptr, 10);
    }
  }
  return kilobytes * 1024;
}

// Goes down a tree through descriptors: names may change meanwhile.
class Walk {
 public:
  void Enter(int at, const char* name) {
    const int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return;
    const Folder folder(fdopendir(fd), closedir);
    if (folder == nullptr) {
      close(fd);
      return;
    }
    while (const dirent* entry = readdir(folder.get())) {
      const std::string_view child = entry->d_name;
      if (child == "." || child == "..") continue;
      if (!Count(fd, entry->d_name)) return;
    }
  }
  const DiskUsage& usage() const { return usage_; }

 private:
  // Deeper than this, descriptors could run out.
  static constexpr int kDeepest = 200;

  bool Count(int at, const char* name) {
    struct stat info;
    if (fstatat(at, name, &info, AT_SYMLINK_NOFOLLOW) != 0) return true;  // Gone by now.
    if (++files_ > kMostFiles || depth_ > kDeepest) {
      usage_.whole = false;
      return false;
    }
    const bool folder = S_ISDIR(info.st_mode);
    if (!folder && info.st_nlink > 1 && !seen_.insert({info.st_dev, info.st_ino}).second)
      return true;
    usage_.bytes += info.st_blocks * kBlock;
    if (folder) {
      ++depth_;
      Enter(at, name);
      --depth_;
    }
    return usage_.whole;
  }

  DiskUsage usage_;
  int64_t files_ = 0;
  int depth_ = 0;
  std::set<FileId> seen_;  // Of those with several names.
};

}  // namespace

std::vector<pid_t> ProcessesBelow(pid_t root) {
  std::multimap<pid_t, pid_t> children;
  const Folder proc(opendir("/proc"), closedir);
  while (const dirent* entry = proc == nullptr ? nullptr : readdir(proc.get())) {
    pid_t pid = 0;
    if (absl::SimpleAtoi(entry->d_name, &pid)) children.emplace(ParentOf(entry->d_name), pid);
  }
  std::vector<pid_t> below;
  const auto add_children = [&](pid_t parent) {
    const auto [first, last] = children.equal_range(parent);
    for (auto child = first; child != last; ++child) below.push_back(child->second);
  };
  add_children(root);
  for (size_t i = 0; i < below.size(); ++i) add_children(below[i]);
  return below;
}

int64_t MemoryOf(const std::vector<pid_t>& processes, int64_t enough) {
  int64_t counted_each = 0;
  for (const pid_t pid : processes)
    counted_each += SumOf(absl::StrCat("/proc/", pid, "/status"), {"RssAnon", "RssShmem"});
  if (counted_each <= enough) return counted_each;
  int64_t counted_once = 0;
  for (const pid_t pid : processes)
    counted_once += SumOf(absl::StrCat("/proc/", pid, "/smaps_rollup"), {"Pss_Anon", "Pss_Shmem"});
  return counted_once;
}

DiskUsage DiskOf(const std::vector<std::string>& folders) {
  Walk walk;
  for (const std::string& folder : folders) walk.Enter(AT_FDCWD, folder.c_str());
  return walk.usage();
}

int64_t UnlinkedBytes(const std::vector<pid_t>& processes, const std::string& folder) {
  struct stat disk, info;
  if (stat(folder.c_str(), &disk) != 0) return 0;
  std::set<FileId> seen;
  int64_t bytes = 0;
  for (const pid_t pid : processes) {
    const Folder open_files(opendir(absl::StrCat("/proc/", pid, "/fd").c_str()), closedir);
    while (const dirent* entry = open_files == nullptr ? nullptr : readdir(open_files.get())) {
      if (fstatat(dirfd(open_files.get()), entry->d_name, &info, 0) != 0) continue;
      if (!S_ISREG(info.st_mode) || info.st_nlink > 0 || info.st_dev != disk.st_dev) continue;
      if (seen.insert({info.st_dev, info.st_ino}).second) bytes += info.st_blocks * kBlock;
    }
  }
  return bytes;
}

}  // namespace octet::isolation

#include "worker/agent/keeper_plan.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

extern char** environ;

namespace octet::agent {
namespace {

template <typename T>
T* Offset(size_t offset) {
  return reinterpret_cast<T*>(offset);
}

class ImageWriter {
 public:
  explicit ImageWriter(size_t ranks)
      : plan_{.ranks = Offset<RankPlan>(sizeof(KeeperPlan)),
              .news = Offset<KeeperNews>(sizeof(KeeperPlan) + ranks * sizeof(RankPlan)),
              .count = ranks},
        image_(sizeof(KeeperPlan) + ranks * (sizeof(RankPlan) + sizeof(KeeperNews)), '\0') {
    memcpy(image_.data(), &plan_, sizeof(plan_));
  }

  void PutRank(size_t index, const RankCommand& command) {
    const RankPlan rank{.program = Put(command.program),
                        .argv = PutAll(command.argv),
                        .env = PutAll(Environment(command)),
                        .cwd = PutOrNull(command.cwd),
                        .out = PutOrNull(command.out),
                        .err = PutOrNull(command.err),
                        .input = command.input};
    memcpy(image_.data() + sizeof(KeeperPlan) + index * sizeof(rank), &rank, sizeof(rank));
  }

  std::string Take() { return std::move(image_); }

 private:
  static std::vector<std::string> Environment(const RankCommand& command) {
    std::vector<std::string> entries;
    for (char** entry = environ; command.inherit_env && *entry != nullptr; ++entry) {
      if (command.env.count(std::string(*entry, strcspn(*entry, "="))) == 0)
        entries.emplace_back(*entry);
    }
    for (const auto& [name, value] : command.env) entries.push_back(absl::StrCat(name, "=", value));
    return entries;
  }

  char* Put(const std::string& text) {
    const size_t at = image_.size();
    image_.append(text.c_str(), text.size() + 1);
    return Offset<char>(at);
  }
  char* PutOrNull(const std::string& text) { return text.empty() ? nullptr : Put(text); }

  char** PutAll(const std::vector<std::string>& texts) {
    std::vector<char*> offsets;
    for (const std::string& text : texts) offsets.push_back(Put(text));
    offsets.push_back(nullptr);
    image_.resize((image_.size() + alignof(char*) - 1) / alignof(char*) * alignof(char*));
    const size_t at = image_.size();
    image_.append(reinterpret_cast<const char*>(offsets.data()), offsets.size() * sizeof(char*));
    return Offset<char*>(at);
  }

  const KeeperPlan plan_;
  std::string image_;
};

template <typename T>
void Open(char* image, T*& pointer) {
  if (pointer != nullptr)
    pointer = reinterpret_cast<T*>(image + reinterpret_cast<uintptr_t>(pointer));
}

void OpenAll(char* image, char* const*& pointers) {
  Open(image, pointers);
  for (auto** pointer = const_cast<char**>(pointers); *pointer != nullptr; ++pointer)
    Open(image, *pointer);
}

}  // namespace

std::string PlanImage(const std::vector<RankCommand>& commands) {
  ImageWriter writer(commands.size());
  for (size_t i = 0; i < commands.size(); ++i) writer.PutRank(i, commands[i]);
  return writer.Take();
}

KeeperPlan& OpenPlanImage(char* image) {
  KeeperPlan& plan = *reinterpret_cast<KeeperPlan*>(image);
  Open(image, plan.ranks);
  Open(image, plan.news);
  for (size_t i = 0; i < plan.count; ++i) {
    RankPlan& rank = plan.ranks[i];
    Open(image, rank.program);
    OpenAll(image, rank.argv);
    OpenAll(image, rank.env);
    Open(image, rank.cwd);
    Open(image, rank.out);
    Open(image, rank.err);
  }
  return plan;
}

}  // namespace octet::agent

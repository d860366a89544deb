#include "client/top.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/call.h"
#include "client/nodes.h"
#include "client/signal_pipe.h"
#include "client/terminal.h"
#include "client/top_page.h"
#include "octet/v1/jobs.grpc.pb.h"
#include "octet/v1/nodes.grpc.pb.h"

namespace octet::client {
namespace {

constexpr int kMostJobs = 1000;
constexpr absl::Duration kShortestInterval = absl::Milliseconds(100);
// How long a scheduler that was there and is away now may hold up the picture.
constexpr absl::Duration kAwayLook = absl::Milliseconds(500);

struct TopOptions {
  bool once = false;
  absl::Duration interval = absl::Seconds(1);
};

// Puts the jobs of a state into `jobs`; true: there are more.
absl::StatusOr<bool> ListIn(Context& context, const char* state, std::vector<v1::Job>& jobs) {
  v1::ListJobsRequest request;
  request.set_filter(absl::StrCat("state=", state));
  request.set_page_size(kMostJobs);
  ASSIGN_OR_RETURN(
      const v1::ListJobsResponse page,
      Call<v1::JobService>(context, "ListJobs", &v1::JobService::StubInterface::ListJobs, request));
  jobs.assign(page.jobs().begin(), page.jobs().end());
  return !page.next_page_token().empty();
}

absl::StatusOr<ClusterView> Look(Context& context) {
  ClusterView view;
  view.time = context.clock.Now();
  ASSIGN_OR_RETURN(const v1::ListNodesResponse nodes, AllNodes(context));
  view.nodes.assign(nodes.nodes().begin(), nodes.nodes().end());
  ASSIGN_OR_RETURN(view.more_running, ListIn(context, "running", view.running));
  ASSIGN_OR_RETURN(view.more_pending, ListIn(context, "pending", view.pending));
  ASSIGN_OR_RETURN(
      const v1::ListTeamsResponse teams,
      Call<v1::NodeService>(context, "ListTeams", &v1::NodeService::StubInterface::ListTeams,
                            v1::ListTeamsRequest()));
  view.teams.assign(teams.teams().begin(), teams.teams().end());
  return view;
}

std::string HeadLine(const Context& context, absl::Time time) {
  return absl::StrCat("octet top  ", absl::FormatTime("%H:%M:%S", time, absl::LocalTimeZone()),
                      "  ", context.server, "  (q quits)");
}

absl::StatusOr<int> ShowOnce(Context& context) {
  ASSIGN_OR_RETURN(const ClusterView view, Look(context));
  for (const std::string& line : TopPage(view, {.width = 160})) context.out << line << "\n";
  return kOk;
}

// What there is to do after a wait.
enum class Event { kNothing, kRedraw, kQuit };

Event WaitForEvent(SignalPipe& signals, int keys, absl::Duration wait) {
  pollfd events[] = {{signals.fd(), POLLIN, 0}, {keys, POLLIN, 0}};
  poll(events, 2, static_cast<int>(absl::ToInt64Milliseconds(wait)));
  if (const int signal = signals.Next(); signal != 0)
    return signal == SIGWINCH ? Event::kRedraw : Event::kQuit;
  char key = 0;
  if (events[1].revents == 0) return Event::kNothing;
  // No more keys: the terminal is gone.
  if (read(keys, &key, 1) != 1) return Event::kQuit;
  return key == 'q' || key == 'Q' ? Event::kQuit : Event::kNothing;
}

void Draw(Context& context, Screen& screen, const ClusterView& view, const absl::Status& status) {
  PageSize size = TerminalSize(STDOUT_FILENO);
  size.height -= std::min<size_t>(size.height - 1, 1);
  std::vector<std::string> lines = TopPage(view, size);
  std::string head = status.ok() ? HeadLine(context, view.time)
                                 : absl::StrCat("octet top: ", std::string(status.message()));
  std::replace(head.begin(), head.end(), '\n', ' ');
  lines.insert(lines.begin(), head.substr(0, size.width));
  screen.Show(lines);
}

// A scheduler that goes away is told in the head line, and asked again.
absl::StatusOr<int> ShowLive(Context& context, absl::Duration interval) {
  ASSIGN_OR_RETURN(ClusterView view, Look(context));
  absl::Status status;
  SignalPipe signals({SIGINT, SIGTERM, SIGHUP, SIGWINCH});
  Screen screen(context.out, context.in_fd);
  const int keys = isatty(context.in_fd) != 0 ? context.in_fd : -1;
  context.first_contact = kAwayLook;
  for (;;) {
    Draw(context, screen, view, status);
    const absl::Duration next = context.clock.Steady() + interval;
    absl::Duration left = interval;
    for (; left > absl::ZeroDuration(); left = next - context.clock.Steady()) {
      const Event event = WaitForEvent(signals, keys, absl::Ceil(left, absl::Milliseconds(1)));
      if (event == Event::kQuit) return kOk;
      if (event == Event::kRedraw) Draw(context, screen, view, status);
    }
    absl::StatusOr<ClusterView> now = Look(context);
    status = now.status();
    if (now.ok()) view = *std::move(now);
  }
}

absl::StatusOr<int> Top(Context& context, const TopOptions& options) {
  if (options.once || !context.out_is_terminal) return ShowOnce(context);
  return ShowLive(context, std::max(options.interval, kShortestInterval));
}

}  // namespace

void AddTop(Commands& commands) {
  auto options = std::make_shared<TopOptions>();
  CLI::App* app = commands.Add("top", "Show nodes, jobs, queue and teams live; q quits",
                               [=](Context& context) { return Top(context, *options); });
  app->add_flag("--once", options->once, "Print it once, as where there is no terminal");
  AddDuration(*app, "--interval", options->interval, "Between two looks (default: 1s)");
}

}  // namespace octet::client

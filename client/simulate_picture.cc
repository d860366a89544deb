// The picture is plain SVG: three panels of bars, and two of lines over time.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "client/output.h"
#include "client/simulate_report.h"

namespace octet::client {
namespace {

// Okabe and Ito's colours, which people who see few colours tell apart.
constexpr std::array kColours = {"#0072b2", "#e69f00", "#d55e00", "#009e73",
                                 "#cc79a7", "#56b4e9", "#999999"};
constexpr size_t kMostLines = kColours.size();

constexpr double kWidth = 1080, kMargin = 28, kTop = 92;
constexpr double kBar = 18, kBarStep = 25, kNames = 190;
constexpr double kLineHeight = 150;
constexpr double kHoursADay = 24;

struct Box {
  double x, y, width, height;
};

const char* ColourOf(size_t set) { return kColours[std::min(set, kMostLines - 1)]; }

std::string Escaped(const std::string& text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}});
}

std::string Text(double x, double y, const std::string& text, const std::string& style = "") {
  return absl::StrFormat("<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">%s</text>\n", x, y, style,
                         Escaped(text));
}

std::string Rule(double x1, double y1, double x2, double y2) {
  return absl::StrFormat(
      "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>\n", x1, y1, x2, y2);
}

std::string Duration(double seconds) { return ShortDuration(absl::Seconds(seconds)); }

// --- Bars -----------------------------------------------------------------------

struct Measure {
  std::string title;
  std::function<double(const scheduler::Metrics&)> value;
  std::function<std::string(double)> text;
};

const std::array<Measure, 3>& Measures() {
  static const std::array<Measure, 3> measures = {{
      {"mean completion time", [](const auto& m) { return m.completion_s.mean; }, Duration},
      {"wait, 99th percentile", [](const auto& m) { return m.wait_s.p99; }, Duration},
      {"use of the slots that were wanted", [](const auto& m) { return 100 * m.utilization; },
       [](double value) { return absl::StrFormat("%.1f %%", value); }},
  }};
  return measures;
}

std::string Bars(const SimulationReport& report, const Measure& measure, const Box& box) {
  double most = 0;
  for (const SimulatedSet& set : report.sets) most = std::max(most, measure.value(set.metrics));
  std::string svg = Text(box.x, box.y - 12, measure.title, "title");
  for (size_t i = 0; i < report.sets.size(); ++i) {
    const double value = measure.value(report.sets[i].metrics);
    const double length = most == 0 ? 0 : value / most * (box.width - 70);
    const double y = box.y + static_cast<double>(i) * kBarStep;
    absl::StrAppend(
        &svg,
        absl::StrFormat("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"2\" "
                        "fill=\"%s\"/>\n",
                        box.x, y, std::max(length, 1.0), kBar, ColourOf(i)),
        Text(box.x + length + 6, y + kBar - 5, measure.text(value), "value"));
  }
  return svg;
}

std::string Names(const SimulationReport& report, double y) {
  std::string svg;
  for (size_t i = 0; i < report.sets.size(); ++i)
    absl::StrAppend(&svg,
                    Text(kMargin + kNames - 14, y + static_cast<double>(i) * kBarStep + kBar - 5,
                         report.sets[i].name, i == 0 ? "name first" : "name"));
  return svg;
}

// --- Lines ----------------------------------------------------------------------

struct Curve {
  std::string title;
  std::function<double(const scheduler::HourRecord&)> value;  // of an hour
  std::function<double(double)> scale = [](double value) { return value; };
  std::vector<std::pair<double, std::string>> ticks;
};

// Until a while after the last job came: what is then left are a few that run
// for weeks.
size_t HoursOf(const SimulationReport& report) {
  size_t hours = 1;
  for (const SimulatedSet& set : report.sets) hours = std::max(hours, set.hours.size());
  return std::min(hours, static_cast<size_t>(1.15 * report.last_submit_s / 3600) + 12);
}

// Means of as many hours as make a point every two pixels or so.
std::string Line(const SimulatedSet& set, const Curve& curve, const Box& box, size_t hours,
                 double most, const char* colour) {
  const size_t step = std::max<size_t>(1, 2 * hours / static_cast<size_t>(box.width));
  std::string points;
  const size_t end = std::min(hours, set.hours.size());
  for (size_t from = 0; from < end; from += step) {
    const size_t to = std::min(from + step, end);
    double sum = 0;
    for (size_t hour = from; hour < to; ++hour) sum += curve.value(set.hours[hour]);
    const double y = curve.scale(sum / static_cast<double>(to - from)) / curve.scale(most);
    absl::StrAppend(&points, absl::StrFormat("%.1f,%.1f ",
                                             box.x + box.width * static_cast<double>(from) /
                                                         static_cast<double>(hours),
                                             box.y + box.height * (1 - y)));
  }
  return absl::StrFormat(
      "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.6\" "
      "stroke-linejoin=\"round\" opacity=\"0.85\"/>\n",
      points, colour);
}

std::string Axes(const Curve& curve, const Box& box, size_t hours, double most) {
  std::string svg = Text(box.x, box.y - 12, curve.title, "title");
  for (const auto& [value, text] : curve.ticks) {
    if (value > most) continue;
    const double y = box.y + box.height * (1 - curve.scale(value) / curve.scale(most));
    absl::StrAppend(&svg, Rule(box.x, y, box.x + box.width, y),
                    Text(box.x - 8, y + 4, text, "axis right"));
  }
  const double days = static_cast<double>(hours) / kHoursADay;
  double step = 1;
  for (const double each : {1, 2, 5, 10, 20, 50, 100, 200, 500})
    if (days / each >= 6) step = each;
  for (double day = 0; day <= days; day += step)
    absl::StrAppend(&svg, Text(box.x + box.width * day / days, box.y + box.height + 18,
                               absl::StrCat("day ", day), "axis middle"));
  return svg;
}

std::string Lines(const SimulationReport& report, const Curve& curve, const Box& box) {
  const size_t hours = HoursOf(report);
  double most = curve.ticks.size() > 1 ? curve.ticks[1].first : 1;
  for (const SimulatedSet& set : report.sets)
    for (const auto& hour : set.hours) most = std::max(most, curve.value(hour));
  std::string svg = Axes(curve, box, hours, most);
  // The first set lies on top.
  for (size_t i = std::min(report.sets.size(), kMostLines); i-- > 0;)
    absl::StrAppend(&svg, Line(report.sets[i], curve, box, hours, most, ColourOf(i)));
  return svg;
}

Curve Waiting() {
  return {.title = "jobs that wait",
          .value = [](const auto& hour) { return hour.waiting_job_s / 3600; },
          .scale = [](double value) { return std::log10(1 + value); },
          .ticks = {{0, "0"},
                    {10, "10"},
                    {100, "100"},
                    {1000, "1,000"},
                    {10000, "10,000"},
                    {100000, "100,000"}}};
}

Curve Busy(int slots) {
  const double all = slots;
  return {.title = "slots at work",
          .value = [](const auto& hour) { return hour.busy_slot_s / 3600; },
          .ticks = {{0, "0"}, {all, "100 %"}, {all / 2, "50 %"}}};
}

constexpr char kStyle[] =
    "<style>text{font:13px system-ui,'Segoe UI',Roboto,sans-serif;fill:#222}"
    ".head{font-size:19px;font-weight:600}.sub{fill:#666}.title{font-weight:600}"
    ".name{text-anchor:end}.first{font-weight:600}.value{fill:#444}"
    ".axis{font-size:11px;fill:#666}.right{text-anchor:end}.middle{text-anchor:middle}</style>\n";

}  // namespace

std::string SimulationPicture(const SimulationReport& report) {
  const double bars = static_cast<double>(report.sets.size()) * kBarStep;
  const double first_lines = kTop + bars + 48, second_lines = first_lines + kLineHeight + 70;
  const double height = second_lines + kLineHeight + 42;
  std::string svg = absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" "
      "height=\"%.0f\">\n%s<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
      kWidth, height, kWidth, height, kStyle);
  absl::StrAppend(&svg,
                  Text(kMargin, 34,
                       absl::StrCat(report.jobs, " jobs on ", report.nodes, " nodes of ",
                                    report.slots_per_node, " slots"),
                       "head"),
                  Text(kMargin, 54, report.trace, "sub"), Names(report, kTop));
  const double panel = (kWidth - 2 * kMargin - kNames) / 3;
  for (size_t i = 0; i < Measures().size(); ++i)
    absl::StrAppend(
        &svg, Bars(report, Measures()[i],
                   {kMargin + kNames + static_cast<double>(i) * panel, kTop, panel - 14, bars}));
  const double left = kMargin + 54, width = kWidth - left - kMargin;
  absl::StrAppend(&svg, Lines(report, Waiting(), {left, first_lines, width, kLineHeight}),
                  Lines(report, Busy(report.slots()), {left, second_lines, width, kLineHeight}),
                  "</svg>\n");
  return svg;
}

}  // namespace octet::client

// Implements profile_text.hpp.
#include "coupler/profile/profile_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "coupler/profile/balance.hpp"
#include "coupler/profile/wait_sentences.hpp"

namespace ekman {

namespace {

using Lines = std::vector<std::string>;

constexpr std::size_t k_most_lines = 24, k_width = 100, k_label = 38;
constexpr double k_small = 0.005;  // of the time: joined, where room is short

std::string label_of(const RunProfile& run, bool is_component, const StageBalance& stage) {
  const std::string name = k_stage_names[place_of(stage.stage)];
  if (!is_component || stage.network < 0)
    return stage.network < 0 && stage.stage == Stage::wait ? "wait (other)" : name;
  return fmt::format("{} \"{}\"", name, run.networks[static_cast<std::size_t>(stage.network)].name);
}

// Not within a character of UTF-8.
std::string cut(const std::string& text, std::size_t width) {
  if (text.size() <= width) return text;
  std::size_t end = width - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "...";
}

std::string cells(const std::string& label, double seconds, double share) {
  return fmt::format("{:<{}} {:>9} {:>6}", cut(label, k_label), k_label, seconds_words(seconds), share_words(share));
}

std::string header() {
  return fmt::format("{:<{}} {:>9} {:>6}     least .. most      longest on", "", k_label, "mean", "share");
}

std::string row(const std::string& label, double share, const Spread& seconds, int ranks) {
  const std::string least = seconds_words(seconds.least), most = seconds_words(seconds.most);
  const std::string over = ranks < 2 ? ""
                                     : fmt::format("  {:>8} .. {:<8}{}", least, most,
                                                   least == most ? "" : fmt::format("  rank {}", seconds.most_rank));
  return cells("  " + label, seconds.mean, share) + over.substr(0, over.find_last_not_of(' ') + 1);
}

std::string title(const GroupBalance& group) {
  const std::string what = group.is_component
                               ? fmt::format("{}: {}, {}", group.name, counted_words(group.ranks, "rank"),
                                             counted_words(group.steps, "step"))
                               : fmt::format("\"{}\": {}, {}", group.name, counted_words(group.ranks, "ML rank"),
                                             counted_words(group.steps, "exchange"));
  const std::string even =
      group.ranks < 2 ? "" : fmt::format(" (rank {}: {:.2f} x)", group.busy.most_rank, group.imbalance);
  return fmt::format("{}  busy {}{}", cells(what, group.step.mean, 1.0), seconds_words(group.busy.mean), even);
}

double share_of(const GroupBalance& group, const Spread& part) {
  return group.step.mean > 0.0 ? part.mean / group.step.mean : 0.0;
}

Lines table_of(const RunProfile& run, const GroupBalance& group, double least_share) {
  Lines lines{title(group)};
  double left_out = 0.0;
  int rows_left_out = 0;
  for (const StageBalance& stage : group.stages) {
    if (stage.share >= least_share) {
      lines.push_back(row(label_of(run, group.is_component, stage), stage.share, stage.seconds, group.ranks));
    } else {
      left_out += stage.seconds.mean;
      ++rows_left_out;
    }
  }
  const double other = share_of(group, group.other);
  if (other >= std::max(least_share, 0.001)) {
    lines.push_back(row("in no stage", other, group.other, group.ranks));
  }
  if (rows_left_out > 0) {
    Spread spread;
    spread.mean = left_out;
    lines.push_back(row(rows_left_out == 1 ? "one more stage" : fmt::format("{} more stages", rows_left_out),
                        share_of(group, spread), spread, 1));
  }
  return lines;
}

// A group in one line: its longest stages.
std::string line_of(const RunProfile& run, const GroupBalance& group) {
  std::vector<StageBalance> stages = group.stages;
  std::stable_sort(stages.begin(), stages.end(),
                   [](const StageBalance& a, const StageBalance& b) { return a.share > b.share; });
  std::string line = group.is_component
                         ? fmt::format("{} ({}): step {}", group.name, counted_words(group.ranks, "rank"),
                                       seconds_words(group.step.mean))
                         : fmt::format("\"{}\" ({}): exchange {}", group.name, counted_words(group.ranks, "ML rank"),
                                       seconds_words(group.step.mean));
  for (std::size_t s = 0; s < std::min<std::size_t>(stages.size(), 3); ++s)
    line += fmt::format(", {} {}", label_of(run, group.is_component, stages[s]), share_words(stages[s].share));
  return cut(line, k_width);
}

// "cuda:0", or "cuda" of several.
std::string kind_of(const std::vector<DeviceThroughput>& devices) {
  const std::string& first = devices.front().device;
  return devices.size() == 1 ? first : first.substr(0, first.find(':'));
}

std::string throughput_line(const RunProfile& run, const NetworkThroughput& throughput) {
  const std::string& name = run.networks[static_cast<std::size_t>(throughput.network)].name;
  std::string line =
      fmt::format("throughput \"{}\": {} points/s", cut(name, k_label), count_words(throughput.points_per_second));
  if (throughput.devices.empty()) return line + ", inline";
  const std::vector<DeviceThroughput>& devices = throughput.devices;
  double busy = 0.0, least = devices.front().points_per_second, most = least;
  for (const DeviceThroughput& device : devices) {
    busy += device.busy_points_per_second;
    least = std::min(least, device.points_per_second);
    most = std::max(most, device.points_per_second);
  }
  const std::string each = devices.size() == 1 ? ""
                           : least == most     ? fmt::format(", {} each", count_words(least))
                                               : fmt::format(", {} .. {} each", count_words(least), count_words(most));
  return cut(fmt::format("{} on {} ({}{}), {} while busy", line,
                         counted_words(static_cast<std::int64_t>(devices.size()), "device"), kind_of(devices), each,
                         count_words(busy)),
             k_width);
}

std::vector<const GroupBalance*> groups_of(const RunBalance& balance) {
  std::vector<const GroupBalance*> groups;
  for (const GroupBalance& group : balance.components) groups.push_back(&group);
  for (const GroupBalance& group : balance.networks) groups.push_back(&group);
  return groups;
}

void append(Lines& lines, const Lines& more) { lines.insert(lines.end(), more.begin(), more.end()); }

Lines throughput_lines(const RunProfile& run, const RunBalance& balance, std::size_t room) {
  Lines lines;
  for (const NetworkThroughput& throughput : balance.throughput) {
    if (lines.size() + 1 >= room && balance.throughput.size() > room) break;
    lines.push_back(throughput_line(run, throughput));
  }
  const std::size_t left = balance.throughput.size() - lines.size();
  if (left > 0) lines.push_back(fmt::format("throughput of {} more networks: see `ekman report`", left));
  return lines;
}

// As much of all groups as there is room for.
Lines group_lines(const RunProfile& run, const RunBalance& balance, std::size_t room) {
  const std::vector<const GroupBalance*> groups = groups_of(balance);
  for (const double least_share : {0.0, k_small, 4 * k_small, 10 * k_small}) {
    Lines lines{header()};
    for (const GroupBalance* group : groups) append(lines, table_of(run, *group, least_share));
    if (lines.size() <= room) return lines;
  }
  Lines lines;
  for (const GroupBalance* group : groups) {
    if (lines.size() + 1 >= room && groups.size() > room) break;
    lines.push_back(line_of(run, *group));
  }
  const std::size_t left = groups.size() - lines.size();
  if (left > 0) lines.push_back(fmt::format("and {} more components or networks: see `ekman report`", left));
  return lines;
}

}  // namespace

std::string profile_text(const RunProfile& run) {
  constexpr std::size_t k_most_sentences = 7, k_most_throughputs = 4;
  const RunBalance balance = balance_of(run);
  Lines lines;
  if (run.simulated) lines.emplace_back("simulated, not measured:");
  for (const std::string& sentence : wait_sentences(run, balance, k_most_sentences))
    lines.push_back(cut(sentence, k_width));
  const Lines throughput = throughput_lines(run, balance, k_most_throughputs);
  append(lines, group_lines(run, balance, k_most_lines - lines.size() - throughput.size()));
  append(lines, throughput);
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

}  // namespace ekman

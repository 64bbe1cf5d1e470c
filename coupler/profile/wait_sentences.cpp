// Implements wait_sentences.hpp.
#include "coupler/profile/wait_sentences.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ekman {

namespace {

constexpr double k_tells = 0.005;  // share of a wait below which it is nobody's concern

std::string quoted_name(const RunProfile& run, int network) {
  return fmt::format("\"{}\"", run.networks[static_cast<std::size_t>(network)].name);
}

double dedicated_waits(const RunBalance& balance, int component) {
  double sum = 0.0;
  for (const Wait& wait : balance.waits)
    if (wait.component == component && wait.network >= 0) sum += wait.seconds.mean;
  return sum;
}

std::string component_sentence(const RunProfile& run, const RunBalance& balance, const Wait& wait) {
  const GroupBalance& group = *balance.component(wait.component);
  return fmt::format("{} waits {} of each {} step ({}) for {}", group.name, seconds_words(wait.seconds.mean),
                     seconds_words(group.step.mean), share_words(wait.share),
                     wait.network < 0 ? "Ekman itself" : "network " + quoted_name(run, wait.network));
}

std::string ml_sentence(const RunProfile& run, const GroupBalance& group) {
  const double wait = group.mean_of(Stage::wait);
  return fmt::format("{} of {} {} {} of each {} exchange ({}) for {}", counted_words(group.ranks, "ML rank"),
                     quoted_name(run, group.place), group.ranks == 1 ? "waits" : "wait", seconds_words(wait),
                     seconds_words(group.step.mean), share_words(group.step.mean > 0.0 ? wait / group.step.mean : 0.0),
                     run.networks[static_cast<std::size_t>(group.place)].component);
}

std::string inline_sentence(const RunProfile& run, const GroupBalance& group, const StageBalance& stage) {
  return fmt::format("{} spends {} of each {} step ({}) in network {}, which is inline", group.name,
                     seconds_words(stage.seconds.mean), seconds_words(group.step.mean), share_words(stage.share),
                     quoted_name(run, stage.network));
}

std::string no_wait_sentence(const RunBalance& balance) {
  if (balance.components.empty()) return "no component made a step";
  if (balance.waits.empty()) return "no component waits for a network";
  return fmt::format("no component waits for a network longer than {} of a step",
                     seconds_words(balance.waits.front().seconds.mean));
}

// A component's step without its waits for networks. Ranks that have their outputs first wait for the others in the
// model's own MPI, which counts as physics: the rank that has least tells what the step itself takes.
std::string rest_sentence(const GroupBalance& group, double waits) {
  const std::string mean = seconds_words(group.step.mean - waits);
  if (group.ranks < 2) return fmt::format("without waits a step of {} takes {}", group.name, mean);
  return fmt::format("without waits a step of {} takes {} on rank {}, the least, and {} in the mean", group.name,
                     seconds_words(group.busy.least), group.busy.least_rank, mean);
}

}  // namespace

std::vector<std::string> wait_sentences(const RunProfile& run, const RunBalance& balance, std::size_t most) {
  std::vector<std::string> first, then, last;
  for (const Wait& wait : balance.waits)
    if (wait.share >= k_tells) first.push_back(component_sentence(run, balance, wait));
  std::vector<const GroupBalance*> networks;
  for (const GroupBalance& group : balance.networks)
    if (group.steps > 0) networks.push_back(&group);
  std::stable_sort(networks.begin(), networks.end(), [](const GroupBalance* a, const GroupBalance* b) {
    return a->mean_of(Stage::wait) * b->step.mean > b->mean_of(Stage::wait) * a->step.mean;
  });
  for (const GroupBalance* group : networks) then.push_back(ml_sentence(run, *group));
  for (const GroupBalance& group : balance.components) {
    for (const StageBalance& stage : group.stages)
      if (stage.stage == Stage::forward) then.push_back(inline_sentence(run, group, stage));
    const double waits = dedicated_waits(balance, group.place);
    if (waits > 0.0) last.push_back(rest_sentence(group, waits));
  }
  // Where components hardly wait, the ML ranks do.
  if (first.empty()) {
    if (then.empty())
      then.push_back(no_wait_sentence(balance));
    else
      last.insert(last.begin(), no_wait_sentence(balance));
  }
  // Where not all fit, each kind has its share of the room.
  const std::size_t tail = std::min<std::size_t>(last.size(), std::max<std::size_t>(most / 4, 1));
  const std::size_t middle = std::min<std::size_t>(then.size(), std::max<std::size_t>(most / 3, 1));
  first.resize(std::min(first.size(), most - tail - middle));
  then.resize(std::min(then.size(), most - tail - first.size()));
  last.resize(std::min(last.size(), most - then.size() - first.size()));
  first.insert(first.end(), then.begin(), then.end());
  first.insert(first.end(), last.begin(), last.end());
  return first;
}

std::string seconds_words(double seconds) {
  if (seconds <= 0.0) return "0";
  struct Unit {
    double size;
    const char* name;
  };
  constexpr Unit k_units[] = {{1.0, "s"}, {1e-3, "ms"}, {1e-6, "us"}};
  for (const Unit& unit : k_units) {
    const double value = seconds / unit.size;
    if (value >= 999.5 && unit.size == 1.0) return fmt::format("{:.0f} s", value);
    if (value >= 99.95) return fmt::format("{:.0f} {}", value, unit.name);
    if (value >= 9.995) return fmt::format("{:.1f} {}", value, unit.name);
    if (value >= 0.9995) return fmt::format("{:.2f} {}", value, unit.name);
  }
  return fmt::format("{:.0f} ns", seconds * 1e9);
}

std::string count_words(double count) {
  struct Unit {
    double size;
    const char* name;
  };
  constexpr Unit k_units[] = {{1e9, " G"}, {1e6, " M"}, {1e3, " k"}, {1.0, ""}};
  for (const Unit& unit : k_units) {
    const double value = count / unit.size;
    if (value < 0.9995) continue;
    const int digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    return fmt::format("{:.{}f}{}", value, digits, unit.name);
  }
  return fmt::format("{:.2g}", count);
}

std::string share_words(double share) {
  if (share > 0.0 && share < 0.005) return "<1 %";
  return fmt::format("{:.0f} %", 100.0 * share);
}

std::string counted_words(std::int64_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace ekman

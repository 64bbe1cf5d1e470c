// Implements balance.hpp.
#include "coupler/profile/balance.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace ekman {

namespace {

using Ranks = std::vector<const RankProfile*>;

bool is_waiting(std::size_t stage) { return stage == place_of(Stage::wait) || stage == place_of(Stage::reduce); }

double seconds_in_stages(const RankProfile& rank) {
  double sum = 0.0;
  for (const ProfileLane& lane : rank.lanes)
    for (const StageSum& stage : lane.sums) sum += stage.seconds;
  return sum;
}

// Threads beside the main one may tell more than passed on the clock.
double whole_seconds(const RankProfile& rank) { return rank.seconds > 0.0 ? rank.seconds : seconds_in_stages(rank); }

double seconds_of(const RankProfile& rank, int network, Stage stage) {
  for (const ProfileLane& lane : rank.lanes)
    if (lane.network == network) return lane.sums[place_of(stage)].seconds;
  return 0.0;
}

// Of ranks that made steps; `seconds` tells those of a rank in all its steps.
template <class Seconds>
Spread spread_over(const Ranks& ranks, Seconds seconds) {
  Spread spread;
  int counted = 0;
  for (const RankProfile* rank : ranks) {
    if (rank->steps == 0) continue;
    const double each = seconds(*rank) / static_cast<double>(rank->steps);
    if (counted == 0 || each < spread.least) {
      spread.least = each;
      spread.least_rank = rank->rank;
    }
    if (counted == 0 || each > spread.most) {
      spread.most = each;
      spread.most_rank = rank->rank;
    }
    spread.mean += each;
    ++counted;
  }
  if (counted > 0) spread.mean /= counted;
  return spread;
}

std::vector<StageBalance> stages_of(const RunProfile& run, const Ranks& ranks, double step) {
  std::vector<StageBalance> stages;
  for (int network = -1; network < static_cast<int>(run.networks.size()); ++network) {
    for (std::size_t stage = 0; stage < k_stages; ++stage) {
      const auto which = static_cast<Stage>(stage);
      const Spread spread =
          spread_over(ranks, [&](const RankProfile& rank) { return seconds_of(rank, network, which); });
      if (spread.most > 0.0) stages.push_back({which, network, spread, step > 0.0 ? spread.mean / step : 0.0});
    }
  }
  return stages;
}

GroupBalance group_of(const RunProfile& run, bool is_component, int place, const Ranks& ranks) {
  GroupBalance group;
  group.is_component = is_component;
  group.place = place;
  const auto at = static_cast<std::size_t>(place);
  group.name = is_component ? run.components[at] : run.networks[at].name;
  group.ranks = static_cast<int>(ranks.size());
  for (const RankProfile* rank : ranks) group.steps = std::max(group.steps, rank->steps);
  group.step = spread_over(ranks, whole_seconds);
  group.busy = spread_over(ranks, busy_seconds);
  group.other = spread_over(
      ranks, [](const RankProfile& rank) { return std::max(whole_seconds(rank) - seconds_in_stages(rank), 0.0); });
  if (group.busy.mean > 0.0) group.imbalance = group.busy.most / group.busy.mean;
  group.stages = stages_of(run, ranks, group.step.mean);
  return group;
}

Ranks ranks_of(const RunProfile& run, bool is_component, int place) {
  Ranks ranks;
  for (const RankProfile& rank : run.ranks)
    if (is_component ? rank.component == place : rank.component < 0 && rank.network == place) ranks.push_back(&rank);
  return ranks;
}

double rate(double points, double seconds) { return seconds > 0.0 ? points / seconds : 0.0; }

NetworkThroughput throughput_of(int network, const Ranks& ranks) {
  NetworkThroughput throughput;
  throughput.network = network;
  struct Device {
    int ranks = 0;
    double points = 0.0;
    double seconds = 0.0;  // of the longest of its ranks
    double busy = 0.0;
  };
  std::map<std::array<std::string, 3>, Device> devices;
  double points = 0.0, seconds = 0.0;
  for (const RankProfile* rank : ranks) {
    // Ranks share a GPU by its name; each has a CPU of its own.
    const bool is_cpu = rank->device.empty() || rank->device == "cpu";
    Device& device = devices[{rank->node, rank->device, is_cpu ? std::to_string(rank->rank) : ""}];
    const double passed = static_cast<double>(rank->points) * static_cast<double>(rank->steps);
    ++device.ranks;
    device.points += passed;
    device.seconds = std::max(device.seconds, whole_seconds(*rank));
    device.busy += busy_seconds(*rank);
    points += passed;
    seconds = std::max(seconds, whole_seconds(*rank));
  }
  throughput.points_per_second = rate(points, seconds);
  for (const auto& entry : devices) {
    const Device& device = entry.second;
    throughput.devices.push_back({entry.first[0], entry.first[1], device.ranks, rate(device.points, device.seconds),
                                  rate(device.points, device.busy)});
  }
  return throughput;
}

NetworkThroughput inline_throughput(const RunProfile& run, int network, const GroupBalance* component) {
  NetworkThroughput throughput;
  throughput.network = network;
  if (component == nullptr) return throughput;
  const NetworkFacts& facts = run.networks[static_cast<std::size_t>(network)];
  throughput.points_per_second =
      rate(static_cast<double>(facts.points),
           component->step.mean * static_cast<double>(std::max<std::int64_t>(facts.period, 1)));
  return throughput;
}

const GroupBalance* find(const std::vector<GroupBalance>& groups, int place) {
  for (const GroupBalance& group : groups)
    if (group.place == place) return &group;
  return nullptr;
}

}  // namespace

double busy_seconds(const RankProfile& rank) {
  double waiting = 0.0;
  for (const ProfileLane& lane : rank.lanes)
    for (std::size_t stage = 0; stage < k_stages; ++stage)
      if (is_waiting(stage)) waiting += lane.sums[stage].seconds;
  return std::max(whole_seconds(rank) - waiting, 0.0);
}

double GroupBalance::mean_of(Stage stage) const {
  double sum = 0.0;
  for (const StageBalance& each : stages)
    if (each.stage == stage) sum += each.seconds.mean;
  return sum;
}

const GroupBalance* RunBalance::component(int place) const { return find(components, place); }
const GroupBalance* RunBalance::network(int place) const { return find(networks, place); }

RunBalance balance_of(const RunProfile& run) {
  RunBalance balance;
  for (int component = 0; component < static_cast<int>(run.components.size()); ++component) {
    const Ranks ranks = ranks_of(run, true, component);
    if (ranks.empty()) continue;
    balance.components.push_back(group_of(run, true, component, ranks));
    const GroupBalance& group = balance.components.back();
    for (const StageBalance& stage : group.stages)
      if (stage.stage == Stage::wait) balance.waits.push_back({component, stage.network, stage.seconds, stage.share});
  }
  std::stable_sort(balance.waits.begin(), balance.waits.end(),
                   [](const Wait& a, const Wait& b) { return a.seconds.mean > b.seconds.mean; });
  for (int network = 0; network < static_cast<int>(run.networks.size()); ++network) {
    const Ranks ranks = ranks_of(run, false, network);
    if (!ranks.empty()) balance.networks.push_back(group_of(run, false, network, ranks));
    const NetworkFacts& facts = run.networks[static_cast<std::size_t>(network)];
    const auto found = std::find(run.components.begin(), run.components.end(), facts.component);
    NetworkThroughput throughput =
        facts.is_inline
            ? inline_throughput(run, network, balance.component(static_cast<int>(found - run.components.begin())))
            : throughput_of(network, ranks);
    if (throughput.points_per_second > 0.0) balance.throughput.push_back(std::move(throughput));
  }
  return balance;
}

}  // namespace ekman

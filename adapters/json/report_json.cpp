// Implements report_json.hpp.
#include "adapters/json/report_json.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "coupler/profile/balance.hpp"
#include "coupler/profile/profile_text.hpp"
#include "coupler/profile/wait_sentences.hpp"

namespace ekman {

namespace {

using nlohmann::ordered_json;
using Ranks = std::vector<const RankProfile*>;

constexpr std::size_t k_most_bars = 64;       // ranks of a group that are drawn one by one
constexpr std::size_t k_most_lanes = 64;      // of the timeline
constexpr std::size_t k_most_events = 60000;  // of the timeline, about 2 MB
constexpr std::size_t k_most_sentences = 12;

// Enough digits for a drawing.
double rounded(double value) {
  if (value == 0.0 || !std::isfinite(value)) return value;
  const double scale = std::pow(10.0, 5.0 - std::floor(std::log10(std::abs(value))));
  return std::round(value * scale) / scale;
}

ordered_json numbers(const std::vector<double>& values) {
  ordered_json list = ordered_json::array();
  for (const double value : values)
    list.push_back(std::isfinite(value) ? ordered_json(rounded(value)) : ordered_json(nullptr));
  return list;
}

ordered_json spread_json(const Spread& spread) {
  return {{"mean", rounded(spread.mean)},
          {"least", rounded(spread.least)},
          {"most", rounded(spread.most)},
          {"leastRank", spread.least_rank},
          {"mostRank", spread.most_rank}};
}

// `most` of the ranks, evenly from the least to the most busy, then in their order.
Ranks choice_of(Ranks ranks, std::size_t most) {
  if (ranks.size() <= most) return ranks;
  std::stable_sort(ranks.begin(), ranks.end(),
                   [](const RankProfile* a, const RankProfile* b) { return busy_seconds(*a) < busy_seconds(*b); });
  if (most < 2) return {ranks.back()};
  Ranks chosen;
  for (std::size_t n = 0; n < most; ++n) chosen.push_back(ranks[n * (ranks.size() - 1) / (most - 1)]);
  return chosen;
}

Ranks ranks_of(const RunProfile& run, const GroupBalance& group) {
  Ranks ranks;
  for (const RankProfile& rank : run.ranks) {
    const bool is_of =
        group.is_component ? rank.component == group.place : rank.component < 0 && rank.network == group.place;
    if (is_of && rank.steps > 0) ranks.push_back(&rank);
  }
  return ranks;
}

ordered_json shown_ranks(const GroupBalance& group, const Ranks& ranks) {
  ordered_json list = ordered_json::array();
  for (const RankProfile* rank : choice_of(ranks, k_most_bars)) {
    std::vector<double> seconds;
    double told = 0.0;
    for (const StageBalance& stage : group.stages) {
      seconds.push_back(0.0);
      for (const ProfileLane& lane : rank->lanes)
        if (lane.network == stage.network)
          seconds.back() = lane.sums[place_of(stage.stage)].seconds / static_cast<double>(rank->steps);
      told += seconds.back();
    }
    seconds.push_back(std::max(rank->seconds / static_cast<double>(rank->steps) - told, 0.0));
    list.push_back(
        {{"rank", rank->rank}, {"node", rank->node}, {"device", rank->device}, {"seconds", numbers(seconds)}});
  }
  return list;
}

// The mean over ranks of each stage in a step, over the steps.
ordered_json course_json(const GroupBalance& group, const Ranks& ranks) {
  std::int64_t width = 1, last = 1;
  for (const RankProfile* rank : ranks) {
    for (const ProfileLane& lane : rank->lanes) width = std::max(width, lane.course.width);
    if (!rank->events.empty()) last = std::max<std::int64_t>(last, rank->events.back().step);
  }
  std::vector<std::vector<double>> stages(group.stages.size());
  std::size_t bins = 0;
  for (const RankProfile* rank : ranks) {
    for (const ProfileLane& lane : rank->lanes) {
      ProfileCourse course = lane.course;
      course.widen(width);
      bins = std::max(bins, course.bins.size());
      for (std::size_t s = 0; s < stages.size(); ++s) {
        if (group.stages[s].network != lane.network) continue;
        stages[s].resize(std::max(stages[s].size(), course.bins.size()));
        for (std::size_t bin = 0; bin < course.bins.size(); ++bin)
          stages[s][bin] += static_cast<double>(course.bins[bin][place_of(group.stages[s].stage)]);
      }
    }
  }
  ordered_json course{{"width", width}, {"stages", ordered_json::array()}};
  for (std::vector<double>& stage : stages) {
    stage.resize(bins);
    for (std::size_t bin = 0; bin < bins; ++bin) {
      const std::int64_t first = static_cast<std::int64_t>(bin) * width;
      const std::int64_t steps = last > first ? std::min(width, last - first) : width;
      stage[bin] /= static_cast<double>(steps) * static_cast<double>(std::max<std::size_t>(ranks.size(), 1));
    }
    course["stages"].push_back(numbers(stage));
  }
  return course;
}

ordered_json group_json(const RunProfile& run, const GroupBalance& group) {
  const Ranks ranks = ranks_of(run, group);
  ordered_json stages = ordered_json::array();
  for (const StageBalance& stage : group.stages) {
    ordered_json each = spread_json(stage.seconds);
    each["stage"] = k_stage_names[place_of(stage.stage)];
    each["network"] = group.is_component ? stage.network : -1;
    each["share"] = rounded(stage.share);
    stages.push_back(std::move(each));
  }
  return {{"name", group.name},
          {"component", group.is_component},
          {"ranks", group.ranks},
          {"steps", group.steps},
          {"step", spread_json(group.step)},
          {"busy", spread_json(group.busy)},
          {"other", spread_json(group.other)},
          {"imbalance", rounded(group.imbalance)},
          {"stages", std::move(stages)},
          {"shown", shown_ranks(group, ranks)},
          {"course", course_json(group, ranks)}};
}

// As many lanes as can be told apart, a fair part of them for each group.
ordered_json timeline_json(const RunProfile& run, const std::vector<const GroupBalance*>& groups) {
  ordered_json lanes = ordered_json::array(), events = ordered_json::array();
  std::size_t left_out = 0;
  Ranks shown;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const Ranks all = ranks_of(run, *groups[g]);
    const Ranks chosen = choice_of(all, std::max<std::size_t>(k_most_lanes / groups.size(), 1));
    left_out += all.size() - chosen.size();
    for (const RankProfile* rank : chosen) {
      lanes.push_back({{"group", g}, {"rank", rank->rank}});
      shown.push_back(rank);
    }
  }
  const std::size_t most = std::max<std::size_t>(k_most_events / std::max<std::size_t>(shown.size(), 1), 64);
  for (std::size_t lane = 0; lane < shown.size(); ++lane) {
    const std::vector<ProfileEvent>& all = shown[lane]->events;
    for (std::size_t e = 0; e < all.size(); ++e) {
      if (e >= most / 2 && e + most / 2 < all.size()) continue;  // the middle
      const ProfileEvent& event = all[e];
      events.push_back({lane, event.stage, event.network, event.step, std::llround(event.begin * 1e7),
                        std::llround(static_cast<double>(event.seconds) * 1e7)});
    }
  }
  return {{"lanes", std::move(lanes)}, {"leftOut", left_out}, {"tick", 1e-7}, {"events", std::move(events)}};
}

ordered_json throughput_json(const RunProfile& run, const RunBalance& balance) {
  ordered_json list = ordered_json::array();
  for (const NetworkThroughput& throughput : balance.throughput) {
    ordered_json devices = ordered_json::array();
    for (const DeviceThroughput& device : throughput.devices)
      devices.push_back({{"node", device.node},
                         {"device", device.device},
                         {"ranks", device.ranks},
                         {"points", rounded(device.points_per_second)},
                         {"busyPoints", rounded(device.busy_points_per_second)}});
    list.push_back({{"network", run.networks[static_cast<std::size_t>(throughput.network)].name},
                    {"points", rounded(throughput.points_per_second)},
                    {"devices", std::move(devices)}});
  }
  return list;
}

ordered_json networks_json(const RunProfile& run) {
  ordered_json list = ordered_json::array();
  for (const NetworkFacts& network : run.networks)
    list.push_back({{"name", network.name},
                    {"component", network.component},
                    {"inline", network.is_inline},
                    {"learns", network.learns},
                    {"points", network.points},
                    {"chunk", network.chunk},
                    {"lag", network.lag},
                    {"period", network.period}});
  return list;
}

// Of each node how many ranks of what it runs, and its devices.
ordered_json nodes_json(const RunProfile& run) {
  struct Node {
    std::map<std::string, int> ranks, devices;
  };
  std::map<std::string, Node> nodes;
  for (const RankProfile& rank : run.ranks) {
    Node& node = nodes[rank.node];
    if (rank.component >= 0) {
      ++node.ranks[run.components[static_cast<std::size_t>(rank.component)]];
    } else {
      ++node.ranks["ML ranks of " + run.networks[static_cast<std::size_t>(rank.network)].name];
      ++node.devices[rank.device];
    }
  }
  ordered_json list = ordered_json::array();
  for (const auto& [name, node] : nodes)
    list.push_back({{"node", name}, {"ranks", node.ranks}, {"devices", node.devices}});
  return list;
}

void add_profile(const RunProfile& run, ordered_json& json) {
  const RunBalance balance = balance_of(run);
  std::vector<const GroupBalance*> groups;
  for (const GroupBalance& group : balance.components) groups.push_back(&group);
  for (const GroupBalance& group : balance.networks) groups.push_back(&group);
  json["version"] = run.version;
  json["simulated"] = run.simulated;
  json["sentences"] = wait_sentences(run, balance, k_most_sentences);
  json["text"] = profile_text(run);
  json["stages"] = k_stage_names;
  json["networks"] = networks_json(run);
  json["groups"] = ordered_json::array();
  for (const GroupBalance* group : groups) json["groups"].push_back(group_json(run, *group));
  if (!groups.empty()) json["timeline"] = timeline_json(run, groups);
  json["throughput"] = throughput_json(run, balance);
  json["nodes"] = nodes_json(run);
}

ordered_json learning_json(const LearningCurves& curves) {
  ordered_json columns = ordered_json::object();
  for (const auto& [name, values] : curves.columns) columns[name] = numbers(values);
  return {{"network", curves.network}, {"every", curves.every}, {"step", numbers(curves.step)}, {"columns", columns}};
}

}  // namespace

std::string report_json(const ReportContent& content) {
  ordered_json json{{"directory", content.directory}, {"warning", content.warning}};
  if (content.profile) add_profile(*content.profile, json);
  json["learning"] = ordered_json::array();
  for (const LearningCurves& curves : content.learning) json["learning"].push_back(learning_json(curves));
  json["facts"] = content.facts;
  json["plan"] = content.plan;
  const std::string text = json.dump(-1, ' ', true, ordered_json::error_handler_t::replace);
  std::string safe;
  for (const char c : text) safe += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return safe;
}

}  // namespace ekman

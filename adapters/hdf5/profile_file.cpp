// Implements profile_file.hpp. Of sums and courses only what is not nought has a row.
#include "adapters/hdf5/profile_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "adapters/hdf5/table_file.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace fs = std::filesystem;

namespace {

constexpr const char* k_format = "ekman profile";
constexpr std::int64_t k_version = 1;
constexpr const char* k_cure = "run again with `output: {profile: on}`, with this version of Ekman";

TableFile table_file(const std::string& path, hid_t file) { return {path, file, "profile", k_cure}; }

struct NetworkTable {
  std::vector<std::string> name, component;
  std::vector<std::int32_t> is_inline, learns;
  std::vector<std::int64_t> points, chunk, lag, period;

  template <class Archive>
  void visit(Archive&& archive) {
    archive("name", name);
    archive("component", component);
    archive("inline", is_inline);
    archive("learns", learns);
    archive("points", points);
    archive("chunk", chunk);
    archive("lag", lag);
    archive("period", period);
  }
};

// Nodes and devices, which many ranks share, are told once.
struct RankTable {
  std::vector<std::string> nodes, devices;
  std::vector<std::int32_t> component, rank, network, node, device;
  std::vector<std::int64_t> points, steps;
  std::vector<double> seconds;

  template <class Archive>
  void visit(Archive&& archive) {
    archive("nodes", nodes);
    archive("devices", devices);
    archive("component", component);
    archive("rank", rank);
    archive("network", network);
    archive("node", node);
    archive("device", device);
    archive("points", points);
    archive("steps", steps);
    archive("seconds", seconds);
  }
};

// Rows that belong to a stage of a network on a rank, by its row in ranks.
struct StageTable {
  std::vector<std::int32_t> rank, network, stage;

  template <class Archive>
  void visit(Archive&& archive) {
    archive("rank", rank);
    archive("network", network);
    archive("stage", stage);
  }
  void add(std::size_t of_rank, int of_network, std::size_t of_stage) {
    rank.push_back(static_cast<std::int32_t>(of_rank));
    network.push_back(of_network);
    stage.push_back(static_cast<std::int32_t>(of_stage));
  }
  // What a row is of; fails if there is no such thing.
  void check(const TableFile& file, const RunProfile& run) const {
    for (std::size_t row = 0; row < rank.size(); ++row) {
      if (!in(rank[row], run.ranks.size()) || !in(network[row] + 1, run.networks.size() + 1) ||
          !in(stage[row], k_stages))
        file.fail(fmt::format("its row {} is of a rank, network or stage that it does not tell", row));
    }
  }
  static bool in(std::int64_t place, std::size_t size) { return place >= 0 && place < static_cast<std::int64_t>(size); }
};

struct SumTable : StageTable {
  std::vector<std::int64_t> count;
  std::vector<double> seconds, longest;

  template <class Archive>
  void visit(Archive&& archive) {
    StageTable::visit(archive);
    archive("count", count);
    archive("seconds", seconds);
    archive("longest", longest);
  }
};

// A row for each bin of `width` steps; the first step of a bin is bin * width + 1.
struct CourseTable : StageTable {
  std::vector<std::int64_t> width, bin;
  std::vector<float> seconds;

  template <class Archive>
  void visit(Archive&& archive) {
    StageTable::visit(archive);
    archive("width", width);
    archive("bin", bin);
    archive("seconds", seconds);
  }
};

struct EventTable : StageTable {
  std::vector<std::int32_t> step;
  std::vector<double> begin;
  std::vector<float> seconds;

  template <class Archive>
  void visit(Archive&& archive) {
    StageTable::visit(archive);
    archive("step", step);
    archive("begin", begin);
    archive("seconds", seconds);
  }
};

template <class Table>
Table read_table(const TableFile& file, const char* name) {
  Table table;
  table.visit(TableReader(file, name));
  return table;
}

template <class Table>
Table read_stages(const TableFile& file, const char* name, const RunProfile& run) {
  Table table = read_table<Table>(file, name);
  table.check(file, run);
  return table;
}

NetworkTable table_of(const std::vector<NetworkFacts>& networks) {
  NetworkTable table;
  for (const NetworkFacts& network : networks) {
    table.name.push_back(network.name);
    table.component.push_back(network.component);
    table.is_inline.push_back(network.is_inline ? 1 : 0);
    table.learns.push_back(network.learns ? 1 : 0);
    table.points.push_back(network.points);
    table.chunk.push_back(network.chunk);
    table.lag.push_back(network.lag);
    table.period.push_back(network.period);
  }
  return table;
}

std::vector<NetworkFacts> networks_of(const TableFile& file, const NetworkTable& table) {
  if (table.name.size() != table.points.size() || table.component.size() != table.points.size())
    file.fail("its networks have not all a name and a component");
  std::vector<NetworkFacts> networks;
  for (std::size_t n = 0; n < table.name.size(); ++n) {
    networks.push_back({table.name[n], table.component[n], table.is_inline[n] != 0, table.learns[n] != 0,
                        table.points[n], table.chunk[n], table.lag[n], table.period[n]});
  }
  return networks;
}

// The place of `text` in `texts`, where it is then.
std::int32_t place_in(std::vector<std::string>& texts, const std::string& text) {
  const auto found = std::find(texts.begin(), texts.end(), text);
  const auto place = static_cast<std::int32_t>(found - texts.begin());
  if (found == texts.end()) texts.push_back(text);
  return place;
}

RankTable table_of(const std::vector<RankProfile>& ranks) {
  RankTable table;
  for (const RankProfile& rank : ranks) {
    table.component.push_back(rank.component);
    table.rank.push_back(rank.rank);
    table.network.push_back(rank.network);
    table.node.push_back(place_in(table.nodes, rank.node));
    table.device.push_back(place_in(table.devices, rank.device));
    table.points.push_back(rank.points);
    table.steps.push_back(rank.steps);
    table.seconds.push_back(rank.seconds);
  }
  return table;
}

std::vector<RankProfile> ranks_of(const TableFile& file, const RankTable& table, const RunProfile& run) {
  std::vector<RankProfile> ranks;
  for (std::size_t r = 0; r < table.rank.size(); ++r) {
    const bool is_ml = table.component[r] < 0;
    if (!StageTable::in(table.node[r], table.nodes.size()) || !StageTable::in(table.device[r], table.devices.size()) ||
        (is_ml ? !StageTable::in(table.network[r], run.networks.size())
               : !StageTable::in(table.component[r], run.components.size())))
      file.fail(fmt::format("its rank {} is of nothing that it tells", r));
    ranks.push_back({table.component[r],
                     table.rank[r],
                     table.network[r],
                     table.nodes[static_cast<std::size_t>(table.node[r])],
                     table.devices[static_cast<std::size_t>(table.device[r])],
                     table.points[r],
                     table.steps[r],
                     table.seconds[r],
                     {},
                     {}});
  }
  return ranks;
}

// Calls `tell` with the place of each rank and each of its lanes.
template <class Tell>
void for_lanes(const std::vector<RankProfile>& ranks, Tell tell) {
  for (std::size_t r = 0; r < ranks.size(); ++r)
    for (const ProfileLane& lane : ranks[r].lanes) tell(r, lane);
}

ProfileLane& lane_of(RunProfile& run, const StageTable& table, std::size_t row) {
  std::vector<ProfileLane>& lanes = run.ranks[static_cast<std::size_t>(table.rank[row])].lanes;
  for (ProfileLane& lane : lanes)
    if (lane.network == table.network[row]) return lane;
  lanes.emplace_back();
  lanes.back().network = static_cast<std::int16_t>(table.network[row]);
  return lanes.back();
}

SumTable sums_of(const std::vector<RankProfile>& ranks) {
  SumTable table;
  for_lanes(ranks, [&](std::size_t rank, const ProfileLane& lane) {
    for (std::size_t stage = 0; stage < k_stages; ++stage) {
      const StageSum& sum = lane.sums[stage];
      if (sum.count == 0) continue;
      table.add(rank, lane.network, stage);
      table.count.push_back(sum.count);
      table.seconds.push_back(sum.seconds);
      table.longest.push_back(sum.longest);
    }
  });
  return table;
}

void take_sums(RunProfile& run, const SumTable& table) {
  for (std::size_t row = 0; row < table.rank.size(); ++row) {
    lane_of(run, table, row).sums[static_cast<std::size_t>(table.stage[row])] = {table.count[row], table.seconds[row],
                                                                                 table.longest[row]};
  }
}

CourseTable course_of(const std::vector<RankProfile>& ranks) {
  CourseTable table;
  for_lanes(ranks, [&](std::size_t rank, const ProfileLane& lane) {
    for (std::size_t bin = 0; bin < lane.course.bins.size(); ++bin) {
      for (std::size_t stage = 0; stage < k_stages; ++stage) {
        if (lane.course.bins[bin][stage] == 0.0F) continue;
        table.add(rank, lane.network, stage);
        table.width.push_back(lane.course.width);
        table.bin.push_back(static_cast<std::int64_t>(bin));
        table.seconds.push_back(lane.course.bins[bin][stage]);
      }
    }
  });
  return table;
}

void take_course(const TableFile& file, RunProfile& run, const CourseTable& table) {
  for (std::size_t row = 0; row < table.rank.size(); ++row) {
    if (!StageTable::in(table.bin[row], ProfileCourse::k_most_bins) || table.width[row] < 1)
      file.fail(fmt::format("row {} of its course is in no bin", row));
    ProfileCourse& course = lane_of(run, table, row).course;
    course.width = table.width[row];
    const auto bin = static_cast<std::size_t>(table.bin[row]);
    if (course.bins.size() <= bin) course.bins.resize(bin + 1);
    course.bins[bin][static_cast<std::size_t>(table.stage[row])] = table.seconds[row];
  }
}

EventTable events_of(const std::vector<RankProfile>& ranks) {
  EventTable table;
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    for (const ProfileEvent& event : ranks[r].events) {
      table.add(r, event.network, static_cast<std::size_t>(event.stage));
      table.step.push_back(event.step);
      table.begin.push_back(event.begin);
      table.seconds.push_back(event.seconds);
    }
  }
  return table;
}

void take_events(RunProfile& run, const EventTable& table) {
  for (std::size_t row = 0; row < table.rank.size(); ++row) {
    run.ranks[static_cast<std::size_t>(table.rank[row])].events.push_back(
        {table.begin[row], table.seconds[row], table.step[row], static_cast<std::int16_t>(table.network[row]),
         static_cast<std::int16_t>(table.stage[row])});
  }
}

}  // namespace

void write_profile(const std::string& path, const RunProfile& run) {
  NewFile fresh(path);
  const TableFile file = table_file(fresh.unfinished(), fresh.id());
  const Hdf5Named root = file.named(file.id);
  write_label(root, "format", k_format);
  write_number(root, "format_version", k_version);
  write_label(root, "ekman", run.version);
  write_number(root, "simulated", run.simulated ? 1 : 0);
  write_texts(root, "stages", {k_stage_names.begin(), k_stage_names.end()});
  write_texts(root, "components", run.components);
  table_of(run.networks).visit(TableWriter(file, "networks"));
  table_of(run.ranks).visit(TableWriter(file, "ranks"));
  sums_of(run.ranks).visit(TableWriter(file, "sums"));
  course_of(run.ranks).visit(TableWriter(file, "course"));
  events_of(run.ranks).visit(TableWriter(file, "events"));
  fresh.finish();
}

RunProfile read_profile(const std::string& path) {
  start_hdf5();
  const hid_t id = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  if (id < 0) {
    throw Error(ErrorCode::plan, fmt::format("cannot read {}: {}; {}", path,
                                             fs::exists(path) ? hdf5_cause() : "there is no such file", k_cure));
  }
  const Hdf5File hdf5(id);
  const TableFile file = table_file(path, hdf5.get());
  const Hdf5Named root = file.named(file.id);
  if (!has_attribute(root, "format") || read_label(root, "format") != k_format) file.fail("it is no profile of Ekman");
  const std::int64_t version = read_number(root, "format_version");
  if (version != k_version) file.fail(fmt::format("its format is {}, this Ekman reads {}", version, k_version));
  RunProfile run;
  run.version = read_label(root, "ekman");
  run.simulated = read_number(root, "simulated") != 0;
  run.components = read_texts(root, "components");
  run.networks = networks_of(file, read_table<NetworkTable>(file, "networks"));
  run.ranks = ranks_of(file, read_table<RankTable>(file, "ranks"), run);
  take_sums(run, read_stages<SumTable>(file, "sums", run));
  take_course(file, run, read_stages<CourseTable>(file, "course", run));
  take_events(run, read_stages<EventTable>(file, "events", run));
  return run;
}

}  // namespace ekman

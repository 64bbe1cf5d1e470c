// Implements point_check.hpp.
#include "coupler/session/point_check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "coupler/layout/layout.hpp"

namespace ekman {

namespace {

// Neighbouring ids go to the same rank, whatever their stride, so that most ranks talk to few.
int rank_for(std::int64_t id, int size) {
  constexpr std::uint64_t k_mix = 0x9e3779b97f4a7c15;  // 2^64 over the golden ratio
  const std::uint64_t block = static_cast<std::uint64_t>(id) / 4096;
  return static_cast<int>(((block * k_mix) >> 32) % static_cast<std::uint64_t>(size));
}

// Collective. Ids that came twice, on the rank that was asked for them.
std::vector<Disagreement> find_twins(const Communicator& local, const std::string& component, const std::string& set,
                                     const std::vector<std::int64_t>& ids) {
  std::vector<std::vector<std::int64_t>> to(static_cast<std::size_t>(local.size()));
  for (const std::int64_t id : ids)
    if (id >= 0) to[rank_for(id, local.size())].push_back(id);
  std::vector<Disagreement> found;
  for (const Duplicate& twin : find_duplicates(local.all_to_all(to))) {
    found.push_back(
        {component,
         {twin.source_a, twin.source_b},
         fmt::format("global id {}{} is there more than once; each point belongs to one rank, give halo cells a "
                     "negative id",
                     twin.id, set.empty() ? "" : fmt::format(" of point set \"{}\"", set))});
  }
  return found;
}

// The point set that `points` of the plan counts: the one without a name, or the only one; null if there is
// none.
const std::string* counted_set(const std::map<std::string, std::int64_t>& totals) {
  const auto unnamed = totals.find("");
  if (unnamed != totals.end()) return &unnamed->first;
  return totals.size() == 1 ? &totals.begin()->first : nullptr;
}

}  // namespace

std::vector<std::string> total_problems(const Plan& plan, const std::string& component, const Definitions& of_rank_0,
                                        const std::map<std::string, std::int64_t>& totals) {
  std::vector<std::string> problems;
  const std::int64_t expected = find_component(plan, component)->points;
  const std::string* set = counted_set(totals);
  if (expected >= 0 && set == nullptr) {
    problems.push_back(
        fmt::format("the plan says points: {}, which counts the point set without a name, but all {} sets have "
                    "one; leave out `points`, or a name",
                    expected, totals.size()));
  } else if (expected >= 0 && totals.at(*set) != expected) {
    problems.push_back(
        fmt::format("there are {} points on all ranks together, the plan says points: {}; correct the plan, or "
                    "look which global ids are missing or too many",
                    totals.at(*set), expected));
  }
  for (const NetworkSpec& network : plan.networks) {
    const auto field =
        network.component == component ? of_rank_0.find(all_fields_of(network).front()) : of_rank_0.end();
    if (field == of_rank_0.end()) continue;
    const std::int64_t total = totals.at(field->second.points);
    if (total % network.rows_per_sample() == 0) continue;
    problems.push_back(
        fmt::format("network \"{}\" takes grids of {} x {} points, but there are {} points, which is no multiple "
                    "of {}; correct the shape of the grid, or define the points of whole grids",
                    network.name, network.grid_ny, network.grid_nx, total, network.rows_per_sample()));
  }
  return problems;
}

std::vector<Disagreement> check_points(const Communicator& local, const Plan& plan, const std::string& component,
                                       const Definitions& of_rank_0, const std::vector<std::string>& sets,
                                       const PointSets& points) {
  std::vector<Disagreement> problems;
  std::map<std::string, std::int64_t> totals;
  for (const std::string& set : sets) {
    const auto mine = points.find(set);
    const std::vector<std::int64_t> ids = mine == points.end() ? std::vector<std::int64_t>{} : mine->second;
    totals[set] = local.sum(std::count_if(ids.begin(), ids.end(), [](std::int64_t id) { return id >= 0; }));
    for (Disagreement& twin : find_twins(local, component, set, ids)) problems.push_back(std::move(twin));
  }
  if (local.rank() != 0) return problems;
  for (const std::string& problem : total_problems(plan, component, of_rank_0, totals))
    problems.push_back({component, {}, problem});
  return problems;
}

}  // namespace ekman

// Warnings and hints about a plan that could be run: what is hardly meant, and what could be better.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "coupler/base/joined.hpp"
#include "coupler/plan/choices.hpp"
#include "coupler/plan/did_you_mean.hpp"
#include "coupler/plan/plan.hpp"
#include "coupler/plan/sizes.hpp"

namespace ekman {
namespace {

constexpr int k_most_told = 20;  // of one component
constexpr std::int64_t k_small_tile = 32;
constexpr double k_much = 1.25;  // a rank with this many times the mean load is worth a word

using Problems = std::vector<Problem>;

void advise_component(const Plan& plan, const ComponentSpec& component, Problems& problems) {
  const std::string path = "components." + component.name;
  const std::vector<std::string> names = used_fields(plan, component.name);
  const std::set<std::string> used(names.begin(), names.end());
  if (used.empty()) {
    problems.push_back(
        {path, fmt::format("no network uses component \"{}\"; take it out, or name it in a network", component.name),
         Severity::warning});
    return;
  }
  int told = 0;
  for (const auto& entry : component.fields) {
    if (used.count(entry.first) > 0 || ++told > k_most_told) continue;
    problems.push_back({path + ".fields." + entry.first,
                        fmt::format("no network uses field \"{}\" of component \"{}\"{}", entry.first, component.name,
                                    did_you_mean(entry.first, names, "; take it out, or name it in a network")),
                        Severity::warning});
  }
}

// The largest chunk that leaves no ML rank idle, of whole tiles where that is possible; 0: there is none.
std::int64_t chunk_for_all(std::int64_t samples, const NetworkSpec& network) {
  const std::int64_t most = samples / network.ranks, tile = tile_samples(network, false);
  return most >= tile ? most / tile * tile : network.tile > 0 ? 0 : most;
}

void advise_ranks(const NetworkSpec& network, const RouteSizes& sizes, const std::string& path, Problems& problems) {
  if (sizes.chunks == k_unknown || sizes.chunks == 0 || network.ranks < 2) return;
  if (sizes.chunks < network.ranks) {
    const std::int64_t chunk = chunk_for_all(sizes.samples, network);
    problems.push_back(
        {path + ".ranks",
         fmt::format("{} of {} ML ranks are idle: {} samples make {} chunk{} of {}; {}ranks: {} wastes none",
                     network.ranks - sizes.chunks, network.ranks, sizes.samples, sizes.chunks,
                     sizes.chunks == 1 ? "" : "s", network.chunk,
                     chunk > 0 ? fmt::format("chunk: {} gives work to all, ", chunk) : "", sizes.chunks),
         Severity::hint});
    return;
  }
  const double mean = static_cast<double>(sizes.chunks) / network.ranks;
  if (static_cast<double>(sizes.most_chunks) < k_much * mean) return;
  problems.push_back({path + ".ranks",
                      fmt::format("{} chunks on {} ML ranks: some run {}, others {}; a smaller chunk shares out better",
                                  sizes.chunks, network.ranks, sizes.most_chunks, sizes.chunks / network.ranks),
                      Severity::hint});
}

void advise_sizes(const NetworkSpec& network, const RouteSizes& sizes, const std::string& path, Problems& problems) {
  const std::int64_t rows = network.rows_per_sample();
  if (sizes.points != k_unknown && sizes.points % rows != 0)
    problems.push_back(
        {path + ".sample.grid.shape",
         fmt::format("a grid of {} x {} = {} points does not divide the {} points of component \"{}\"; correct "
                     "the shape, or the points",
                     network.grid_ny, network.grid_nx, rows, sizes.points, network.component),
         Severity::warning});
  const std::int64_t tile = tile_samples(network, false);
  if (network.tile == 0 && network.sample == Sample::point && tile < k_small_tile && network.chunk >= 2 * k_small_tile)
    problems.push_back(
        {path + ".chunk",
         fmt::format("on a CPU forward takes tiles of {} sample{}, the largest divisor of chunk {} up to "
                     "256; a chunk that is a multiple of 256 runs faster",
                     tile, tile == 1 ? "" : "s", network.chunk),
         Severity::hint});
  if (network.wire == Real::float64 && network.compute != Compute::float64 && network.is_computed())
    problems.push_back({path + ".wire",
                        fmt::format("the network computes in {}, so float64 on the wire costs twice the bytes for "
                                    "the same outputs; take wire: float32, or compute: float64",
                                    word_of(network.compute)),
                        Severity::hint});
}

void advise_guard(const NetworkSpec& network, const std::string& path, Problems& problems) {
  for (const auto& [field, guard] : network.guard.fields)
    if (std::isinf(guard.min) && std::isinf(guard.max) && guard.fallback.empty())
      problems.push_back(
          {path + ".guard." + field,
           fmt::format("the guard of \"{}\" has neither min nor max, so it checks nothing; give it one", field),
           Severity::warning});
}

void advise_learning(const NetworkSpec& network, const std::string& path, Problems& problems) {
  const TrainingSpec& training = network.training;
  if (!training.given) {
    if (network.reproducible == Reproducible::bfb)
      problems.push_back(
          {path + ".reproducible",
           fmt::format("reproducible: bfb is about training steps, and network \"{}\" makes none; take it "
                       "out, its outputs have equal bits anyway",
                       network.name),
           Severity::hint});
    return;
  }
  if (training.checkpoint.directory.empty() && !training.offline.given)
    problems.push_back(
        {path + ".training",
         fmt::format("what network \"{}\" learns is lost at the end, unless the component writes a restart "
                     "set; give training.checkpoint a directory",
                     network.name),
         Severity::warning});
  if (training.validation.fraction > 0.0 && training.checkpoint.directory.empty() && training.patience > 0)
    problems.push_back({path + ".training.patience",
                        "the best weights are kept as a checkpoint, and there is none; give training.checkpoint a "
                        "directory",
                        Severity::warning});
  if (network.sample == Sample::point && training.validation.fraction > 0.0 && training.validation.block == 1)
    problems.push_back(
        {path + ".training.validation",
         "neighbouring points are alike, so that single ones say little of what is new to the network; give "
         "validation.block the size of a region",
         Severity::hint});
}

void advise_levels(const Plan& plan, const NetworkSpec& network, const RouteSizes& sizes, const std::string& path,
                   Problems& problems) {
  if (sizes.fields_without_levels.empty()) return;
  const bool has_fields = !find_component(plan, network.component)->fields.empty();
  problems.push_back({has_fields ? "components." + network.component + ".fields" : path + ".inputs",
                      fmt::format("without the levels of {} neither bytes nor forward of network \"{}\" can be checked "
                                  "before the run; give components.{}.fields.{}.levels and so on",
                                  joined(sizes.fields_without_levels, ", "), network.name, network.component,
                                  sizes.fields_without_levels.front()),
                      Severity::hint});
}

}  // namespace

std::vector<Problem> advise(const Plan& plan) {
  Problems problems;
  for (const ComponentSpec& component : plan.components) advise_component(plan, component, problems);
  for (const NetworkSpec& network : plan.networks) {
    const std::string path = "networks." + network.name;
    const RouteSizes sizes = sizes_of(plan, network);
    advise_ranks(network, sizes, path, problems);
    advise_sizes(network, sizes, path, problems);
    advise_guard(network, path, problems);
    advise_learning(network, path, problems);
    advise_levels(plan, network, sizes, path, problems);
  }
  return problems;
}

}  // namespace ekman

// Implements sizes.hpp.
#include "coupler/plan/sizes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "ekman/error.hpp"

namespace ekman {

namespace {

constexpr std::int64_t k_cpu_tile = 256;  // costs 1 % against one call, and outputs stay in cache

// Bytes of a row of `fields`, or k_unknown.
std::int64_t row_bytes(const ComponentSpec& component, const NetworkSpec& network,
                       const std::vector<std::string>& fields) {
  const std::vector<std::int64_t> levels = levels_of(component, network, fields);
  if (std::count(levels.begin(), levels.end(), 0) > 0) return k_unknown;
  return std::accumulate(levels.begin(), levels.end(), std::int64_t{0}) * real_size(network.wire);
}

std::int64_t quotient_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

}  // namespace

std::vector<std::int64_t> levels_of(const ComponentSpec& component, const std::vector<std::string>& fields) {
  std::vector<std::int64_t> levels;
  for (const std::string& name : fields) {
    const auto found = component.fields.find(name);
    levels.push_back(found == component.fields.end() ? 0 : found->second.levels);
  }
  return levels;
}

std::vector<std::int64_t> levels_of(const ComponentSpec& component, const NetworkSpec& network,
                                    const std::vector<std::string>& fields) {
  std::vector<std::int64_t> levels = levels_of(component, fields);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (levels[i] > 0) continue;
    if (fields[i] == network.training.weights) levels[i] = 1;
    for (const auto& [output, target] : network.training.targets) {
      if (fields[i] == output)
        levels[i] = levels_from_target(network, output, levels_of(component, {target}).front());
      else if (fields[i] == target && levels[i] == 0)
        levels[i] = levels_of_target(network, output, levels_of(component, {output}).front());
    }
  }
  return levels;
}

RouteSizes sizes_of(const Plan& plan, const NetworkSpec& network) {
  RouteSizes sizes;
  const ComponentSpec* component = find_component(plan, network.component);
  if (component == nullptr) return sizes;
  std::vector<std::string> fields = all_fields_of(network);
  const std::vector<std::string> truth = truth_fields_of(network);
  for (const std::string& field : truth)
    if (std::find(fields.begin(), fields.end(), field) == fields.end()) fields.push_back(field);
  const std::vector<std::int64_t> levels = levels_of(*component, network, fields);
  for (std::size_t i = 0; i < fields.size(); ++i)
    if (levels[i] == 0) sizes.fields_without_levels.push_back(fields[i]);
  if (component->points < 0) return sizes;
  sizes.points = component->points;
  sizes.samples = sizes.points / network.rows_per_sample();
  sizes.chunks = quotient_up(sizes.samples, network.chunk);
  sizes.samples_in_last_chunk = sizes.samples - (sizes.chunks - 1) * network.chunk;
  if (!network.is_inline()) sizes.most_chunks = quotient_up(sizes.chunks, network.ranks);
  const std::int64_t in_row = row_bytes(*component, network, fields_of(network.inputs));
  const std::int64_t out_row = row_bytes(*component, network, fields_of(network.outputs));
  const std::int64_t truth_row = row_bytes(*component, network, truth);
  if (in_row == k_unknown || out_row == k_unknown || truth_row == k_unknown) return sizes;
  sizes.in_bytes = sizes.points * in_row;
  sizes.out_bytes = sizes.points * out_row;
  sizes.truth_bytes = sizes.points * truth_row;
  sizes.late_bytes = sizes.points * row_bytes(*component, network, late_fields_of(network));
  // With a tape adjoints of outputs come, and those of inputs go.
  const std::int64_t adjoint_row = network.tape > 0 ? in_row + out_row : 0;
  if (network.is_inline()) return sizes;  // each rank of the component has tiles of its own
  const std::int64_t row = in_row + truth_row + out_row + adjoint_row;
  sizes.buffer_bytes = sizes.most_chunks * network.rows_per_chunk() * row * (1 + network.lag);
  return sizes;
}

std::int64_t tile_samples(const NetworkSpec& network, bool on_gpu) {
  if (network.tile > 0) {
    if (network.chunk % network.tile == 0) return network.tile;
    throw Error(
        ErrorCode::network,
        fmt::format("network \"{}\": a tile of {} samples does not divide the chunk of {}; choose a divisor, or "
                    "`tile: auto`",
                    network.name, network.tile, network.chunk));
  }
  if (on_gpu) return network.chunk;
  std::int64_t tile = std::min(network.chunk, k_cpu_tile);
  while (network.chunk % tile != 0) --tile;
  return tile;
}

}  // namespace ekman

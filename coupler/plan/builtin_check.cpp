// Implements builtin_check.hpp.
#include "coupler/plan/builtin_check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "coupler/plan/builtin_networks.hpp"
#include "coupler/plan/did_you_mean.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

constexpr std::int64_t k_most_levels = 30;

using Problems = std::vector<Problem>;

// Each level has half the points of the one above it in both directions.
void check_depth(const NetworkSpec& network, const std::string& path, Problems& problems) {
  const std::int64_t depth = integer_argument(network.source, "depth");
  const std::int64_t multiple = std::int64_t{1} << (std::min(depth, k_most_levels) - 1);
  if (network.grid_ny % multiple == 0 && network.grid_nx % multiple == 0) return;
  std::int64_t most = 1;
  while (network.grid_ny % (std::int64_t{1} << most) == 0 && network.grid_nx % (std::int64_t{1} << most) == 0) ++most;
  problems.push_back(
      {path + ".network.depth",
       fmt::format("a unet with depth {} halves the grid {} times, so both sizes must be multiples of {}, and the grid "
                   "is [{}, {}]; take a depth of at most {}, or another grid",
                   depth, depth - 1, multiple, network.grid_ny, network.grid_nx, most)});
}

void check_modes(const NetworkSpec& network, const std::string& path, Problems& problems) {
  const std::vector<std::int64_t> modes = integers_argument(network.source, "modes");
  if (modes.size() != 2) {
    problems.push_back(
        {path + ".network.modes", fmt::format("key \"modes\" has {} numbers; give it two, [y, x]", modes.size())});
    return;
  }
  const auto points = [&](const char* direction, std::int64_t size) {
    return fourier_points(size, text_argument(network.source, std::string("padding.") + direction) == "periodic");
  };
  const std::int64_t ny = points("y", network.grid_ny), nx = points("x", network.grid_nx);
  // In y there are waves of both signs; in x those of one sign tell the others, and the shortest is left out.
  const std::int64_t most_y = ny / 2, most_x = (nx + 1) / 2;
  if (modes[0] >= 1 && modes[0] <= most_y && modes[1] >= 1 && modes[1] <= most_x) return;
  problems.push_back(
      {path + ".network.modes",
       fmt::format("modes [{}, {}] of the fno do not fit a grid of [{}, {}] points, {} x {} with what is "
                   "padded; take at most [{}, {}]",
                   modes[0], modes[1], network.grid_ny, network.grid_nx, ny, nx, most_y, most_x)});
}

// Ten days: more is a mistake of the unit.
constexpr double k_longest_forward = 864000.0;

void check_sleep(const NetworkSpec& network, const std::string& path, Problems& problems) {
  for (const char* key : {"seconds_per_forward", "seconds_per_point"}) {
    const double seconds = real_argument(network.source, key);
    if (seconds >= 0.0 && seconds <= k_longest_forward) continue;
    problems.push_back(
        {path + ".network." + key, fmt::format("key \"{}\" of builtin: sleep is {}; give it seconds from 0 to {}", key,
                                               seconds, k_longest_forward)});
  }
  if (network.training.given)
    problems.push_back({path + ".training", fmt::format("network \"{}\" is a sleep, which does not learn; take mlp or "
                                                        "another network of the cost that is to be studied, or "
                                                        "`training` out",
                                                        network.name)});
  if (network.tape > 0)
    problems.push_back(
        {path + ".tape", fmt::format("network \"{}\" is a sleep, which has no adjoint; take echo, mlp or "
                                     "another network, or `tape` out",
                                     network.name)});
}

}  // namespace

void check_builtin(const NetworkSpec& network, const std::string& path, Problems& problems) {
  const NetworkSource& source = network.source;
  if (source.kind != SourceKind::builtin || source.is_own()) return;
  const BuiltinNetwork* builtin = find_builtin(source.name);
  if (builtin == nullptr) {
    std::vector<std::string> names;
    for (const BuiltinNetwork& one : builtin_networks()) names.push_back(one.name);
    problems.push_back({path + ".network.builtin",
                        fmt::format("there is no built-in network \"{}\"{}", source.name,
                                    did_you_mean(source.name, names, "; `ekman networks` lists those there are"))});
    return;
  }
  try {
    if (source.is_sleep()) check_sleep(network, path, problems);
  } catch (const Error& error) {
    problems.push_back({path + ".network", error.what()});
  }
  if (!builtin->needs_grid) return;
  if (network.sample != Sample::grid) {
    problems.push_back({path + ".sample", fmt::format("builtin: {} takes whole grids; give `sample: {{grid: {{shape: "
                                                      "[ny, nx]}}}}`, or take mlp or resmlp for points",
                                                      source.name)});
    return;
  }
  if (network.grid_ny < 1 || network.grid_nx < 1) return;  // said already
  try {
    if (source.name == "unet") check_depth(network, path, problems);
    if (source.name == "fno") check_modes(network, path, problems);
  } catch (const Error& error) {
    problems.push_back({path + ".network", error.what()});
  }
}

}  // namespace ekman

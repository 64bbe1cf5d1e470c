// The built-in networks: their names, what they are and which keys of `network` make one. The keys themselves, with
// defaults, are in the key table; what LibTorch makes of them, in adapters/torch, a file for each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "coupler/plan/plan.hpp"

namespace ekman {

struct BuiltinNetwork {
  std::string name;
  std::string sentence;
  std::vector<std::string> keys;  // besides `seed`; "padding.x" is x below padding
  bool needs_grid = false;
  bool is_computed = true;  // LibTorch makes and runs it, with first weights that follow from `seed`
};

// In the order of the reference.
const std::vector<BuiltinNetwork>& builtin_networks();

// The one of that name, or null.
const BuiltinNetwork* find_builtin(const std::string& name);

// Values of an argument. Throws Error(network) if it is not there, or is not of that kind.
const std::string& text_argument(const NetworkSource& source, const std::string& key);
std::int64_t integer_argument(const NetworkSource& source, const std::string& key);
double real_argument(const NetworkSource& source, const std::string& key);
std::vector<std::int64_t> integers_argument(const NetworkSource& source, const std::string& key);

// Points of one direction of a grid that the fno transforms: with zero padding an eighth more, rounded up.
inline std::int64_t fourier_points(std::int64_t points, bool periodic) {
  return periodic ? points : points + (points + 7) / 8;
}

}  // namespace ekman

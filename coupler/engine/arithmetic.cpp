// Implements arithmetic.hpp.
#include "coupler/engine/arithmetic.hpp"

#include <fmt/format.h>

#include <set>

namespace ekman {

std::string compare_arithmetic(const std::string& network, const std::vector<RankArithmetic>& ranks) {
  std::set<std::string> seen;
  std::string kinds;
  for (const RankArithmetic& rank : ranks) {
    if (!seen.insert(rank.arithmetic).second) continue;
    kinds += fmt::format("{}ML rank {} on {}: {}", kinds.empty() ? "" : "; ", rank.ml_rank, rank.node, rank.arithmetic);
  }
  if (seen.size() < 2) return "";
  return fmt::format(
      "the ML ranks of network \"{}\" do not compute alike, so its outputs may differ in their last bits "
      "from those of other rank counts; give them like nodes, libraries and variables ({})",
      network, kinds);
}

}  // namespace ekman

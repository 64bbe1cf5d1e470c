// YAML text -> a bounded list of nodes. The only place that reads with yaml-cpp: its events are counted as they come,
// since its own tree of a hostile text takes hundreds of MB before anyone can look at it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "adapters/yaml/diagnostics.hpp"

namespace ekman {

inline constexpr std::size_t k_most_plan_bytes = std::size_t{1} << 20;
inline constexpr std::size_t k_longest_text = 4096;
inline constexpr int k_deepest_nesting = 64;
inline constexpr int k_most_values = 20000;

enum class NodeKind { nothing, scalar, list, mapping };

struct DocumentNode {
  NodeKind kind = NodeKind::nothing;
  Position position;
  std::string scalar;
  std::vector<int> children;  // indices of nodes; of a mapping: key, value, key, value, ...
};

// Node 0 is the root. Aliases are indices of the nodes that they stand for; no node contains itself.
struct Document {
  std::vector<DocumentNode> nodes;
};

// The one document of `text`. Throws Error(ErrorCode::plan) through `diagnostics` if it is no YAML or exceeds
// a bound.
Document load_document(const std::string& text, Diagnostics& diagnostics);

}  // namespace ekman

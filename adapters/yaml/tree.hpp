// The YAML document as plain data: aliases and merge keys resolved, positions kept, sizes bounded.
#pragma once

#include <string>
#include <vector>

#include "adapters/yaml/diagnostics.hpp"

namespace ekman {

struct Entry;

struct Tree {
  enum class Kind { nothing, scalar, list, mapping };

  Kind kind = Kind::nothing;
  Position position;
  std::string scalar;
  std::vector<Tree> items;
  std::vector<Entry> entries;  // in the order of the file, then those that merge keys add

  // The value of `key`, or null. Valid as long as this tree is not changed.
  const Tree* find(const std::string& key) const;
  Tree* find(const std::string& key);
};

struct Entry {
  std::string key;
  Position position;  // of the key
  Tree value;
};

// Throws Error(ErrorCode::plan) if the text is no YAML or exceeds a bound (those of document.hpp hold with aliases
// resolved, too); duplicate keys and wrong merge keys go to `diagnostics`.
Tree load_tree(const std::string& text, Diagnostics& diagnostics);

}  // namespace ekman

// Implements run_facts.hpp.
#include "adapters/yaml/run_facts.hpp"

#include <fmt/format.h>

#include "adapters/yaml/tree.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

const Tree* find(const Tree* tree, const std::vector<std::string>& keys) {
  for (const std::string& key : keys)
    if (tree != nullptr) tree = tree->find(key);
  return tree;
}

Tree tree_of(const std::string& text, const std::string& file_name) {
  Diagnostics ignored(file_name);
  try {
    return load_tree(text, ignored);
  } catch (const Error& error) {
    throw Error(ErrorCode::plan,
                fmt::format("cannot read {}: {}; it is written when a run starts, run again", file_name, error.what()));
  }
}

}  // namespace

RunFacts run_facts(const std::string& text, const std::string& file_name) {
  const Tree root = tree_of(text, file_name);
  RunFacts read;
  const Tree* const profile = find(&root, {"output", "profile"});
  read.profiled = profile != nullptr && profile->scalar == "on";
  if (const Tree* facts = root.find("x-run")) {
    for (const Entry& fact : facts->entries) {
      RunFact& added = read.facts.emplace_back(RunFact{fact.key, {}});
      if (fact.value.kind == Tree::Kind::scalar) added.values.push_back(fact.value.scalar);
      for (const Tree& item : fact.value.items) added.values.push_back(item.scalar);
    }
  }
  if (const Tree* networks = root.find("networks")) {
    for (const Entry& network : networks->entries) {
      const Tree* const csv = find(&network.value, {"training", "log", "csv"});
      if (csv != nullptr && !csv->scalar.empty()) read.logs.emplace_back(network.key, csv->scalar);
    }
  }
  return read;
}

}  // namespace ekman

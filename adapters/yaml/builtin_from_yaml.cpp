// Implements builtin_from_yaml.hpp. Arguments are completed with the defaults of the key table.
#include "adapters/yaml/builtin_from_yaml.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "adapters/yaml/key_table.hpp"
#include "adapters/yaml/tree_values.hpp"
#include "coupler/base/joined.hpp"
#include "coupler/plan/builtin_networks.hpp"

namespace ekman {
namespace {

std::string pattern_of(const std::string& key) { return "networks.*.network." + key; }

// "padding" of "padding.x".
std::string top_of(const std::string& key) { return key.substr(0, key.find('.')); }

// Keys beside `builtin` that a network takes, as they stand in the plan.
std::vector<std::string> keys_of(const BuiltinNetwork& network) {
  std::vector<std::string> keys;
  for (const std::string& key : network.keys)
    if (keys.empty() || keys.back() != top_of(key)) keys.push_back(top_of(key));
  if (network.is_computed) keys.emplace_back("seed");
  return keys;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void check_keys_of(const BuiltinNetwork& network, const Tree& tree, const std::string& path, Diagnostics& diagnostics) {
  const std::vector<std::string> takes = keys_of(network);
  for (const std::string& key : builtin_extras()) {
    const std::string here = path + "." + key;
    if (!tree.find(key) || contains(takes, key) || diagnostics.touches(here)) continue;
    std::vector<std::string> owners;
    for (const BuiltinNetwork& other : builtin_networks())
      if (contains(keys_of(other), key)) owners.push_back(other.name);
    diagnostics.add(diagnostics.position_of(here), here,
                    fmt::format("key \"{}\" belongs to builtin: {}, not to {}; take it out, {} takes {}", key,
                                joined(owners, " and "), network.name, network.name, joined(takes, ", ")));
  }
}

NetworkArgument read_argument(const Tree& tree, const std::string& key) {
  const std::string pattern = pattern_of(key);
  const Tree& holder = top_of(key) == key ? tree : child(tree, top_of(key));
  NetworkArgument argument;
  const KeyType type = find_key(pattern)->type;
  if (type == KeyType::counts) {
    argument.is_list = true;
    for (const std::int64_t number : integers_of(child(holder, key))) argument.values.push_back(std::to_string(number));
  } else if (type == KeyType::count) {
    argument.values = {std::to_string(integer_of(holder, pattern))};
  } else {
    argument.values = {text_of(holder, pattern)};
  }
  return argument;
}

}  // namespace

std::vector<std::string> builtin_extras() {
  std::vector<std::string> extras;
  for (const BuiltinNetwork& network : builtin_networks())
    for (const std::string& key : keys_of(network))
      if (!contains(extras, key)) extras.push_back(key);
  return extras;
}

NetworkSource read_builtin(const Tree& tree, const std::string& path, Diagnostics& diagnostics) {
  NetworkSource source;
  source.kind = SourceKind::builtin;
  source.name = text_of(tree, pattern_of("builtin"));
  const BuiltinNetwork* network = find_builtin(source.name);
  if (network == nullptr) return source;  // said already
  source.seed = integer_of(tree, pattern_of("seed"));
  check_keys_of(*network, tree, path, diagnostics);
  for (const std::string& key : network->keys) {
    if (!find_key(pattern_of(key))->fallback.empty() || tree.find(key)) {
      source.arguments[key] = read_argument(tree, key);
    } else if (!diagnostics.any_below(path)) {
      diagnostics.add(tree.position, path + "." + key,
                      fmt::format("key \"{}\" is missing in \"{}\"; give the {} its {}", key, path, source.name,
                                  key == "hidden" ? "widths of hidden layers" : "numbers of waves, [y, x]"));
    }
  }
  return source;
}

NetworkSource read_own(const Tree& tree, const std::string& path, const std::string& plan_file,
                       Diagnostics& diagnostics) {
  NetworkSource source;
  source.kind = SourceKind::builtin;
  source.name = text_of(tree, pattern_of("own"));
  source.library = beside_plan(plan_file, text_of(tree, pattern_of("library")));
  source.seed = integer_of(tree, pattern_of("seed"));
  if (source.library.empty() && !diagnostics.any_below(path))
    diagnostics.add(tree.position, path + ".library",
                    fmt::format("key \"library\" is missing in \"{}\"; name the shared library that has the network "
                                "\"{}\"",
                                path, source.name));
  if (source.library.empty()) return {};
  for (const Entry& entry : child(tree, "arguments").entries) {
    if (!is_mine(entry.key)) continue;
    NetworkArgument& argument = source.arguments[entry.key];
    argument.is_list = entry.value.kind == Tree::Kind::list;
    argument.values = argument.is_list ? texts_of(entry.value) : std::vector<std::string>{entry.value.scalar};
  }
  return source;
}

}  // namespace ekman

// yaml-cpp nodes -> Tree. yaml-cpp does not resolve merge keys and keeps duplicate keys; both are done here.
#include "adapters/yaml/tree.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

namespace ekman {
namespace {

constexpr std::size_t k_most_bytes = std::size_t{1} << 20;
constexpr int k_deepest_nesting = 64;
constexpr int k_most_values = 20000;  // keeps the search for duplicate keys short

Position position_of(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {mark.line + 1, mark.column + 1};
}

struct Refused {};

[[noreturn]] void fail(Diagnostics& diagnostics, Position position, const std::string& sentence) {
  diagnostics.add(position, "", sentence);
  throw Refused{};
}

class TreeBuilder {
 public:
  explicit TreeBuilder(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  Tree build(const YAML::Node& node, int depth) {
    Tree tree;
    tree.position = position_of(node.Mark());
    if (depth > k_deepest_nesting)
      fail(diagnostics_, tree.position,
           fmt::format("nested more than {} deep; does an anchor contain itself?", k_deepest_nesting));
    if (++num_values_ > k_most_values)
      fail(diagnostics_, tree.position, fmt::format("more than {} values, aliases included", k_most_values));
    if (node.IsScalar()) {
      tree.kind = Tree::Kind::scalar;
      tree.scalar = node.Scalar();
    } else if (node.IsSequence()) {
      tree.kind = Tree::Kind::list;
      for (const YAML::Node& item : node) tree.items.push_back(build(item, depth + 1));
    } else if (node.IsMap()) {
      tree.kind = Tree::Kind::mapping;
      build_entries(node, depth, tree);
    }
    return tree;
  }

 private:
  void build_entries(const YAML::Node& node, int depth, Tree& tree) {
    Entry merge;
    for (const auto& pair : node) {
      Entry entry;
      entry.position = position_of(pair.first.Mark());
      if (!pair.first.IsScalar()) {
        diagnostics_.add(entry.position, "", "a key must be plain text");
        continue;
      }
      entry.key = pair.first.Scalar();
      entry.value = build(pair.second, depth + 1);
      const bool is_merge = entry.key == "<<";
      if (is_merge ? !merge.key.empty() : tree.find(entry.key) != nullptr)
        diagnostics_.add(entry.position, "", fmt::format("key \"{}\" is given twice in one mapping", entry.key));
      else if (is_merge)
        merge = std::move(entry);
      else
        tree.entries.push_back(std::move(entry));
    }
    if (!merge.key.empty()) resolve_merge(merge, tree);
  }

  void resolve_merge(const Entry& merge, Tree& tree) {
    if (merge.value.kind == Tree::Kind::mapping) return add_missing(merge.value, tree);
    bool is_valid = merge.value.kind == Tree::Kind::list;
    for (const Tree& item : merge.value.items) is_valid = is_valid && item.kind == Tree::Kind::mapping;
    if (!is_valid)
      diagnostics_.add(merge.position, "", "merge key \"<<\" takes a mapping or a list of mappings");
    else
      for (const Tree& item : merge.value.items) add_missing(item, tree);
  }

  static void add_missing(const Tree& from, Tree& tree) {
    for (const Entry& entry : from.entries)
      if (!tree.find(entry.key)) tree.entries.push_back(entry);
  }

  Diagnostics& diagnostics_;
  int num_values_ = 0;
};

}  // namespace

const Tree* Tree::find(const std::string& key) const {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.key == key; });
  return found == entries.end() ? nullptr : &found->value;
}

namespace {

Tree load(const std::string& text, Diagnostics& diagnostics) {
  if (text.size() > k_most_bytes) fail(diagnostics, {}, "the file is larger than 1 MiB, which no plan needs");
  std::vector<YAML::Node> documents;
  try {
    documents = YAML::LoadAll(text);
  } catch (const YAML::Exception& exception) {
    fail(diagnostics, position_of(exception.mark), "not valid YAML: " + exception.msg);
  }
  if (documents.empty() || documents.front().IsNull()) fail(diagnostics, {}, "the plan is empty");
  if (documents.size() > 1)
    fail(diagnostics, position_of(documents[1].Mark()), "a plan is one YAML document; a second one starts here");
  return TreeBuilder(diagnostics).build(documents.front(), 0);
}

}  // namespace

std::optional<Tree> load_tree(const std::string& text, Diagnostics& diagnostics) {
  try {
    return load(text, diagnostics);
  } catch (const Refused&) {
    return std::nullopt;
  }
}

}  // namespace ekman

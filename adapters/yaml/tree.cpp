// Nodes of a document -> Tree. yaml-cpp does not resolve merge keys and keeps duplicate keys; both are done
// here.
#include "adapters/yaml/tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "adapters/yaml/document.hpp"

namespace ekman {
namespace {

class TreeBuilder {
 public:
  TreeBuilder(const Document& document, Diagnostics& diagnostics) : document_(document), diagnostics_(diagnostics) {}

  Tree build(int index, int depth) {
    const DocumentNode& node = document_.nodes[index];
    Tree tree;
    tree.position = node.position;
    if (depth > k_deepest_nesting)
      diagnostics_.fail(tree.position,
                        fmt::format("nested more than {} deep; look for a bracket too many", k_deepest_nesting));
    if (++num_values_ > k_most_values)
      diagnostics_.fail(
          tree.position,
          fmt::format("more than {} values, aliases included; no plan needs so many, take some out", k_most_values));
    if (node.kind == NodeKind::scalar) {
      tree.kind = Tree::Kind::scalar;
      tree.scalar = text_of(node);
    } else if (node.kind == NodeKind::list) {
      tree.kind = Tree::Kind::list;
      for (const int item : node.children) tree.items.push_back(build(item, depth + 1));
    } else if (node.kind == NodeKind::mapping) {
      tree.kind = Tree::Kind::mapping;
      build_entries(node, depth, tree);
    }
    return tree;
  }

 private:
  // A long text can be anchored and named ten thousand times.
  const std::string& text_of(const DocumentNode& node) {
    num_bytes_ += node.scalar.size();
    if (num_bytes_ > k_most_plan_bytes)
      diagnostics_.fail(node.position,
                        "texts of more than 1 MiB, aliases included, which no plan needs; take some out");
    return node.scalar;
  }

  void build_entries(const DocumentNode& node, int depth, Tree& tree) {
    Entry merge;
    std::set<std::string> keys;
    for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
      const DocumentNode& key = document_.nodes[node.children[i]];
      if (key.kind != NodeKind::scalar) {
        diagnostics_.add(key.position, "", "a key must be plain text; write a name in place of the list or mapping");
        continue;
      }
      Entry entry{text_of(key), key.position, build(node.children[i + 1], depth + 1)};
      if (!keys.insert(entry.key).second)
        diagnostics_.add(entry.position, "",
                         fmt::format("key \"{}\" is given twice in one mapping; take one out", entry.key));
      else if (entry.key == "<<")
        merge = std::move(entry);
      else
        tree.entries.push_back(std::move(entry));
    }
    if (!merge.key.empty()) resolve_merge(merge, keys, tree);
  }

  void resolve_merge(Entry& merge, std::set<std::string>& keys, Tree& tree) {
    if (merge.value.kind == Tree::Kind::mapping) return add_missing(merge.value, keys, tree);
    bool is_valid = merge.value.kind == Tree::Kind::list;
    for (const Tree& item : merge.value.items) is_valid = is_valid && item.kind == Tree::Kind::mapping;
    if (!is_valid)
      diagnostics_.add(merge.position, "",
                       "merge key \"<<\" takes a mapping or a list of mappings; give it the alias of one");
    else
      for (Tree& item : merge.value.items) add_missing(item, keys, tree);
  }

  // Moves what is new out of `from`; `keys` are those of `tree`.
  static void add_missing(Tree& from, std::set<std::string>& keys, Tree& tree) {
    for (Entry& entry : from.entries)
      if (keys.insert(entry.key).second) tree.entries.push_back(std::move(entry));
  }

  const Document& document_;
  Diagnostics& diagnostics_;
  int num_values_ = 0;
  std::size_t num_bytes_ = 0;
};

}  // namespace

const Tree* Tree::find(const std::string& key) const {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.key == key; });
  return found == entries.end() ? nullptr : &found->value;
}

Tree* Tree::find(const std::string& key) { return const_cast<Tree*>(std::as_const(*this).find(key)); }

Tree load_tree(const std::string& text, Diagnostics& diagnostics) {
  const Document document = load_document(text, diagnostics);
  return TreeBuilder(document, diagnostics).build(0, 0);
}

}  // namespace ekman

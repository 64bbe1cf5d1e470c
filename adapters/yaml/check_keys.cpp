// The walk through tree and table. `path` is where we are in the plan (`networks.convection.chunk`), `pattern`
// the same place in the table (`networks.*.chunk`).
#include "adapters/yaml/check_keys.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "coupler/plan/did_you_mean.hpp"

namespace ekman {
namespace {

using Kind = Tree::Kind;

constexpr std::int64_t k_most_count = 1000000000;
constexpr std::int64_t k_most_size = 1000000000000000;
constexpr std::size_t k_longest_shown = 40;

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_text(const Tree& value) { return value.kind == Kind::scalar && !value.scalar.empty(); }

bool is_number_in(const Tree& value, std::int64_t least, std::int64_t most) {
  if (value.kind != Kind::scalar) return false;
  const std::int64_t number = parse_integer(value.scalar).value_or(least - 1);
  return number >= least && number <= most;
}

bool is_real(const Tree& value) { return value.kind == Kind::scalar && parse_real(value.scalar); }

bool is_count(const Tree& value) { return is_number_in(value, 1, k_most_count); }

template <class Predicate>
bool is_list_of(const Tree& value, Predicate predicate) {
  return value.kind == Kind::list && !value.items.empty() &&
         std::all_of(value.items.begin(), value.items.end(), predicate);
}

bool is_mapping(const Tree& value) { return value.kind == Kind::mapping || value.kind == Kind::nothing; }

bool fits(const Key& key, const Tree& value) {
  const bool is_word = value.kind == Kind::scalar && contains(key.words, value.scalar);
  switch (key.type) {
    case KeyType::mapping:
    case KeyType::named:
      return is_mapping(value);
    case KeyType::list:
      return is_list_of(value, [](const Tree& item) { return item.kind == Kind::mapping; });
    case KeyType::text:
      return is_text(value);
    case KeyType::texts:
      return is_list_of(value, is_text);
    case KeyType::text_or_texts:
      return is_text(value) || is_list_of(value, is_text);
    case KeyType::word:
      return is_word;
    case KeyType::word_or_mapping:
      return is_word || value.kind == Kind::mapping;
    case KeyType::word_or_count:
      return is_word || is_count(value);
    case KeyType::count:
      return is_count(value);
    case KeyType::size:
      return is_number_in(value, 1, k_most_size);
    case KeyType::counts:
      return is_list_of(value, is_count);
    case KeyType::whole:
      return is_number_in(value, 0, k_most_size);
    case KeyType::real:
      return is_real(value);
    case KeyType::reals:
      return is_list_of(value, is_real);
    case KeyType::duration:
      return value.kind == Kind::scalar && parse_duration(value.scalar);
    case KeyType::flag:
      return value.kind == Kind::scalar && contains({"on", "off"}, value.scalar);
    case KeyType::values:
      return value.kind == Kind::list && !value.items.empty();
  }
  return false;
}

std::string shown(const Tree& value) {
  switch (value.kind) {
    case Kind::nothing:
      return "nothing";
    case Kind::list:
      return value.items.empty() ? "an empty list" : "a list";
    case Kind::mapping:
      return "a mapping";
    case Kind::scalar:
      break;
  }
  if (value.scalar.size() <= k_longest_shown) return "\"" + value.scalar + "\"";
  return "\"" + value.scalar.substr(0, k_longest_shown) + "...\"";
}

class Walk {
 public:
  Walk(const KeyTable& table, Diagnostics& diagnostics) : table_(table), diagnostics_(diagnostics) {}

  void mapping(const Tree& tree, Position position, const std::string& path, const std::string& pattern) {
    std::string proposals;
    for (const Entry& entry : tree.entries) {
      if (entry.key.rfind("x-", 0) == 0) continue;
      if (const Key* key = key_of(entry.key, pattern))
        known(*key, entry, path);
      else
        proposals += unknown(entry, path, pattern);
    }
    for (const Key* key : table_.below(pattern))
      if (key->fallback == k_required && key->status == Status::supported && !tree.find(key->name()) &&
          !is_spared(*key, tree))
        missing(key->name(), position, path, proposals);
  }

 private:
  // By a word beside it.
  static bool is_spared(const Key& key, const Tree& tree) {
    return std::any_of(tree.entries.begin(), tree.entries.end(), [&](const Entry& entry) {
      return entry.value.kind == Kind::scalar && entry.key + ": " + entry.value.scalar == key.spared_by;
    });
  }

  static std::string below(const std::string& path, const std::string& name) {
    return path.empty() ? name : path + "." + name;
  }

  // The row for what the user calls `name`: the row of that name, else the row for names that users choose.
  const Key* key_of(const std::string& name, const std::string& pattern) const {
    const Key* chosen = nullptr;
    for (const Key* key : table_.below(pattern)) {
      if (key->name() == "*")
        chosen = name.empty() ? nullptr : key;
      else if (key->name() == name)
        return key;
    }
    return chosen;
  }

  void known(const Key& key, const Entry& entry, const std::string& path) {
    const std::string here = below(path, entry.key);
    const bool has_place = entry.value.kind != Kind::nothing;
    const Position position = has_place ? entry.value.position : entry.position;
    diagnostics_.locate(here, position);
    if (const auto problem = problem_with(key, entry.key, entry.value))
      return diagnostics_.add(key.status == Status::not_yet ? entry.position : position, here, *problem);
    descend(key, entry.value, position, here);
  }

  void descend(const Key& key, const Tree& value, Position position, const std::string& path) {
    const bool has_keys = key.type == KeyType::mapping || key.type == KeyType::named ||
                          (key.type == KeyType::word_or_mapping && value.kind == Kind::mapping);
    if (has_keys) mapping(value, position, path, key.path);
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      const std::string item_path = fmt::format("{}[{}]", path, i);
      diagnostics_.locate(item_path, value.items[i].position);
      if (key.type == KeyType::list) mapping(value.items[i], value.items[i].position, item_path, key.path + "[]");
    }
  }

  // Returns what was proposed instead.
  std::string unknown(const Entry& entry, const std::string& path, const std::string& pattern) {
    std::vector<std::string> names;
    for (const Key* key : table_.below(pattern)) names.push_back(key->name());
    const std::string proposal = did_you_mean(entry.key, names);
    diagnostics_.add(entry.position, below(path, entry.key),
                     proposal.empty() ? fmt::format("unknown key \"{}\"; take it out, `{}` lists all there are",
                                                    entry.key, table_.reference())
                                      : fmt::format("unknown key \"{}\"{}", entry.key, proposal));
    return proposal;
  }

  // A key that is only misspelt has been reported as unknown.
  void missing(const std::string& name, Position position, const std::string& path, const std::string& proposals) {
    if (proposals.find("\"" + name + "\"") != std::string::npos) return diagnostics_.mark(below(path, name));
    const std::string where = path.empty() ? "" : fmt::format(" in \"{}\"", path);
    diagnostics_.add(
        position, below(path, name),
        fmt::format("key \"{}\" is missing{}; add it, `{}` says what it holds", name, where, table_.reference()));
  }

  const KeyTable& table_;
  Diagnostics& diagnostics_;
};

}  // namespace

std::optional<std::string> problem_with(const Key& key, const std::string& name, const Tree& value) {
  const bool is_scalar = value.kind == Kind::scalar;
  if (key.status == Status::not_yet) {
    if (is_scalar && !key.fallback.empty() && value.scalar == key.fallback) return std::nullopt;
    if (!key.instead.empty()) return fmt::format("key \"{}\" will not be supported; {}", name, key.instead);
    return fmt::format("key \"{}\" is not supported yet; take it out", name);
  }
  if (!fits(key, value))
    return fmt::format("key \"{}\" must be {}; found {}{}", name, expectation(key), shown(value),
                       is_scalar ? did_you_mean(value.scalar, key.words) : "");
  if (is_scalar && contains(key.words_not_yet, value.scalar))
    return fmt::format("value \"{}\" of key \"{}\" is not supported yet; take another one", value.scalar, name);
  return std::nullopt;
}

void check_keys(const Tree& root, Diagnostics& diagnostics, const KeyTable& table) {
  diagnostics.locate("", root.position);
  if (root.kind != Kind::mapping)
    return diagnostics.add(root.position, "",
                           fmt::format("a {} must be a mapping; found {}", table.document(), shown(root)));
  Walk(table, diagnostics).mapping(root, root.position, "", "");
}

}  // namespace ekman

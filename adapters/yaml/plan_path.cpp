// Implements plan_path.hpp.
#include "adapters/yaml/plan_path.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "adapters/yaml/check_keys.hpp"
#include "coupler/plan/did_you_mean.hpp"

namespace ekman {
namespace {

const Key* row_below(const std::string& pattern, const std::string& name) {
  return find_key(pattern.empty() ? name : pattern + "." + name);
}

// Of the names of users at this place, the longest with which `rest` begins.
std::string name_at(const std::string& rest, const Tree* here) {
  std::string longest;
  if (here == nullptr) return longest;
  for (const Entry& entry : here->entries) {
    const bool fits = rest.compare(0, entry.key.size(), entry.key) == 0 &&
                      (rest.size() == entry.key.size() || rest[entry.key.size()] == '.');
    if (fits && entry.key.size() > longest.size()) longest = entry.key;
  }
  return longest;
}

std::vector<std::string> names_of(const std::string& pattern, const Tree* here) {
  std::vector<std::string> names;
  for (const Key* key : keys_below(pattern)) {
    if (key->name() != "*") {
      names.push_back(key->name());
      continue;
    }
    if (here == nullptr) continue;
    for (const Entry& entry : here->entries) names.push_back(entry.key);
  }
  return names;
}

class PathWalk {
 public:
  PathWalk(const std::string& path, const Tree& plan) : rest_(path), here_(&plan) {}

  PlanPath walk() {
    while (!rest_.empty() && path_.problem.empty()) step();
    if (path_.problem.empty()) path_.key = find_key(pattern_);
    return std::move(path_);
  }

 private:
  void step() {
    const std::string word = rest_.substr(0, rest_.find_first_of(".["));
    const bool is_row = row_below(pattern_, word) != nullptr && word != "*";
    const std::string name = is_row ? word : name_at(rest_, here_);
    if (name.empty() || (!is_row && row_below(pattern_, "*") == nullptr)) return refuse(word);
    path_.steps.push_back({name});
    go_to(pattern_.empty() ? "" : pattern_ + ".", is_row ? name : "*", here_ == nullptr ? nullptr : here_->find(name));
    rest_ = rest_.substr(name.size());
    if (!rest_.empty() && rest_.front() == '[') item();
    if (path_.problem.empty() && !rest_.empty()) {
      if (rest_.front() != '.' || rest_.size() == 1) return refuse(rest_);
      rest_ = rest_.substr(1);
    }
  }

  void go_to(const std::string& prefix, const std::string& name, const Tree* tree) {
    pattern_ = prefix + name;
    here_ = tree;
  }

  void item() {
    const std::size_t end = rest_.find(']');
    const std::string digits = end == std::string::npos ? "" : rest_.substr(1, end - 1);
    const auto number = parse_integer(digits);
    const std::size_t count = here_ == nullptr ? 0 : here_->items.size();
    if (!number || *number < 0 || static_cast<std::size_t>(*number) >= count) {
      path_.problem = fmt::format("the plan has {} entries there, the first of which is [0]; name one of them", count);
      return;
    }
    const auto place = static_cast<std::size_t>(*number);
    path_.steps.push_back({"", place, true});
    pattern_ += "[]";
    here_ = &here_->items[place];
    rest_ = rest_.substr(end + 1);
  }

  void refuse(const std::string& word) {
    path_.problem = fmt::format("the plan has no \"{}\"{}", word, where()) +
                    did_you_mean(word, names_of(pattern_, here_), "; `ekman keys` lists all keys, by their paths");
  }

  std::string where() const {
    std::string path;
    for (const PlanPath::Step& step : path_.steps)
      path += step.is_item ? fmt::format("[{}]", step.item) : (path.empty() ? "" : ".") + step.name;
    return path.empty() ? "" : fmt::format(" in \"{}\"", path);
  }

  std::string rest_;     // of the path, ahead
  std::string pattern_;  // of the table, behind
  const Tree* here_;     // null: the plan has nothing here
  PlanPath path_;
};

void emit(YAML::Emitter& out, const Tree& tree) {
  switch (tree.kind) {
    case Tree::Kind::nothing:
      out << YAML::Null;
      break;
    case Tree::Kind::scalar:
      out << tree.scalar;
      break;
    case Tree::Kind::list:
      out << YAML::Flow << YAML::BeginSeq;
      for (const Tree& item : tree.items) emit(out, item);
      out << YAML::EndSeq;
      break;
    case Tree::Kind::mapping:
      out << YAML::Flow << YAML::BeginMap;
      for (const Entry& entry : tree.entries) {
        out << YAML::Key << entry.key << YAML::Value;
        emit(out, entry.value);
      }
      out << YAML::EndMap;
      break;
  }
}

}  // namespace

PlanPath find_plan_path(const std::string& path, const Tree& plan) { return PathWalk(path, plan).walk(); }

void set_value(Tree& plan, const PlanPath& path, const Tree& value) {
  Tree* here = &plan;
  for (const PlanPath::Step& step : path.steps) {
    if (step.is_item) {
      here = &here->items[step.item];
      continue;
    }
    Tree* next = here->find(step.name);
    if (next == nullptr) {
      here->kind = Tree::Kind::mapping;
      here->scalar.clear();
      here->entries.push_back({step.name, here->position, {}});
      next = &here->entries.back().value;
      next->position = here->position;
    }
    here = next;
  }
  const Position position = here->position;
  *here = value;
  here->position = position;
}

std::string flow_text(const Tree& tree) {
  if (tree.kind == Tree::Kind::scalar) return tree.scalar;
  YAML::Emitter out;
  emit(out, tree);
  std::string text = out.c_str();
  for (char& c : text)
    if (c == '\n') c = ' ';
  return text;
}

}  // namespace ekman

// Implements tree_values.hpp.
#include "adapters/yaml/tree_values.hpp"

#include <filesystem>

#include "adapters/yaml/check_keys.hpp"

namespace ekman {
namespace {

const Tree k_nothing{};

}  // namespace

const Tree& child(const Tree& mapping, const std::string& name) {
  const Tree* found = mapping.find(name);
  return found ? *found : k_nothing;
}

bool is_mine(const std::string& key) { return key.rfind("x-", 0) != 0; }

std::string text_of(const Tree& mapping, const std::string& pattern) {
  const Key& key = *find_key(pattern);
  const Tree* value = mapping.find(key.name());
  if (value && value->kind == Tree::Kind::scalar && !problem_with(key, key.name(), *value)) return value->scalar;
  return key.fallback == k_required ? "" : key.fallback;
}

std::int64_t integer_of(const Tree& mapping, const std::string& pattern, std::int64_t absent) {
  return parse_integer(text_of(mapping, pattern)).value_or(absent);
}

double real_of(const Tree& mapping, const std::string& pattern, double absent) {
  return parse_real(text_of(mapping, pattern)).value_or(absent);
}

std::vector<std::string> texts_of(const Tree& list) {
  std::vector<std::string> texts;
  for (const Tree& item : list.items) texts.push_back(item.scalar);
  return texts;
}

std::vector<std::int64_t> integers_of(const Tree& list) {
  std::vector<std::int64_t> integers;
  for (const Tree& item : list.items) integers.push_back(parse_integer(item.scalar).value_or(0));
  return integers;
}

std::vector<double> reals_of(const Tree& list) {
  std::vector<double> reals;
  for (const Tree& item : list.items) reals.push_back(parse_real(item.scalar).value_or(0.0));
  return reals;
}

std::string beside_plan(const std::string& plan_file, const std::string& name) {
  if (name.empty()) return name;
  return (std::filesystem::path(plan_file).parent_path() / name).lexically_normal().string();
}

}  // namespace ekman

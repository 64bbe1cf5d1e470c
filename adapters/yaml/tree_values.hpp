// Values of a checked tree, for those who fill the plan. A value that has a problem is reported already; its default is
// read in its place. `pattern` is the row of a key in the table, whose name is looked for in `mapping`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "adapters/yaml/tree.hpp"
#include "coupler/plan/choices.hpp"

namespace ekman {

// The value of `name`, or a tree of nothing.
const Tree& child(const Tree& mapping, const std::string& name);

// False for keys that start with x-, which are the user's.
bool is_mine(const std::string& key);

// The text of the key, or its default; "" if it has none.
std::string text_of(const Tree& mapping, const std::string& pattern);

std::int64_t integer_of(const Tree& mapping, const std::string& pattern, std::int64_t absent = 0);
double real_of(const Tree& mapping, const std::string& pattern, double absent = 0.0);

// `otherwise` stands for a value that is reported already.
template <class Choice>
Choice choice(const Tree& mapping, const std::string& pattern, Choice otherwise) {
  return choice_of<Choice>(text_of(mapping, pattern)).value_or(otherwise);
}

std::vector<std::string> texts_of(const Tree& list);
std::vector<std::int64_t> integers_of(const Tree& list);
std::vector<double> reals_of(const Tree& list);

// A file that the plan names: relative to the folder of the plan.
std::string beside_plan(const std::string& plan_file, const std::string& name);

}  // namespace ekman

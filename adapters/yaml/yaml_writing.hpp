// How values of a plan are written: a function for each, so that the walk through the key table gives the order.
#pragma once

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "coupler/plan/choices.hpp"

namespace ekman {

using Write = std::function<void(YAML::Emitter&)>;
using Values = std::map<std::string, Write>;  // name of the key -> how its value is written; null: left out

inline Write text(const std::string& value) {
  return [=](YAML::Emitter& out) { out << value; };
}

inline Write number(std::int64_t value) { return text(std::to_string(value)); }
inline Write real(double value) { return text(fmt::format("{}", value)); }

inline Write texts(const std::vector<std::string>& values) {
  return [=](YAML::Emitter& out) { out << YAML::Flow << values; };
}

inline Write numbers(const std::vector<std::int64_t>& values) {
  std::vector<std::string> all;
  for (const std::int64_t value : values) all.push_back(std::to_string(value));
  return texts(all);
}

inline Write reals(const std::vector<double>& values) {
  std::vector<std::string> all;
  for (const double value : values) all.push_back(fmt::format("{}", value));
  return texts(all);
}

inline Write given(bool is_given, Write write) { return is_given ? std::move(write) : Write{}; }

// The mapping whose keys are below `pattern` in the table, with their defaults where `values` has none.
Write mapping(const std::string& pattern, Values values, bool in_one_line = false);

// A mapping whose keys are the user's names.
template <class Items, class WriteItem>
Write named(const Items& items, WriteItem write_item) {
  return [=](YAML::Emitter& out) {
    out << YAML::BeginMap;
    for (const auto& [name, item] : items) {
      out << YAML::Key << name << YAML::Value;
      write_item(item)(out);
    }
    out << YAML::EndMap;
  };
}

template <class Choice>
Write word(Choice choice) {
  return text(word_of(choice));
}

}  // namespace ekman

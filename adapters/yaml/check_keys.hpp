// Compares a tree with the key table: unknown, missing, mistyped and not yet supported keys.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "adapters/yaml/diagnostics.hpp"
#include "adapters/yaml/key_table.hpp"
#include "adapters/yaml/tree.hpp"

namespace ekman {

// Scalars as values; empty if the text is none.
std::optional<std::int64_t> parse_integer(const std::string& text);
std::optional<double> parse_real(const std::string& text);            // finite
std::optional<std::int64_t> parse_duration(const std::string& text);  // microseconds, positive; of days and less

// What is wrong with `value` itself as value of `key`, which the user calls `name`; keys below are not looked at.
std::optional<std::string> problem_with(const Key& key, const std::string& name, const Tree& value);

// Adds all problems to `diagnostics`, and the position of every value.
void check_keys(const Tree& root, Diagnostics& diagnostics, const KeyTable& table = plan_keys());

}  // namespace ekman

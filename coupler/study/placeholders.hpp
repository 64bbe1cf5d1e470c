// `{name}` in launch commands. What the shell writes with braces stays as it is: `${HOME}`, `{ a; }`, `{1..3}`; braces
// that would be taken for a name are written twice.
#pragma once

#include <map>
#include <set>
#include <string>

namespace ekman {

// Whether `name` can stand in braces: letters, digits, _, and between them . - [ ]; a letter or _ first.
bool is_placeholder(const std::string& name);

// The names in `text`.
std::set<std::string> placeholders_in(const std::string& text);

// `text` with the values of the names that `values` has; others stay.
std::string filled(const std::string& text, const std::map<std::string, std::string>& values);

}  // namespace ekman

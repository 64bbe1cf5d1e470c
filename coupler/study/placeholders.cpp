// Implements placeholders.hpp.
#include "coupler/study/placeholders.hpp"

#include <cctype>
#include <functional>

namespace ekman {

namespace {

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_inside(char c) {
  return is_letter(c) || std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' || c == '[' ||
         c == ']';
}

// Calls `replace` with each name; what it returns takes the place of name and braces.
std::string walk(const std::string& text, const std::function<std::string(const std::string&)>& replace) {
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    const bool twice = text.compare(i, 2, "{{") == 0 || text.compare(i, 2, "}}") == 0;
    if (twice) {
      result += text[i];
      i += 2;
      continue;
    }
    const bool is_shell = i > 0 && text[i - 1] == '$';
    const std::size_t end = text[i] == '{' && !is_shell ? text.find('}', i) : std::string::npos;
    const std::string name = end == std::string::npos ? "" : text.substr(i + 1, end - i - 1);
    if (is_placeholder(name)) {
      result += replace(name);
      i = end + 1;
    } else {
      result += text[i++];
    }
  }
  return result;
}

}  // namespace

bool is_placeholder(const std::string& name) {
  if (name.empty() || !is_letter(name.front()) || name.find("..") != std::string::npos) return false;
  for (const char c : name)
    if (!is_inside(c)) return false;
  return true;
}

std::set<std::string> placeholders_in(const std::string& text) {
  std::set<std::string> names;
  walk(text, [&](const std::string& name) {
    names.insert(name);
    return name;
  });
  return names;
}

std::string filled(const std::string& text, const std::map<std::string, std::string>& values) {
  return walk(text, [&](const std::string& name) {
    const auto found = values.find(name);
    return found == values.end() ? "{" + name + "}" : found->second;
  });
}

}  // namespace ekman

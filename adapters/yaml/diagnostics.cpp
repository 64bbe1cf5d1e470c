// Collects problems, sorts them by place and prints them like a compiler does.
#include "adapters/yaml/diagnostics.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "ekman/error.hpp"

namespace ekman {
namespace {

bool is_below(const std::string& path, const std::string& above) {
  if (above.empty() || path == above) return true;
  return path.size() > above.size() && path.compare(0, above.size(), above) == 0 &&
         (path[above.size()] == '.' || path[above.size()] == '[');
}

}  // namespace

void Diagnostics::add(Position position, const std::string& path, const std::string& sentence) {
  problems_.insert({position.line, position.column, sentence});
  paths_.insert(path);
}

Position Diagnostics::position_of(std::string path) const {
  while (true) {
    const auto found = positions_.find(path);
    if (found != positions_.end()) return found->second;
    if (path.empty()) return {};
    const std::size_t cut = path.find_last_of(".[");
    path.resize(cut == std::string::npos ? 0 : cut);
  }
}

bool Diagnostics::touches(const std::string& path) const {
  return std::any_of(paths_.begin(), paths_.end(),
                     [&](const std::string& bad) { return is_below(bad, path) || is_below(path, bad); });
}

bool Diagnostics::any_below(const std::string& path) const {
  return std::any_of(paths_.begin(), paths_.end(), [&](const std::string& bad) { return is_below(bad, path); });
}

void Diagnostics::throw_if_any() const {
  if (problems_.empty()) return;
  std::string text;
  for (const auto& [line, column, sentence] : problems_)
    text += fmt::format("{}{}:{}:{}: error: {}", text.empty() ? "" : "\n", file_, line, column, sentence);
  throw Error(ErrorCode::plan, text);
}

}  // namespace ekman

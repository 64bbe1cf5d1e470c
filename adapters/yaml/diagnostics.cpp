// Collects problems, sorts them by place and prints them like a compiler does.
#include "adapters/yaml/diagnostics.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "ekman/error.hpp"

namespace ekman {
namespace {

bool is_below(const std::string& path, const std::string& above) {
  if (above.empty() || path == above) return true;
  return path.size() > above.size() && path.compare(0, above.size(), above) == 0 &&
         (path[above.size()] == '.' || path[above.size()] == '[');
}

const char* word_of(Severity severity) {
  return severity == Severity::error ? "error" : severity == Severity::warning ? "warning" : "hint";
}

}  // namespace

void Diagnostics::add(Position position, const std::string& path, const std::string& sentence,
                      Severity severity) {
  problems_.insert({position.line, position.column, severity, sentence});
  if (severity == Severity::error) paths_.insert(path);
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
  return std::any_of(paths_.begin(), paths_.end(),
                     [&](const std::string& bad) { return is_below(bad, path); });
}

std::size_t Diagnostics::count(Severity severity) const {
  return static_cast<std::size_t>(std::count_if(problems_.begin(), problems_.end(), [&](const auto& problem) {
    return std::get<Severity>(problem) == severity;
  }));
}

std::vector<std::string> Diagnostics::lines(Severity least) const {
  std::vector<std::string> lines;
  for (const auto& [line, column, severity, sentence] : problems_)
    if (severity <= least)
      lines.push_back(fmt::format("{}:{}:{}: {}: {}", file_, line, column, word_of(severity), sentence));
  return lines;
}

void Diagnostics::throw_if_errors() const {
  if (count(Severity::error) > 0)
    throw Error(ErrorCode::plan, fmt::format("{}", fmt::join(lines(Severity::error), "\n")));
}

}  // namespace ekman

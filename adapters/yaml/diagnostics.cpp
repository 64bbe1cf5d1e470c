// Collects problems, sorts them by place and prints them like a compiler does.
#include "adapters/yaml/diagnostics.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "coupler/base/joined.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

constexpr int k_most_errors = 100;

std::string printable(const std::string& text) {
  std::string shown;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte < 0x20 || byte == 0x7f)
      shown += fmt::format("\\x{:02x}", byte);
    else
      shown += character;
  }
  return shown;
}

bool is_below(const std::string& path, const std::string& above) {
  if (above.empty() || path == above) return true;
  return path.size() > above.size() && path.compare(0, above.size(), above) == 0 &&
         (path[above.size()] == '.' || path[above.size()] == '[');
}

const char* word_of(Severity severity) {
  switch (severity) {
    case Severity::error:
      return "error";
    case Severity::warning:
      return "warning";
    case Severity::note:
      return "note";
    case Severity::hint:
      break;
  }
  return "hint";
}

}  // namespace

void Diagnostics::add(Position position, const std::string& path, const std::string& sentence, Severity severity) {
  problems_.insert({position.line, position.column, severity, printable(sentence)});
  if (severity != Severity::error) return;
  paths_.insert(path);
  if (++num_errors_ < k_most_errors) return;
  const auto last = *problems_.rbegin();
  problems_.insert({std::get<0>(last), std::get<1>(last) + 1, Severity::error,
                    fmt::format("these are {} errors; correct them first, there may be more", k_most_errors)});
  throw_errors();
}

void Diagnostics::fail(Position position, const std::string& sentence) {
  add(position, "", sentence);
  throw_errors();
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
  if (count(Severity::error) > 0) throw_errors();
}

void Diagnostics::throw_errors() const { throw Error(ErrorCode::plan, joined(lines(Severity::error), "\n")); }

}  // namespace ekman

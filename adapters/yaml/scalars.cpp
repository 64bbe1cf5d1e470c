// Texts -> numbers and durations, independent of the locale.
#include <charconv>
#include <cmath>

#include "adapters/yaml/check_keys.hpp"
#include "coupler/plan/calendar.hpp"

namespace ekman {
namespace {

constexpr double k_seconds_per_day = 86400.0;
constexpr double k_longest_duration = 4.0e18;  // microseconds: what an int64 holds

template <class Number>
std::optional<Number> parse_whole_text(const std::string& text) {
  const std::size_t start = text.size() > 1 && text[0] == '+' && text[1] != '-' ? 1 : 0;
  Number number{};
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data() + start, end, number);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return number;
}

double seconds_of(char unit, bool is_time) {
  if (!is_time) return unit == 'D' ? k_seconds_per_day : 0.0;
  return unit == 'H' ? 3600.0 : unit == 'M' ? 60.0 : unit == 'S' ? 1.0 : 0.0;
}

}  // namespace

std::optional<std::int64_t> parse_integer(const std::string& text) { return parse_whole_text<std::int64_t>(text); }

std::optional<double> parse_real(const std::string& text) {
  const std::optional<double> number = parse_whole_text<double>(text);
  return number && std::isfinite(*number) ? number : std::nullopt;
}

// P[nD][T[nH][nM][nS]], units from long to short, fractions allowed. Years and months have no fixed length.
std::optional<std::int64_t> parse_duration(const std::string& text) {
  if (text.empty() || text[0] != 'P') return std::nullopt;
  double sum = 0.0;
  double last_unit = 2.0 * k_seconds_per_day;
  bool is_time = false;
  for (std::size_t i = 1; i < text.size();) {
    if (text[i] == 'T' && !is_time) {
      is_time = true;
      if (++i == text.size()) return std::nullopt;
      continue;
    }
    const std::size_t end = text.find_first_not_of("0123456789.", i);
    if (end == std::string::npos || end == i) return std::nullopt;
    const std::optional<double> number = parse_real(text.substr(i, end - i));
    const double unit = seconds_of(text[end], is_time);
    if (!number || unit <= 0.0 || unit >= last_unit) return std::nullopt;
    sum += *number * unit;
    last_unit = unit;
    i = end + 1;
  }
  const double microseconds = sum * static_cast<double>(k_microseconds_per_second);
  if (!(microseconds >= 1.0 && microseconds <= k_longest_duration)) return std::nullopt;
  return std::llround(microseconds);
}

}  // namespace ekman

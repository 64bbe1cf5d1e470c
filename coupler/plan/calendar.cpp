// Implements calendar.hpp.
#include "coupler/plan/calendar.hpp"

#include <fmt/format.h>

#include <array>

namespace ekman {

namespace {

constexpr std::int64_t k_greatest_year = 292000;  // the microseconds of 292277 years are an int64

bool is_leap(CalendarKind kind, std::int64_t year) {
  return kind == CalendarKind::proleptic_gregorian && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int days_in_month(CalendarKind kind, std::int64_t year, int month) {
  if (kind == CalendarKind::days_360) return 30;
  constexpr std::array<int, 12> days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return days[month - 1] + (month == 2 && is_leap(kind, year) ? 1 : 0);
}

// Days from 0000-01-01 to the first day of `year`.
std::int64_t days_before_year(CalendarKind kind, std::int64_t year) {
  if (kind == CalendarKind::days_360) return 360 * year;
  // Leap years before `year`, year 0 included, which is one.
  const std::int64_t last = year - 1;
  const std::int64_t leaps =
      kind == CalendarKind::proleptic_gregorian && year > 0 ? last / 4 - last / 100 + last / 400 + 1 : 0;
  return 365 * year + leaps;
}

// The number at text[at, at + digits), or -1.
std::int64_t number_at(const std::string& text, std::size_t at, std::size_t digits) {
  if (at + digits > text.size() || digits == 0) return -1;
  std::int64_t number = 0;
  for (std::size_t i = at; i < at + digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    number = 10 * number + (text[i] - '0');
  }
  return number;
}

}  // namespace

std::optional<std::int64_t> parse_date(CalendarKind kind, const std::string& text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string::npos || dash < 4 || dash > 6) return std::nullopt;
  const std::size_t length = text.size() - dash;
  if (length != 6 && length != 12 && length != 15) return std::nullopt;  // -MM-DD, -MM-DDThh:mm, -MM-DDThh:mm:ss
  const std::int64_t year = number_at(text, 0, dash), month = number_at(text, dash + 1, 2);
  const std::int64_t day = number_at(text, dash + 4, 2);
  if (text[dash + 3] != '-' || year < 0 || year > k_greatest_year || month < 1 || month > 12 || day < 1)
    return std::nullopt;
  if (day > days_in_month(kind, year, static_cast<int>(month))) return std::nullopt;
  std::int64_t seconds = 0;
  if (length > 6) {
    const std::int64_t hour = number_at(text, dash + 7, 2), minute = number_at(text, dash + 10, 2);
    const std::int64_t second = length > 12 ? number_at(text, dash + 13, 2) : 0;
    const bool marks = text[dash + 6] == 'T' && text[dash + 9] == ':' && (length == 12 || text[dash + 12] == ':');
    if (!marks || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return std::nullopt;
    seconds = 3600 * hour + 60 * minute + second;
  }
  std::int64_t days = days_before_year(kind, year) + day - 1;
  for (int m = 1; m < month; ++m) days += days_in_month(kind, year, m);
  return days * k_microseconds_per_day + seconds * k_microseconds_per_second;
}

std::string date_text(CalendarKind kind, std::int64_t microseconds) {
  std::int64_t days = microseconds / k_microseconds_per_day;
  const std::int64_t rest = microseconds % k_microseconds_per_day;
  std::int64_t year = days / 366;  // not too late; the loop makes up for what is missing
  if (kind == CalendarKind::days_360) year = days / 360;
  while (year < k_greatest_year && days_before_year(kind, year + 1) <= days) {
    const std::int64_t behind = days - days_before_year(kind, year + 1);
    year += 1 + behind / 366;
  }
  days -= days_before_year(kind, year);
  int month = 1;
  for (; days >= days_in_month(kind, year, month) && month < 12; ++month) days -= days_in_month(kind, year, month);
  const std::int64_t seconds = rest / k_microseconds_per_second, fraction = rest % k_microseconds_per_second;
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", year, month, days + 1, seconds / 3600,
                                 seconds / 60 % 60, seconds % 60);
  if (fraction == 0) return text;
  text += fmt::format(".{:06}", fraction);
  return text.substr(0, text.find_last_not_of('0') + 1);
}

std::string StepClock::name(std::int64_t step) const {
  const std::string text = date(step);
  return text.empty() ? fmt::format("step {}", step) : fmt::format("step {} ({})", step, text);
}

std::string StepClock::date(std::int64_t step) const {
  constexpr std::int64_t k_greatest = k_greatest_year * 360 * k_microseconds_per_day;  // in every calendar
  const bool has_date = calendar.given && timestep > 0 && step <= (k_greatest - calendar.start) / timestep;
  return has_date ? date_text(calendar.kind, calendar.start + step * timestep) : "";
}

}  // namespace ekman

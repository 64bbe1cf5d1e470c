// Dates of model steps, in the calendars of climate models. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ekman {

// Times and durations of the plan are whole microseconds.
inline constexpr std::int64_t k_microseconds_per_second = 1000000;
inline constexpr std::int64_t k_microseconds_per_day = 86400 * k_microseconds_per_second;

enum class CalendarKind { proleptic_gregorian, days_365, days_360 };

struct Calendar {
  bool given = false;
  CalendarKind kind = CalendarKind::proleptic_gregorian;
  std::int64_t start = 0;  // microseconds since 0000-01-01T00:00:00 of this calendar: the time before step 1
};

// "2000-01-01", "2000-01-01T06:30", "2000-01-01T06:30:15"; nothing if it is no date of this calendar. Years 0 to
// 292000.
std::optional<std::int64_t> parse_date(CalendarKind kind, const std::string& text);

// The inverse: "2000-01-01T06:30:15", with ".5" and so on if the second is not whole.
std::string date_text(CalendarKind kind, std::int64_t microseconds);

// What a component calls its steps in messages: "step 12", with the date at the end of the step if there is a calendar,
// up to its greatest year.
struct StepClock {
  Calendar calendar;
  std::int64_t timestep = 0;  // microseconds; 0: not given
  std::string name(std::int64_t step) const;
  // The date alone; "" if there is none.
  std::string date(std::int64_t step) const;
};

}  // namespace ekman

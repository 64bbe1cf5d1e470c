// Dates in the three calendars.
#include "coupler/plan/calendar.hpp"

#include <gtest/gtest.h>

namespace ekman {
namespace {

constexpr auto k_gregorian = CalendarKind::proleptic_gregorian;

std::int64_t days_between(CalendarKind kind, const std::string& from, const std::string& to) {
  return (parse_date(kind, to).value() - parse_date(kind, from).value()) / k_microseconds_per_day;
}

TEST(Calendar, CountsLeapDaysAsTheKindSays) {
  EXPECT_EQ(days_between(k_gregorian, "2000-01-01", "2001-01-01"), 366);
  EXPECT_EQ(days_between(k_gregorian, "1900-01-01", "1901-01-01"), 365);
  EXPECT_EQ(days_between(k_gregorian, "0000-01-01", "0001-01-01"), 366);
  EXPECT_EQ(days_between(k_gregorian, "1600-02-29", "2000-02-29"), 146097);
  EXPECT_EQ(days_between(CalendarKind::days_365, "2000-02-28", "2000-03-01"), 1);
  EXPECT_EQ(days_between(CalendarKind::days_360, "2000-02-30", "2000-03-01"), 1);
  EXPECT_EQ(days_between(CalendarKind::days_360, "2000-01-01", "2010-01-01"), 3600);
}

// A known distance: day 0 of Unix time is 719528 days after 0000-01-01 of the proleptic Gregorian calendar.
TEST(Calendar, KnowsTheUnixEpoch) { EXPECT_EQ(days_between(k_gregorian, "0000-01-01", "1970-01-01"), 719528); }

TEST(Calendar, WritesWhatItReads) {
  for (const auto kind : {k_gregorian, CalendarKind::days_365, CalendarKind::days_360}) {
    for (std::int64_t day = 0; day < 400 * 366; ++day) {
      const std::string text = date_text(kind, day * k_microseconds_per_day + 3723 * k_microseconds_per_second);

      ASSERT_EQ(text.substr(10), "T01:02:03") << text;
      ASSERT_EQ(parse_date(kind, text), day * k_microseconds_per_day + 3723 * k_microseconds_per_second) << text;
    }
  }
  EXPECT_EQ(date_text(k_gregorian, *parse_date(k_gregorian, "2000-02-28T23:59") + 60500000), "2000-02-29T00:00:00.5");
  EXPECT_EQ(date_text(k_gregorian, *parse_date(k_gregorian, "123456-12-31")), "123456-12-31T00:00:00");
}

TEST(Calendar, RefusesWhatIsNoDateOfTheKind) {
  for (const char* wrong :
       {"", "2000", "2000-1-1", "2000-13-01", "2000-00-01", "2000-01-00", "2000-04-31", "2001-02-29",
        "2000-01-01T24:00", "2000-01-01T00:60", "2000-01-01 00:00", "2000-01-01T00:00:60", "20000101T000000",
        "-200-01-01", "2000-01-01T00:00:00Z", "292001-01-01", "999999-12-31"}) {
    EXPECT_FALSE(parse_date(k_gregorian, wrong).has_value()) << wrong;
  }
  EXPECT_FALSE(parse_date(CalendarKind::days_365, "2000-02-29").has_value());
  EXPECT_FALSE(parse_date(CalendarKind::days_360, "2000-01-31").has_value());
  EXPECT_TRUE(parse_date(CalendarKind::days_360, "2001-02-30").has_value());
}

TEST(StepClock, NamesTheDateAtTheEndOfTheStep) {
  StepClock clock;
  EXPECT_EQ(clock.name(3), "step 3");

  clock.timestep = 600 * k_microseconds_per_second;
  EXPECT_EQ(clock.name(3), "step 3");

  clock.calendar = {true, k_gregorian, *parse_date(k_gregorian, "1999-12-31T23:30")};
  EXPECT_EQ(clock.name(3), "step 3 (2000-01-01T00:00:00)");
  EXPECT_EQ(clock.name(INT64_MAX), "step 9223372036854775807");
}

}  // namespace
}  // namespace ekman

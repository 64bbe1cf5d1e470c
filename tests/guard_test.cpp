// The guard on rows of outputs.
#include "coupler/engine/guard.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ekman {
namespace {

constexpr double k_nan = std::numeric_limits<double>::quiet_NaN();
constexpr double k_infinity = std::numeric_limits<double>::infinity();

// Rows of field "t" (2 levels) and "s" (1 level).
struct Rows {
  NetworkSpec spec;
  RowLayout layout{{{"t", 2, 0}, {"s", 1, 2}}};
  std::vector<double> values;

  GuardFindings check() {
    spec.guard.given = true;
    spec.wire = Real::float64;
    return OutputGuard(spec, layout)
        .check(reinterpret_cast<std::byte*>(values.data()), 3 * sizeof(double),
               static_cast<std::int64_t>(values.size()) / 3);
  }
  bool given_up(std::size_t i) const {
    return is_given_up(reinterpret_cast<const std::byte*>(&values[i]), Real::float64);
  }
};

TEST(Guard, ClipsToTheBoundsAndCounts) {
  Rows rows;
  rows.spec.guard.fields["t"] = {-1.0, 1.0, OnViolation::clip, ""};
  rows.values = {-3, 0.5, 100, 1, 7, -100};

  const GuardFindings found = rows.check();

  EXPECT_THAT(rows.values, testing::ElementsAre(-1, 0.5, 100, 1, 1, -100));
  EXPECT_THAT(found.clipped, testing::ElementsAre(2, 0));
  ASSERT_EQ(found.first.size(), 2u);
  EXPECT_EQ(found.first[1].row, 1);
  EXPECT_EQ(found.first[1].value, 7.0);
}

TEST(Guard, GivesUpAPointOnceForAllItsLevels) {
  Rows rows;
  rows.spec.guard.nonfinite = OnViolation::fallback;
  rows.spec.guard.fields["t"] = {0.0, 1.0, OnViolation::fallback, "other"};
  rows.values = {0.5, -2, 1, 0.1, 0.2, k_nan, k_infinity, 3, 4};

  const GuardFindings found = rows.check();

  EXPECT_THAT(found.given_up, testing::ElementsAre(2, 1));
  EXPECT_EQ(found.points_given_up, 3);
  EXPECT_EQ(found.first.size(), 3u);
  EXPECT_TRUE(rows.given_up(0) && rows.given_up(5) && rows.given_up(6));
  EXPECT_FALSE(rows.given_up(3) || rows.given_up(2) || rows.given_up(8));
}

TEST(Guard, AbortsByDefaultForWhatIsNotFiniteInAnyField) {
  Rows rows;
  rows.values = {0, 0, -k_infinity};

  const GuardFindings found = rows.check();

  ASSERT_EQ(found.first.size(), 1u);
  EXPECT_EQ(found.first[0].action, OnViolation::abort);
  EXPECT_EQ(found.first[0].field, 1);
}

TEST(Guard, LeavesRowsAloneWhenThereIsNone) {
  NetworkSpec spec;
  float value = std::nanf("");

  const GuardFindings found =
      OutputGuard(spec, {{{"t", 1, 0}}}).check(reinterpret_cast<std::byte*>(&value), sizeof value, 1);

  EXPECT_TRUE(found.first.empty());
  EXPECT_FALSE(is_given_up(reinterpret_cast<std::byte*>(&value), Real::float32));
}

TEST(Guard, MarksAreNeitherCommonNansNorNumbers) {
  for (const double value : {k_nan, -k_nan, std::sqrt(-1.0), 0.0, k_infinity - k_infinity}) {
    const auto single = static_cast<float>(value);
    EXPECT_FALSE(is_given_up(reinterpret_cast<const std::byte*>(&value), Real::float64));
    EXPECT_FALSE(is_given_up(reinterpret_cast<const std::byte*>(&single), Real::float32));
  }
}

}  // namespace
}  // namespace ekman

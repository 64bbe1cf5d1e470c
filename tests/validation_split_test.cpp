// What is held out for validation, and when patience ends.
#include "coupler/engine/validation_split.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "coupler/base/mix64.hpp"
#include "coupler/engine/validation_progress.hpp"

namespace ekman {
namespace {

// The first numbers of SplitMix64 from the seed 0, as published with it.
TEST(Mix64, IsSplitMix64) {
  EXPECT_EQ(mix64(0), 0xe220a8397b1dcdafU);
  EXPECT_EQ(mix64(0x9e3779b97f4a7c15U), 0x6e789e6aa1b965f4U);
  EXPECT_NE(mix64({1, 2}), mix64({2, 1}));
}

TEST(ValidationSplit, MeetsTheFraction) {
  for (const double fraction : {0.01, 0.1, 0.5, 0.9}) {
    const ValidationSplit split({fraction, 1, 1});
    constexpr int k_points = 200000;
    int held = 0;
    for (int id = 0; id < k_points; ++id) held += split.holds_out(id) ? 1 : 0;
    // Five standard deviations of as many independent draws.
    EXPECT_NEAR(held, fraction * k_points, 5.0 * std::sqrt(fraction * (1.0 - fraction) * k_points)) << fraction;
  }
}

TEST(ValidationSplit, KeepsBlocksWhole) {
  const ValidationSplit split({0.3, 64, 1});
  int held = 0;
  for (std::int64_t block = 0; block < 500; ++block) {
    const bool first = split.holds_out(block * 64);
    held += first ? 1 : 0;
    for (std::int64_t id = block * 64; id < (block + 1) * 64; ++id) ASSERT_EQ(split.holds_out(id), first) << id;
  }
  EXPECT_GT(held, 0);
  EXPECT_LT(held, 500);
}

TEST(ValidationSplit, HoldsNothingOutUnlessAsked) {
  const ValidationSplit split(ValidationSpec{});
  EXPECT_FALSE(split.any());
  for (std::int64_t id = 0; id < 1000; ++id) ASSERT_FALSE(split.holds_out(id));
}

// One term of weight 2; validations over 2 steps each.
class Progress : public testing::Test {
 protected:
  Progress() {
    training_.loss = {LossTerm{}};
    training_.loss[0].weight = 2.0;
    training_.validation = {0.1, 1, 2};
    training_.patience = 2;
  }
  StepReport validate(double weight, double loss) {
    StepReport first, second;
    first.validation_loss = second.validation_loss = std::nan("");
    progress_.add({weight, weight * loss}, training_, first);
    EXPECT_TRUE(std::isnan(first.validation_loss));
    progress_.add({weight, weight * loss}, training_, second);
    return second;
  }

  TrainingSpec training_;
  ValidationProgress progress_;
};

TEST_F(Progress, IsTheMeanOverPointsAndSteps) {
  StepReport report;
  progress_.add({1.0, 5.0}, training_, report);
  progress_.add({3.0, 3.0}, training_, report);
  EXPECT_DOUBLE_EQ(report.validation_loss, 2.0 * 8.0 / 4.0);
  EXPECT_TRUE(report.best);
  EXPECT_DOUBLE_EQ(validate(1.0, 3.0).validation_loss, 6.0) << "each begins anew";
}

TEST_F(Progress, EndsWithPatience) {
  EXPECT_TRUE(validate(1.0, 3.0).best);
  EXPECT_FALSE(validate(1.0, 3.0).best) << "equal is no progress";
  EXPECT_TRUE(validate(1.0, 2.0).best);
  EXPECT_FALSE(validate(1.0, 2.5).stopped);
  const StepReport last = validate(1.0, 2.1);
  EXPECT_TRUE(last.stopped);
  EXPECT_FALSE(last.best);
  EXPECT_TRUE(progress_.stopped);
}

TEST_F(Progress, GoesOnWithALargerPatience) {
  validate(1.0, 1.0);
  while (!progress_.stopped) validate(1.0, 2.0);
  progress_.go_on(training_);
  EXPECT_TRUE(progress_.stopped);
  ++training_.patience;
  progress_.go_on(training_);
  EXPECT_FALSE(progress_.stopped);
  EXPECT_TRUE(validate(1.0, 2.0).stopped) << "one more, and no more";
}

TEST_F(Progress, TakesALossThatIsNoNumberForTheWorst) {
  const StepReport report = validate(1.0, std::nan(""));
  EXPECT_TRUE(std::isinf(report.validation_loss));
  EXPECT_FALSE(report.best);
}

TEST_F(Progress, WaitsForASampleHeldOut) {
  EXPECT_TRUE(std::isnan(validate(0.0, 0.0).validation_loss));
  StepReport report;
  progress_.add({1.0, 1.0}, training_, report);
  EXPECT_DOUBLE_EQ(report.validation_loss, 2.0);
}

}  // namespace
}  // namespace ekman

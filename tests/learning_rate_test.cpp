// Closed forms of the learning rate against what PyTorch's schedulers do step by step.
#include <gtest/gtest.h>

#include <cmath>

#include "coupler/plan/training_spec.hpp"

namespace ekman {
namespace {

TEST(LearningRate, IsConstantWithoutASchedule) {
  for (const std::int64_t step : {0, 1, 1000000}) EXPECT_EQ(learning_rate(0.25, {}, step), 0.25);
}

TEST(LearningRate, GrowsInTheWarmUpAndIsNeverZero) {
  ScheduleSpec schedule;
  schedule.warmup = 4;
  const double expected[] = {0.2, 0.4, 0.6, 0.8, 1.0, 1.0};
  for (int step = 0; step < 6; ++step) EXPECT_DOUBLE_EQ(learning_rate(1.0, schedule, step), expected[step]);
}

// StepLR and ExponentialLR multiply; the closed form must not drift from them.
TEST(LearningRate, DecaysByFactors) {
  ScheduleSpec step_wise{ScheduleKind::step, 2, 3, 0.5, 0.0};
  ScheduleSpec exponential{ScheduleKind::exponential, 2, 1, 0.9, 0.0};
  double halved = 0.8, shrunk = 0.8;
  for (int step = 2; step < 40; ++step) {
    EXPECT_NEAR(learning_rate(0.8, step_wise, step), halved, 1e-15);
    EXPECT_NEAR(learning_rate(0.8, exponential, step), shrunk, 1e-15);
    if ((step - 2) % 3 == 2) halved *= 0.5;
    shrunk *= 0.9;
  }
}

// CosineAnnealingLR's recursion: lr(t+1) - last = (lr(t) - last) (1 + cos(pi (t+1)/T)) / (1 + cos(pi t/T)).
TEST(LearningRate, FollowsACosineToItsLastValue) {
  const ScheduleSpec schedule{ScheduleKind::cosine, 0, 50, 0.1, 0.1};
  double lr = 2.0;
  for (int step = 0; step < 50; ++step) {
    EXPECT_NEAR(learning_rate(2.0, schedule, step), lr, 1e-12);
    lr = 0.2 + (lr - 0.2) * (1 + std::cos(M_PI * (step + 1) / 50)) / (1 + std::cos(M_PI * step / 50));
  }
  EXPECT_DOUBLE_EQ(learning_rate(2.0, schedule, 50), 0.2);
  EXPECT_DOUBLE_EQ(learning_rate(2.0, schedule, 5000), 0.2);
}

TEST(LearningRate, FollowsALineToItsLastValue) {
  const ScheduleSpec schedule{ScheduleKind::linear, 10, 100, 0.1, 0.0};
  EXPECT_DOUBLE_EQ(learning_rate(1.0, schedule, 10), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate(1.0, schedule, 35), 0.75);
  EXPECT_DOUBLE_EQ(learning_rate(1.0, schedule, 110), 0.0);
}

}  // namespace
}  // namespace ekman

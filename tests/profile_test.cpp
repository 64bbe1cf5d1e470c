// Where the time of a rank goes: sums, course and events, and what of them is bounded.
#include "coupler/profile/profile.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <thread>

namespace ekman {
namespace {

constexpr std::int64_t k_millisecond = 1000000;

const ProfileLane* lane_of(const std::vector<ProfileLane>& lanes, int network) {
  for (const ProfileLane& lane : lanes)
    if (lane.network == network) return &lane;
  return nullptr;
}

double sum_of(const ProfileCourse& course, Stage stage) {
  return std::accumulate(course.bins.begin(), course.bins.end(), 0.0,
                         [&](double sum, const auto& bin) { return sum + static_cast<double>(bin[place_of(stage)]); });
}

TEST(Profile, AddsUpByStageAndNetwork) {
  Profile profile(2);
  profile.begin(1);
  const std::int64_t now = profile_clock();
  for (std::int64_t step = 1; step <= 3; ++step) {
    profile.add(Stage::pack, 1, now, now + step * k_millisecond);
    profile.add(Stage::pack, 1, now, now + step * k_millisecond);
    profile.add(Stage::physics, -1, now, now + 5 * k_millisecond);
    profile.end_step(step);
  }

  const std::vector<ProfileLane> lanes = profile.lanes();
  ASSERT_EQ(lanes.size(), 2U);
  const StageSum& pack = lane_of(lanes, 1)->sums[place_of(Stage::pack)];
  EXPECT_EQ(pack.count, 3);
  EXPECT_NEAR(pack.seconds, 0.012, 1e-12);
  EXPECT_NEAR(pack.longest, 0.006, 1e-12);
  EXPECT_NEAR(lane_of(lanes, -1)->sums[place_of(Stage::physics)].seconds, 0.015, 1e-12);
  EXPECT_EQ(profile.steps(), 3);
  EXPECT_EQ(profile.events().size(), 9U);
}

TEST(Profile, KeepsTheCourseOfAnyNumberOfStepsInBoundedBins) {
  Profile profile(1);
  profile.begin(1);
  const std::int64_t now = profile_clock();
  const std::int64_t steps = 10000;
  for (std::int64_t step = 1; step <= steps; ++step) {
    profile.add(Stage::wait, 0, now, now + k_millisecond);
    profile.end_step(step);
  }

  const ProfileCourse course = lane_of(profile.lanes(), 0)->course;
  EXPECT_EQ(course.width, 64);
  EXPECT_EQ(course.bins.size(), 157U);  // 10000 / 64, rounded up
  EXPECT_NEAR(course.bins.front()[place_of(Stage::wait)], 0.064, 1e-6);
  EXPECT_NEAR(course.bins.back()[place_of(Stage::wait)], 0.016, 1e-6);
  EXPECT_NEAR(sum_of(course, Stage::wait), 10.0, 1e-3);
}

TEST(Profile, KeepsTheFirstAndTheLastEventsInOrder) {
  Profile profile(1);
  profile.begin(1);
  const std::int64_t now = profile_clock();
  for (std::int64_t step = 1; step <= 5000; ++step) {
    profile.add(Stage::wait, 0, now + step * k_millisecond, now + (step + 1) * k_millisecond);
    profile.end_step(step);
  }

  const std::vector<ProfileEvent> events = profile.events();
  ASSERT_EQ(events.size(), 2048U);
  for (std::int32_t i = 0; i < 1024; ++i) {
    EXPECT_EQ(events[static_cast<std::size_t>(i)].step, i + 1);
    EXPECT_EQ(events[static_cast<std::size_t>(1024 + i)].step, 5000 - 1023 + i);
  }
}

TEST(Profile, TakesTimesOfOtherThreadsWithoutTheirEvents) {
  Profile profile(1);
  profile.begin(1);
  std::thread([&] { profile.add(Stage::pack, 0, 0, k_millisecond); }).join();
  profile.end_step(1);

  EXPECT_NEAR(lane_of(profile.lanes(), 0)->sums[place_of(Stage::pack)].seconds, 0.001, 1e-12);
  EXPECT_TRUE(profile.events().empty());
}

TEST(Profile, TakesWhatIsToldInsideOutOfTheWorkAround) {
  Profile profile(1);
  profile.begin(1);
  {
    const WorkTimer work(&profile, Stage::unpack, 0);
    const StageTimer wait(&profile, Stage::wait, 0);
    const std::int64_t begin = profile_clock();
    while (profile_clock() - begin < 20 * k_millisecond) {
    }
  }
  profile.end_step(1);

  const std::array<StageSum, k_stages> sums = lane_of(profile.lanes(), 0)->sums;
  EXPECT_GE(sums[place_of(Stage::wait)].seconds, 0.02);
  EXPECT_LT(sums[place_of(Stage::unpack)].seconds, 0.01);
}

TEST(Profile, IsNotTouchedByTimersWithoutOne) {
  Profile profile(1);
  profile.begin(1);
  const std::int64_t before = profile.told();
  {
    const StageTimer stage(nullptr, Stage::wait, 0);
    const WorkTimer work(nullptr, Stage::pack, 0);
  }
  profile.end_step(1);

  EXPECT_EQ(profile.told(), before);
  EXPECT_TRUE(profile.lanes().empty());
}

}  // namespace
}  // namespace ekman

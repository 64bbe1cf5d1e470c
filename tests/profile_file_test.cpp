// The profile of a run goes to its file and back, and in bytes from rank to rank; where there are many ranks less of
// each is kept.
#include "adapters/hdf5/profile_file.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <numeric>

#include "ekman/error.hpp"

namespace ekman {
namespace {

ProfileLane lane_of_steps(std::int16_t network, std::int64_t steps) {
  ProfileLane lane;
  lane.network = network;
  lane.sums[place_of(Stage::wait)] = {steps, 0.001 * static_cast<double>(steps), 0.004};
  std::array<std::int64_t, k_stages> passed{};
  passed[place_of(Stage::wait)] = 1000000;
  for (std::int64_t step = 1; step <= steps; ++step) lane.course.add(step, passed);
  return lane;
}

RunProfile profile_of_run() {
  RunProfile run;
  run.version = "0.1 of a test";
  run.simulated = true;
  run.components = {"atmosphere", "ocean"};
  run.networks = {{"heating", "atmosphere", false, true, 1000, 64, 1, 2}, {"mixing", "ocean", true, false, 7, 7, 0, 1}};
  for (std::int32_t rank = 0; rank < 3; ++rank) {
    RankProfile one;
    one.component = rank < 2 ? 0 : -1;
    one.rank = rank % 2;
    one.network = rank < 2 ? -1 : 0;
    one.node = rank < 2 ? "cpu1" : "gpu1";
    one.device = rank < 2 ? "" : "cuda:0";
    one.points = 500 + rank;
    one.steps = 600;
    one.seconds = 12.5;
    one.lanes = {lane_of_steps(-1, 600), lane_of_steps(0, 300)};
    for (int event = 0; event < 2000; ++event)
      one.events.push_back({0.001 * event, 0.0005F, event + 1, 0, static_cast<std::int16_t>(place_of(Stage::wait))});
    run.ranks.push_back(one);
  }
  return run;
}

double seconds_of(const ProfileCourse& course) {
  double sum = 0.0;
  for (const auto& bin : course.bins) sum = std::accumulate(bin.begin(), bin.end(), sum);
  return sum;
}

void expect_same(const RankProfile& found, const RankProfile& made) {
  EXPECT_EQ(found.component, made.component);
  EXPECT_EQ(found.rank, made.rank);
  EXPECT_EQ(found.network, made.network);
  EXPECT_EQ(found.node, made.node);
  EXPECT_EQ(found.device, made.device);
  EXPECT_EQ(found.points, made.points);
  EXPECT_EQ(found.steps, made.steps);
  EXPECT_EQ(found.seconds, made.seconds);
  ASSERT_EQ(found.lanes.size(), made.lanes.size());
  for (std::size_t lane = 0; lane < made.lanes.size(); ++lane) {
    EXPECT_EQ(found.lanes[lane].network, made.lanes[lane].network);
    EXPECT_EQ(found.lanes[lane].course.width, made.lanes[lane].course.width);
    EXPECT_EQ(found.lanes[lane].course.bins, made.lanes[lane].course.bins);
    for (std::size_t stage = 0; stage < k_stages; ++stage) {
      EXPECT_EQ(found.lanes[lane].sums[stage].count, made.lanes[lane].sums[stage].count);
      EXPECT_EQ(found.lanes[lane].sums[stage].seconds, made.lanes[lane].sums[stage].seconds);
      EXPECT_EQ(found.lanes[lane].sums[stage].longest, made.lanes[lane].sums[stage].longest);
    }
  }
  ASSERT_EQ(found.events.size(), made.events.size());
  for (std::size_t event = 0; event < made.events.size(); ++event) {
    EXPECT_EQ(found.events[event].begin, made.events[event].begin);
    EXPECT_EQ(found.events[event].seconds, made.events[event].seconds);
    EXPECT_EQ(found.events[event].step, made.events[event].step);
    EXPECT_EQ(found.events[event].network, made.events[event].network);
    EXPECT_EQ(found.events[event].stage, made.events[event].stage);
  }
}

TEST(ProfileFile, GivesBackWhatWasWritten) {
  const std::string path = testing::TempDir() + "profile_file_test.h5";
  const RunProfile made = profile_of_run();
  write_profile(path, made);
  write_profile(path, made);  // in place of what is there
  const RunProfile found = read_profile(path);
  EXPECT_EQ(found.version, made.version);
  EXPECT_TRUE(found.simulated);
  EXPECT_EQ(found.components, made.components);
  ASSERT_EQ(found.networks.size(), made.networks.size());
  EXPECT_EQ(found.networks[0].name, "heating");
  EXPECT_TRUE(found.networks[0].learns);
  EXPECT_TRUE(found.networks[1].is_inline);
  EXPECT_EQ(found.networks[0].period, 2);
  EXPECT_EQ(found.networks[1].chunk, 7);
  ASSERT_EQ(found.ranks.size(), made.ranks.size());
  for (std::size_t rank = 0; rank < made.ranks.size(); ++rank) expect_same(found.ranks[rank], made.ranks[rank]);
}

TEST(ProfileFile, LeavesNothingWhereItCannotBeWritten) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "profile_to_be";
  std::filesystem::create_directories(folder / "taken.h5");
  std::ofstream(folder / "taken.h5" / "something") << "here";
  EXPECT_THROW(write_profile((folder / "taken.h5").string(), profile_of_run()), Error);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
  std::filesystem::remove_all(folder);
}

TEST(ProfileFile, RefusesWhatIsNone) {
  const std::string path = testing::TempDir() + "no_profile.h5";
  std::filesystem::remove(path);
  EXPECT_THROW(read_profile(path), Error);
  std::ofstream(path) << "no HDF5";
  try {
    read_profile(path);
    FAIL() << "read";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(path), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("profile: on"), std::string::npos);
  }
}

TEST(ProfileBytes, GoFromRankToRank) {
  const RankProfile made = profile_of_run().ranks[2];
  expect_same(rank_profile_from(to_bytes(made, profile_limits(3))), made);
}

TEST(ProfileBytes, AreFewerOfEachOfManyRanks) {
  const RankProfile made = profile_of_run().ranks[0];
  const ProfileLimits limits = profile_limits(8192);
  const RankProfile found = rank_profile_from(to_bytes(made, limits));
  EXPECT_LT(limits.bins, profile_limits(3).bins);
  ASSERT_EQ(found.lanes.size(), made.lanes.size());
  EXPECT_LE(found.lanes[0].course.bins.size(), limits.bins);
  EXPECT_NEAR(seconds_of(found.lanes[0].course), seconds_of(made.lanes[0].course), 1e-4);
  ASSERT_EQ(found.events.size(), limits.events);
  EXPECT_EQ(found.events.front().step, made.events.front().step);
  EXPECT_EQ(found.events.back().step, made.events.back().step);
}

}  // namespace
}  // namespace ekman

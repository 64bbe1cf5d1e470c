// What a made-up profile says: numbers computed by hand from made_profile.hpp, and one screen whatever the run.
#include "coupler/profile/profile_text.hpp"

#include <gmock/gmock.h>

#include <sstream>

#include "coupler/profile/balance.hpp"
#include "coupler/profile/wait_sentences.hpp"
#include "tests/made_profile.hpp"

namespace ekman {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const StageBalance* stage_of(const GroupBalance& group, Stage stage, int network) {
  for (const StageBalance& each : group.stages)
    if (each.stage == stage && each.network == network) return &each;
  return nullptr;
}

void expect_one_screen(const std::string& text) {
  std::istringstream lines(text);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) EXPECT_LE(line.size(), 100U) << line;
  EXPECT_LE(count, 24) << text;
}

TEST(Balance, IsThatOfAStepOverRanks) {
  const RunBalance balance = balance_of(made_profile());

  ASSERT_EQ(balance.components.size(), 1U);
  const GroupBalance& component = balance.components[0];
  EXPECT_EQ(component.name, "atmosphere");
  EXPECT_EQ(component.ranks, 4);
  EXPECT_EQ(component.steps, 200);
  EXPECT_NEAR(component.step.mean, 0.050, 1e-12);
  const StageBalance* physics = stage_of(component, Stage::physics, -1);
  ASSERT_NE(physics, nullptr);
  EXPECT_NEAR(physics->seconds.mean, 0.0445, 1e-12);
  EXPECT_NEAR(physics->seconds.least, 0.043, 1e-12);
  EXPECT_NEAR(physics->seconds.most, 0.046, 1e-12);
  EXPECT_EQ(physics->seconds.least_rank, 0);
  EXPECT_EQ(physics->seconds.most_rank, 3);
  EXPECT_NEAR(physics->share, 0.89, 1e-12);
  EXPECT_NEAR(component.busy.mean, 0.045, 1e-12);
  EXPECT_NEAR(component.imbalance, 0.0465 / 0.045, 1e-12);
  EXPECT_NEAR(component.other.mean, 0.0, 1e-12);
}

TEST(Balance, KnowsWhoWaitsForWhom) {
  const RunBalance balance = balance_of(made_profile());

  ASSERT_EQ(balance.waits.size(), 1U);
  EXPECT_EQ(balance.waits[0].network, 0);
  EXPECT_NEAR(balance.waits[0].seconds.mean, 0.005, 1e-12);
  EXPECT_NEAR(balance.waits[0].share, 0.1, 1e-12);
  ASSERT_EQ(balance.networks.size(), 1U);
  EXPECT_NEAR(balance.networks[0].mean_of(Stage::wait), 0.0425, 1e-12);
  EXPECT_NEAR(balance.networks[0].busy.mean, 0.0065, 1e-12);  // without the 1 ms of reduce
}

TEST(Balance, CountsPointsOfNetworkAndDevice) {
  const RunBalance balance = balance_of(made_profile());

  ASSERT_EQ(balance.throughput.size(), 1U);
  EXPECT_NEAR(balance.throughput[0].points_per_second, 1000 / 0.05, 1e-6);
  ASSERT_EQ(balance.throughput[0].devices.size(), 2U);
  const DeviceThroughput& first = balance.throughput[0].devices[0];
  EXPECT_EQ(first.device, "cuda:0");
  EXPECT_NEAR(first.points_per_second, 500 / 0.05, 1e-6);
  EXPECT_NEAR(first.busy_points_per_second, 500 / 0.006, 1e-6);
}

TEST(Balance, OfAnEmptyRunIsEmpty) {
  RunProfile run = made_profile();
  for (RankProfile& rank : run.ranks) {
    rank.steps = 0;
    rank.seconds = 0.0;
    rank.lanes.clear();
  }

  EXPECT_TRUE(balance_of(run).waits.empty());
  EXPECT_TRUE(balance_of(run).throughput.empty());
  EXPECT_THAT(profile_text(run), StartsWith("no component waits for a network"));
  EXPECT_FALSE(profile_text(RunProfile{}).empty());
}

TEST(ProfileText, BeginsWithWhoWaitsForWhom) {
  const std::string text = profile_text(made_profile());

  EXPECT_THAT(text, StartsWith("atmosphere waits 5.00 ms of each 50.0 ms step (10 %) for network \"heating\"\n"
                               "2 ML ranks of \"heating\" wait 42.5 ms of each 50.0 ms exchange (85 %) for atmosphere\n"
                               "without waits a step of atmosphere takes "));
  EXPECT_THAT(text, HasSubstr("20.0 k points/s on 2 devices"));
  expect_one_screen(text);
}

TEST(ProfileText, TellsInlineNetworksApart) {
  RunProfile run;
  run.components = {"ocean"};
  run.networks = {{"mixing", "ocean", true, false, 300, 64, 0, 2}};
  RankProfile rank;
  rank.component = 0;
  rank.steps = 10;
  rank.seconds = 1.0;
  put_stage(rank, -1, Stage::physics, 10, 0.07);
  put_stage(rank, 0, Stage::forward, 10, 0.02);
  run.ranks = {rank};

  const std::string text = profile_text(run);

  EXPECT_THAT(text,
              StartsWith("ocean spends 20.0 ms of each 100 ms step (20 %) in network \"mixing\", which is inline\n"
                         "no component waits for a network\n"));
  EXPECT_THAT(text, HasSubstr("1.50 k points/s, inline"));  // every second step
  EXPECT_THAT(text, HasSubstr("in no stage"));
}

TEST(ProfileText, BeginsWithMlRanksWhereComponentsHardlyWait) {
  RunProfile run = made_profile();
  for (RankProfile& rank : run.ranks)
    if (rank.component >= 0) put_stage(rank, 0, Stage::wait, 200, 0.0001);

  EXPECT_THAT(profile_text(run),
              StartsWith("2 ML ranks of \"heating\" wait 42.5 ms of each 50.0 ms exchange (85 %) for atmosphere\n"
                         "no component waits for a network longer than 100 us of a step\n"
                         "without waits a step of atmosphere takes "));
}

TEST(ProfileText, MarksWhatIsSimulated) {
  RunProfile run = made_profile();
  run.simulated = true;

  EXPECT_THAT(profile_text(run), StartsWith("simulated, not measured"));
}

TEST(ProfileText, FitsAScreenWhateverTheRun) {
  for (const int components : {1, 2, 5, 40}) {
    for (const int networks : {1, 2, 3, 7, 60})
      expect_one_screen(profile_text(made_profile_of_many(components, networks)));
  }
  expect_one_screen(profile_text(made_profile(std::string(80, 'a'), std::string(90, 'n'))));
}

TEST(ProfileText, HasThreeDigitsAndTheUnitThatFits) {
  EXPECT_EQ(seconds_words(0.0), "0");
  EXPECT_EQ(seconds_words(4e-9), "4 ns");
  EXPECT_EQ(seconds_words(1.234e-5), "12.3 us");
  EXPECT_EQ(seconds_words(0.0053), "5.30 ms");
  EXPECT_EQ(seconds_words(0.9999), "1.00 s");
  EXPECT_EQ(seconds_words(1234.5), "1234 s");
  EXPECT_EQ(count_words(19607.0), "19.6 k");
  EXPECT_EQ(count_words(2.5e9), "2.50 G");
  EXPECT_EQ(share_words(0.001), "<1 %");
  EXPECT_EQ(share_words(0.0), "0 %");
}

}  // namespace
}  // namespace ekman

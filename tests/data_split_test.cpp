// Which recorded samples are learned from, validate and test.
#include "coupler/offline/data_split.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <numeric>

#include "ekman/error.hpp"
#include "tests/message_of.hpp"

namespace ekman {
namespace {

using ::testing::HasSubstr;

std::vector<std::int64_t> steps_from(std::int64_t first, std::int64_t count, std::int64_t every) {
  std::vector<std::int64_t> steps;
  for (std::int64_t i = 0; i < count; ++i) steps.push_back(first + i * every);
  return steps;
}

SplitSpec split_of(std::int64_t block, std::int64_t seed) {
  SplitSpec spec;
  spec.block = block;
  spec.seed = seed;
  return spec;
}

std::vector<SplitPart> parts_of(const SplitSpec& spec, const std::vector<std::int64_t>& steps) {
  const DataSplit split(spec, steps);
  std::vector<SplitPart> parts;
  for (const std::int64_t step : steps) parts.push_back(split.of_step(step));
  return parts;
}

TEST(DataSplit, KeepsBlocksOfTimesTogether) {
  const std::vector<SplitPart> parts = parts_of(split_of(5, 1), steps_from(7, 100, 3));

  for (std::size_t time = 0; time < parts.size(); ++time) EXPECT_EQ(parts[time], parts[time / 5 * 5]) << time;
}

TEST(DataSplit, TakesAsManyBlocksAsTheFractionsAskFor) {
  std::map<SplitPart, int> count;
  for (const SplitPart part : parts_of(split_of(5, 1), steps_from(1, 100, 1))) ++count[part];

  EXPECT_EQ(count[SplitPart::train], 70);
  EXPECT_EQ(count[SplitPart::validation], 15);
  EXPECT_EQ(count[SplitPart::test], 15);
}

TEST(DataSplit, MakesTwentyBlocksByItself) {
  const std::vector<SplitPart> parts = parts_of(split_of(0, 4), steps_from(1, 200, 1));

  for (std::size_t time = 0; time < parts.size(); ++time) EXPECT_EQ(parts[time], parts[time / 10 * 10]) << time;
}

TEST(DataSplit, DrawsOtherBlocksWithAnotherSeed) {
  const std::vector<std::int64_t> steps = steps_from(1, 100, 1);

  EXPECT_EQ(parts_of(split_of(5, 1), steps), parts_of(split_of(5, 1), steps));
  EXPECT_NE(parts_of(split_of(5, 1), steps), parts_of(split_of(5, 2), steps));
}

TEST(DataSplit, LeavesGapsWherePartsMeet) {
  const std::vector<std::int64_t> steps = steps_from(1, 100, 1);
  SplitSpec spec = split_of(10, 1);
  const std::vector<SplitPart> closed = parts_of(spec, steps);
  spec.gap = 2;
  const std::vector<SplitPart> open = parts_of(spec, steps);

  int gaps = 0;
  for (int time = 0; time < 100; ++time) {
    bool near_another = false;
    for (int near = std::max(0, time - 2); near <= std::min(99, time + 2); ++near)
      near_another = near_another || closed[static_cast<std::size_t>(near)] != closed[static_cast<std::size_t>(time)];
    EXPECT_EQ(open[static_cast<std::size_t>(time)],
              near_another ? SplitPart::none : closed[static_cast<std::size_t>(time)])
        << time;
    gaps += near_another ? 1 : 0;
  }
  EXPECT_GE(gaps, 4);
}

TEST(DataSplit, RefusesTooFewTimes) {
  EXPECT_THAT(message_of([] { DataSplit(split_of(5, 1), steps_from(1, 10, 1)); }),
              HasSubstr("10 times, 2 blocks of 5, which are too few for a split into 0.7 to learn from"));
}

TEST(DataSplit, MayHaveNoValidation) {
  SplitSpec spec = split_of(1, 1);
  spec.train = 0.8;
  spec.validation = 0.0;
  spec.test = 0.2;
  std::map<SplitPart, int> count;
  for (const SplitPart part : parts_of(spec, steps_from(1, 10, 1))) ++count[part];

  EXPECT_EQ(count[SplitPart::train], 8);
  EXPECT_EQ(count[SplitPart::validation], 0);
  EXPECT_EQ(count[SplitPart::test], 2);
}

TEST(DataSplit, KeepsBlocksOfIdsTogetherInTheirShares) {
  SplitSpec spec = split_of(16, 5);
  spec.rule = SplitRule::id;
  const DataSplit split(spec, {1});
  std::map<SplitPart, int> blocks;

  for (std::int64_t block = 0; block < 10000; ++block) {
    const SplitPart part = split.of_id(16 * block);
    for (std::int64_t id = 16 * block; id < 16 * block + 16; ++id) ASSERT_EQ(split.of_id(id), part) << id;
    ++blocks[part];
  }

  // Six standard deviations of a draw.
  EXPECT_NEAR(blocks[SplitPart::train], 7000, 6 * 46);
  EXPECT_NEAR(blocks[SplitPart::validation], 1500, 6 * 36);
  EXPECT_NEAR(blocks[SplitPart::test], 1500, 6 * 36);
  EXPECT_EQ(blocks[SplitPart::none], 0);
}

}  // namespace
}  // namespace ekman

// Which slots were put: overlaps are refused, stretches merge.
#include "coupler/session/coverage.hpp"

#include <gtest/gtest.h>

namespace ekman {
namespace {

TEST(Coverage, CountsDisjointStretchesInAnyOrder) {
  Coverage coverage;

  EXPECT_TRUE(coverage.add(5, 5));
  EXPECT_TRUE(coverage.add(0, 2));
  EXPECT_TRUE(coverage.add(2, 3));

  EXPECT_EQ(coverage.covered(), 10);
}

TEST(Coverage, RefusesAnyOverlapAndKeepsWhatItHad) {
  Coverage coverage;
  coverage.add(10, 10);

  EXPECT_FALSE(coverage.add(5, 6));
  EXPECT_FALSE(coverage.add(19, 1));
  EXPECT_FALSE(coverage.add(0, 100));
  EXPECT_FALSE(coverage.add(12, 2));

  EXPECT_EQ(coverage.covered(), 10);
}

TEST(Coverage, IsEmptyAfterClear) {
  Coverage coverage;
  coverage.add(0, 4);

  coverage.clear();

  EXPECT_EQ(coverage.covered(), 0);
  EXPECT_TRUE(coverage.add(0, 4));
}

}  // namespace
}  // namespace ekman

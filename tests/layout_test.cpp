// The pure arithmetic from ids to pieces, owners and messages.
#include "coupler/layout/layout.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

namespace ekman {
namespace {

using testing::ElementsAre;

TEST(Directory, TurnsSortedIdsIntoRunsCutAtChunks) {
  const std::vector<std::vector<Piece>> found = make_directory({{1, 2, 3, 4, 5, 9}, {6, 7}}, 0, 4);

  ASSERT_EQ(found[0].size(), 3u);
  EXPECT_EQ(found[0][0].position, 0);
  EXPECT_EQ(found[0][0].count, 4);
  EXPECT_EQ(found[0][1].position, 4);
  EXPECT_EQ(found[0][1].count, 1);
  EXPECT_EQ(found[0][2].position, 7);
  EXPECT_EQ(found[1][0].position, 5);
  EXPECT_EQ(found[1][0].count, 2);
}

TEST(Duplicates, AreNamedWithBothRanks) {
  const std::vector<Duplicate> found = find_duplicates({{20, 10}, {}, {20}});

  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].id, 20);
  EXPECT_EQ(found[0].source_a, 0);
  EXPECT_EQ(found[0].source_b, 2);
}

TEST(Duplicates, AreFoundOnOneRankTooAndBoundedInNumber) {
  EXPECT_THAT(find_duplicates({{1, 2, 3}, {4, 5}}), testing::IsEmpty());
  EXPECT_THAT(find_duplicates({{7, 7}}), testing::SizeIs(1));
  EXPECT_THAT(find_duplicates({std::vector<std::int64_t>(100, 3)}), testing::SizeIs(8));
}

TEST(DirectoryBounds, AreEvenToOneChunkAndCutAtChunks) {
  EXPECT_THAT(directory_bounds(100, 8, 3), ElementsAre(0, 32, 64, 100));
  EXPECT_THAT(directory_bounds(3, 8, 3), ElementsAre(0, 0, 0, 3));
  EXPECT_THAT(directory_bounds(0, 8, 2), ElementsAre(0, 0, 0));
}

TEST(Owners, FollowTheNodeOfMostRowsWithinOneChunkOfBalance) {
  std::vector<NodeVote> votes;
  for (std::int64_t chunk = 0; chunk < 7; ++chunk) votes.push_back({chunk, chunk % 2 == 0 ? 8 : 3, 10});

  const std::vector<int> owners = assign_owners(7, votes, {3, 8});

  const auto first = std::count(owners.begin(), owners.end(), 0);
  EXPECT_LE(std::abs(2 * first - 7), 1);
  EXPECT_EQ(owners[1], 0);
  EXPECT_EQ(owners[3], 0);
  EXPECT_EQ(owners[0], 1);
}

TEST(Owners, StayBalancedWhenAllRowsAreOnOneNode) {
  std::vector<NodeVote> votes;
  for (std::int64_t chunk = 0; chunk < 10; ++chunk) votes.push_back({chunk, 1, 5});

  const std::vector<int> owners = assign_owners(10, votes, {0, 1, 2});

  for (int r = 0; r < 3; ++r) {
    const auto load = std::count(owners.begin(), owners.end(), r);
    EXPECT_GE(load, 3);
    EXPECT_LE(load, 4);
  }
}

TEST(Groups, HoldEveryPieceOnceAndNoMoreThanAMessage) {
  std::vector<Piece> pieces;
  for (int i = 0; i < 10; ++i) pieces.push_back({i * 100, i == 4 ? 300 : 100, 0, 0});

  const std::vector<PieceGroup> groups = group_pieces(pieces, 1024, 256 * 1024);

  std::vector<std::pair<std::int64_t, std::int64_t>> found;
  for (const PieceGroup& group : groups) found.emplace_back(group.first, group.count);
  EXPECT_THAT(found, ElementsAre(testing::Pair(0, 2), testing::Pair(2, 2), testing::Pair(4, 1), testing::Pair(5, 2),
                                 testing::Pair(7, 2), testing::Pair(9, 1)));
}

TEST(Pieces, AreCutIntoEvenPartsThatAMessageHolds) {
  const std::vector<Piece> pieces{{1000, 100, 2, 7}, {1100, 5, 2, 8}};

  const std::vector<Piece> parts = cut_pieces(pieces, 1024, 40 * 1024);

  std::vector<std::array<std::int64_t, 4>> found;
  for (const Piece& part : parts) found.push_back({part.position, part.count, part.owner, part.slot});
  EXPECT_THAT(found,
              ElementsAre(std::array<std::int64_t, 4>{1000, 33, 2, 7}, std::array<std::int64_t, 4>{1033, 33, 2, 7},
                          std::array<std::int64_t, 4>{1066, 34, 2, 7}, std::array<std::int64_t, 4>{1100, 5, 2, 8}));
}

TEST(Pieces, AreCutNoFurtherThanToRows) { EXPECT_EQ(cut_pieces({{0, 3, 0, 0}}, 1 << 20, 1024).size(), 3u); }

TEST(Pieces, WithoutBytesStayWhole) { EXPECT_EQ(cut_pieces({{0, 1 << 20, 0, 0}}, 0, 1024).size(), 1u); }

}  // namespace
}  // namespace ekman

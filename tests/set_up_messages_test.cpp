// Messages of set-up come back as they were; what cannot be is refused before anything is indexed by it.
#include "coupler/exchange/set_up_messages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "coupler/exchange/wire.hpp"
#include "coupler/session/definitions.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

using testing::HasSubstr;

// 10 points in chunks of 4, 2 ML ranks, 3 component ranks.
const SetUpSizes k_sizes{10, 4, 2, 3};

std::string error_of(const std::function<void()>& read) {
  try {
    read();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::internal);
    return error.what();
  }
  return "no error";
}

TEST(SetUpMessages, PiecesComeBack) {
  Values values;
  write_piece({2, 2, 1, 0}, values);
  write_piece({8, 2, 0, 1}, values);

  const std::vector<Piece> pieces = read_pieces(values, k_sizes, 4);

  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_EQ(pieces[1].position, 8);
  EXPECT_EQ(pieces[1].count, 2);
  EXPECT_EQ(pieces[1].owner, 0);
  EXPECT_EQ(pieces[1].slot, 1);
}

TEST(SetUpMessages, PiecesThatCannotBeAreRefused) {
  const auto error = [](const Values& values, std::int64_t rows) {
    return error_of([&] { read_pieces(values, k_sizes, rows); });
  };

  EXPECT_THAT(error({0, 4, 0}, 4), HasSubstr("a piece is cut off"));
  EXPECT_THAT(error({0, 4, 2, 0}, 4), HasSubstr("an owner that is none"));
  EXPECT_THAT(error({0, 4, -1, 0}, 4), HasSubstr("an owner that is none"));
  EXPECT_THAT(error({0, 0, 0, 0}, 0), HasSubstr("no size"));
  EXPECT_THAT(error({0, 5, 0, 0}, 5), HasSubstr("no size"));
  EXPECT_THAT(error({8, 3, 0, 0}, 3), HasSubstr("outside the points"));
  EXPECT_THAT(error({INT64_MAX, 1, 0, 0}, 1), HasSubstr("outside the points"));
  EXPECT_THAT(error({-4, 1, 0, 0}, 1), HasSubstr("outside the points"));
  EXPECT_THAT(error({2, 4, 0, 0}, 4), HasSubstr("in two chunks"));
  EXPECT_THAT(error({0, 4, 0, 1}, 4), HasSubstr("a slot is greater"));
  EXPECT_THAT(error({0, 4, 0, -1}, 4), HasSubstr("a slot is greater"));
  EXPECT_THAT(error({4, 4, 0, 0, 0, 4, 0, 0}, 8), HasSubstr("out of order"));
  EXPECT_THAT(error({0, 4, 0, 0}, 3), HasSubstr("other rows than were asked for"));
}

TEST(SetUpMessages, OwnedPiecesComeBackWithTheirIds) {
  Values values;
  write_owned({2, {4, 2, 1, 0}, {70, 71}}, values);
  write_owned({0, {9, 1, 1, 1}, {99}}, values);

  const std::vector<OwnedPiece> owned = read_owned(values, k_sizes, 1, {1, 2}, true);

  ASSERT_EQ(owned.size(), 2u);
  EXPECT_EQ(owned[0].source, 2);
  EXPECT_EQ(owned[0].ids, (Values{70, 71}));
  EXPECT_EQ(owned[1].piece.position, 9);
  EXPECT_EQ(owned[1].piece.owner, 1);
}

TEST(SetUpMessages, OwnedPiecesThatCannotBeAreRefused) {
  const auto error = [](const Values& values) {
    return error_of([&] { read_owned(values, k_sizes, 1, {1, 2}, true); });
  };

  EXPECT_THAT(error({0, 4, 1}), HasSubstr("an owned piece is cut off"));
  EXPECT_THAT(error({3, 4, 1, 0, 70}), HasSubstr("a source that is none"));
  EXPECT_THAT(error({0, 4, 2, 0, 70}), HasSubstr("the ids of an owned piece are cut off"));
  EXPECT_THAT(error({0, 4, 1, 1, 70}), HasSubstr("a piece of another owner"));
  EXPECT_THAT(error({0, 8, 1, 2, 70}), HasSubstr("a piece of another owner"));
}

TEST(SetUpMessages, IdsComeInOrderBehindANode) {
  EXPECT_EQ(read_ids({3, 5, 5, 9}).ids, (Values{5, 5, 9}));
  EXPECT_THAT(error_of([] { read_ids({}); }), HasSubstr("ids without a node"));
  EXPECT_THAT(error_of([] { read_ids({-1}); }), HasSubstr("ids without a node"));
  EXPECT_THAT(error_of([] { read_ids({0, -5}); }), HasSubstr("a negative id"));
  EXPECT_THAT(error_of([] { read_ids({0, 5, 4}); }), HasSubstr("out of order"));
}

TEST(SetUpMessages, VotesComeBackOrAreRefused) {
  const std::vector<NodeVote> votes = read_votes(write_votes({{0, 7, 4}, {2, 0, 1}}), k_sizes);

  ASSERT_EQ(votes.size(), 2u);
  EXPECT_EQ(votes[0].node, 7);
  EXPECT_EQ(votes[1].chunk, 2);
  EXPECT_THAT(error_of([] { read_votes("x", k_sizes); }), HasSubstr("a vote is cut off"));
  EXPECT_THAT(error_of([] { read_votes(write_votes({{3, 0, 1}}), k_sizes); }), HasSubstr("a chunk that is none"));
  EXPECT_THAT(error_of([] { read_votes(write_votes({{0, -1, 1}}), k_sizes); }), HasSubstr("a node that is none"));
  EXPECT_THAT(error_of([] { read_votes(write_votes({{0, 0, 5}}), k_sizes); }), HasSubstr("more rows than a chunk"));
}

TEST(SetUpMessages, NoticesComeBackOrAreRefused) {
  const SegmentNotice notice{1, 1, {0, 2, 3, 4, 4}, {512, 1024, 1024, 1088, 1152}, 1216};
  const auto error = [](SegmentNotice wrong) { return error_of([&] { read_notice(to_values(wrong), 2); }); };

  EXPECT_EQ(to_values(read_notice(to_values(notice), 2)), to_values(notice));
  EXPECT_NO_THROW(read_notice(to_values({1, 1, notice.header, notice.offset, 0}), 2));
  EXPECT_THAT(error_of([] { read_notice({1, 1}, 2); }), HasSubstr("another length"));
  EXPECT_THAT(error({2, 1, notice.header, notice.offset}), HasSubstr("of no known kind"));
  EXPECT_THAT(error({1, 2, notice.header, notice.offset}), HasSubstr("no rank of this node"));
  EXPECT_THAT(error({1, 1, {0, 4, 4, 4, 4}, notice.offset}), HasSubstr("headers lie outside"));
  EXPECT_THAT(error({1, 1, {0, 0, 3, 4, 4}, notice.offset}), HasSubstr("headers lie outside"));
  EXPECT_THAT(error({1, 1, {0, 2, 3, 4, 5}, notice.offset}), HasSubstr("headers lie outside"));
  EXPECT_THAT(error({1, 1, {0, 2, 1, 4, 4}, notice.offset}), HasSubstr("headers lie outside"));
  EXPECT_THAT(error({1, 1, {-1, 2, 3, 4, 4}, notice.offset}), HasSubstr("headers lie outside"));
  EXPECT_THAT(error({1, 1, notice.header, {512, 448, 1024, 1088, 1152}}), HasSubstr("outside any segment"));
  EXPECT_THAT(error({1, 1, notice.header, {512, 1024, 1056, 1088, 1152}}), HasSubstr("outside any segment"));
  EXPECT_THAT(error({1, 1, notice.header, {512, 1024, 1024, 1088, INT64_MAX}}), HasSubstr("outside any segment"));
  EXPECT_THAT(error({1, 1, notice.header, notice.offset, 1088}), HasSubstr("second buffers lie in the first"));
  EXPECT_THAT(error({1, 1, notice.header, notice.offset, 1248}), HasSubstr("second buffers lie in the first"));
  EXPECT_THAT(error({1, 1, notice.header, notice.offset, INT64_MAX}), HasSubstr("second buffers lie in the first"));
}

TEST(SetUpMessages, TextsOfAnyCharactersComeBack) {
  const std::vector<std::string> texts{"", "a\nb", std::string("\0\xff", 2)};

  EXPECT_EQ(split_texts(join_texts(texts)), texts);
  EXPECT_THAT(error_of([&] { split_texts(join_texts(texts) + "x"); }), HasSubstr("cut off"));
  EXPECT_THAT(error_of([] { split_texts(std::string(8, '\xff')); }), HasSubstr("a text is cut off"));
}

TEST(DefinitionsBytes, ComeBackWithLineBreaksInNames) {
  const Definitions fields{{"q\n7", {3, "kg\nkg-1", "ocean"}}, {"t", {1, "K", ""}}};

  const Definitions copy = read_definitions(write_definitions(fields));

  ASSERT_EQ(copy.size(), 2u);
  EXPECT_EQ(copy.at("q\n7").levels, 3);
  EXPECT_EQ(copy.at("q\n7").units, "kg\nkg-1");
  EXPECT_EQ(copy.at("t").points, "");
  EXPECT_THAT(error_of([] { read_definitions(join_texts({"t", "1", "K"})); }), HasSubstr("texts are missing"));
  EXPECT_THAT(error_of([] { read_definitions(join_texts({"t", "x", "K", ""})); }), HasSubstr("is no number"));
  EXPECT_THAT(error_of([] { read_definitions(join_texts({"t", "0", "K", ""})); }), HasSubstr("is no number"));
}

TEST(DefinitionsBytes, ProblemsComeBackWithLineBreaksInSentences) {
  const std::vector<ToldProblem> problems = read_problems(write_problems({{"atmosphere", 3, "no field \"a\nb\""}}));

  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].rank, 3);
  EXPECT_EQ(problems[0].sentence, "no field \"a\nb\"");
  EXPECT_THAT(error_of([] { read_problems(join_texts({"a", "99999999999", "b"})); }), HasSubstr("is no number"));
}

TEST(MessageHeaders, HoldAStepOrTheEnd) {
  EXPECT_EQ(checked_step(1), 1);
  EXPECT_EQ(checked_step(k_end_of_run), k_end_of_run);
  EXPECT_EQ(checked_given_up(0), 0);
  EXPECT_THAT(error_of([] { checked_step(0); }), HasSubstr("step 0"));
  EXPECT_THAT(error_of([] { checked_step(INT64_MIN); }), HasSubstr("its header has step"));
  EXPECT_THAT(error_of([] { checked_given_up(-1); }), HasSubstr("-1 points given up"));
}

}  // namespace
}  // namespace ekman

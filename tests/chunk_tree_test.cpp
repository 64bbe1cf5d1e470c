// The sum over chunks in a fixed order: bits do not know who owned what.
#include "coupler/engine/chunk_tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <random>

#include "ekman/error.hpp"
#include "tests/message_of.hpp"

namespace ekman {
namespace {

using testing::HasSubstr;

constexpr std::int64_t k_size = 5, k_sums = 3;

template <class Value>
struct Chunks {
  std::vector<std::vector<Value>> values;
  std::vector<std::vector<double>> sums;

  explicit Chunks(std::int64_t count) {
    // Of all magnitudes, so that another order of additions gives other bits.
    std::mt19937_64 generator(7);
    std::uniform_real_distribution<double> mantissa(-1.0, 1.0), exponent(-12.0, 12.0);
    const auto draw = [&](auto) { return mantissa(generator) * std::exp2(exponent(generator)); };
    for (std::int64_t chunk = 0; chunk < count; ++chunk) {
      values.emplace_back(k_size);
      sums.emplace_back(k_sums);
      for (Value& value : values.back()) value = static_cast<Value>(draw(0));
      for (double& sum : sums.back()) sum = draw(0);
    }
  }

  std::int64_t count() const { return static_cast<std::int64_t>(values.size()); }
  static Real kind() { return sizeof(Value) == 4 ? Real::float32 : Real::float64; }
  ChunkTree tree() const { return ChunkTree(count(), kind(), k_size, k_sums); }
  void add(ChunkTree& tree, std::int64_t chunk) const {
    const auto at = static_cast<std::size_t>(chunk);
    tree.add(chunk, reinterpret_cast<const std::byte*>(values[at].data()), sums[at].data());
  }
};

template <class Value>
struct Total {
  std::vector<Value> values = std::vector<Value>(k_size);
  std::vector<double> sums = std::vector<double>(k_sums);

  explicit Total(const ChunkTree& tree) { tree.total(reinterpret_cast<std::byte*>(values.data()), sums.data()); }
};

void send(const ChunkTree& from, ChunkTree& to) {
  // At an odd address, as in the middle of a message.
  std::vector<std::byte> bytes(static_cast<std::size_t>(from.num_parts() * from.part_size()) + 1);
  from.write_parts(bytes.data() + 1);
  to.add_parts(bytes.data() + 1, from.num_parts());
}

template <class Value>
bool same_bits(const std::vector<Value>& a, const std::vector<Value>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(Value)) == 0;
}

template <class Value>
class ChunkTreeOf : public ::testing::Test {};
using Kinds = ::testing::Types<float, double>;
TYPED_TEST_SUITE(ChunkTreeOf, Kinds);

TYPED_TEST(ChunkTreeOf, HasTheSameBitsForEveryOwnershipAndOrder) {
  std::mt19937_64 generator(1);
  for (const std::int64_t count : {1, 2, 3, 7, 8, 33}) {
    const Chunks<TypeParam> chunks(count);
    ChunkTree alone = chunks.tree();
    for (std::int64_t chunk = 0; chunk < count; ++chunk) chunks.add(alone, chunk);
    const Total<TypeParam> expected(alone);

    for (int trial = 0; trial < 40; ++trial) {
      std::vector<std::int64_t> order(static_cast<std::size_t>(count));
      std::iota(order.begin(), order.end(), 0);
      std::shuffle(order.begin(), order.end(), generator);
      std::vector<ChunkTree> ranks(1 + trial % 5, chunks.tree());
      for (const std::int64_t chunk : order) chunks.add(ranks[generator() % ranks.size()], chunk);
      std::shuffle(ranks.begin(), ranks.end(), generator);
      for (std::size_t rank = 1; rank < ranks.size(); ++rank) send(ranks[rank], ranks[0]);
      const Total<TypeParam> total(ranks[0]);

      EXPECT_TRUE(same_bits(total.values, expected.values)) << count << " chunks, trial " << trial;
      EXPECT_TRUE(same_bits(total.sums, expected.sums)) << count << " chunks, trial " << trial;
    }
  }
}

TYPED_TEST(ChunkTreeOf, IsTheSumToRounding) {
  const Chunks<TypeParam> chunks(101);
  ChunkTree tree = chunks.tree();
  for (std::int64_t chunk = 0; chunk < chunks.count(); ++chunk) chunks.add(tree, chunk);
  const Total<TypeParam> total(tree);

  for (std::size_t i = 0; i < k_size; ++i) {
    long double naive = 0, magnitude = 0;
    for (const auto& values : chunks.values) {
      naive += values[i];
      magnitude += std::abs(values[i]);
    }
    // Seven additions one after another, each with half an epsilon of what has been added up.
    EXPECT_NEAR(total.values[i], naive, 4 * magnitude * std::numeric_limits<TypeParam>::epsilon());
  }
}

TEST(ChunkTree, AddsNeighboursFirst) {
  // 1 + (-1e20 + 1e20) is 1, ((1 - 1e20) + 1e20) is 0.
  ChunkTree tree(4, Real::float64, 1, 0);
  const double values[] = {0.0, 1.0, -1e20, 1e20};
  for (const std::int64_t leaf : {1, 3, 0, 2})
    tree.add(leaf, reinterpret_cast<const std::byte*>(&values[leaf]), nullptr);

  double total = -1.0;
  tree.total(reinterpret_cast<std::byte*>(&total), nullptr);

  EXPECT_EQ(total, 1.0);
}

TEST(ChunkTree, HoldsFewNodesForConsecutiveChunks) {
  const Chunks<float> chunks(1000);
  ChunkTree tree = chunks.tree();
  std::int64_t most = 0;
  for (std::int64_t chunk = 100; chunk < 900; ++chunk) {
    chunks.add(tree, chunk);
    most = std::max(most, tree.num_parts());
  }
  EXPECT_LE(most, 2 * 10) << "two for each level";
}

TEST(ChunkTree, IsEmptyAgainAfterClear) {
  const Chunks<double> chunks(3);
  ChunkTree tree = chunks.tree();
  for (const std::int64_t chunk : {2, 0, 1}) chunks.add(tree, chunk);
  const Total<double> first(tree);

  tree.clear();
  EXPECT_EQ(tree.num_parts(), 0);
  for (const std::int64_t chunk : {0, 1, 2}) chunks.add(tree, chunk);

  EXPECT_TRUE(same_bits(Total<double>(tree).values, first.values));
}

TEST(ChunkTree, RefusesWhatDoesNotAddUp) {
  const Chunks<float> chunks(5);
  ChunkTree tree = chunks.tree();
  for (const std::int64_t chunk : {0, 1, 4}) chunks.add(tree, chunk);

  EXPECT_THAT(message_of([&] { Total<float>{tree}; }), HasSubstr("3 leaves of 5 were added"));
  EXPECT_THAT(message_of([&] { chunks.add(tree, 4); }), HasSubstr("added twice"));
  EXPECT_THAT(message_of([&] { chunks.add(tree, 1); }), HasSubstr("added twice"));
  EXPECT_THAT(message_of([&] { tree.add(5, nullptr, nullptr); }), HasSubstr("leaf 5 was added to a tree of 5"));
  std::vector<std::byte> part(static_cast<std::size_t>(tree.part_size()), std::byte{0x7f});
  EXPECT_THAT(message_of([&] { tree.add_parts(part.data(), 1); }), HasSubstr("was received for a tree of 5"));
}

}  // namespace
}  // namespace ekman

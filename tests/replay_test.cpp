// The replay: fair, bounded, by chunk alone, and the same after it was kept.
#include "coupler/engine/replay.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <set>

#include "ekman/error.hpp"

namespace ekman {
namespace {

using testing::HasSubstr;

// Rows whose two inputs, truth and id all say which row it is.
struct Rows {
  std::vector<float> in, truth;
  std::vector<std::int64_t> ids;
  std::vector<std::uint8_t> learns;

  Rows(std::int64_t first, std::int64_t count) : learns(static_cast<std::size_t>(count), 1) {
    for (std::int64_t id = first; id < first + count; ++id) {
      in.insert(in.end(), {static_cast<float>(id), static_cast<float>(-id)});
      truth.push_back(static_cast<float>(2 * id));
      ids.push_back(id);
    }
  }
  Lesson lesson(std::int64_t exchange, std::int64_t chunk) const {
    return {reinterpret_cast<const std::byte*>(in.data()),
            reinterpret_cast<const std::byte*>(truth.data()),
            static_cast<std::int64_t>(ids.size()),
            ids.data(),
            exchange,
            chunk,
            0};
  }
};

ReplayShape shape_of(std::int64_t tile, std::int64_t rows_per_sample = 1) {
  return {Real::float32, 2, 1, rows_per_sample, tile};
}

std::vector<std::int64_t> ids_of(const Lesson& lesson) {
  for (std::int64_t row = 0; row < lesson.rows; ++row) {
    float values[3];
    std::memcpy(values, lesson.in + 8 * row, 8);
    std::memcpy(values + 2, lesson.truth + 4 * row, 4);
    const auto id = static_cast<float>(lesson.ids[row]);
    EXPECT_TRUE(values[0] == id && values[1] == -id && values[2] == 2 * id) << "row " << row << " is torn";
  }
  return {lesson.ids, lesson.ids + lesson.rows};
}

std::vector<std::int64_t> kept_of(const Replay& replay, std::int64_t chunk) {
  const NamedArray ids = replay.state(chunk).back();
  std::vector<std::int64_t> values(ids.bytes.size() / 8);
  if (!values.empty()) std::memcpy(values.data(), ids.bytes.data(), ids.bytes.size());
  return values;
}

// Chi-square of how often each of `counts` was taken, if each trial takes `taken` of them without repetition: the
// variance of a count is trials * p * (1 - p), and one degree of freedom is lost.
double chi_square(const std::vector<double>& counts, double taken, double trials) {
  const double size = static_cast<double>(counts.size()), p = taken / size;
  double sum = 0.0;
  for (const double count : counts) sum += (count - trials * p) * (count - trials * p);
  return sum / (trials * p * (1.0 - p)) * (size - 1.0) / size;
}

// What chi-square passes once in a million (normal quantile 4.7534), after Wilson and Hilferty.
double chi_square_bound(double freedom) {
  const double width = 2.0 / (9.0 * freedom);
  return freedom * std::pow(1.0 - width + 4.7534 * std::sqrt(width), 3.0);
}

TEST(Replay, KeepsEachSampleWithTheSameChance) {
  constexpr int k_trials = 4000;
  std::vector<double> counts(200);
  for (int seed = 0; seed < k_trials; ++seed) {
    Replay replay(shape_of(4), seed);
    replay.add_chunk(3, 20);
    for (std::int64_t exchange = 0; exchange < 5; ++exchange) {
      const Rows rows(40 * exchange, 40);
      replay.keep(rows.lesson(exchange, 3), rows.learns.data());
    }
    for (const std::int64_t id : kept_of(replay, 3)) ++counts[static_cast<std::size_t>(id)];
  }
  EXPECT_LT(chi_square(counts, 20, k_trials), chi_square_bound(199));
}

TEST(Replay, DrawsEachKeptSampleWithTheSameChance) {
  constexpr int k_draws = 20000;
  Replay replay(shape_of(6), 1);
  replay.add_chunk(0, 50);
  const Rows rows(0, 50);
  replay.keep(rows.lesson(0, 0), rows.learns.data());
  std::vector<double> counts(50);
  for (int draw = 0; draw < k_draws; ++draw) {
    const std::vector<std::int64_t> ids = ids_of(replay.draw(0, 1 + draw / 4, 1 + draw % 4));
    ASSERT_EQ(std::set<std::int64_t>(ids.begin(), ids.end()).size(), 6u) << "none twice";
    for (const std::int64_t id : ids) ++counts[static_cast<std::size_t>(id)];
  }
  EXPECT_LT(chi_square(counts, 6, k_draws), chi_square_bound(49));
}

TEST(Replay, StaysWithinItsCapacity) {
  Replay replay(shape_of(4), 1);
  replay.add_chunk(0, 7);
  for (std::int64_t exchange = 0; exchange < 50; ++exchange) {
    const Rows rows(100 * exchange, 100);
    replay.keep(rows.lesson(exchange, 0), rows.learns.data());
    EXPECT_EQ(kept_of(replay, 0).size(), 7u);
  }
}

TEST(Replay, SharesTheCapacityExactly) {
  for (const std::int64_t capacity : {0, 1, 10, 1000, 100000}) {
    std::int64_t total = 0;
    for (std::int64_t first = 0; first < 1030; first += 256) {
      const std::int64_t samples = std::min<std::int64_t>(256, 1030 - first);
      const std::int64_t share = replay_capacity(capacity, first, samples, 1030);
      EXPECT_NEAR(static_cast<double>(share), static_cast<double>(capacity * samples) / 1030.0, 1.0);
      total += share;
    }
    EXPECT_EQ(total, capacity);
  }
}

TEST(Replay, NeverKeepsRowsThatDoNotLearn) {
  Replay replay(shape_of(16), 5);
  replay.add_chunk(0, 40);
  for (std::int64_t exchange = 0; exchange < 20; ++exchange) {
    Rows rows(100 * exchange, 100);
    for (std::size_t row = 0; row < 100; ++row) rows.learns[row] = row % 3 == 0;
    for (std::size_t row = 1; row < 100; row += 3) rows.in[2 * row] = std::numeric_limits<float>::quiet_NaN();
    replay.keep(rows.lesson(exchange, 0), rows.learns.data());
    for (const std::int64_t id : ids_of(replay.draw(0, exchange, 1))) EXPECT_EQ(id % 100 % 3, 0);
  }
  EXPECT_EQ(kept_of(replay, 0).size(), 40u);
}

TEST(Replay, DrawsTheSameAfterItsStateWentThroughBytes) {
  Replay replay(shape_of(8), 9), resumed(shape_of(8), 9);
  for (const std::int64_t chunk : {0, 4}) {
    replay.add_chunk(chunk, 30);
    resumed.add_chunk(chunk, 30);
  }
  const auto exchange_with = [](Replay& one, std::int64_t exchange) {
    std::vector<std::vector<std::int64_t>> drawn;
    for (const std::int64_t chunk : {0, 4}) {
      drawn.push_back(ids_of(one.draw(chunk, exchange, 1)));
      const Rows rows(1000 * chunk + 20 * exchange, 20);
      one.keep(rows.lesson(exchange, chunk), rows.learns.data());
    }
    return drawn;
  };
  // Cut both before and after the reservoirs are full.
  for (const std::int64_t cut : {0, 1, 6}) {
    for (std::int64_t exchange = cut == 6 ? 1 : 0; exchange < cut; ++exchange) exchange_with(replay, exchange);
    std::vector<NamedArray> arrays = replay.state(4);
    const std::vector<NamedArray> others = replay.state(0);
    arrays.insert(arrays.end(), others.begin(), others.end());

    resumed.restore(0, arrays);
    resumed.restore(4, arrays);

    Replay uninterrupted = replay;
    for (std::int64_t exchange = cut; exchange < cut + 5; ++exchange)
      EXPECT_EQ(exchange_with(resumed, exchange), exchange_with(uninterrupted, exchange));
    EXPECT_EQ(kept_of(resumed, 4), kept_of(uninterrupted, 4));
  }
}

TEST(Replay, OfAChunkDoesNotKnowTheOtherChunks) {
  Replay alone(shape_of(8), 2), together(shape_of(8), 2);
  alone.add_chunk(1, 10);
  for (const std::int64_t chunk : {2, 1, 0}) together.add_chunk(chunk, 10);
  for (std::int64_t exchange = 0; exchange < 10; ++exchange) {
    const Rows rows(50 * exchange, 50);
    for (const std::int64_t chunk : {2, 1, 0}) together.keep(rows.lesson(exchange, chunk), rows.learns.data());
    alone.keep(rows.lesson(exchange, 1), rows.learns.data());
  }
  EXPECT_EQ(kept_of(alone, 1), kept_of(together, 1));
  EXPECT_NE(kept_of(together, 0), kept_of(together, 1)) << "chunks have numbers of their own";
  EXPECT_EQ(ids_of(alone.draw(1, 10, 2)), ids_of(together.draw(1, 10, 2)));
}

TEST(Replay, KeepsGridsWhole) {
  Replay replay(shape_of(2, 4), 3);
  replay.add_chunk(0, 3);
  for (std::int64_t exchange = 0; exchange < 10; ++exchange) {
    Rows rows(8 * exchange, 8);                                  // two grids of four points
    std::fill(rows.learns.begin(), rows.learns.begin() + 3, 0);  // one point of the first learns
    replay.keep(rows.lesson(exchange, 0), rows.learns.data());
  }
  const std::vector<std::int64_t> ids = ids_of(replay.draw(0, 10, 1));
  ASSERT_EQ(ids.size(), 8u);
  for (std::size_t row = 0; row < 8; ++row) EXPECT_EQ(ids[row], ids[row / 4 * 4] + static_cast<std::int64_t>(row % 4));
  EXPECT_EQ(ids[0] % 4, 0);
}

TEST(Replay, FillsTheTileWithZerosBehindWhatItHas) {
  Replay replay(shape_of(4), 3);
  replay.add_chunk(0, 10);
  EXPECT_EQ(replay.draw(0, 0, 1).rows, 0);
  Rows rows(5, 3);
  replay.keep(rows.lesson(0, 0), rows.learns.data());

  const Lesson lesson = replay.draw(0, 1, 1);

  EXPECT_EQ(ids_of(lesson), (std::vector<std::int64_t>{5, 6, 7}));
  EXPECT_EQ(lesson.exchange, 1);
  EXPECT_EQ(lesson.draw, 1);
  float pad[2];
  std::memcpy(pad, lesson.in + 3 * 8, 8);
  EXPECT_EQ(pad[0], 0.0F);
  EXPECT_EQ(pad[1], 0.0F);
}

TEST(Replay, RefusesAStateOfAnotherPlan) {
  Replay replay(shape_of(4), 3);
  replay.add_chunk(0, 10);
  const Rows rows(0, 30);
  replay.keep(rows.lesson(0, 0), rows.learns.data());
  const auto message_of = [&](Replay other, std::int64_t capacity, const std::vector<NamedArray>& arrays) {
    other.add_chunk(0, capacity);
    try {
      other.restore(0, arrays);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };

  EXPECT_THAT(message_of(Replay(shape_of(4), 3), 9, replay.state(0)), HasSubstr("with room for 9 now"));
  EXPECT_THAT(message_of(Replay(shape_of(4, 2), 3), 10, replay.state(0)), HasSubstr("another kind or shape"));
  EXPECT_THAT(message_of(Replay(shape_of(4), 3), 10, {}), HasSubstr("no array \"replay.0.counts\""));
}

}  // namespace
}  // namespace ekman

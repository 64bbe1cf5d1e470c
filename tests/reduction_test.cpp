// Reductions of puts between couplings.
#include "coupler/exchange/reduction.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "ekman/error.hpp"

namespace ekman {
namespace {

// Puts (points, 2 levels) for three steps in two parts and returns the result, slot after slot.
template <class T>
std::vector<T> reduce(Reduction reduction, const std::vector<std::vector<T>>& steps) {
  const auto slots = static_cast<std::int64_t>(steps[0].size() / 2);
  Reducer reducer("t", reduction, slots, 2);
  for (std::size_t step = 0; step < steps.size(); ++step) {
    const bool last = step + 1 == steps.size();
    const Axes axes("pl");
    for (const std::int64_t first : {std::int64_t{1}, std::int64_t{0}}) {
      ArrayView part = contiguous_view(steps[step].data() + first, {first == 0 ? 1 : slots - 1, 2});
      part.stride[1] = slots * static_cast<std::int64_t>(sizeof(T));
      reducer.add(make_column_view(part, axes), first, part.extent[0], last);
    }
    reducer.end_step(false);
  }
  const ColumnView view = reducer.result(0, slots);
  std::vector<T> values(steps[0].size());
  pack(view, 0, slots,
       {reinterpret_cast<std::byte*>(values.data()), 2 * sizeof(T), sizeof(T) == 4 ? Real::float32 : Real::float64});
  return values;
}

TEST(Reducer, CombinesStepsInTheirOrderAndKind) {
  const std::vector<std::vector<float>> steps{
      {1e8F, 2, 3, -4, 5, 6}, {1, 20, 30, -40, 50, 60}, {-1e8F, 0, 1, -2, 3, 5}};

  // (1e8 + 1) is 1e8 in float32. Slots hold (level 1, level 2): the array has points fastest.
  EXPECT_EQ(reduce(Reduction::accumulate, steps), (std::vector<float>{0, -46, 22, 58, 34, 71}));
  EXPECT_EQ(reduce(Reduction::minimum, steps), (std::vector<float>{-1e8F, -40, 0, 3, 1, 5}));
  EXPECT_EQ(reduce(Reduction::maximum, steps), (std::vector<float>{1e8F, -2, 20, 50, 30, 60}));
}

TEST(Reducer, CombinesColumnsOfAnyLength) {
  constexpr std::int64_t k_slots = 3, k_levels = 5000;
  Reducer reducer("t", Reduction::accumulate, k_slots, k_levels);
  std::vector<double> values(k_slots * k_levels), sums(values.size());
  for (int step = 1; step <= 3; ++step) {
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = step * static_cast<double>(i);
    reducer.add(make_column_view(contiguous_view(values.data(), {k_slots, k_levels}), Axes("pl")), 0, k_slots,
                step == 3);
    reducer.end_step(false);
  }
  unpack(reducer.rows(0), make_column_view(contiguous_view(sums.data(), {k_slots, k_levels}), Axes("pl")), 0, k_slots);

  for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(sums[i], 6.0 * static_cast<double>(i));
}

TEST(Reducer, AveragesOverTheStepsThatItSaw) {
  EXPECT_EQ(reduce<double>(Reduction::average, {{1, 2, 3, 4}, {2, 4, 5, 8}, {6, 3, 1, 0}}),
            (std::vector<double>{3, 3, 3, 4}));
  EXPECT_EQ(reduce<double>(Reduction::average, {{1, 2, 3, 4}}), (std::vector<double>{1, 3, 2, 4}));
}

TEST(Reducer, KeepsWhatIsNoNumber) {
  const double nan = std::nan("");
  for (const Reduction reduction :
       {Reduction::accumulate, Reduction::average, Reduction::minimum, Reduction::maximum}) {
    const std::vector<double> values = reduce<double>(reduction, {{nan, 1, 1, 1}, {1, 1, nan, 1}, {2, 2, 2, 2}});

    EXPECT_TRUE(std::isnan(values[0]));
    EXPECT_TRUE(std::isnan(values[1]));
    EXPECT_FALSE(std::isnan(values[2]));
  }
}

TEST(Reducer, StartsAfreshAfterACoupling) {
  Reducer reducer("t", Reduction::accumulate, 1, 1);
  const double one = 1;
  const ColumnView view = make_column_view(contiguous_view(&one, {1}), Axes("p"));

  reducer.add(view, 0, 1, true);
  reducer.end_step(true);
  reducer.add(view, 0, 1, false);
  reducer.end_step(false);
  reducer.add(view, 0, 1, true);

  EXPECT_EQ(*reinterpret_cast<const double*>(reducer.result(0, 1).data), 2.0);
}

TEST(Reducer, RefusesAnotherKindWithinAPeriod) {
  Reducer reducer("t", Reduction::average, 1, 1);
  const double one = 1;
  const float two = 2;
  reducer.add(make_column_view(contiguous_view(&one, {1}), Axes("p")), 0, 1, false);

  EXPECT_THROW(reducer.add(make_column_view(contiguous_view(&two, {1}), Axes("p")), 0, 1, false), Error);
}

TEST(Reducer, GoesOnFromWhatWasRestored) {
  const std::vector<std::vector<float>> steps{{1e8F, 2}, {1, 20}, {-1e8F, 0}, {7, 9}};
  const Axes axes("pl");
  const auto add = [&](Reducer& reducer, std::size_t step, bool last) {
    reducer.add(make_column_view(contiguous_view(steps[step].data(), {1, 2}), axes), 0, 1, last);
  };
  Reducer uncut("t", Reduction::average, 1, 2), cut("t", Reduction::average, 1, 2),
      resumed("t", Reduction::average, 1, 2);
  for (std::size_t step = 0; step < steps.size(); ++step) {
    add(uncut, step, step == 3);
    if (step < 2) add(cut, step, false);
    uncut.end_step(false);
    if (step < 2) cut.end_step(false);
  }

  resumed.restore(cut.kind(), cut.steps());
  std::memcpy(resumed.rows(0).first, cut.rows(0).first, 2 * sizeof(float));
  add(resumed, 2, false);
  resumed.end_step(false);
  add(resumed, 3, true);

  EXPECT_EQ(cut.steps(), 2);
  EXPECT_EQ(std::memcmp(resumed.rows(0).first, uncut.rows(0).first, 2 * sizeof(float)), 0);
  const double other[2] = {1, 2};
  EXPECT_THROW(resumed.add(make_column_view(contiguous_view(other, {1, 2}), axes), 0, 1, true), Error);
}

}  // namespace
}  // namespace ekman

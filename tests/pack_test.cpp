// Pack and unpack against a plain loop, for every axes form, strides and kinds.
#include "coupler/exchange/pack.hpp"

#include <gtest/gtest.h>

#include <cfenv>
#include <cstring>
#include <vector>

#include "ekman/error.hpp"

namespace ekman {
namespace {

// Value of (slot, level) that float32 holds exactly.
double value_of(std::int64_t slot, std::int64_t level) { return static_cast<double>(slot * 64 + level) + 0.5; }

struct Case {
  const char* axes;
  std::vector<std::int64_t> extents;
};

// An array in Fortran order with one element of padding between neighbours along axis 0.
struct Array {
  std::vector<double> values;
  ArrayView view;
};

Array make_array(const Case& c) {
  Array array;
  array.view.kind = ElementKind::real64;
  array.view.rank = static_cast<int>(c.extents.size());
  std::int64_t stride = 2;
  for (int axis = 0; axis < array.view.rank; ++axis) {
    array.view.extent[axis] = c.extents[axis];
    array.view.stride[axis] = stride * static_cast<std::int64_t>(sizeof(double));
    stride *= c.extents[axis];
  }
  array.values.assign(static_cast<std::size_t>(stride), -1.0);
  array.view.data = reinterpret_cast<std::byte*>(array.values.data());
  return array;
}

// Visits each element with its slot and level.
template <class Visit>
void each(const Case& c, const ArrayView& view, Visit visit) {
  std::vector<std::int64_t> index(c.extents.size(), 0);
  for (std::int64_t i = 0; i < view.size(); ++i) {
    std::int64_t slot = 0, level = 0, scale = 1, offset = 0;
    for (std::size_t axis = 0; axis < index.size(); ++axis) {
      offset += index[axis] * view.stride[axis];
      if (c.axes[axis] == 'l') {
        level = index[axis];
      } else {
        slot += index[axis] * scale;
        scale *= c.extents[axis];
      }
    }
    visit(*reinterpret_cast<double*>(view.data + offset), slot, level);
    for (std::size_t axis = 0; axis < index.size() && ++index[axis] == c.extents[axis]; ++axis) index[axis] = 0;
  }
}

class EveryAxes : public testing::TestWithParam<Case> {};

TEST_P(EveryAxes, PackPutsSlotAndLevelAtTheirPlaceAndUnpackBringsThemBack) {
  const Case& c = GetParam();
  Array array = make_array(c);
  each(c, array.view, [](double& x, std::int64_t slot, std::int64_t level) { x = value_of(slot, level); });
  const ColumnView columns = make_column_view(array.view, Axes(c.axes));
  const std::int64_t row_len = columns.levels + 3;
  std::vector<float> rows(static_cast<std::size_t>(columns.slots * row_len), -7.0F);
  const RowSpan span{reinterpret_cast<std::byte*>(rows.data() + 1), row_len * 4, Real::float32};

  const std::int64_t cut = columns.slots / 3;  // two stretches, the second one not at a line's start
  pack(columns, 0, cut, span);
  pack(columns, cut, columns.slots - cut, {span.first + cut * span.row_bytes, span.row_bytes, span.wire});

  for (std::int64_t s = 0; s < columns.slots; ++s) {
    EXPECT_EQ(rows[s * row_len], -7.0F);
    for (std::int64_t l = 0; l < columns.levels; ++l) ASSERT_EQ(rows[s * row_len + 1 + l], value_of(s, l));
    EXPECT_EQ(rows[s * row_len + 1 + columns.levels], -7.0F);
  }
  Array back = make_array(c);
  unpack(span, make_column_view(back.view, Axes(c.axes)), 0, columns.slots);
  EXPECT_EQ(back.values, array.values);
}

TEST_P(EveryAxes, RowsThatLieApartAreThoseThatLieTogether) {
  const Case& c = GetParam();
  Array array = make_array(c);
  each(c, array.view, [](double& x, std::int64_t slot, std::int64_t level) { x = value_of(slot, level); });
  const ColumnView columns = make_column_view(array.view, Axes(c.axes));
  const std::int64_t row_len = columns.levels + 1, first = columns.slots / 4, count = columns.slots - first;
  std::vector<float> values(static_cast<std::size_t>(count * row_len), -7.0F);
  std::vector<std::byte*> rows;  // the last one first
  for (std::int64_t i = 0; i < count; ++i)
    rows.push_back(reinterpret_cast<std::byte*>(values.data() + (count - 1 - i) * row_len));

  pack(columns, first, count, rows.data(), Real::float32);

  for (std::int64_t i = 0; i < count; ++i) {
    const float* row = reinterpret_cast<const float*>(rows[i]);
    for (std::int64_t l = 0; l < columns.levels; ++l) ASSERT_EQ(row[l], value_of(first + i, l));
    EXPECT_EQ(row[columns.levels], -7.0F);
  }
  Array back = make_array(c);
  unpack(rows.data(), Real::float32, make_column_view(back.view, Axes(c.axes)), first, count);
  each(c, back.view, [&](double& x, std::int64_t slot, std::int64_t level) {
    EXPECT_EQ(x, slot < first ? -1.0 : value_of(slot, level));
  });
}

INSTANTIATE_TEST_SUITE_P(Forms, EveryAxes,
                         testing::Values(Case{"p", {37}}, Case{"pl", {37, 19}}, Case{"pl", {70, 131}},
                                         Case{"lp", {19, 37}}, Case{"pp", {5, 7}}, Case{"ppl", {5, 7, 18}},
                                         Case{"plp", {5, 18, 7}}, Case{"lpp", {3, 4, 5}}));

TEST(Pack, ReadsBackwardStrides) {
  std::vector<float> values{1, 2, 3, 4};
  ArrayView view = contiguous_view(values.data(), {4});
  view.data += 3 * sizeof(float);
  view.stride[0] = -static_cast<std::int64_t>(sizeof(float));
  std::vector<double> rows(4);

  pack(make_column_view(view, Axes("p")), 0, 4, {reinterpret_cast<std::byte*>(rows.data()), 8, Real::float64});

  EXPECT_EQ(rows, (std::vector<double>{4, 3, 2, 1}));
}

TEST(Axes, RefuseOtherLetters) {
  EXPECT_THROW(Axes("pz"), Error);
  EXPECT_THROW(Axes("l"), Error);
  EXPECT_THROW(Axes("pll"), Error);
}

TEST(ColumnView, RefusesAnotherRankAndIntegers) {
  std::vector<std::int32_t> numbers(4);
  std::vector<double> values(4);

  EXPECT_THROW(make_column_view(contiguous_view(values.data(), {2, 2}), Axes("p")), Error);
  EXPECT_THROW(make_column_view(contiguous_view(numbers.data(), {4}), Axes("p")), Error);
}

TEST(TrapGuard, KeepsOverflowFromTheCallersFlags) {
  std::feclearexcept(FE_ALL_EXCEPT);
  const double huge = 1e300;
  const ColumnView columns = make_column_view(contiguous_view(&huge, {1}), Axes("p"));
  float row = 0;

  {
    const TrapGuard guard;
    pack(columns, 0, 1, {reinterpret_cast<std::byte*>(&row), 4, Real::float32});
  }

  EXPECT_EQ(std::fetestexcept(FE_OVERFLOW), 0);
  EXPECT_GT(row, 1e38F);
}

}  // namespace
}  // namespace ekman

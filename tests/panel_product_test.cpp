// Products of matrices: every value is the chain of fused multiply-adds that the header promises, to the bit.
#include "coupler/product/panel_product.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace ekman {
namespace {

struct Shape {
  std::int64_t rows, columns, depth;
};

// Around each edge: rows of a block, vectors and panels of columns, parts of the depth and of the cache.
const Shape k_shapes[] = {{1, 1, 1},    {1, 32, 7},    {2, 33, 16},   {5, 8, 17},   {6, 16, 3},
                          {7, 31, 40},  {8, 32, 128},  {9, 47, 33},   {13, 48, 5},  {16, 64, 512},
                          {17, 9, 513}, {23, 95, 600}, {3, 130, 70},  {40, 65, 31}, {8, 128, 1},
                          {70, 540, 3}, {65, 513, 17}, {4, 96, 2000}, {3, 5, 0}};

std::vector<float> random_values(std::int64_t count, unsigned seed) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> draw(-1.0F, 1.0F);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = draw(engine);
  return values;
}

std::vector<Instructions> instructions_here() {
  std::vector<Instructions> all;
  if (panel_instructions() >= Instructions::avx2) all.push_back(Instructions::avx2);
  if (panel_instructions() >= Instructions::avx512) all.push_back(Instructions::avx512);
  return all;
}

struct Case {
  Shape shape;
  bool transposed_a, panels, bias, rectify, add, rectified;
};

float rectified_value(std::int64_t i, std::int64_t j) { return (i + 2 * j) % 3 == 0 ? 0.0F : 0.25F; }

// The definition, in one loop for each value.
std::vector<float> expected_of(const Case& its, const std::vector<float>& a, const std::vector<float>& b,
                               const std::vector<float>& bias, std::vector<float> out) {
  const auto [rows, columns, depth] = its.shape;
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      float sum = its.add ? out[i * columns + j] : 0.0F;
      for (std::int64_t d = 0; d < depth; ++d) sum = std::fma(a[i * depth + d], b[d * columns + j], sum);
      if (its.bias) sum += bias[j];
      if (its.rectify && sum < 0.0F) sum = 0.0F;
      out[i * columns + j] = its.rectified && rectified_value(i, j) <= 0.0F ? 0.0F : sum;
    }
  }
  return out;
}

std::vector<float> transposed(const std::vector<float>& matrix, std::int64_t rows, std::int64_t columns) {
  std::vector<float> other(matrix.size());
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j) other[j * rows + i] = matrix[i * columns + j];
  return other;
}

// Rows of `out` are three floats longer than they need to be.
std::vector<float> product_of(const Case& its, const std::vector<float>& a, const std::vector<float>& b,
                              const std::vector<float>& bias, const std::vector<float>& out,
                              Instructions instructions) {
  const auto [rows, columns, depth] = its.shape;
  const std::int64_t row_len = columns + 3;
  std::vector<float> wide(static_cast<std::size_t>(rows * row_len), -77.0F);
  for (std::int64_t i = 0; i < rows; ++i) std::copy_n(out.data() + i * columns, columns, wide.data() + i * row_len);
  PanelProduct product;
  product.rows = rows;
  product.columns = columns;
  product.depth = depth;
  const std::vector<float> a_of = its.transposed_a ? transposed(a, rows, depth) : a;
  product.a = a_of.data();
  product.a_row = its.transposed_a ? 1 : depth;
  product.a_depth = its.transposed_a ? rows : 1;
  std::vector<float> panels(static_cast<std::size_t>(panel_floats(columns, depth)), -55.0F);
  pack_panels(transposed(b, depth, columns).data(), columns, depth, panels.data());
  if (its.panels) {
    product.take_panels(panels.data());
  } else {
    product.take_rows(b.data());
  }
  product.out = wide.data();
  product.out_row = row_len;
  product.bias = its.bias ? bias.data() : nullptr;
  product.rectify = its.rectify;
  product.add = its.add;
  std::vector<float> rectified(wide.size());
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j) rectified[i * row_len + j] = rectified_value(i, j);
  if (its.rectified) product.rectified = rectified.data();
  multiply(product, instructions);
  std::vector<float> found;
  for (std::int64_t i = 0; i < rows; ++i) {
    found.insert(found.end(), wide.data() + i * row_len, wide.data() + i * row_len + columns);
    for (std::int64_t j = columns; j < row_len; ++j) EXPECT_EQ(wide[i * row_len + j], -77.0F) << "behind row " << i;
  }
  return found;
}

TEST(PanelProduct, EveryValueIsOneChainOfFusedMultiplyAdds) {
  if (instructions_here().empty()) GTEST_SKIP() << "this CPU has neither AVX2 and FMA nor AVX-512";
  for (const Shape& shape : k_shapes) {
    const auto a = random_values(shape.rows * shape.depth, 1), b = random_values(shape.depth * shape.columns, 2),
               bias = random_values(shape.columns, 3), out = random_values(shape.rows * shape.columns, 4);
    for (int choice = 0; choice < 64; ++choice) {
      const Case its{shape,
                     (choice & 1) != 0,
                     (choice & 2) != 0,
                     (choice & 4) != 0,
                     (choice & 8) != 0,
                     (choice & 16) != 0,
                     (choice & 32) != 0};
      const std::vector<float> expected = expected_of(its, a, b, bias, out);
      for (const Instructions instructions : instructions_here()) {
        EXPECT_EQ(product_of(its, a, b, bias, out, instructions), expected)
            << shape.rows << " x " << shape.columns << " x " << shape.depth << ", choice " << choice
            << ", instructions " << static_cast<int>(instructions);
      }
    }
  }
}

// More than one part of the depth and of the columns, of both factors.
TEST(PanelProduct, FactorsThatArePutInOrderGiveTheSame) {
  const Shape shape{65, 520, 530};
  const auto a = random_values(shape.rows * shape.depth, 1), b = random_values(shape.depth * shape.columns, 2),
             bias = random_values(shape.columns, 3), out = random_values(shape.rows * shape.columns, 4);
  for (const bool transposed_a : {false, true}) {
    const Case its{shape, transposed_a, false, true, true, transposed_a, true};
    const std::vector<float> expected = expected_of(its, a, b, bias, out);
    for (const Instructions instructions : instructions_here())
      EXPECT_EQ(product_of(its, a, b, bias, out, instructions), expected) << static_cast<int>(instructions);
  }
}

TEST(PanelProduct, NotANumberStaysOne) {
  for (const Instructions instructions : instructions_here()) {
    const Case its{{3, 20, 4}, false, true, true, true, false, false};
    std::vector<float> a(12, 1.0F), b(80, -1.0F), bias(20, 0.5F), out(60, 0.0F);
    a[4] = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> found = product_of(its, a, b, bias, out, instructions);
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (i / 20 == 1) {
        EXPECT_TRUE(std::isnan(found[i])) << i;
      } else {
        EXPECT_EQ(found[i], 0.0F) << i;
      }
    }
  }
}

TEST(PanelProduct, PanelsAreFilledUpWithZeros) {
  const std::vector<float> matrix = random_values(35 * 18, 5);
  std::vector<float> panels(static_cast<std::size_t>(panel_floats(35, 18)), -1.0F);
  ASSERT_EQ(panels.size(), 2U * 32 * 18);
  pack_panels(matrix.data(), 35, 18, panels.data());
  for (std::int64_t column = 0; column < 64; ++column)
    for (std::int64_t d = 0; d < 18; ++d)
      EXPECT_EQ(panels[(column / 32 * 18 + d) * 32 + column % 32], column < 35 ? matrix[column * 18 + d] : 0.0F);
}

}  // namespace
}  // namespace ekman

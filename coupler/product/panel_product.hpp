// Products of float32 matrices on one core: out = f(a b + bias), where f may be a ReLU. Each value of `out` is one
// chain of fused multiply-adds over the depth, in its order, whatever instructions carry it out: its bits depend
// neither on the other rows and columns of a call, nor on the CPU. They are faster than OpenBLAS's where one matrix is
// a layer's weights, which need not be put in order in each call, and where rows are few (bench/README.md).
#pragma once

#include <cstdint>

namespace ekman {

constexpr std::int64_t k_panel = 32;  // columns

// a: [rows, depth], b: [depth, columns], out: [rows, columns] with its columns beside each other.
struct PanelProduct {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t depth = 0;
  const float* a = nullptr;  // value (row, d) is a[row * a_row + d * a_depth]
  std::int64_t a_row = 0;
  std::int64_t a_depth = 1;  // if it is not 1, a_row is
  const float* b = nullptr;  // value (d, column) is b[column / k_panel * b_panel + d * b_depth + column % k_panel]
  std::int64_t b_panel = 0;
  std::int64_t b_depth = 0;
  float* out = nullptr;
  std::int64_t out_row = 0;
  const float* bias = nullptr;       // of each column; null: none
  bool rectify = false;              // NaN stays
  const float* rectified = nullptr;  // rows as `out` has them: a value becomes 0 where theirs is not above 0
  bool add = false;                  // the chain begins with what `out` has

  // b as it is, [depth, columns] in row order.
  void take_rows(const float* matrix) {
    b = matrix;
    b_panel = k_panel;
    b_depth = columns;
  }
  // b as pack_panels() makes it.
  void take_panels(const float* panels) {
    b = panels;
    b_panel = k_panel * depth;
    b_depth = k_panel;
  }
};

// How many floats the panels of a matrix take.
std::int64_t panel_floats(std::int64_t columns, std::int64_t depth);

// matrix: [columns, depth] in row order, as a layer's weights are [outputs, inputs] -> panels of its transpose.
void pack_panels(const float* matrix, std::int64_t columns, std::int64_t depth, float* panels);

// What multiply() knows, from narrow vectors to wide ones.
enum class Instructions { none, avx2, avx512 };

// The widest that this CPU has.
Instructions panel_instructions();

// By instructions that the CPU has, not none.
void multiply(const PanelProduct& product, Instructions instructions);

}  // namespace ekman

// One argument or output of forward() as a tensor, and its place in the rows of a tile.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "adapters/torch/compat.hpp"
#include "coupler/engine/engine.hpp"

namespace ekman {

// Rows [tile * rows per sample, row length] against
//   point: [tile, width] or, stacked, [tile, fields, levels];
//   grid:  [tile, width, ny, nx] or, stacked, [tile, fields, levels, ny, nx]; x is fastest in the rows.
class ArgumentShape {
 public:
  // `offset` and `width` are the columns of the argument in a row. Throws Error(network) for fields of
  // unequal levels that are to be stacked.
  ArgumentShape(const NetworkSpec& spec, const Argument& argument, const std::vector<FieldSlot>& slots);

  // The tensor of this argument, contiguous; a view of `rows` where that is possible.
  at::Tensor from_rows(const at::Tensor& rows) const;
  // Copies `value`, of shape sizes(), into the columns of this output.
  void to_rows(const at::Tensor& value, const at::Tensor& rows) const;

  std::vector<std::int64_t> sizes(std::int64_t tile) const;
  // "t (30 levels), q (30 levels)"
  const std::string& fields() const { return fields_; }

 private:
  // Rows are the argument as they are: each view that is not made saves a small tile a percent.
  bool is_whole(const at::Tensor& rows) const;

  std::int64_t offset_ = 0;
  std::int64_t width_ = 0;
  std::int64_t rows_per_sample_ = 1;
  std::vector<std::int64_t> sample_sizes_;
  std::string fields_;
};

// One for each argument; `layout` is the row layout of the same arguments.
std::vector<ArgumentShape> shape_arguments(const NetworkSpec& spec, const std::vector<Argument>& arguments,
                                           const RowLayout& layout);

}  // namespace ekman

// The normalisation constants of all fields of a row.
#pragma once

#include "adapters/torch/compat.hpp"
#include "coupler/engine/engine.hpp"

namespace ekman {

// Two row vectors; undefined tensors if no field has constants.
struct RowNormalization {
  at::Tensor mean;
  at::Tensor std;

  // (rows - mean)/std, or rows themselves.
  at::Tensor normalised(const at::Tensor& rows) const { return mean.defined() ? rows.sub(mean).div(std) : rows; }
};

// Of the fields of `layout`, as spec.normalize has them.
RowNormalization row_normalization(const NetworkSpec& spec, const RowLayout& layout, at::TensorOptions options);

}  // namespace ekman

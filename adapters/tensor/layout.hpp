// How the axes of Fortran's arrays lie in tensors: same indices, first axis fastest.
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include "adapters/torch/compat.hpp"

namespace ekman {

// In elements, of a whole array.
inline std::vector<std::int64_t> fortran_strides(at::IntArrayRef shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t stride = 1;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    strides[axis] = stride;
    stride *= std::max<std::int64_t>(shape[axis], 1);
  }
  return strides;
}

// The same elements with the order of the axes turned round: Fortran's array order is LibTorch's in that.
inline at::Tensor turned_round(const at::Tensor& tensor) {
  std::vector<std::int64_t> axes(tensor.dim());
  std::iota(axes.rbegin(), axes.rend(), std::int64_t{0});
  return tensor.permute(axes);
}

}  // namespace ekman

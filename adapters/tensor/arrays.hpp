// How Fortran's arrays lie in tensors: same indices, first axis fastest. And tensors into arrays.
#pragma once

#include <ISO_Fortran_binding.h>

#include <cstdint>
#include <vector>

#include "adapters/torch/compat.hpp"

namespace ekman {

// In elements, of a whole array.
std::vector<std::int64_t> fortran_strides(at::IntArrayRef shape);

// The same elements with the order of the axes turned round: Fortran's array order is LibTorch's in that.
at::Tensor turned_round(const at::Tensor& tensor);

// Elements become those of the array's kind, as in an assignment. `call` is for messages. Throws Error(usage) where the
// shapes differ.
void copy_to_array(const char* call, const at::Tensor& tensor, const CFI_cdesc_t& array);

}  // namespace ekman

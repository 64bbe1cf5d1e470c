// Tensors into Fortran's arrays.
#pragma once

#include <ISO_Fortran_binding.h>

#include "adapters/tensor/layout.hpp"

namespace ekman {

// Elements become those of the array's kind, as in an assignment. `call` is for messages. Throws Error(usage) where the
// shapes differ.
void copy_to_array(const char* call, const at::Tensor& tensor, const CFI_cdesc_t& array);

}  // namespace ekman

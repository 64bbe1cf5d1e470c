// The linear layers of a frozen TorchScript network.
#pragma once

#include "adapters/torch/compat.hpp"

namespace ekman {

// Of forward() and the blocks in it. Selections may leave a layer without rows, which oneDNN does not take.
struct LayerCounts {
  int linear = 0, convolutions = 0, fourier = 0, selections = 0;
};
LayerCounts layers_of(const torch::jit::Graph& graph);

// Makes linear layers with constant float32 weights on the CPU run by our own products (linear_product.hpp), whose
// weights are put in order here; a ReLU behind one becomes part of it. Returns how many.
int run_linear_in_panels(torch::jit::Module& frozen);

}  // namespace ekman

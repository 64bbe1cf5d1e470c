// Forward and backward of linear layers with an activation between them, written out: a block of rows goes through all
// layers while it is in the cache, in place. LibTorch's own graph passes over all rows in each of its operations.
#pragma once

#include <string>
#include <vector>

#include "adapters/torch/compat.hpp"

namespace ekman {

struct MlpLayer {
  at::Tensor weight, bias;
};

// Whether `activation` is one whose derivative follows from its value alone: relu, tanh, sigmoid.
bool has_mlp_pass(const std::string& activation);

// in: [rows, inputs], which stays as it is -> [rows, outputs], each layer but the last through `activation`. On the
// CPU, all of one kind. Follows autograd if that is on, which changes no bits. In float32 by the products of
// linear_product.hpp, if the CPU has them; else bits depend on the shapes and LibTorch's number of threads.
at::Tensor mlp_pass(const at::Tensor& in, const std::vector<MlpLayer>& layers, const std::string& activation);

}  // namespace ekman

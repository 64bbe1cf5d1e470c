// Linear layers by the products of coupler/product, on the CPU and in float32. Their bits depend neither on the rows of
// a call nor on threads nor on the CPU.
#pragma once

#include "adapters/torch/compat.hpp"

namespace ekman {

// Whether this CPU has them, and they are of this kind.
bool has_linear_product(at::Device device, at::ScalarType kind);

// weight: [outputs, inputs] -> the order that run_linear() takes, flat.
at::Tensor panels_of(const at::Tensor& weight);

// in: [rows, inputs], bias: [outputs] or undefined -> out: [rows, outputs], through a ReLU if `rectify`. Rows are
// contiguous.
void run_linear(const at::Tensor& out, const at::Tensor& in, const at::Tensor& panels, const at::Tensor& bias,
                bool rectify);

// gradient: [rows, outputs], in: [rows, inputs] -> weight: [outputs, inputs], a sum over the rows that begins with what
// is there if `add`.
void sum_weight_gradient(const at::Tensor& weight, const at::Tensor& gradient, const at::Tensor& in, bool add);

// gradient: [rows, outputs], weight: [outputs, inputs] -> below: [rows, inputs], through a ReLU if `rectified` is
// defined, the input [rows, inputs] that came out of it.
void run_linear_back(const at::Tensor& below, const at::Tensor& gradient, const at::Tensor& weight,
                     const at::Tensor& rectified);

}  // namespace ekman

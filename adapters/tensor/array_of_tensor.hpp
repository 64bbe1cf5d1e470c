// A tensor as the coupler's ArrayView.
#pragma once

#include <cstdint>
#include <vector>

#include "adapters/torch/compat.hpp"
#include "ekman/coupler.hpp"

namespace ekman {

// The value without its graph, on the CPU.
at::Tensor in_memory(const at::Tensor& tensor);

// Of a tensor on the CPU, valid as long as it is. Throws Error(usage) for kinds that Ekman does not know.
ArrayView array_of(const at::Tensor& tensor);

// All points of a field along the first of its axes of points.
std::vector<std::int64_t> shape_with_one_axis_of_points(const FieldFacts& facts);

}  // namespace ekman

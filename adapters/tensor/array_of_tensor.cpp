// Implements array_of_tensor.hpp.
#include "adapters/tensor/array_of_tensor.hpp"

#include <fmt/format.h>

#include "adapters/tensor/boundary.hpp"

namespace ekman {

namespace {

ElementKind element_kind_of(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return ElementKind::real32;
    case at::kDouble:
      return ElementKind::real64;
    case at::kInt:
      return ElementKind::int32;
    case at::kLong:
      return ElementKind::int64;
    default:
      break;
  }
  throw Error(
      ErrorCode::usage,
      fmt::format("a tensor of LibTorch's kind {} does not travel; convert it by to(a, kind=tensor_real32), or ask for "
                  "kind=tensor_real32",
                  at::toString(tensor.scalar_type())));
}

}  // namespace

at::Tensor in_memory(const at::Tensor& tensor) { return tensor.detach().to(at::kCPU); }

ArrayView array_of(const at::Tensor& tensor) {
  if (tensor.dim() > k_max_rank) {
    throw Error(ErrorCode::usage, fmt::format("the tensor has rank {}, and fields have {} at most; reshape it",
                                              tensor.dim(), k_max_rank));
  }
  ArrayView view;
  view.data = static_cast<std::byte*>(tensor.data_ptr());
  view.kind = element_kind_of(tensor);
  view.rank = static_cast<int>(tensor.dim());
  for (int axis = 0; axis < view.rank; ++axis) {
    view.extent[axis] = tensor.size(axis);
    view.stride[axis] = tensor.stride(axis) * element_size(view.kind);
  }
  return view;
}

std::vector<std::int64_t> shape_with_one_axis_of_points(const FieldFacts& facts) {
  std::vector<std::int64_t> shape;
  std::int64_t points = facts.slots;
  for (const char axis : facts.axes) {
    shape.push_back(axis == 'l' ? facts.levels : points);
    if (axis == 'p') points = 1;
  }
  return shape;
}

}  // namespace ekman

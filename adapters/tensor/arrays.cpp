// Fortran's arrays as tensors, and tensors into arrays. A tensor over the array's own memory does both.
#include "adapters/tensor/arrays.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "adapters/tensor/boundary.hpp"
#include "coupler/api/fortran_view.hpp"

namespace ekman {

namespace {

struct Element {
  at::ScalarType type;   // as which the memory is read
  bool logical = false;  // of any size
};

Element integer_of_size(std::size_t size) {
  switch (size) {
    case 1:
      return {at::kChar};
    case 2:
      return {at::kShort};
    case 4:
      return {at::kInt};
    case 8:
      return {at::kLong};
    default:
      break;
  }
  throw Error(ErrorCode::usage,
              fmt::format("the array has elements of {} bytes; pass integers or logicals of 1, 2, 4 or 8 bytes", size));
}

Element element_of(const CFI_cdesc_t& array) {
  if (array.type == CFI_type_float) return {at::kFloat};
  if (array.type == CFI_type_double) return {at::kDouble};
  const std::size_t size = static_cast<std::size_t>(array.type) >> CFI_type_kind_shift;
  if ((array.type & CFI_type_mask) == CFI_type_Integer) return integer_of_size(size);
  if ((array.type & CFI_type_mask) == CFI_type_Logical) return {integer_of_size(size).type, true};
  throw Error(ErrorCode::usage,
              "the array is of no kind that a tensor has; pass int8 to int64, real32, real64 or logicals");
}

// The array's memory, without copy. LibTorch has no negative strides: such axes are read backwards, and named in
// `flipped`.
struct Memory {
  at::Tensor tensor;
  std::vector<std::int64_t> flipped;
  bool logical;
};

Memory memory_of(const CFI_cdesc_t& array) {
  const Element element = element_of(array);
  const auto size = static_cast<std::int64_t>(c10::elementSize(element.type));
  const ArrayView view = view_of_any_kind(array, size);
  std::vector<std::int64_t> extents(view.rank), strides(view.rank), flipped;
  std::byte* data = view.data;
  const bool has_elements = view.size() > 0;
  for (int axis = 0; axis < view.rank; ++axis) {
    extents[axis] = view.extent[axis];
    std::int64_t stride = view.extent[axis] > 1 ? view.stride[axis] : size;
    if (stride % size != 0)
      throw Error(ErrorCode::usage,
                  fmt::format("the array's elements lie {} bytes apart, and have {}; pass a copy of it", stride, size));
    if (stride < 0) {
      if (has_elements) data += (view.extent[axis] - 1) * stride;
      stride = -stride;
      flipped.push_back(axis);
    }
    strides[axis] = stride / size;
  }
  if (data == nullptr && has_elements) throw Error(ErrorCode::usage, "the array is not allocated; allocate it before");
  return {at::from_blob(data, extents, strides, at::TensorOptions().dtype(element.type)), flipped, element.logical};
}

at::Tensor shared(const Memory& memory, const at::Device& device) {
  if (!memory.flipped.empty())
    throw Error(ErrorCode::usage, "shared=.true. with an axis that runs backwards; copy it, or pass it forwards");
  if (!device.is_cpu())
    throw Error(
        ErrorCode::usage,
        fmt::format("shared=.true. on device {}; memory of Fortran is the CPU's, so leave shared= away", device.str()));
  if (!memory.logical) return memory.tensor;
  if (memory.tensor.scalar_type() == at::kChar) return memory.tensor.view(at::kBool);
  throw Error(ErrorCode::usage,
              "shared=.true. with logicals of more than a byte, which a tensor has not; copy it, or take logical(1)");
}

at::Tensor copied(const Memory& memory, const at::Device& device) {
  at::Tensor from = memory.tensor;
  if (!memory.flipped.empty()) from = from.flip(memory.flipped);
  if (memory.logical) from = from.ne(0);
  at::Tensor tensor = at::empty_strided(from.sizes(), fortran_strides(from.sizes()), from.options().device(device));
  return tensor.copy_(from);
}

}  // namespace

std::vector<std::int64_t> fortran_strides(at::IntArrayRef shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t stride = 1;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    strides[axis] = stride;
    stride *= std::max<std::int64_t>(shape[axis], 1);
  }
  return strides;
}

at::Tensor turned_round(const at::Tensor& tensor) {
  std::vector<std::int64_t> axes(tensor.dim());
  std::iota(axes.rbegin(), axes.rend(), std::int64_t{0});
  return tensor.permute(axes);
}

void copy_to_array(const char* call, const at::Tensor& tensor, const CFI_cdesc_t& array) {
  const at::NoGradGuard no_grad;
  const Memory memory = memory_of(array);
  if (memory.tensor.sizes() != tensor.sizes()) {
    throw Error(ErrorCode::usage, fmt::format("the array has the shape {}, and {} {}; pass an array of that shape",
                                              shape_text(memory.tensor), call, shape_text(tensor)));
  }
  at::Tensor from = tensor.detach();
  if (memory.logical) from = from.ne(0);
  if (!memory.flipped.empty()) from = from.flip(memory.flipped);
  memory.tensor.copy_(from);
}

}  // namespace ekman

using namespace ekman;

extern "C" {

std::int32_t ekman_tensor_from_array(const CFI_cdesc_t* array, std::int32_t is_shared, const CFI_cdesc_t* device,
                                     std::int32_t requires_grad, TensorRef* result) {
  return tensor_call("from_array", [&] {
    const at::NoGradGuard no_grad;
    const Memory memory = memory_of(*array);
    const at::Device place = device_of(text_of(*device));
    const at::Tensor tensor = is_shared != 0 ? shared(memory, place) : copied(memory, place);
    give(result, tensor.set_requires_grad(requires_grad != 0));
  });
}

std::int32_t ekman_tensor_to_array(const TensorRef* from, CFI_cdesc_t* array) {
  return tensor_call("to_array", [&] { copy_to_array("the tensor", argument(*from), *array); });
}

}  // extern "C"

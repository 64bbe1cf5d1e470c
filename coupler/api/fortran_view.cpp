// Implements fortran_view.hpp.
#include "coupler/api/fortran_view.hpp"

#include <algorithm>
#include <cstdint>

#include "ekman/error.hpp"

namespace ekman {

namespace {

// No array in memory has such a stride: zero, no multiple of the element's size or of 4 bytes, or more than 16 TiB.
bool is_impossible(std::int64_t stride, std::int64_t element_size) {
  constexpr std::int64_t k_limit = std::int64_t{1} << 44;
  return stride == 0 || stride % std::min<std::int64_t>(element_size, 4) != 0 || stride > k_limit || stride < -k_limit;
}

// Strides as they are if they were multiplied by one wrong element length, whatever it was.
bool looks_whole(const ArrayView& view) {
  for (int axis = 1; axis < view.rank; ++axis) {
    const auto before = static_cast<std::uint64_t>(view.stride[axis - 1]);
    const auto expected = before * static_cast<std::uint64_t>(view.extent[axis - 1]);
    if (static_cast<std::uint64_t>(view.stride[axis]) != expected) return false;
  }
  return true;
}

void repair_strides(ArrayView& view, std::int64_t element_size) {
  bool impossible = false;
  for (int axis = 0; axis < view.rank; ++axis) {
    impossible = impossible || (view.extent[axis] > 1 && is_impossible(view.stride[axis], element_size));
  }
  if (!impossible) return;
  if (!looks_whole(view)) {
    throw Error(ErrorCode::usage, "the compiler passed an array with impossible strides; pass a copy of it");
  }
  std::int64_t stride = element_size;
  for (int axis = 0; axis < view.rank; ++axis) {
    view.stride[axis] = stride;
    stride *= view.extent[axis];
  }
}

}  // namespace

ElementKind kind_of(const CFI_cdesc_t& array) {
  switch (array.type) {
    case CFI_type_float:
      return ElementKind::real32;
    case CFI_type_double:
      return ElementKind::real64;
    case CFI_type_int32_t:
      return ElementKind::int32;
    case CFI_type_int64_t:
      return ElementKind::int64;
    default:
      break;
  }
  throw Error(ErrorCode::usage, "the array is of no kind that Ekman knows; pass real32, real64, int32 or int64");
}

ArrayView view_of(const CFI_cdesc_t& array) {
  const ElementKind kind = kind_of(array);
  ArrayView view = view_of_any_kind(array, element_size(kind));
  view.kind = kind;
  return view;
}

ArrayView view_of_any_kind(const CFI_cdesc_t& array, std::int64_t element_size) {
  ArrayView view;
  view.data = static_cast<std::byte*>(array.base_addr);
  view.rank = array.rank;
  for (int axis = 0; axis < array.rank; ++axis) {
    view.extent[axis] = array.dim[axis].extent;
    view.stride[axis] = array.dim[axis].sm;
    // gfortran describes a section without elements, such as a(5:2), with the negative extent upper - lower + 1;
    // assumed size is -1 in the last axis.
    if (view.extent[axis] < 0 && (view.extent[axis] != -1 || axis + 1 < array.rank)) view.extent[axis] = 0;
    if (view.extent[axis] < 0) {
      throw Error(ErrorCode::usage,
                  "the array is of assumed size (*), so its extents are unknown; pass a section, for example a(1:n)");
    }
  }
  repair_strides(view, element_size);
  return view;
}

}  // namespace ekman

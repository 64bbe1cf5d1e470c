// A borrowed, strided array of the caller: what a Fortran descriptor, a C pointer and a C++ span become.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ekman {

inline constexpr int k_max_rank = 15;

enum class ElementKind : int { real32 = 1, real64 = 2, int32 = 3, int64 = 4 };

// Bytes of one element.
constexpr std::int64_t element_size(ElementKind kind) {
  return kind == ElementKind::real32 || kind == ElementKind::int32 ? 4 : 8;
}

// Axes in Fortran order: axis 0 varies fastest in a contiguous array. Strides are in bytes and may be
// negative. The view never owns its memory and is valid for the length of one call.
struct ArrayView {
  std::byte* data = nullptr;
  ElementKind kind = ElementKind::real64;
  int rank = 0;
  std::array<std::int64_t, k_max_rank> extent{};
  std::array<std::int64_t, k_max_rank> stride{};

  std::int64_t size() const {
    std::int64_t n = 1;
    for (int axis = 0; axis < rank; ++axis) n *= extent[axis];
    return n;
  }
};

namespace detail {
template <class T>
struct KindOf;
template <>
struct KindOf<float> {
  static constexpr ElementKind value = ElementKind::real32;
};
template <>
struct KindOf<double> {
  static constexpr ElementKind value = ElementKind::real64;
};
template <>
struct KindOf<std::int32_t> {
  static constexpr ElementKind value = ElementKind::int32;
};
template <>
struct KindOf<std::int64_t> {
  static constexpr ElementKind value = ElementKind::int64;
};
}  // namespace detail

// A contiguous array in Fortran order, for instance `contiguous_view(t, {ncol, nlev})`.
template <class T, std::size_t Rank>
ArrayView contiguous_view(const T* data, const std::int64_t (&extents)[Rank]) {
  static_assert(Rank <= k_max_rank);
  ArrayView view;
  // One view type serves put and get; put never writes through it.
  view.data = reinterpret_cast<std::byte*>(const_cast<T*>(data));
  view.kind = detail::KindOf<T>::value;
  view.rank = static_cast<int>(Rank);
  std::int64_t stride = sizeof(T);
  for (std::size_t axis = 0; axis < Rank; ++axis) {
    view.extent[axis] = extents[axis];
    view.stride[axis] = stride;
    stride *= extents[axis];
  }
  return view;
}

}  // namespace ekman

// Fortran's array descriptors as ArrayViews.
#pragma once

#include <ISO_Fortran_binding.h>

#include <cstdint>

#include "ekman/array_view.hpp"

namespace ekman {

// Throws Error(usage) for a kind that Ekman does not know.
ElementKind kind_of(const CFI_cdesc_t& array);

// Base address, extents and strides as the caller has them; no copy. Throws Error(usage) for arrays of assumed size and
// for descriptors that make no sense. gfortran 12 leaves the element length of the strides unset when an unallocated
// array is allocated by the assignment of reshape, pack or spread: where such strides are impossible they are replaced
// by those of a whole array, which is what the variable is.
ArrayView view_of(const CFI_cdesc_t& array);

// The same for elements of any kind, of `element_size` bytes; the view's `kind` says nothing.
ArrayView view_of_any_kind(const CFI_cdesc_t& array, std::int64_t element_size);

}  // namespace ekman

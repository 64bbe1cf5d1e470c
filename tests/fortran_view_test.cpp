// Descriptors as gfortran makes them, the wrong ones too.
#include "coupler/api/fortran_view.hpp"

#include <gtest/gtest.h>

#include <utility>

#include "ekman/error.hpp"

namespace ekman {
namespace {

using Descriptor = CFI_CDESC_T(3);

CFI_cdesc_t* describe(Descriptor& storage, double* data, std::ptrdiff_t span) {
  auto* array = reinterpret_cast<CFI_cdesc_t*>(&storage);
  CFI_index_t extents[3] = {7, 29, 5};
  EXPECT_EQ(CFI_establish(array, data, CFI_attribute_other, CFI_type_double, 0, 3, extents), CFI_SUCCESS);
  array->dim[0].sm = span;
  array->dim[1].sm = static_cast<std::ptrdiff_t>(7 * static_cast<std::size_t>(span));
  array->dim[2].sm = static_cast<std::ptrdiff_t>(7 * 29 * static_cast<std::size_t>(span));
  return array;
}

TEST(FortranView, KeepsTheStridesOfTheCaller) {
  Descriptor storage;
  double data[2] = {};

  const ArrayView view = view_of(*describe(storage, data, 24));

  EXPECT_EQ(view.stride[0], 24);
  EXPECT_EQ(view.stride[2], 24 * 7 * 29);
}

TEST(FortranView, TakesAnArrayWithoutSpanAsWhole) {
  for (const std::ptrdiff_t span : {std::ptrdiff_t{0}, std::ptrdiff_t{0x7ffff7ffe668}, std::ptrdiff_t{3}}) {
    Descriptor storage;
    double data[2] = {};

    const ArrayView view = view_of(*describe(storage, data, span));

    EXPECT_EQ(view.stride[0], 8);
    EXPECT_EQ(view.stride[1], 56);
    EXPECT_EQ(view.stride[2], 1624);
  }
}

TEST(FortranView, RefusesImpossibleStridesOfASection) {
  Descriptor storage;
  double data[2] = {};
  CFI_cdesc_t* array = describe(storage, data, 0);
  array->dim[1].sm = 64;

  EXPECT_THROW(view_of(*array), Error);
}

TEST(FortranView, TakesASectionWithoutElementsAsEmpty) {
  for (const auto& [axis, extent] : {std::pair{2, -4}, std::pair{1, -1}, std::pair{0, -2}}) {
    Descriptor storage;
    double data[2] = {};
    CFI_cdesc_t* array = describe(storage, data, 8);
    array->dim[axis].extent = extent;

    EXPECT_EQ(view_of(*array).extent[axis], 0);
  }
}

TEST(FortranView, KeepsStridesOfSmallElements) {
  Descriptor storage;
  double data[2] = {};

  const ArrayView view = view_of_any_kind(*describe(storage, data, 3), 1);

  EXPECT_EQ(view.stride[0], 3);
  EXPECT_EQ(view.stride[1], 21);
}

TEST(FortranView, RefusesAssumedSize) {
  Descriptor storage;
  double data[2] = {};
  CFI_cdesc_t* array = describe(storage, data, 8);
  array->dim[2].extent = -1;

  EXPECT_THROW(view_of(*array), Error);
}

}  // namespace
}  // namespace ekman

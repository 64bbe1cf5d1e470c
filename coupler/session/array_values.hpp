// A strided array of the caller as values one after the other, in array order.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "ekman/array_view.hpp"

namespace ekman {

// `T`: the kind of the array's elements.
template <class T, class Value>
void append_values(const ArrayView& array, std::vector<Value>& values) {
  std::int64_t index[k_max_rank] = {};
  for (std::int64_t i = 0; i < array.size(); ++i) {
    const std::byte* address = array.data;
    for (int axis = 0; axis < array.rank; ++axis) address += index[axis] * array.stride[axis];
    T value;
    std::memcpy(&value, address, sizeof value);
    values.push_back(value);
    for (int axis = 0; axis < array.rank && ++index[axis] == array.extent[axis]; ++axis) index[axis] = 0;
  }
}

}  // namespace ekman

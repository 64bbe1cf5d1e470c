// Values in untyped memory, of any alignment.
#pragma once

#include <cstddef>
#include <cstring>

namespace ekman {

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class T>
void store(std::byte* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

}  // namespace ekman

// The one hash of Ekman's promises: what is held out for validation, what dropout draws, whether ranks agree. It is
// part of them, so it never changes.
#pragma once

#include <cstdint>
#include <initializer_list>

namespace ekman {

// One step of SplitMix64 (Steele, Lea, Flood 2014): each bit of the result depends on each of `value`.
constexpr std::uint64_t mix64(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

// Of several numbers, in their order: h = 0, then h = mix64(h xor number) for each.
constexpr std::uint64_t mix64(std::initializer_list<std::int64_t> numbers) {
  std::uint64_t hash = 0;
  for (const std::int64_t number : numbers) hash = mix64(hash ^ static_cast<std::uint64_t>(number));
  return hash;
}

}  // namespace ekman

// The loop that stands for physics and for a network in overlap.cpp: arithmetic without MPI or memory, which no other
// rank speeds up or slows down, unless it takes the core.
#pragma once

#include <cstdint>

namespace bench {

inline void work(std::int64_t rounds) {
  volatile double result = 1.0;
  double value = result;
  for (std::int64_t i = 0; i < rounds; ++i) value = value * 0.999999 + 1e-6;
  result = value;
}

}  // namespace bench

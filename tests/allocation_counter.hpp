// Operators new and delete that count, of a program that is linked with allocation_counter.cpp and of the libraries
// that it loads; what MPI takes by malloc is not seen.
#pragma once

#include <cstdint>

namespace ekman {

// Allocations made while it lives, by the thread that made it.
class AllocationCounter {
 public:
  AllocationCounter();
  ~AllocationCounter();
  AllocationCounter(const AllocationCounter&) = delete;
  AllocationCounter& operator=(const AllocationCounter&) = delete;

  static std::int64_t count();  // of all counters so far
  static std::int64_t bytes();  // asked for in them
};

std::int64_t live_bytes();  // of the process, now
std::int64_t peak_bytes();  // the most since reset_peak
void reset_peak();

}  // namespace ekman

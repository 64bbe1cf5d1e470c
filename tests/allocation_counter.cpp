// Implements allocation_counter.hpp.
#include "tests/allocation_counter.hpp"

#include <malloc.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace ekman {

namespace {

thread_local bool is_counting = false;
std::atomic<std::int64_t> num_counted{0}, counted_bytes{0}, live{0}, peak{0};

void* allocate(std::size_t bytes, std::size_t alignment) {
  void* memory = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  if (is_counting) {
    ++num_counted;
    counted_bytes += static_cast<std::int64_t>(bytes);
  }
  const auto size = static_cast<std::int64_t>(malloc_usable_size(memory));
  const std::int64_t now = live += size;
  if (now > peak) peak = now;
  return memory;
}

void release(void* memory) {
  if (memory == nullptr) return;
  live -= static_cast<std::int64_t>(malloc_usable_size(memory));
  std::free(memory);
}

constexpr std::size_t k_plain = alignof(std::max_align_t);

}  // namespace

AllocationCounter::AllocationCounter() { is_counting = true; }
AllocationCounter::~AllocationCounter() { is_counting = false; }
std::int64_t AllocationCounter::count() { return num_counted; }
std::int64_t AllocationCounter::bytes() { return counted_bytes; }

std::int64_t live_bytes() { return live; }
std::int64_t peak_bytes() { return peak; }
void reset_peak() { peak = live.load(); }

}  // namespace ekman

void* operator new(std::size_t bytes) { return ekman::allocate(bytes, ekman::k_plain); }
void* operator new[](std::size_t bytes) { return ekman::allocate(bytes, ekman::k_plain); }
void* operator new(std::size_t bytes, std::align_val_t to) {
  return ekman::allocate(bytes, static_cast<std::size_t>(to));
}
void* operator new[](std::size_t bytes, std::align_val_t to) {
  return ekman::allocate(bytes, static_cast<std::size_t>(to));
}
void operator delete(void* memory) noexcept { ekman::release(memory); }
void operator delete[](void* memory) noexcept { ekman::release(memory); }
void operator delete(void* memory, std::size_t) noexcept { ekman::release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { ekman::release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { ekman::release(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { ekman::release(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { ekman::release(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { ekman::release(memory); }

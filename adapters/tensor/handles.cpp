// Implements handles.hpp.
#include "adapters/tensor/handles.hpp"

#include <utility>

#include "ekman/error.hpp"

namespace ekman {

namespace {

constexpr int k_slot_bits = 24;
constexpr std::int64_t k_slot_mask = (std::int64_t{1} << k_slot_bits) - 1;

// Slot 0 gives 1 in the lower bits: no handle is 0.
std::int64_t handle_of(std::int64_t slot, std::int64_t turn) { return (turn << k_slot_bits) | (slot + 1); }

}  // namespace

std::int64_t TensorHandles::keep(at::Tensor tensor) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (free_.empty()) {
    if (static_cast<std::int64_t>(slots_.size()) == k_slot_mask)
      throw Error(ErrorCode::usage, "16777215 tensors are alive in this process; free some, by `call delete(a)`");
    free_.push_back(static_cast<std::int64_t>(slots_.size()));
    slots_.emplace_back();
  }
  const std::int64_t slot = free_.back();
  free_.pop_back();
  slots_[slot].tensor = std::move(tensor);
  slots_[slot].used = true;
  slots_[slot].differentiated = false;
  return handle_of(slot, slots_[slot].turn);
}

TensorHandles::Slot* TensorHandles::find(std::int64_t handle) {
  const std::int64_t slot = (handle & k_slot_mask) - 1;
  if (slot < 0 || slot >= static_cast<std::int64_t>(slots_.size())) return nullptr;
  const bool names_it = slots_[slot].used && slots_[slot].turn == handle >> k_slot_bits;
  return names_it ? &slots_[slot] : nullptr;
}

TensorHandles::Slot& TensorHandles::found(std::int64_t handle) {
  if (handle == 0)
    throw Error(ErrorCode::usage,
                "the tensor was never given a value; assign one before, for example that of zeros or from_array");
  Slot* slot = find(handle);
  if (slot == nullptr)
    throw Error(
        ErrorCode::usage,
        "the tensor's value is gone, since its first use takes the value of an expression, or since it was a copy "
        "made without an assignment; assign it to a variable, and use that");
  return *slot;
}

void TensorHandles::empty(Slot& slot, std::int64_t handle) {
  slot.tensor = at::Tensor();
  slot.used = false;
  ++slot.turn;
  free_.push_back((handle & k_slot_mask) - 1);
}

at::Tensor TensorHandles::value(std::int64_t handle) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return found(handle).tensor;
}

at::Tensor TensorHandles::take(std::int64_t handle) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Slot& slot = found(handle);
  at::Tensor tensor = std::move(slot.tensor);
  empty(slot, handle);
  return tensor;
}

std::int64_t TensorHandles::renewed(std::int64_t handle) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return handle_of((handle & k_slot_mask) - 1, ++found(handle).turn);
}

void TensorHandles::release(std::int64_t handle) {
  // Freed without the lock: the last tensor of a graph frees all of it.
  at::Tensor tensor;
  const std::lock_guard<std::mutex> lock(mutex_);
  Slot* slot = find(handle);
  if (slot == nullptr) return;
  tensor = std::move(slot->tensor);
  empty(*slot, handle);
}

std::int64_t TensorHandles::count() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return static_cast<std::int64_t>(slots_.size() - free_.size());
}

void TensorHandles::mark_differentiated(std::int64_t handle) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Slot* slot = find(handle);
  if (slot != nullptr) slot->differentiated = true;
}

bool TensorHandles::is_differentiated(std::int64_t handle) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const Slot* slot = find(handle);
  return slot != nullptr && slot->differentiated;
}

TensorHandles& tensor_handles() {
  // Never destroyed: a finaliser may run when static objects are gone.
  static auto* const handles = new TensorHandles;
  return *handles;
}

at::Tensor argument(const TensorRef& ref) {
  return ref.temporary != 0 ? tensor_handles().take(ref.handle) : tensor_handles().value(ref.handle);
}

void give(TensorRef* result, at::Tensor tensor) {
  result->handle = tensor_handles().keep(std::move(tensor));
  result->temporary = 1;
}

}  // namespace ekman

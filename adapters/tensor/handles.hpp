// The tensors that Fortran holds. A handle is a slot and how often the slot had been given away before, so that a
// handle whose tensor is gone is known as such: compilers differ in what they finalise, and a second release does
// nothing.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "adapters/torch/compat.hpp"

namespace ekman {

// What type(tensor) of Fortran holds, and network and optimizer. `temporary`: the value of an expression, which the
// first use takes.
struct TensorRef {
  std::int64_t handle;
  std::int32_t temporary;
};

// Any thread may call.
class TensorHandles {
 public:
  std::int64_t keep(at::Tensor tensor);
  // Throws Error(usage) where there is none, as `take` and `renewed` do.
  at::Tensor value(std::int64_t handle);
  at::Tensor take(std::int64_t handle);
  // The same tensor under a new handle; the old one names nothing from now on.
  std::int64_t renewed(std::int64_t handle);
  void release(std::int64_t handle);
  std::int64_t count();

  // Whether the graph behind the tensor was freed by a backward; of no effect for a handle that names nothing.
  void mark_differentiated(std::int64_t handle);
  bool is_differentiated(std::int64_t handle);

 private:
  struct Slot {
    at::Tensor tensor;
    std::int64_t turn = 1;
    bool used = false;
    bool differentiated = false;
  };
  Slot* find(std::int64_t handle);
  Slot& found(std::int64_t handle);
  void empty(Slot& slot, std::int64_t handle);

  std::mutex mutex_;
  std::vector<Slot> slots_;
  std::vector<std::int64_t> free_;
};

// Those of this process: a finaliser of Fortran has nothing but the handle.
TensorHandles& tensor_handles();

// The tensor behind an argument of a call; that of an expression is freed when the caller's copy is.
at::Tensor argument(const TensorRef& ref);

// `tensor` as the value of an expression.
void give(TensorRef* result, at::Tensor tensor);

}  // namespace ekman

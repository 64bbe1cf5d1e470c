// The one header for differences between LibTorch versions (1.13 to 2.x). Includes what all of the adapter
// needs.
#pragma once

#include <ATen/autocast_mode.h>
#include <torch/script.h>
#include <torch/version.h>

#include <atomic>
#include <sstream>
#include <string>
#include <type_traits>

#if TORCH_VERSION_MAJOR < 1 || (TORCH_VERSION_MAJOR == 1 && TORCH_VERSION_MINOR < 13)
#error "Ekman needs LibTorch 1.13 or later"
#endif

namespace torch::jit {
// Declared by LibTorch in a header that moved between versions and pulls in the whole graph executor.
TORCH_API std::atomic<bool>& getProfilingMode();
}  // namespace torch::jit

namespace ekman::compat {

// Process-wide. The profiling executor recompiles a network in its first calls: spikes, and other bits after
// a restart.
inline void stop_profiling() { torch::jit::getProfilingMode() = false; }

constexpr at::ScalarType k_undefined = at::ScalarType::Undefined;

inline std::string torch_version() {
  return std::to_string(TORCH_VERSION_MAJOR) + "." + std::to_string(TORCH_VERSION_MINOR) + "." +
         std::to_string(TORCH_VERSION_PATCH);
}

// torch::jit::Module::train() throws for modules without the attribute `training` (frozen files).
inline void set_training(const torch::jit::Module& module, bool on) {
  for (torch::jit::Module part : module.modules()) {
    if (part.hasattr("training")) part.setattr("training", on);
  }
}

// Under which an optimizer has the state of `parameter`: its address, as a text in older versions.
template <class Optimizer>
auto state_key(Optimizer& optimizer, const at::Tensor& parameter) {
  using Key = typename std::decay_t<decltype(optimizer.state())>::key_type;
  if constexpr (std::is_same_v<Key, std::string>) {
    std::ostringstream text;
    text << parameter.unsafeGetTensorImpl();
    return text.str();
  } else {
    return static_cast<Key>(parameter.unsafeGetTensorImpl());
  }
}

// While it lives, this thread's operations take `kind` where LibTorch holds that safe. Of no effect for kUndefined, and
// for float16 on a CPU, which has no such autocast in older versions; engines refuse that.
class Autocast {
 public:
  Autocast(at::DeviceType device, at::ScalarType kind)
      : device_(device), kind_(kind), on_(kind != k_undefined && !(device == at::kCPU && kind == at::kHalf)) {
    if (on_) set(true);
  }
  ~Autocast() {
    if (!on_) return;
    set(false);
    // Or the next forward would take the rounded weights of this one, from before an optimizer step.
    at::autocast::clear_cache();
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  void set(bool on) const {
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
    at::autocast::set_autocast_dtype(device_, kind_);
    at::autocast::set_autocast_enabled(device_, on);
#else
    if (device_ == at::kCPU) {
      at::autocast::set_autocast_cpu_dtype(kind_);
      at::autocast::set_cpu_enabled(on);
    } else {
      at::autocast::set_autocast_gpu_dtype(kind_);
      at::autocast::set_enabled(on);
    }
#endif
  }

  at::DeviceType device_;
  at::ScalarType kind_;
  bool on_;
};

}  // namespace ekman::compat

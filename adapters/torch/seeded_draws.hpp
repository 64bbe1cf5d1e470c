// Draws of LibTorch's that follow from a seed.
#pragma once

#include <mutex>

#include "adapters/torch/compat.hpp"

namespace ekman {

// While it lives, the default generator of the device draws from `seed`; then it goes on where it was.
class SeededDraws {
 public:
  SeededDraws(at::Device device, std::uint64_t seed) : generator_(at::globalContext().defaultGenerator(device)) {
    const std::lock_guard<std::mutex> lock(generator_.mutex());
    before_ = generator_.get_state();
    generator_.set_current_seed(seed);
  }
  ~SeededDraws() {
    const std::lock_guard<std::mutex> lock(generator_.mutex());
    generator_.set_state(before_);
  }
  // Where the generator is: another place after any draw.
  at::Tensor place() {
    const std::lock_guard<std::mutex> lock(generator_.mutex());
    return generator_.get_state();
  }
  SeededDraws(const SeededDraws&) = delete;
  SeededDraws& operator=(const SeededDraws&) = delete;

 private:
  at::Generator generator_;
  at::Tensor before_;
};

}  // namespace ekman

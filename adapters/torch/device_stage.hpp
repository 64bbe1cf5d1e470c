// A stage of the profile whose work may run on a GPU: with a profile its end is waited for, else nothing is.
#pragma once

#include <torch/cuda.h>

#include "adapters/torch/compat.hpp"
#include "coupler/profile/profile.hpp"

namespace ekman {

class DeviceStage {
 public:
  DeviceStage(Profile* profile, Stage stage, at::Device device)
      : waits_(profile != nullptr && device.is_cuda()), device_(device), timer_(profile, stage) {}
  ~DeviceStage() {
    if (waits_) torch::cuda::synchronize(device_.index());
  }
  DeviceStage(const DeviceStage&) = delete;
  DeviceStage& operator=(const DeviceStage&) = delete;

 private:
  bool waits_;
  at::Device device_;
  StageTimer timer_;  // ends behind the destructor's wait
};

}  // namespace ekman

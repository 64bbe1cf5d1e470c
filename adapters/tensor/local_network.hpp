// A network that runs in the process of the model, on tensors: of a TorchScript file, or made by code.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adapters/torch/flat_parameters.hpp"
#include "coupler/plan/plan.hpp"

namespace ekman {

class LocalNetwork {
 public:
  virtual ~LocalNetwork() = default;

  // Throws whatever LibTorch throws.
  virtual std::vector<at::Tensor> forward(const std::vector<at::Tensor>& inputs) = 0;
  // By the names that Python gives them; one that has several is there under the first.
  virtual std::vector<NamedParameter> parameters() = 0;
  virtual std::vector<NamedParameter> buffers() = 0;
  virtual void set_training(bool on) = 0;
  virtual void save(const std::string& path) = 0;
  // Another network of the same values.
  virtual std::shared_ptr<LocalNetwork> copy() = 0;

  // Parameters stay the tensors that they are.
  void move(at::Device device, at::ScalarType kind);
};

// What a caller says beside the description; 0 and kUndefined: nothing.
struct NetworkRequest {
  std::int64_t inputs = 0;  // values of a point that go in, and come out
  std::int64_t outputs = 0;
  std::int64_t ny = 0;  // the grid that is a sample
  std::int64_t nx = 0;
  at::Device device = at::kCPU;
  at::ScalarType kind = compat::k_undefined;
};

// `description` is a TorchScript file, or the .safetensors of a checkpoint, or what a plan has under `network`, in
// braces. In eval mode. Throws Error(usage), Error(plan) or Error(network).
std::shared_ptr<LocalNetwork> make_local_network(const std::string& description, const NetworkRequest& request);

}  // namespace ekman

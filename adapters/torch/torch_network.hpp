// What the torch engine runs on a tile: a TorchScript file or a network made by code, rows in, rows out.
#pragma once

#include <memory>
#include <string>

#include "adapters/torch/compat.hpp"
#include "adapters/torch/flat_parameters.hpp"
#include "coupler/engine/engine.hpp"

namespace ekman {

// What autocast rounds to in a forward; kUndefined: nothing.
inline at::ScalarType autocast_of(Compute compute) {
  if (compute == Compute::bfloat16) return at::kBFloat16;
  return compute == Compute::float16 ? at::kHalf : compat::k_undefined;
}

class TorchNetwork {
 public:
  virtual ~TorchNetwork() = default;
  // `in` and `out` are the rows of one tile, of the compute kind, on the network's device. Throws
  // Error(network).
  virtual void forward(const at::Tensor& in, const at::Tensor& out) = 0;
  // The same into a tensor of its own.
  virtual at::Tensor forward(const at::Tensor& in, std::int64_t out_len) {
    const at::Tensor out = at::empty({in.size(0), out_len}, in.options().requires_grad(false));
    forward(in, out);
    return out;
  }
  // Values kept for each row by a forward that autograd follows, if its outputs are those of the network as it is
  // served, on the CPU: so it may be learned from as well; else 0.
  virtual std::int64_t graph_len() const { return 0; }
  virtual NetworkSize size() const = 0;
  // What was done to make it faster, for the line at start; "" if it runs as it is.
  virtual std::string speed_up() const { return ""; }
  // By the names that Python gives them; one that has several is there under the first.
  virtual std::vector<NamedParameter> parameters() = 0;
  virtual std::vector<NamedParameter> buffers() { return {}; }
  // Between eval mode, in which it begins, and train mode; those of TorchScript are switched in script().
  virtual void set_training(bool) {}
  // The network's module, in eval mode; null if it is none of TorchScript's.
  virtual const torch::jit::Module* script() const { return nullptr; }
};

// Of a LibTorch module, scripted or built in.
template <class Module>
NetworkSize size_of(const Module& module) {
  NetworkSize size;
  for (const at::Tensor& parameter : module.parameters()) {
    size.parameters += parameter.numel();
    size.bytes += static_cast<std::int64_t>(parameter.nbytes());
  }
  for (const at::Tensor& buffer : module.buffers()) size.bytes += static_cast<std::int64_t>(buffer.nbytes());
  return size;
}

// Loads a file onto `device` with its weights in `kind`; several arguments and outputs are told apart by
// `spec`.
std::unique_ptr<TorchNetwork> load_script_network(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out,
                                                  at::Device device, at::ScalarType kind);

// The built-in mlp: linear layers with the activation between them, over all input fields side by side to all output
// fields. Weights follow from the seed alone: equal on every rank, device and LibTorch.
std::unique_ptr<TorchNetwork> make_mlp_network(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out,
                                               at::Device device, at::ScalarType kind);

}  // namespace ekman

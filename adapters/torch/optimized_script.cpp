// Implements optimized_script.hpp.
#include "adapters/torch/optimized_script.hpp"

#include <fmt/format.h>

#include "adapters/torch/linear_layers.hpp"
#include "adapters/torch/linear_product.hpp"
#include "adapters/torch/torch_message.hpp"
#include "coupler/plan/choices.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

// Frozen copies share the weights of their module, so that they would see it learn.
torch::jit::Module frozen_copy(const torch::jit::Module& module) { return torch::jit::freeze(module.deepcopy()); }

torch::jit::Module for_inference(const NetworkSpec& spec, const torch::jit::Module& module) {
  torch::jit::Module frozen = frozen_copy(module);
  const bool convolves = layers_of(*frozen.get_method("forward").graph()).convolutions > 0;
  if (convolves) return torch::jit::optimize_for_inference(frozen);
  if (spec.compute == Compute::float32) run_linear_in_panels(frozen);
  return frozen;
}

}  // namespace

Optimize optimization_of(const NetworkSpec& spec, const torch::jit::Module& module, at::Device device) {
  if (spec.optimize != Optimize::automatic) return spec.optimize;
  if (!device.is_cpu() || spec.compute != Compute::float32 || spec.training.given || spec.tape > 0)
    return Optimize::none;
  LayerCounts layers;
  try {
    layers = layers_of(*frozen_copy(module).get_method("forward").graph());
  } catch (const std::exception&) {  // some networks cannot be frozen, and run as they are
    return Optimize::none;
  }
  if (layers.fourier > 0) return Optimize::none;
  if (layers.convolutions > 0) return layers.selections > 0 ? Optimize::none : Optimize::inference;
  return layers.linear > 0 && has_linear_product(device, at::kFloat) ? Optimize::inference : Optimize::none;
}

torch::jit::Module optimized(const NetworkSpec& spec, const torch::jit::Module& module, Optimize optimize) {
  if (optimize == Optimize::none) return module;
  try {
    return optimize == Optimize::freeze ? frozen_copy(module) : for_inference(spec, module);
  } catch (const std::exception& error) {
    throw Error(ErrorCode::network,
                fmt::format("network \"{}\": {} does not stand optimize: {}: {}; take `optimize: none`", spec.name,
                            spec.source.path, word_of(optimize), torch_message(error)));
  }
}

}  // namespace ekman

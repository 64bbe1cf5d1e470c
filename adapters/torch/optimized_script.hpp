// What `optimize` makes of a TorchScript network: a frozen copy, in which layers run through other libraries of
// LibTorch.
#pragma once

#include "adapters/torch/compat.hpp"
#include "coupler/plan/plan.hpp"

namespace ekman {

// How a network runs that does not learn: `optimize`, where automatic stands for none or inference. That follows from
// the layers, never from a timing, so that bits are the same on any day:
//  - convolutions, neither a Fourier transform nor a selection of rows by their values: inference, since oneDNN then
//    gets its weights in its own order;
//  - linear layers and no convolution: inference, by our own products if this CPU has them;
//  - all else, networks that learn, other kinds than float32 and GPUs: none.
Optimize optimization_of(const NetworkSpec& spec, const torch::jit::Module& module, at::Device device);

// A copy of `module` for inference, or itself: none. Throws Error(network) if it does not stand `optimize`.
torch::jit::Module optimized(const NetworkSpec& spec, const torch::jit::Module& module, Optimize optimize);

}  // namespace ekman

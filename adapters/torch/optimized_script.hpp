// What `optimize` makes of a TorchScript network: a frozen copy, in which layers run through other libraries of
// LibTorch.
#pragma once

#include "adapters/torch/compat.hpp"
#include "coupler/plan/plan.hpp"

namespace ekman {

// How a network runs that does not learn: `optimize`, where automatic stands for none or inference. That follows from
// the layers, the tile and the kernels that OpenBLAS has, never from a timing, so that bits are the same on any day:
//  - convolutions, and no Fourier transform: inference, since oneDNN then gets its weights in its own order;
//  - linear layers and no convolution: inference where oneDNN is faster than the BLAS, see linear_in_onednn();
//  - all else, what selects rows by their values, networks that learn, other kinds than float32 and GPUs: none.
// `slow_blas`: see blas_is_slow().
Optimize optimization_of(const NetworkSpec& spec, const torch::jit::Module& module, at::Device device, bool slow_blas);

// Whether linear layers run through oneDNN unasked, for the network's kind, tile and device; also while it learns,
// since that leaves weights as they are. From the rows of a tile on that were measured (bench/README.md).
bool linear_in_onednn(const NetworkSpec& spec, at::Device device, bool slow_blas);

// A copy of `module` for inference, or itself: none. Throws Error(network) if it does not stand `optimize`.
torch::jit::Module optimized(const NetworkSpec& spec, const torch::jit::Module& module, Optimize optimize);

}  // namespace ekman

// A network of the torch engine that learns.
#pragma once

#include <memory>

#include "adapters/torch/torch_network.hpp"
#include "coupler/engine/learner.hpp"

namespace ekman {

// `network` outlives the learner, which changes its parameters and buffers in place and leaves it in eval mode. `truth`
// is the row layout of truth_fields_of(spec). Throws Error: what cannot learn, and losses whose shapes do not fit.
std::unique_ptr<Learner> make_torch_learner(const NetworkSpec& spec, TorchNetwork& network, const RowLayout& in,
                                            const RowLayout& out, const RowLayout& truth);

}  // namespace ekman

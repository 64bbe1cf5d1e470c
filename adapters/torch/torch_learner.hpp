// A network of the torch engine that learns.
#pragma once

#include <memory>

#include "adapters/torch/torch_network.hpp"
#include "coupler/engine/learner.hpp"

namespace ekman {

// `network` runs on the CPU, with parameters of the compute kind of `spec`, and outlives the learner, which changes
// them in place. `truth` is the row layout of truth_fields_of(spec). The loss compares the
// network's own outputs with targets that are normalised as its outputs are. Throws Error.
std::unique_ptr<Learner> make_torch_learner(const NetworkSpec& spec, TorchNetwork& network, const RowLayout& in,
                                            const RowLayout& out, const RowLayout& truth);

}  // namespace ekman

// The tape of the torch engine: the autograd graphs of forwards that wait for their adjoints.
#pragma once

#include <memory>

#include "adapters/torch/tile_forward.hpp"
#include "adapters/torch/torch_learner.hpp"
#include "coupler/engine/tape.hpp"

namespace ekman {

// `forward`, of `network`, and `learner` outlive it. Without a learner (null) the parameters get no gradient.
std::unique_ptr<Tape> make_torch_tape(const NetworkSpec& spec, TorchNetwork& network, const TileForward& forward,
                                      TorchLearner* learner);

}  // namespace ekman

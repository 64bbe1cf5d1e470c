// What an optimizer of LibTorch remembers from step to step, by name. LibTorch's own archive has heap addresses for
// names.
#pragma once

#include <torch/optim/optimizer.h>

#include "adapters/torch/flat_parameters.hpp"
#include "adapters/torch/learned_arrays.hpp"
#include "coupler/plan/training_spec.hpp"

namespace ekman {

// `optimizer` is make_optimizer(spec, {flat.values()}). Moments are cut by parameter, "optimizer/exp_avg/0.weight"; the
// history of lbfgs is whole. Nothing is written that the optimizer does not have yet.
void write_optimizer(ArrayWriter& writer, const OptimizerSpec& spec, torch::optim::Optimizer& optimizer,
                     const FlatParameters& flat);

// The contrary of write_optimizer; `steps` is the number of steps made. Returns what is to be given to
// take_optimizer_state(), so that nothing is changed before all has been read. Throws Error(network).
std::unique_ptr<torch::optim::OptimizerParamState> read_optimizer(ArrayReader& reader, const OptimizerSpec& spec,
                                                                  const FlatParameters& flat, std::int64_t steps);

// Null: as before the first step.
void take_optimizer_state(torch::optim::Optimizer& optimizer, const FlatParameters& flat,
                          std::unique_ptr<torch::optim::OptimizerParamState> state);

}  // namespace ekman

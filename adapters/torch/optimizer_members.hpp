// What LibTorch's optimizers remember of a parameter. Each kind of optimizer has its own struct; visit_members names
// their members once, for writing and for reading.
#pragma once

#include <torch/optim/adagrad.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/lbfgs.h>
#include <torch/optim/rmsprop.h>
#include <torch/optim/sgd.h>

#include "coupler/plan/training_spec.hpp"

namespace ekman {

// `members` has number(name, value), cut(name, tensor, always) for a tensor of the parameter's shape, whole(name,
// tensor) for those of all parameters, and history(name, deque). `always`: an optimizer that has stepped has it for
// sure.
template <class Members>
void visit_members(torch::optim::SGDParamState& state, const OptimizerSpec& spec, Members& members) {
  members.cut("momentum_buffer", state.momentum_buffer(), spec.momentum != 0.0);
}

template <class State, class Members>
void visit_adam_members(State& state, const OptimizerSpec& spec, Members& members) {
  members.number("step", state.step());
  members.cut("exp_avg", state.exp_avg(), true);
  members.cut("exp_avg_sq", state.exp_avg_sq(), true);
  members.cut("max_exp_avg_sq", state.max_exp_avg_sq(), spec.amsgrad);
}

template <class Members>
void visit_members(torch::optim::AdamParamState& state, const OptimizerSpec& spec, Members& members) {
  visit_adam_members(state, spec, members);
}

template <class Members>
void visit_members(torch::optim::AdamWParamState& state, const OptimizerSpec& spec, Members& members) {
  visit_adam_members(state, spec, members);
}

template <class Members>
void visit_members(torch::optim::RMSpropParamState& state, const OptimizerSpec& spec, Members& members) {
  members.number("step", state.step());
  members.cut("square_avg", state.square_avg(), true);
  members.cut("momentum_buffer", state.momentum_buffer(), spec.momentum > 0.0);
  members.cut("grad_avg", state.grad_avg(), spec.centered);
}

template <class Members>
void visit_members(torch::optim::AdagradParamState& state, const OptimizerSpec&, Members& members) {
  members.number("step", state.step());
  members.cut("sum", state.sum(), true);
}

template <class Members>
void visit_members(torch::optim::LBFGSParamState& state, const OptimizerSpec&, Members& members) {
  members.number("func_evals", state.func_evals());
  members.number("n_iter", state.n_iter());
  if (state.n_iter() == 0) return;  // LibTorch has not set the others yet
  members.number("t", state.t());
  members.number("prev_loss", state.prev_loss());
  members.whole("d", state.d());
  members.whole("H_diag", state.H_diag());
  members.whole("prev_flat_grad", state.prev_flat_grad());
  members.history("old_dirs", state.old_dirs());
  members.history("old_stps", state.old_stps());
  members.history("ro", state.ro());
}

// Calls `work` with a null pointer to the kind of state that the optimizer has.
template <class Work>
auto with_state_of(OptimizerKind kind, Work&& work) {
  switch (kind) {
    case OptimizerKind::sgd:
      return work(static_cast<torch::optim::SGDParamState*>(nullptr));
    case OptimizerKind::adam:
      return work(static_cast<torch::optim::AdamParamState*>(nullptr));
    case OptimizerKind::rmsprop:
      return work(static_cast<torch::optim::RMSpropParamState*>(nullptr));
    case OptimizerKind::adagrad:
      return work(static_cast<torch::optim::AdagradParamState*>(nullptr));
    case OptimizerKind::lbfgs:
      return work(static_cast<torch::optim::LBFGSParamState*>(nullptr));
    case OptimizerKind::adamw:
      break;
  }
  return work(static_cast<torch::optim::AdamWParamState*>(nullptr));
}

}  // namespace ekman

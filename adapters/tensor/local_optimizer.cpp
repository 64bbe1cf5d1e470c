// Implements local_optimizer.hpp.
#include "adapters/tensor/local_optimizer.hpp"

#include <fmt/format.h>
#include <torch/optim/lbfgs.h>

#include <utility>

#include "adapters/tensor/optimizer_file.hpp"
#include "adapters/torch/optimizer.hpp"
#include "coupler/plan/training_check.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

void check_parameters(const std::vector<at::Tensor>& parameters) {
  if (parameters.empty())
    throw Error(ErrorCode::usage, "there is no parameter that requires gradients; give it one at least");
  for (const at::Tensor& parameter : parameters) {
    if (!parameter.requires_grad())
      throw Error(ErrorCode::usage,
                  "a tensor that does not require gradients; make it with requires_grad=.true., or leave it out");
    if (!parameter.is_leaf()) throw Error(ErrorCode::usage, "a tensor that is computed from others; give it those");
  }
}

void check_options(const OptimizerSpec& spec, const LbfgsSearch& search) {
  std::vector<Problem> problems;
  check_optimizer(spec, "", problems);
  if (!problems.empty()) throw Error(ErrorCode::usage, problems.front().text);
  if (spec.kind == OptimizerKind::lbfgs && (search.max_iter < 1 || spec.history < 1))
    throw Error(ErrorCode::usage,
                fmt::format("max_iter={}, history_size={}; both must be at least 1", search.max_iter, spec.history));
}

// LibTorch steps over pairs of reals, as PyTorch does, which share their memory with the complex numbers.
at::Tensor as_reals(const at::Tensor& parameter) {
  if (!parameter.is_complex()) return parameter;
  return at::view_as_real(parameter.detach()).set_requires_grad(true);
}

std::unique_ptr<torch::optim::Optimizer> made(const OptimizerSpec& spec, const LbfgsSearch& search,
                                              const std::vector<at::Tensor>& parameters) {
  std::unique_ptr<torch::optim::Optimizer> optimizer = make_optimizer(spec, parameters);
  if (spec.kind != OptimizerKind::lbfgs) return optimizer;
  auto& options = static_cast<torch::optim::LBFGSOptions&>(optimizer->param_groups().front().options());
  options.max_iter(search.max_iter).max_eval(search.max_iter * 5 / 4);
  if (search.strong_wolfe) options.line_search_fn("strong_wolfe");
  return optimizer;
}

}  // namespace

LocalOptimizer::LocalOptimizer(const OptimizerSpec& spec, const LbfgsSearch& search, std::vector<at::Tensor> parameters)
    : spec_(spec), search_(search), parameters_(std::move(parameters)) {
  check_options(spec_, search_);
  check_parameters(parameters_);
  for (const at::Tensor& parameter : parameters_) reals_.push_back(as_reals(parameter));
  optimizer_ = made(spec_, search_, reals_);
}

void LocalOptimizer::step(const std::function<at::Tensor()>& closure) {
  if (closure == nullptr && spec_.kind == OptimizerKind::lbfgs)
    throw Error(ErrorCode::usage,
                "lbfgs computes the loss several times; pass it a procedure that does, step(closure)");
  if (closure == nullptr) {
    take_gradients();
    optimizer_->step();
    return;
  }
  optimizer_->step([&] {
    const at::Tensor loss = closure();
    take_gradients();
    return loss;
  });
}

void LocalOptimizer::take_gradients() {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& gradient = parameters_[i].grad();
    if (parameters_[i].is_complex() && gradient.defined())
      reals_[i].mutable_grad() = at::view_as_real(gradient.resolve_conj()).detach();
  }
}

void LocalOptimizer::zero_grad() {
  const at::NoGradGuard no_grad;
  for (at::Tensor& parameter : parameters_)
    if (parameter.grad().defined()) parameter.mutable_grad() = at::zeros_like(parameter.grad());
}

void LocalOptimizer::set_learning_rate(double lr) {
  OptimizerSpec spec = spec_;
  spec.lr = lr;
  check_options(spec, search_);
  spec_ = spec;
  ekman::set_learning_rate(*optimizer_, lr);
}

void LocalOptimizer::save(const std::string& path) { write_optimizer_file(path, spec_, search_, *optimizer_, reals_); }

void LocalOptimizer::load(const std::string& path) {
  OptimizerFile file(path, spec_.kind, reals_);
  OptimizerSpec spec = spec_;
  LbfgsSearch search = search_;
  file.read_options(spec, search);
  std::unique_ptr<torch::optim::Optimizer> fresh = made(spec, search, reals_);
  file.read_state(spec, *fresh, reals_);
  spec_ = spec;
  search_ = search;
  optimizer_ = std::move(fresh);
}

}  // namespace ekman

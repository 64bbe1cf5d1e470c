// An optimizer of LibTorch in the process of the model, over parameters of a network or tensors of Fortran.
#pragma once

#include <torch/optim/optimizer.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adapters/torch/compat.hpp"
#include "coupler/plan/training_spec.hpp"

namespace ekman {

// What a plan's lbfgs has not, which makes one iteration in a step.
struct LbfgsSearch {
  std::int64_t max_iter = 20;
  bool strong_wolfe = false;
};

class LocalOptimizer {
 public:
  // Throws Error(usage) for options and parameters that cannot be.
  LocalOptimizer(const OptimizerSpec& spec, const LbfgsSearch& search, std::vector<at::Tensor> parameters);

  // `closure` computes gradients and returns the loss, as often as it is called; lbfgs must have one.
  void step(const std::function<at::Tensor()>& closure);
  // Gradients that there are become zeros.
  void zero_grad();
  double learning_rate() const { return spec_.lr; }
  void set_learning_rate(double lr);
  // All of it: options, and what it remembers. `load` throws Error(usage) for a file of another kind of optimizer, or
  // of parameters of other shapes, and changes nothing then.
  void save(const std::string& path);
  void load(const std::string& path);

 private:
  void take_gradients();

  OptimizerSpec spec_;
  LbfgsSearch search_;
  std::vector<at::Tensor> parameters_;
  std::vector<at::Tensor> reals_;  // the same; of complex ones views, whose gradients are taken over before a step
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
};

}  // namespace ekman

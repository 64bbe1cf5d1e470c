// The state of an optimizer over single tensors as a file, in the layout of checkpoints. LibTorch's own archive cannot
// take that of lbfgs, and loses options.
#pragma once

#include <torch/optim/optimizer.h>

#include <string>
#include <vector>

#include "adapters/tensor/local_optimizer.hpp"
#include "adapters/torch/checkpoint_file.hpp"
#include "adapters/torch/learned_arrays.hpp"

namespace ekman {

// Whole under its name, or not there. Throws Error(internal) with path and cause.
void write_optimizer_file(const std::string& path, const OptimizerSpec& spec, const LbfgsSearch& search,
                          torch::optim::Optimizer& optimizer, const std::vector<at::Tensor>& parameters);

// A file that is open: first its options, which make an optimizer, then what that remembers.
class OptimizerFile {
 public:
  // Throws Error(usage) if it is of another kind of optimizer, or of parameters of other shapes.
  OptimizerFile(const std::string& path, OptimizerKind kind, const std::vector<at::Tensor>& parameters);

  void read_options(OptimizerSpec& spec, LbfgsSearch& search);
  void read_state(const OptimizerSpec& spec, torch::optim::Optimizer& optimizer,
                  const std::vector<at::Tensor>& parameters);

 private:
  Checkpoint checkpoint_;
  ArrayReader reader_;
};

}  // namespace ekman

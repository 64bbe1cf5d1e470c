// AdamW on flat buffers on the CPU in one pass, in place of one for each of LibTorch's operations.
#pragma once

#include <torch/optim/adamw.h>

#include "adapters/torch/compat.hpp"

namespace ekman {

// Whether `optimizer` is AdamW, over one parameter on the CPU, without amsgrad.
bool has_adamw_step(const torch::optim::Optimizer& optimizer);

// What optimizer.step() does, to rounding, with the same state. For such an optimizer.
void adamw_step(torch::optim::Optimizer& optimizer);

}  // namespace ekman

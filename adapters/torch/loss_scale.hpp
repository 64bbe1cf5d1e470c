// Dynamic scaling of the loss for learning in float16 (Micikevicius et al., "Mixed precision training", 2018):
// gradients below 6e-8 would be zero in float16, and above 65504 infinite.
#pragma once

#include <cstdint>

namespace ekman {

// A power of two, so that dividing a gradient by it changes no bit. It begins, falls and grows as that of PyTorch's
// torch.cuda.amp.GradScaler does with its defaults. It may fall far below 1: losses here are sums over points, and
// weights in square metres make gradients of 1e10.
class LossScale {
 public:
  double value() const { return value_; }

  // After a step that was made.
  void step_was_made();
  // After one whose loss was finite and whose gradient was not. False: it cannot fall any more, and stays.
  bool fall();

  // Names all of it, for writing and for reading.
  template <class Archive>
  void visit(Archive& archive) {
    archive("learning/loss_scale", value_);
    archive("learning/scale_steps", steps_);
  }

 private:
  double value_ = 65536.0;
  std::int64_t steps_ = 0;  // made in a row since it last changed
};

}  // namespace ekman

// Implements loss_scale.hpp.
#include "adapters/torch/loss_scale.hpp"

namespace ekman {
namespace {

constexpr double k_growth = 2.0, k_backoff = 0.5;
constexpr std::int64_t k_growth_interval = 2000;
// Twelve decimal orders below 1, and what float32 still holds.
constexpr double k_least = 0x1p-40, k_most = 0x1p127;

}  // namespace

void LossScale::step_was_made() {
  if (++steps_ < k_growth_interval) return;
  steps_ = 0;
  if (value_ < k_most) value_ *= k_growth;
}

bool LossScale::fall() {
  if (value_ <= k_least) return false;
  steps_ = 0;
  value_ *= k_backoff;
  return true;
}

}  // namespace ekman

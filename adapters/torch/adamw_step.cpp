// Implements adamw_step.hpp.
#include "adapters/torch/adamw_step.hpp"

#include <cmath>
#include <memory>

#include "coupler/base/check.hpp"

namespace ekman {
namespace {

using torch::optim::AdamWOptions;
using torch::optim::AdamWParamState;
using torch::optim::Optimizer;

// The compiler makes vectors of it, see CMakeLists.txt, without fused operations: the same bits on every CPU.
template <class T>
void update(T* __restrict value, const T* __restrict gradient, T* __restrict mean, T* __restrict square,
            std::int64_t size, const AdamWOptions& options, double step) {
  const auto [first, second] = options.betas();
  const auto beta1 = static_cast<T>(first), rest1 = static_cast<T>(1.0 - first);
  const auto beta2 = static_cast<T>(second), rest2 = static_cast<T>(1.0 - second);
  const auto decay = static_cast<T>(1.0 - options.lr() * options.weight_decay());
  const auto rate = static_cast<T>(options.lr() / (1.0 - std::pow(first, step)));
  const auto scale = static_cast<T>(std::sqrt(1.0 - std::pow(second, step)));
  const auto eps = static_cast<T>(options.eps());
  for (std::int64_t i = 0; i < size; ++i) {
    mean[i] = beta1 * mean[i] + rest1 * gradient[i];
    square[i] = beta2 * square[i] + rest2 * (gradient[i] * gradient[i]);
    value[i] = decay * value[i] - rate * (mean[i] / (std::sqrt(square[i]) / scale + eps));
  }
}

const at::Tensor& parameter_of(const Optimizer& optimizer) { return optimizer.param_groups()[0].params()[0]; }

AdamWParamState& state_of(Optimizer& optimizer, const at::Tensor& parameter) {
  auto& state = optimizer.state()[compat::state_key(optimizer, parameter)];
  if (!state) {
    auto made = std::make_unique<AdamWParamState>();
    made->step(0);
    made->exp_avg(at::zeros_like(parameter.detach()));
    made->exp_avg_sq(at::zeros_like(parameter.detach()));
    state = std::move(made);
  }
  return static_cast<AdamWParamState&>(*state);
}

}  // namespace

bool has_adamw_step(const Optimizer& optimizer) {
  const auto& groups = optimizer.param_groups();
  if (dynamic_cast<const torch::optim::AdamW*>(&optimizer) == nullptr || groups.size() != 1) return false;
  const auto& options = static_cast<const AdamWOptions&>(groups[0].options());
  return groups[0].params().size() == 1 && parameter_of(optimizer).is_cpu() && !options.amsgrad();
}

void adamw_step(Optimizer& optimizer) {
  const at::Tensor value = parameter_of(optimizer), gradient = value.grad();
  AdamWParamState& state = state_of(optimizer, value);
  const auto& options = static_cast<const AdamWOptions&>(optimizer.param_groups()[0].options());
  state.step(state.step() + 1);
  const auto step = static_cast<double>(state.step());
  const at::Tensor mean = state.exp_avg(), square = state.exp_avg_sq();
  for (const at::Tensor* tensor : {&value, &gradient, &mean, &square}) EKMAN_ASSERT(tensor->is_contiguous());
  if (value.scalar_type() == at::kDouble) {
    update(value.data_ptr<double>(), gradient.data_ptr<double>(), mean.data_ptr<double>(), square.data_ptr<double>(),
           value.numel(), options, step);
  } else {
    update(value.data_ptr<float>(), gradient.data_ptr<float>(), mean.data_ptr<float>(), square.data_ptr<float>(),
           value.numel(), options, step);
  }
}

}  // namespace ekman

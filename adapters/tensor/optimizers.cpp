// Optimizers of the Fortran module: type(optimizer).
#include <fmt/format.h>

#include <vector>

#include "adapters/tensor/boundary.hpp"
#include "adapters/tensor/local_optimizer.hpp"
#include "adapters/tensor/networks.hpp"

using namespace ekman;

namespace {

// optimizer_options of fortran/tensor/network_types.f90.in.
struct Options {
  std::int32_t kind;
  std::int32_t nesterov, amsgrad, centered, strong_wolfe;
  double lr, weight_decay, momentum, dampening, beta1, beta2, eps, alpha, lr_decay, initial_accumulator;
  double tolerance_grad, tolerance_change;
  std::int64_t history_size, max_iter;
};

using Closure = void (*)(void* context, TensorRef* loss);

Objects<LocalOptimizer>& optimizers() {
  // Never destroyed: a finaliser may run when static objects are gone.
  static auto* const all = new Objects<LocalOptimizer>("optimizer");
  return *all;
}

// As the optimizers of fortran/tensor/CMakeLists.txt are numbered.
constexpr OptimizerKind k_kinds[] = {OptimizerKind::sgd,     OptimizerKind::adam,    OptimizerKind::adamw,
                                     OptimizerKind::rmsprop, OptimizerKind::adagrad, OptimizerKind::lbfgs};
const char* const k_names[] = {"sgd", "adam", "adamw", "rmsprop", "adagrad", "lbfgs"};

OptimizerSpec spec_of(const Options& options) {
  OptimizerSpec spec;
  spec.kind = k_kinds[options.kind - 1];
  spec.lr = options.lr;
  spec.weight_decay = options.weight_decay;
  spec.momentum = options.momentum;
  spec.dampening = options.dampening;
  spec.nesterov = options.nesterov != 0;
  spec.beta1 = options.beta1;
  spec.beta2 = options.beta2;
  spec.eps = options.eps;
  spec.amsgrad = options.amsgrad != 0;
  spec.alpha = options.alpha;
  spec.centered = options.centered != 0;
  spec.lr_decay = options.lr_decay;
  spec.initial_accumulator = options.initial_accumulator;
  spec.history = options.history_size;
  spec.tolerance_grad = options.tolerance_grad;
  spec.tolerance_change = options.tolerance_change;
  return spec;
}

// Those that are expressions would be gone after the call.
std::vector<at::Tensor> variables(std::int64_t count, const TensorRef* tensors) {
  std::vector<at::Tensor> all;
  bool is_any_temporary = false;
  for (std::int64_t i = 0; i < count; ++i) {
    all.push_back(argument(tensors[i]));
    is_any_temporary = is_any_temporary || tensors[i].temporary != 0;
  }
  if (is_any_temporary)
    throw Error(ErrorCode::usage,
                "a tensor that is the value of an expression, which nobody could read afterwards; "
                "assign it to a variable, and give it that");
  return all;
}

}  // namespace

extern "C" {

std::int64_t ekman_tensor_objects() { return networks().count() + optimizers().count(); }

// Of the parameters of `net` that require gradients, or else of `tensors`.
std::int32_t ekman_tensor_optimizer_make(const Options* options, const TensorRef* net, std::int64_t count,
                                         const TensorRef* tensors, TensorRef* result) {
  return tensor_call(k_names[options->kind - 1], [&] {
    std::vector<at::Tensor> parameters = variables(count, tensors);
    if (net != nullptr) {
      for (const NamedParameter& parameter : networks().argument(*net)->parameters())
        if (parameter.tensor.requires_grad()) parameters.push_back(parameter.tensor);
    }
    const LbfgsSearch search{options->max_iter, options->strong_wolfe != 0};
    optimizers().give(result, std::make_shared<LocalOptimizer>(spec_of(*options), search, std::move(parameters)));
  });
}

std::int32_t ekman_tensor_optimizer_assign(TensorRef* left, const TensorRef* right) {
  return tensor_call("assignment of an optimizer", [&] {
    if (right->handle != 0 && right->temporary == 0)
      throw Error(ErrorCode::usage,
                  "an optimizer is not copied, since two would change the same parameters; make "
                  "another one, by sgd, adam and so on");
    const std::int64_t old = left->handle;
    *left = {right->handle == 0 ? 0 : optimizers().renewed(right->handle), 0};
    optimizers().release(old);
  });
}

void ekman_tensor_optimizer_release(std::int64_t handle) {
  tensor_call("delete", [&] { optimizers().release(handle); });
}

// `closure` may be null.
std::int32_t ekman_tensor_optimizer_step(const TensorRef* optimizer, Closure closure, void* context) {
  return tensor_call("step", [&] {
    const std::shared_ptr<LocalOptimizer> found = optimizers().argument(*optimizer);
    if (closure == nullptr) return found->step(nullptr);
    found->step([&] {
      TensorRef loss{0, 0};
      closure(context, &loss);
      if (loss.handle == 0)
        throw Error(ErrorCode::usage, "the closure gave its argument no value; assign the loss to it");
      return argument(loss).detach();
    });
  });
}

std::int32_t ekman_tensor_optimizer_zero_grad(const TensorRef* optimizer) {
  return tensor_call("zero_grad", [&] { optimizers().argument(*optimizer)->zero_grad(); });
}

std::int32_t ekman_tensor_optimizer_learning_rate(const TensorRef* optimizer, double* lr) {
  return tensor_call("learning_rate", [&] { *lr = optimizers().argument(*optimizer)->learning_rate(); });
}

std::int32_t ekman_tensor_optimizer_set_learning_rate(const TensorRef* optimizer, double lr) {
  return tensor_call("set_learning_rate", [&] { optimizers().argument(*optimizer)->set_learning_rate(lr); });
}

std::int32_t ekman_tensor_optimizer_save(const TensorRef* optimizer, const CFI_cdesc_t* file) {
  return tensor_call("save", [&] { optimizers().argument(*optimizer)->save(text_of(*file)); });
}

std::int32_t ekman_tensor_optimizer_load(const TensorRef* optimizer, const CFI_cdesc_t* file) {
  return tensor_call("load", [&] { optimizers().argument(*optimizer)->load(text_of(*file)); });
}

}  // extern "C"

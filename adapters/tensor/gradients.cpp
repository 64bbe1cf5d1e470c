// Backward, gradients, and where no graph is kept.
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "adapters/tensor/arrays.hpp"
#include "adapters/tensor/boundary.hpp"
#include "adapters/tensor/exchanges.hpp"

using namespace ekman;

namespace {

[[noreturn]] void throw_second_backward() {
  throw Error(
      ErrorCode::usage,
      "the graph was freed by a backward before; give that one retain_graph=.true., or compute the tensor anew");
}

at::Tensor gradient_of(const at::Tensor& tensor) {
  if (!tensor.requires_grad())
    throw Error(ErrorCode::usage, "the tensor does not require gradients; make it with requires_grad=.true.");
  if (!tensor.is_leaf())
    throw Error(ErrorCode::usage,
                "the tensor is computed from others, and gradients are kept for those only that were made with "
                "requires_grad=.true.; ask for theirs");
  if (!tensor.grad().defined())
    throw Error(ErrorCode::usage, "there is no gradient; call backward before, of a tensor that depends on this one");
  return tensor.grad();
}

at::Tensor seed_for(const at::Tensor& tensor, const TensorRef* gradient) {
  if (gradient == nullptr) return at::ones_like(tensor);
  const at::Tensor seed = argument(*gradient);
  if (seed.sizes() == tensor.sizes()) return seed.to(tensor.options());
  throw Error(ErrorCode::usage,
              fmt::format("gradient= has the shape {}, and the tensor {}; pass one of the tensor's shape",
                          shape_text(seed), shape_text(tensor)));
}

// The exchanges of this process while a backward goes through them: each coupler's are taken off their tapes, whatever
// this rank's tensor depends on.
class CoupledBackward {
 public:
  explicit CoupledBackward(bool retain) {
    for (auto& exchanges : Exchanges::all()) {
      exchanges->begin_backward(retain);
      exchanges_.push_back(std::move(exchanges));
    }
  }
  ~CoupledBackward() {
    for (const auto& exchanges : exchanges_) exchanges->end_backward();
  }
  CoupledBackward(const CoupledBackward&) = delete;
  CoupledBackward& operator=(const CoupledBackward&) = delete;

  bool takes_part() const {
    return std::any_of(exchanges_.begin(), exchanges_.end(), [](const auto& some) { return some->takes_part(); });
  }
  // `roots` and what the backward begins with there: `tensor`, if it has a graph, and the last exchange of each.
  void run(const at::Tensor& tensor, const at::Tensor& seed, bool retain) {
    std::vector<at::Tensor> roots, seeds;
    if (tensor.requires_grad()) {
      roots.push_back(tensor);
      seeds.push_back(seed);
    }
    for (const auto& exchanges : exchanges_) {
      if (exchanges->last() == nullptr) continue;
      roots.push_back(exchanges->last()->link());
      seeds.push_back(at::empty({0}));
    }
    if (!roots.empty()) torch::autograd::backward(roots, seeds, retain);
    for (const auto& exchanges : exchanges_) exchanges->complete(0);
  }

 private:
  std::vector<std::shared_ptr<Exchanges>> exchanges_;
};

// How many regions without graphs this thread is in.
int& depth() {
  thread_local int value = 0;
  return value;
}

}  // namespace

extern "C" {

// Without `gradient`: ones.
std::int32_t ekman_tensor_backward(const TensorRef* of, const TensorRef* gradient, std::int32_t retain_graph) {
  return tensor_call("backward", [&] {
    const bool was_freed = tensor_handles().is_differentiated(of->handle);
    const at::Tensor tensor = argument(*of);
    const at::Tensor seed = seed_for(tensor, gradient);
    if (was_freed) throw_second_backward();
    CoupledBackward coupled(retain_graph != 0);
    if (!tensor.requires_grad() && !coupled.takes_part())
      throw Error(
          ErrorCode::usage,
          "the tensor depends on none that requires gradients; make one with requires_grad=.true., outside no_grad");
    try {
      coupled.run(tensor, seed, retain_graph != 0);
    } catch (const std::exception& error) {
      if (std::string(error.what()).find("a second time") != std::string::npos) throw_second_backward();
      throw;
    }
    // LibTorch itself notices a second backward only where it had kept values.
    if (retain_graph == 0 && tensor.requires_grad() && !tensor.is_leaf())
      tensor_handles().mark_differentiated(of->handle);
  });
}

std::int32_t ekman_tensor_get_gradient(const TensorRef* of, CFI_cdesc_t* array) {
  return tensor_call("get_gradient", [&] { copy_to_array("the gradient", gradient_of(argument(*of)), *array); });
}

std::int32_t ekman_tensor_gradient(const TensorRef* of, TensorRef* result) {
  return tensor_call("gradient", [&] {
    const at::NoGradGuard no_grad;
    give(result, gradient_of(argument(*of)).detach().clone());
  });
}

std::int32_t ekman_tensor_zero_grad(const TensorRef* of) {
  return tensor_call("zero_grad", [&] {
    const at::Tensor tensor = argument(*of);
    if (!tensor.is_leaf() || !tensor.requires_grad()) gradient_of(tensor);
    const at::NoGradGuard no_grad;
    if (tensor.grad().defined()) tensor.mutable_grad() = at::zeros_like(tensor.grad());
  });
}

std::int32_t ekman_tensor_detach(const TensorRef* a, TensorRef* result) {
  return tensor_call("detach", [&] { give(result, argument(*a).detach().clone()); });
}

std::int32_t ekman_tensor_set_requires_grad(const TensorRef* a, std::int32_t on) {
  return tensor_call("set_requires_grad", [&] {
    const at::Tensor tensor = argument(*a);
    if (!tensor.is_leaf())
      throw Error(ErrorCode::usage, "the tensor is computed from others that require gradients; detach it before");
    tensor.set_requires_grad(on != 0);
  });
}

std::int32_t ekman_tensor_begin_no_grad() {
  return tensor_call("begin_no_grad", [&] {
    ++depth();
    at::GradMode::set_enabled(false);
  });
}

std::int32_t ekman_tensor_end_no_grad() {
  return tensor_call("end_no_grad", [&] {
    if (depth() == 0) throw Error(ErrorCode::usage, "there was no begin_no_grad on this thread; call that before");
    if (--depth() == 0) at::GradMode::set_enabled(true);
  });
}

}  // extern "C"

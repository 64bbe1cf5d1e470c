// Losses: LibTorch's own.
#include <fmt/format.h>

#include <string>

#include "adapters/tensor/boundary.hpp"

using namespace ekman;

namespace {

// As the losses of fortran/tensor/CMakeLists.txt are numbered.
enum Loss : std::int32_t { k_mse = 1, k_l1, k_huber, k_cross_entropy, k_bce_with_logits, k_nll };
const char* const k_losses[] = {"mse", "l1", "huber", "cross_entropy", "bce_with_logits", "nll"};

std::int64_t reduction_of(const std::string& name) {
  if (name == "none") return at::Reduction::None;
  if (name == "mean") return at::Reduction::Mean;
  if (name == "sum") return at::Reduction::Sum;
  throw Error(ErrorCode::usage, fmt::format("reduction=\"{}\" is none; take \"none\", \"mean\" or \"sum\"", name));
}

void require_same_shape(const at::Tensor& output, const at::Tensor& target) {
  if (output.sizes() == target.sizes()) return;
  throw Error(ErrorCode::usage,
              fmt::format("the output has the shape {}, and the target {}; give both the same, by reshape",
                          shape_text(output), shape_text(target)));
}

// Numbers of classes, from 0, or, for cross_entropy, what part of each there is.
at::Tensor classes(const at::Tensor& target) {
  return at::isIntegralType(target.scalar_type(), /*includeBool=*/true) ? target.to(at::kLong) : target;
}

// `number`: delta of huber, label_smoothing of cross_entropy.
at::Tensor loss_of(Loss loss, const at::Tensor& output, const at::Tensor& target, std::int64_t reduction,
                   double number) {
  switch (loss) {
    case k_mse:
      return at::mse_loss(output, target, reduction);
    case k_l1:
      return at::l1_loss(output, target, reduction);
    case k_huber:
      return at::huber_loss(output, target, reduction, number);
    case k_cross_entropy:
      return at::cross_entropy_loss(output, classes(target), /*weight=*/{}, reduction, /*ignore_index=*/-100, number);
    case k_bce_with_logits:
      return at::binary_cross_entropy_with_logits(output, target, /*weight=*/{}, /*pos_weight=*/{}, reduction);
    case k_nll:
      return at::nll_loss_nd(output, classes(target), /*weight=*/{}, reduction);
  }
  throw Error(ErrorCode::internal, "loss " + std::to_string(loss) + " is unknown; this is a mistake in Ekman");
}

}  // namespace

extern "C" {

std::int32_t ekman_tensor_loss(std::int32_t code, const TensorRef* output, const TensorRef* target,
                               const CFI_cdesc_t* reduction, double number, TensorRef* result) {
  return tensor_call(k_losses[code - 1], [&] {
    const auto loss = static_cast<Loss>(code);
    at::Tensor found = argument(*output), wanted = argument(*target);
    if (loss != k_cross_entropy && loss != k_nll) {
      require_same_shape(found, wanted);
      const at::ScalarType kind = at::result_type(found, wanted);
      found = found.to(kind);
      wanted = wanted.to(kind);
    }
    give(result, loss_of(loss, found, wanted, reduction_of(text_of(*reduction)), number));
  });
}

}  // extern "C"

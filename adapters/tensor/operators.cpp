// Operators between tensors, and between tensors and scalars.
#include <string>

#include "adapters/tensor/boundary.hpp"

using namespace ekman;

namespace {

// As the operators of fortran/CMakeLists.txt are numbered.
enum Operator : std::int32_t {
  k_add = 1,
  k_subtract,
  k_multiply,
  k_divide,
  k_power,
  k_equal,
  k_unequal,
  k_less,
  k_less_equal,
  k_greater,
  k_greater_equal
};

bool is_integer(const at::Tensor& tensor) { return at::isIntegralType(tensor.scalar_type(), /*includeBool=*/false); }

at::Tensor applied(Operator code, const at::Tensor& a, const at::Tensor& b) {
  switch (code) {
    case k_add:
      return at::add(a, b);
    case k_subtract:
      return at::sub(a, b);
    case k_multiply:
      return at::mul(a, b);
    case k_divide:
      // As Fortran divides integers; LibTorch would give real32.
      return is_integer(a) && is_integer(b) ? at::div(a, b, "trunc") : at::div(a, b);
    case k_power:
      return at::pow(a, b);
    case k_equal:
      return at::eq(a, b);
    case k_unequal:
      return at::ne(a, b);
    case k_less:
      return at::lt(a, b);
    case k_less_equal:
      return at::le(a, b);
    case k_greater:
      return at::gt(a, b);
    case k_greater_equal:
      return at::ge(a, b);
  }
  throw Error(ErrorCode::internal, "operator " + std::to_string(code) + " is unknown; this is a mistake in Ekman");
}

const char* name_of(std::int32_t code) {
  static constexpr const char* k_names[] = {"+", "-", "*", "/", "**", "==", "/=", "<", "<=", ">", ">="};
  return code >= k_add && code <= k_greater_equal ? k_names[code - 1] : "an operator";
}

// A tensor of reals keeps its kind. One of integers or logicals becomes of the scalar's kind where Fortran would have
// that: LibTorch would take real32 for every real scalar, and cut integers to the tensor's bits.
at::Tensor in_common_kind(const at::Tensor& tensor, const ScalarValue& scalar) {
  if (tensor.is_floating_point()) return tensor;
  const at::ScalarType kind = scalar_type(scalar.kind);
  const bool widens = scalar.is_real() || tensor.scalar_type() == at::kBool ||
                      c10::elementSize(kind) > c10::elementSize(tensor.scalar_type());
  return widens ? tensor.to(kind) : tensor;
}

// Takes part in no choice of kinds.
at::Tensor as_tensor(const ScalarValue& scalar) {
  at::Tensor tensor = c10::scalar_to_tensor(scalar.number());
  tensor.unsafeGetTensorImpl()->set_wrapped_number(true);
  return tensor;
}

at::Tensor applied(Operator code, const at::Tensor& tensor, const ScalarValue& scalar, bool scalar_first) {
  if (code == k_power) return scalar_first ? at::pow(scalar.number(), tensor) : at::pow(tensor, scalar.number());
  const at::Tensor other = as_tensor(scalar);
  return scalar_first ? applied(code, other, tensor) : applied(code, tensor, other);
}

}  // namespace

extern "C" {

std::int32_t ekman_tensor_operator(std::int32_t code, const TensorRef* a, const TensorRef* b, TensorRef* result) {
  return tensor_call(name_of(code), [&] {
    const at::Tensor left = argument(*a), right = argument(*b);
    give(result, applied(static_cast<Operator>(code), left, right));
  });
}

std::int32_t ekman_tensor_scalar_operator(std::int32_t code, const TensorRef* a, const ScalarValue* b,
                                          std::int32_t scalar_first, TensorRef* result) {
  return tensor_call(name_of(code), [&] {
    const at::Tensor tensor = in_common_kind(argument(*a), *b);
    give(result, applied(static_cast<Operator>(code), tensor, *b, scalar_first != 0));
  });
}

}  // extern "C"

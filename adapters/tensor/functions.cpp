// Functions of tensors, as far as Fortran has them for arrays, and those of networks.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "adapters/tensor/arrays.hpp"
#include "adapters/tensor/boundary.hpp"

using namespace ekman;

namespace {

struct Function {
  const char* name;
  at::Tensor (*apply)(const at::Tensor&);
};

// As the functions of fortran/CMakeLists.txt are numbered, from 1.
const Function k_functions[] = {
    {"-", [](const at::Tensor& a) { return at::neg(a); }},
    {"abs", [](const at::Tensor& a) { return at::abs(a); }},
    {"exp", [](const at::Tensor& a) { return at::exp(a); }},
    {"log", [](const at::Tensor& a) { return at::log(a); }},
    {"sqrt", [](const at::Tensor& a) { return at::sqrt(a); }},
    {"sin", [](const at::Tensor& a) { return at::sin(a); }},
    {"cos", [](const at::Tensor& a) { return at::cos(a); }},
    {"tanh", [](const at::Tensor& a) { return at::tanh(a); }},
    {"sigmoid", [](const at::Tensor& a) { return at::sigmoid(a); }},
    {"relu", [](const at::Tensor& a) { return at::relu(a); }},
};

enum Reduction : std::int32_t { k_sum = 1, k_mean, k_maxval, k_minval };
const char* const k_reductions[] = {"sum", "mean", "maxval", "minval"};

at::Tensor reduced(Reduction code, const at::Tensor& a) {
  switch (code) {
    case k_sum:
      return at::sum(a, a.scalar_type());
    case k_mean:
      return at::mean(a);
    case k_maxval:
      return at::max(a);
    case k_minval:
      return at::min(a);
  }
  throw Error(ErrorCode::internal, "reduction " + std::to_string(code) + " is unknown; this is a mistake in Ekman");
}

at::Tensor reduced(Reduction code, const at::Tensor& a, std::int64_t axis) {
  switch (code) {
    case k_sum:
      return at::sum(a, axis, /*keepdim=*/false, a.scalar_type());
    case k_mean:
      return at::mean(a, axis);
    case k_maxval:
      return at::amax(a, axis);
    case k_minval:
      return at::amin(a, axis);
  }
  throw Error(ErrorCode::internal, "reduction " + std::to_string(code) + " is unknown; this is a mistake in Ekman");
}

void require_numbers(const at::Tensor& tensor) {
  if (tensor.scalar_type() != at::kBool) return;
  throw Error(ErrorCode::usage, "the tensor is of logical kind; convert it by to(a, kind=tensor_int32)");
}

void require_reals(const at::Tensor& tensor) {
  if (tensor.is_floating_point()) return;
  throw Error(ErrorCode::usage, "the tensor is of no real kind; convert it by to(a, kind=tensor_real32)");
}

void require_rank(const at::Tensor& tensor, std::int64_t rank) {
  if (tensor.dim() == rank) return;
  throw Error(ErrorCode::usage,
              fmt::format("a tensor of rank {} in place of one of rank {}; reshape it", tensor.dim(), rank));
}

}  // namespace

extern "C" {

std::int32_t ekman_tensor_function(std::int32_t code, const TensorRef* a, TensorRef* result) {
  const Function& function = k_functions[code - 1];
  return tensor_call(function.name, [&] { give(result, function.apply(argument(*a))); });
}

// `dim` 0: of all elements.
std::int32_t ekman_tensor_reduce(std::int32_t code, const TensorRef* a, std::int64_t dim, TensorRef* result) {
  const char* name = k_reductions[code - 1];
  return tensor_call(name, [&] {
    const at::Tensor tensor = argument(*a);
    const auto reduction = static_cast<Reduction>(code);
    reduction == k_mean ? require_reals(tensor) : require_numbers(tensor);
    give(result, dim == 0 ? reduced(reduction, tensor) : reduced(reduction, tensor, axis_of(name, tensor, dim)));
  });
}

std::int32_t ekman_tensor_matmul(const TensorRef* a, const TensorRef* b, TensorRef* result) {
  return tensor_call("matmul", [&] {
    const at::Tensor left = argument(*a), right = argument(*b);
    give(result, at::matmul(left, right));
  });
}

std::int32_t ekman_tensor_dot_product(const TensorRef* a, const TensorRef* b, TensorRef* result) {
  return tensor_call("dot_product", [&] {
    const at::Tensor left = argument(*a), right = argument(*b);
    require_rank(left, 1);
    require_rank(right, 1);
    give(result, at::dot(left, right));
  });
}

std::int32_t ekman_tensor_transpose(const TensorRef* a, TensorRef* result) {
  return tensor_call("transpose", [&] {
    const at::Tensor tensor = argument(*a);
    require_rank(tensor, 2);
    give(result, at::t(tensor));
  });
}

// Elements in Fortran's array order.
std::int32_t ekman_tensor_reshape(const TensorRef* a, std::int32_t rank, const std::int64_t* extents,
                                  TensorRef* result) {
  return tensor_call("reshape", [&] {
    const at::Tensor tensor = argument(*a);
    std::vector<std::int64_t> shape(extents, extents + rank);
    if (std::any_of(shape.begin(), shape.end(), [](std::int64_t extent) { return extent < 0; }))
      throw Error(ErrorCode::usage, "the shape has a negative extent; extents are 0 or more");
    std::reverse(shape.begin(), shape.end());
    give(result, turned_round(turned_round(tensor).reshape(shape)));
  });
}

std::int32_t ekman_tensor_concatenate(std::int64_t count, const TensorRef* parts, std::int64_t dim, TensorRef* result) {
  return tensor_call("concatenate", [&] {
    if (count == 0) throw Error(ErrorCode::usage, "there are no tensors; pass one at least");
    std::vector<at::Tensor> tensors;
    for (std::int64_t part = 0; part < count; ++part) tensors.push_back(argument(parts[part]));
    give(result, at::cat(tensors, axis_of("concatenate", tensors.front(), dim)));
  });
}

// first:last:step of axis `dim`, as Fortran counts.
std::int32_t ekman_tensor_slice(const TensorRef* a, std::int64_t dim, std::int64_t first, std::int64_t last,
                                std::int64_t step, TensorRef* result) {
  return tensor_call("slice", [&] {
    const at::Tensor tensor = argument(*a);
    const std::int64_t axis = axis_of("slice", tensor, dim);
    const bool is_inside = first > last || (first >= 1 && last <= tensor.size(axis));
    if (step < 1 || !is_inside)
      throw Error(
          ErrorCode::usage,
          fmt::format("first={}, last={}, step={} of an axis with {} elements; indices count from 1, and forwards",
                      first, last, step, tensor.size(axis)));
    if (first > last) return give(result, at::slice(tensor, axis, 0, 0, 1));
    give(result, at::slice(tensor, axis, first - 1, last, step));
  });
}

}  // extern "C"

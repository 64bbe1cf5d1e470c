// Tensors that are made from a shape, and conversions between kinds and devices.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "adapters/tensor/arrays.hpp"
#include "adapters/tensor/boundary.hpp"

using namespace ekman;

namespace {

enum Content : std::int32_t { k_empty = 0, k_full = 1, k_normal = 2, k_uniform = 3 };

// The numbers that PyTorch draws for the same seed and shape, at the same indices, on every device.
at::Tensor drawn(Content content, at::IntArrayRef shape, std::int64_t seed, const at::TensorOptions& options) {
  if (!at::isFloatingType(at::typeMetaToScalarType(options.dtype())))
    throw Error(ErrorCode::usage,
                "random numbers of an integer or logical kind were asked for; take tensor_real32 or "
                "tensor_real64");
  c10::optional<at::Generator> generator;
  if (seed >= 0) generator = at::detail::createCPUGenerator(static_cast<std::uint64_t>(seed));
  const at::TensorOptions on_cpu = options.device(at::kCPU);
  return content == k_normal ? at::randn(shape, generator, on_cpu) : at::rand(shape, generator, on_cpu);
}

}  // namespace

extern "C" {

// `value` is for k_full; a negative `seed` goes on with LibTorch's own generator.
std::int32_t ekman_tensor_create(std::int32_t content, std::int32_t rank, const std::int64_t* extents,
                                 std::int32_t kind, const ScalarValue* value, std::int64_t seed,
                                 const CFI_cdesc_t* device, std::int32_t requires_grad, TensorRef* result) {
  return tensor_call("a new tensor", [&] {
    const at::IntArrayRef shape(extents, rank);
    if (std::any_of(shape.begin(), shape.end(), [](std::int64_t extent) { return extent < 0; }))
      throw Error(ErrorCode::usage, "its shape has a negative extent; extents are 0 or more");
    const at::TensorOptions options = at::TensorOptions().dtype(scalar_type(kind)).device(device_of(text_of(*device)));
    const at::NoGradGuard no_grad;
    at::Tensor tensor = at::empty_strided(shape, fortran_strides(shape), options);
    if (content == k_full) tensor.fill_(value->number());
    if (content == k_normal || content == k_uniform)
      tensor.copy_(drawn(static_cast<Content>(content), shape, seed, options));
    give(result, tensor.set_requires_grad(requires_grad != 0));
  });
}

// A kind of 0 and an empty device stay as they are.
std::int32_t ekman_tensor_to(const TensorRef* from, std::int32_t kind, const CFI_cdesc_t* device, TensorRef* result) {
  return tensor_call("to", [&] {
    const at::Tensor tensor = argument(*from);
    const std::string name = text_of(*device);
    give(result, tensor.to(name.empty() ? tensor.device() : device_of(name),
                           kind == 0 ? tensor.scalar_type() : scalar_type(kind),
                           /*non_blocking=*/false, /*copy=*/true));
  });
}

std::int32_t ekman_tensor_inquire(const TensorRef* from, std::int32_t* rank, std::int64_t* extents, std::int32_t* kind,
                                  std::int32_t* requires_grad) {
  return tensor_call("an inquiry", [&] {
    const at::Tensor tensor = argument(*from);
    if (tensor.dim() > 15)
      throw Error(
          ErrorCode::usage,
          fmt::format("the tensor has rank {}, and Fortran's arrays have 15 at most; reshape it", tensor.dim()));
    *rank = static_cast<std::int32_t>(tensor.dim());
    std::copy(tensor.sizes().begin(), tensor.sizes().end(), extents);
    *kind = kind_number(tensor.scalar_type());
    *requires_grad = tensor.requires_grad() ? 1 : 0;
  });
}

std::int32_t ekman_tensor_device(const TensorRef* from, CFI_cdesc_t* name) {
  return tensor_call("device", [&] {
    const std::string device = argument(*from).device().str();
    std::fill_n(static_cast<char*>(name->base_addr), name->elem_len, ' ');
    std::copy_n(device.begin(), std::min(device.size(), name->elem_len), static_cast<char*>(name->base_addr));
  });
}

}  // extern "C"

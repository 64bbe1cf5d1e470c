// Fields of a coupler as tensors, for the Fortran module.
#include <vector>

#include "adapters/tensor/boundary.hpp"
#include "adapters/tensor/exchanges.hpp"
#include "coupler/api/boundary.hpp"

using namespace ekman;

namespace {

Exchanges& exchanges_of(ekman_coupler** handle) {
  if (*handle == nullptr) throw Error(ErrorCode::usage, "the coupler is not initialised; call ekman_init first");
  return *Exchanges::of((*handle)->coupler);
}

}  // namespace

extern "C" {

std::int32_t ekman_tensor_put(ekman_coupler** handle, const CFI_cdesc_t* field, const TensorRef* value) {
  return tensor_call("ekman_put_tensor", [&] {
    const at::Tensor tensor = argument(*value);
    exchanges_of(handle).put(text_of(*field), tensor);
  });
}

// Of rank 0: no shape is given; kind 0: none is.
std::int32_t ekman_tensor_get(ekman_coupler** handle, const CFI_cdesc_t* field, std::int32_t rank,
                              const std::int64_t* extents, std::int32_t kind, TensorRef* result) {
  return tensor_call("ekman_get_tensor", [&] {
    std::vector<std::int64_t> shape;
    if (rank > 0) shape.assign(extents, extents + rank);
    const at::ScalarType type = kind == 0 ? compat::k_undefined : scalar_type(kind);
    give(result, exchanges_of(handle).get(text_of(*field), std::move(shape), type));
  });
}

std::int32_t ekman_tensor_global_sum(ekman_coupler** handle, const TensorRef* a, TensorRef* result) {
  return tensor_call("global_sum", [&] {
    const at::Tensor tensor = argument(*a);
    give(result, exchanges_of(handle).global_sum(tensor));
  });
}

// Whether a coupler of this process has met a tensor, and is not finalized: an error then ends the job.
std::int32_t ekman_tensor_is_coupled() { return Exchanges::all().empty() ? 0 : 1; }

}  // extern "C"

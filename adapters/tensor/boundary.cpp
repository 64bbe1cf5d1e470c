// Implements boundary.hpp, and the calls that concern a handle alone.
#include "adapters/tensor/boundary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <sstream>

namespace ekman {

namespace {

constexpr std::array<at::ScalarType, 7> k_kinds{at::kChar,  at::kShort,  at::kInt, at::kLong,
                                                at::kFloat, at::kDouble, at::kBool};

}  // namespace

at::ScalarType scalar_type(std::int32_t kind) {
  if (kind < 1 || kind > static_cast<std::int32_t>(k_kinds.size()))
    throw Error(ErrorCode::usage,
                fmt::format("kind={} is none of a tensor; take tensor_int8, tensor_int16, tensor_int32, tensor_int64, "
                            "tensor_real32, tensor_real64 or tensor_logical",
                            kind));
  return k_kinds[kind - 1];
}

std::int32_t kind_number(at::ScalarType type) {
  const auto* found = std::find(k_kinds.begin(), k_kinds.end(), type);
  if (found == k_kinds.end())
    throw Error(
        ErrorCode::usage,
        fmt::format(
            "the tensor is of LibTorch's kind {}, which Fortran has not; convert it by to(a, kind=tensor_real32)",
            at::toString(type)));
  return static_cast<std::int32_t>(found - k_kinds.begin()) + 1;
}

std::int64_t axis_of(const char* call, const at::Tensor& tensor, std::int64_t dim) {
  if (dim >= 1 && dim <= tensor.dim()) return dim - 1;
  throw Error(ErrorCode::usage, fmt::format("dim={} of {} is no axis of a tensor of rank {}; axes count from 1", dim,
                                            call, tensor.dim()));
}

std::string shape_text(const at::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes();
  return text.str();
}

std::string text_of(const CFI_cdesc_t& text) {
  std::string value(static_cast<const char*>(text.base_addr), text.elem_len);
  value.erase(value.find_last_not_of(' ') + 1);
  return value;
}

at::Device device_of(const std::string& text) {
  try {
    return at::Device(text);
  } catch (const std::exception&) {
    throw Error(ErrorCode::usage,
                fmt::format("device=\"{}\" is no name of a device; take \"cpu\" or, for example, \"cuda:0\"", text));
  }
}

std::string& tensor_message() {
  thread_local std::string message;
  return message;
}

}  // namespace ekman

using namespace ekman;

extern "C" {

// The message of the last call that failed on this thread.
void ekman_tensor_message(CFI_cdesc_t* text) {
  const std::string& message = tensor_message();
  const std::size_t length = std::min(message.size(), text->elem_len);
  std::memcpy(text->base_addr, message.data(), length);
  std::memset(static_cast<char*>(text->base_addr) + length, ' ', text->elem_len - length);
}

std::int64_t ekman_tensor_live() { return tensor_handles().count(); }

void ekman_tensor_release(std::int64_t handle) {
  // What frees a tensor frees its graph, which may be of networks and devices: nothing of it crosses to Fortran.
  tensor_call("delete", [&] { tensor_handles().release(handle); });
}

// `left` has, from now on, the value of an expression, or a copy of the value of a variable.
std::int32_t ekman_tensor_assign(TensorRef* left, const TensorRef* right) {
  return tensor_call("assignment", [&] {
    const std::int64_t old = left->handle;
    TensorRef value{0, 0};
    if (right->handle != 0) {
      value.handle = right->temporary != 0 ? tensor_handles().renewed(right->handle)
                                           : tensor_handles().keep(tensor_handles().value(right->handle).clone());
    }
    *left = value;
    tensor_handles().release(old);
  });
}

}  // extern "C"

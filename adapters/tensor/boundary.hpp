// The guard between C++ and the Fortran module ekman_tensor, and what its calls share: kinds, scalars, texts.
#pragma once

#include <ISO_Fortran_binding.h>

#include <cstdint>
#include <string>

#include "adapters/tensor/handles.hpp"
#include "adapters/torch/torch_message.hpp"
#include "ekman/error.hpp"

namespace ekman {

// Kinds as Fortran numbers them: tensor_int8 to tensor_logical of fortran/tensor/types.f90.in.
at::ScalarType scalar_type(std::int32_t kind);
std::int32_t kind_number(at::ScalarType type);

// A scalar of Fortran: of an integer kind, `integer` counts, else `real`.
struct ScalarValue {
  std::int32_t kind;
  std::int64_t integer;
  double real;

  bool is_real() const { return at::isFloatingType(scalar_type(kind)); }
  at::Scalar number() const { return is_real() ? at::Scalar(real) : at::Scalar(integer); }
};

// Fortran's axis 1 is LibTorch's 0. Throws Error(usage) for axes that `tensor` does not have.
std::int64_t axis_of(const char* call, const at::Tensor& tensor, std::int64_t dim);

// "[3, 4]".
std::string shape_text(const at::Tensor& tensor);

// A Fortran character(len=*), trailing blanks cut.
std::string text_of(const CFI_cdesc_t& text);

// "cpu", "cuda:0". Throws Error(usage) for what LibTorch does not know.
at::Device device_of(const std::string& text);

// This thread's last message.
std::string& tensor_message();

// Runs `body` for `call` and returns 0, or keeps the message and returns the error's code. Nothing is thrown.
template <class Body>
std::int32_t tensor_call(const char* call, Body body) {
  try {
    body();
    return 0;
  } catch (const Error& error) {
    tensor_message() = std::string(call) + ": " + error.what();
    return static_cast<std::int32_t>(error.code());
  } catch (const std::exception& error) {
    tensor_message() =
        std::string(call) + ": LibTorch refuses: " + torch_message(error) + "; compare shapes, kinds and devices";
    return static_cast<std::int32_t>(ErrorCode::usage);
  } catch (...) {
    tensor_message() = std::string(call) + ": an exception without a text; this is a mistake in Ekman";
    return static_cast<std::int32_t>(ErrorCode::internal);
  }
}

}  // namespace ekman

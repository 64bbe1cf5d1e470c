// Networks of the Fortran module: type(network).
#include "adapters/tensor/networks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "adapters/tensor/boundary.hpp"
#include "coupler/plan/did_you_mean.hpp"

using namespace ekman;

namespace ekman {

Objects<LocalNetwork>& networks() {
  // Never destroyed: a finaliser may run when static objects are gone.
  static auto* const all = new Objects<LocalNetwork>("network");
  return *all;
}

}  // namespace ekman

namespace {

at::Tensor parameter_of(LocalNetwork& network, const std::string& name) {
  std::vector<std::string> names;
  for (const NamedParameter& parameter : network.parameters()) {
    if (parameter.name == name) return parameter.tensor;
    names.push_back(parameter.name);
  }
  throw Error(ErrorCode::usage, fmt::format("the network has no parameter \"{}\"{}", name,
                                            did_you_mean(name, names, "; parameter_names() lists those it has")));
}

void set_text(CFI_cdesc_t* text, const std::string& value) {
  std::fill_n(static_cast<char*>(text->base_addr), text->elem_len, ' ');
  std::copy_n(value.begin(), std::min(value.size(), text->elem_len), static_cast<char*>(text->base_addr));
}

}  // namespace

extern "C" {

// Lengths and grid of 0, and a kind of 0: not given.
std::int32_t ekman_tensor_network_make(const CFI_cdesc_t* description, std::int64_t inputs, std::int64_t outputs,
                                       std::int64_t ny, std::int64_t nx, const CFI_cdesc_t* device, std::int32_t kind,
                                       TensorRef* result) {
  return tensor_call("network", [&] {
    NetworkRequest request{inputs, outputs, ny, nx, device_of(text_of(*device))};
    if (kind != 0) request.kind = scalar_type(kind);
    networks().give(result, make_local_network(text_of(*description), request));
  });
}

std::int32_t ekman_tensor_network_assign(TensorRef* left, const TensorRef* right) {
  return tensor_call("assignment of a network", [&] {
    const std::int64_t old = left->handle;
    TensorRef value{0, 0};
    if (right->handle != 0) {
      value.handle = right->temporary != 0 ? networks().renewed(right->handle)
                                           : networks().keep(networks().argument(*right)->copy());
    }
    *left = value;
    networks().release(old);
  });
}

void ekman_tensor_network_release(std::int64_t handle) {
  tensor_call("delete", [&] { networks().release(handle); });
}

// In C's order, which the code of networks counts on.
std::int32_t ekman_tensor_network_forward(const TensorRef* net, std::int64_t count, const TensorRef* inputs,
                                          std::int64_t output_count, TensorRef* outputs) {
  return tensor_call("forward", [&] {
    std::vector<at::Tensor> tensors;
    for (std::int64_t i = 0; i < count; ++i) tensors.push_back(argument(inputs[i]).contiguous());
    const std::vector<at::Tensor> results = networks().argument(*net)->forward(tensors);
    if (static_cast<std::int64_t>(results.size()) != output_count)
      throw Error(ErrorCode::usage,
                  fmt::format("the network returns {} tensors, and {} are asked for; call forward_to with an array of "
                              "as many as it returns",
                              results.size(), output_count));
    for (std::int64_t i = 0; i < output_count; ++i) give(&outputs[i], results[i]);
  });
}

std::int32_t ekman_tensor_network_train(const TensorRef* net, std::int32_t on) {
  return tensor_call("train", [&] { networks().argument(*net)->set_training(on != 0); });
}

std::int32_t ekman_tensor_network_to(const TensorRef* net, const CFI_cdesc_t* device, std::int32_t kind) {
  return tensor_call("to", [&] {
    const std::shared_ptr<LocalNetwork> network = networks().argument(*net);
    const std::string name = text_of(*device);
    const std::vector<NamedParameter> parameters = network->parameters();
    const at::Device now = parameters.empty() ? at::Device(at::kCPU) : parameters.front().tensor.device();
    network->move(name.empty() ? now : device_of(name), kind == 0 ? compat::k_undefined : scalar_type(kind));
  });
}

std::int32_t ekman_tensor_network_names(const TensorRef* net, std::int64_t* count, std::int64_t* longest) {
  return tensor_call("parameter_names", [&] {
    const std::vector<NamedParameter> parameters = networks().argument(*net)->parameters();
    *count = static_cast<std::int64_t>(parameters.size());
    *longest = 0;
    for (const NamedParameter& parameter : parameters)
      *longest = std::max(*longest, static_cast<std::int64_t>(parameter.name.size()));
  });
}

// `place` counts from 1.
std::int32_t ekman_tensor_network_name(const TensorRef* net, std::int64_t place, CFI_cdesc_t* name) {
  return tensor_call("parameter_names",
                     [&] { set_text(name, networks().argument(*net)->parameters().at(place - 1).name); });
}

// The parameter itself, no copy.
std::int32_t ekman_tensor_network_parameter(const TensorRef* net, const CFI_cdesc_t* name, TensorRef* result) {
  return tensor_call("parameter", [&] { give(result, parameter_of(*networks().argument(*net), text_of(*name))); });
}

std::int32_t ekman_tensor_network_set_parameter(const TensorRef* net, const CFI_cdesc_t* name, const TensorRef* value) {
  return tensor_call("set_parameter", [&] {
    const at::Tensor from = argument(*value);
    at::Tensor parameter = parameter_of(*networks().argument(*net), text_of(*name));
    if (from.sizes() != parameter.sizes())
      throw Error(ErrorCode::usage,
                  fmt::format("the parameter has the shape {}, and the tensor {}; give it one of that "
                              "shape",
                              shape_text(parameter), shape_text(from)));
    const at::NoGradGuard no_grad;
    parameter.copy_(from);
  });
}

std::int32_t ekman_tensor_network_save(const TensorRef* net, const CFI_cdesc_t* file) {
  return tensor_call("save", [&] { networks().argument(*net)->save(text_of(*file)); });
}

}  // extern "C"

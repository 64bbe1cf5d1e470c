// Implements local_network.hpp.
#include "adapters/tensor/local_network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "adapters/tensor/whole_file.hpp"
#include "adapters/torch/builtin_network.hpp"
#include "adapters/torch/checkpoint_network.hpp"
#include "adapters/torch/learned_arrays.hpp"
#include "adapters/torch/learned_network.hpp"
#include "adapters/torch/network_tensors.hpp"
#include "adapters/torch/script_file.hpp"
#include "adapters/yaml/plan_from_yaml.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

constexpr const char* k_name = "here";  // of every network, in messages

template <class Tensors, class Name, class Value>
std::vector<NamedParameter> once(const Tensors& tensors, Name name, Value value) {
  std::vector<NamedParameter> all;
  for (const auto& tensor : tensors) {
    if (std::none_of(all.begin(), all.end(), [&](const auto& other) { return other.tensor.is_same(value(tensor)); }))
      all.push_back({name(tensor), value(tensor)});
  }
  return all;
}

// Values, and which of them learn.
void copy_tensors(const std::vector<NamedParameter>& from, const std::vector<NamedParameter>& to) {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < from.size(); ++i) {
    at::Tensor tensor = to[i].tensor;
    tensor.copy_(from[i].tensor);
    tensor.set_requires_grad(from[i].tensor.requires_grad());
  }
}

void flatten(const at::IValue& value, std::vector<at::Tensor>& tensors) {
  if (value.isTensor()) {
    tensors.push_back(value.toTensor());
  } else if (value.isTuple()) {
    for (const at::IValue& part : value.toTupleRef().elements()) flatten(part, tensors);
  } else if (value.isList()) {
    for (const at::IValue& part : value.toListRef()) flatten(part, tensors);
  } else if (value.isTensorList()) {
    for (const at::Tensor& part : value.toTensorVector()) tensors.push_back(part);
  } else if (value.isGenericDict()) {
    for (const auto& entry : value.toGenericDict()) flatten(entry.value(), tensors);
  } else {
    throw Error(ErrorCode::usage,
                fmt::format("the network returns a {} among its outputs; let it return tensors only", value.tagKind()));
  }
}

class ScriptedNetwork final : public LocalNetwork {
 public:
  explicit ScriptedNetwork(torch::jit::Module module) : module_(std::move(module)) {}

  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& inputs) override {
    std::vector<at::Tensor> outputs;
    flatten(module_.forward(std::vector<at::IValue>(inputs.begin(), inputs.end())), outputs);
    return outputs;
  }
  std::vector<NamedParameter> parameters() override { return named(module_.named_parameters()); }
  std::vector<NamedParameter> buffers() override { return named(module_.named_buffers()); }
  void set_training(bool on) override { compat::set_training(module_, on); }
  void save(const std::string& path) override { replace_durably(path, script_bytes(module_)); }
  std::shared_ptr<LocalNetwork> copy() override {
    std::shared_ptr<ScriptedNetwork> other;
    {
      const at::NoGradGuard no_grad;
      other = std::make_shared<ScriptedNetwork>(module_.deepcopy());
    }
    copy_tensors(parameters(), other->parameters());
    return other;
  }

 private:
  template <class Tensors>
  static std::vector<NamedParameter> named(const Tensors& tensors) {
    return once(
        tensors, [](const auto& one) { return one.name; }, [](const auto& one) { return one.value; });
  }

  torch::jit::Module module_;
};

class BuiltNetwork final : public LocalNetwork {
 public:
  BuiltNetwork(const NetworkSpec& spec, const NetworkShape& shape)
      : spec_(spec), shape_(shape), module_(make_network_module(spec, shape)) {
    module_->eval();
  }

  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& inputs) override {
    if (inputs.size() != 1)
      throw Error(ErrorCode::usage, fmt::format("{} inputs to a network that takes one; put them side by side, by "
                                                "concatenate(..., dim=2)",
                                                inputs.size()));
    return {module_->forward(inputs.front())};
  }
  std::vector<NamedParameter> parameters() override { return named(module_->named_parameters()); }
  std::vector<NamedParameter> buffers() override { return named(module_->named_buffers()); }
  void set_training(bool on) override { module_->train(on); }
  void save(const std::string& path) override {
    LearnedState state;
    NetworkSpec spec = spec_;
    spec.compute = kind() == at::kDouble ? Compute::float64 : Compute::float32;
    state.network = network_json(spec, row("x", shape_.inputs), row("y", shape_.outputs), {});
    ArrayWriter write(state.arrays);
    for (const NamedParameter& parameter : parameters()) write("parameters/" + parameter.name, parameter.tensor);
    for (const NamedParameter& buffer : buffers()) write("buffers/" + buffer.name, buffer.tensor);
    write_whole(path, state);
  }
  std::shared_ptr<LocalNetwork> copy() override {
    auto other = std::make_shared<BuiltNetwork>(spec_, shape_);
    const std::vector<NamedParameter> mine = parameters();
    other->move(mine.front().tensor.device(), kind());
    copy_tensors(mine, other->parameters());
    copy_tensors(buffers(), other->buffers());
    other->set_training(module_->is_training());
    return other;
  }

 private:
  template <class Tensors>
  static std::vector<NamedParameter> named(const Tensors& tensors) {
    return once(
        tensors, [](const auto& one) { return one.key(); }, [](const auto& one) { return one.value(); });
  }
  at::ScalarType kind() { return c10::toRealValueType(parameters().front().tensor.scalar_type()); }
  static RowLayout row(const std::string& field, std::int64_t values) {
    return make_row_layout({Argument{{field}, Combine::concat}}, {values});
  }

  NetworkSpec spec_;
  NetworkShape shape_;
  std::shared_ptr<NetworkModule> module_;  // LibTorch's modules have no other owner
};

// A plan around the description, so that it is read and checked as everywhere else.
NetworkSpec spec_of(const std::string& description, const NetworkRequest& request) {
  const std::string sample =
      request.ny > 0 ? fmt::format(", sample: {{grid: {{shape: [{}, {}]}}}}", request.ny, request.nx) : "";
  const Plan plan = parse_plan(fmt::format("networks: {{{}: {{component: model, inputs: [{{fields: [x]}}], outputs: "
                                           "[{{fields: [y]}}]{}, network: {}}}}}\nekman: 1\ncomponents: {{model: "
                                           "{{timestep: PT1S}}}}\n",
                                           k_name, sample, description),
                               "network");
  return plan.networks.front();
}

std::shared_ptr<LocalNetwork> scripted(const NetworkSpec& spec, at::Device device) {
  compat::stop_profiling();
  check_sha256(spec);
  return std::make_shared<ScriptedNetwork>(load_plain_script(spec.source.path, device));
}

std::shared_ptr<LocalNetwork> built(const NetworkSpec& spec, const NetworkRequest& request) {
  if (request.inputs < 1 || request.outputs < 1)
    throw Error(ErrorCode::usage,
                fmt::format("inputs={}, outputs={} of a network that is made by code; say how many values of a point "
                            "go in and come out",
                            request.inputs, request.outputs));
  return std::make_shared<BuiltNetwork>(spec, NetworkShape{request.inputs, request.outputs, request.ny, request.nx});
}

std::shared_ptr<LocalNetwork> from_checkpoint(NetworkSpec spec, NetworkRequest request) {
  const Checkpoint checkpoint = read_checkpoint_file(spec.source.path);
  spec.source = source_of_checkpoint(spec, checkpoint);
  if (spec.source.kind == SourceKind::torchscript) return scripted(spec, request.device);
  const RowLengths lengths = network_lengths(checkpoint.state.network);
  if (request.inputs == 0) request.inputs = lengths.inputs;
  if (request.outputs == 0) request.outputs = lengths.outputs;
  std::shared_ptr<LocalNetwork> network = built(spec, request);
  const bool is_double =
      std::any_of(checkpoint.state.arrays.begin(), checkpoint.state.arrays.end(), [](const NamedArray& array) {
        return array.kind == ArrayKind::float64 && array.name.rfind("parameters/", 0) == 0;
      });
  network->move(at::kCPU, is_double ? at::kDouble : at::kFloat);
  take_weights(spec.name, checkpoint, network->parameters(), network->buffers());
  return network;
}

NetworkSpec spec_of_file(const std::string& path) {
  NetworkSpec spec;
  spec.name = k_name;
  spec.source.kind =
      std::filesystem::path(path).extension() == ".safetensors" ? SourceKind::checkpoint : SourceKind::torchscript;
  spec.source.path = path;
  return spec;
}

std::shared_ptr<LocalNetwork> unmoved(const NetworkSpec& spec, const NetworkRequest& request) {
  switch (spec.source.kind) {
    case SourceKind::torchscript:
      return scripted(spec, request.device);
    case SourceKind::checkpoint:
      return from_checkpoint(spec, request);
    case SourceKind::builtin:
      if (!spec.source.is_sleep()) return built(spec, request);
      break;
    default:
      break;
  }
  throw Error(ErrorCode::usage,
              "the description is of no network that LibTorch runs; take torchscript, builtin, own or "
              "checkpoint");
}

}  // namespace

void LocalNetwork::move(at::Device device, at::ScalarType kind) {
  const at::NoGradGuard no_grad;
  const auto move = [&](at::Tensor tensor) {
    const bool is_complex = tensor.is_complex();
    const bool changes = kind != compat::k_undefined && (tensor.is_floating_point() || is_complex);
    const at::ScalarType wanted = !changes ? tensor.scalar_type() : is_complex ? c10::toComplexType(kind) : kind;
    if (tensor.device() == device && tensor.scalar_type() == wanted) return;
    if (tensor.is_leaf()) tensor.mutable_grad() = at::Tensor();
    tensor.set_data(tensor.detach().to(device, wanted));
  };
  for (const NamedParameter& parameter : parameters()) move(parameter.tensor);
  for (const NamedParameter& buffer : buffers()) move(buffer.tensor);
}

std::shared_ptr<LocalNetwork> make_local_network(const std::string& description, const NetworkRequest& request) {
  if (description.empty())
    throw Error(ErrorCode::usage, "the description is empty; name a file, or describe a network, in braces");
  const bool is_described = description.front() == '{';
  const NetworkSpec spec = is_described ? spec_of(description, request) : spec_of_file(description);
  std::shared_ptr<LocalNetwork> network = unmoved(spec, request);
  const bool is_drawn = spec.source.kind == SourceKind::builtin;  // in real64, to be rounded
  network->move(request.device, is_drawn && request.kind == compat::k_undefined ? at::kFloat : request.kind);
  return network;
}

}  // namespace ekman

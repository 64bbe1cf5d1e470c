// Implements module_network.hpp.
#include "adapters/torch/module_network.hpp"

#include <fmt/format.h>

#include "adapters/torch/argument_shape.hpp"
#include "adapters/torch/torch_message.hpp"
#include "coupler/base/joined.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

// All fields side by side.
ArgumentShape whole(const NetworkSpec& spec, const std::vector<Argument>& arguments, const RowLayout& layout) {
  return ArgumentShape(spec, Argument{fields_of(arguments), Combine::concat}, layout.fields);
}

class ModuleNetwork final : public TorchNetwork {
 public:
  ModuleNetwork(std::string who, std::shared_ptr<NetworkModule> module, const NetworkSpec& spec, const RowLayout& in,
                const RowLayout& out, at::Device device, at::ScalarType kind)
      : who_(std::move(who)),
        module_(std::move(module)),
        inputs_(whole(spec, spec.inputs, in)),
        outputs_(whole(spec, spec.outputs, out)),
        rows_per_sample_(spec.rows_per_sample()) {
    for (std::vector<at::Tensor> tensors : {module_->parameters(), module_->buffers()}) {
      for (at::Tensor& tensor : tensors)
        tensor.set_data(tensor.is_floating_point() ? tensor.data().to(device, kind) : tensor.data().to(device));
    }
    module_->eval();
  }

  void forward(const at::Tensor& in, const at::Tensor& out) override {
    const std::int64_t tile = in.size(0) / rows_per_sample_;
    at::Tensor value;
    try {
      value = module_->forward(inputs_.from_rows(in));
    } catch (const std::exception& error) {
      throw Error(ErrorCode::network,
                  fmt::format("{} fails in forward: {}; see whether its device has memory left, and works with "
                              "LibTorch alone",
                              who_, torch_message(error)));
    }
    const std::vector<std::int64_t> expected = outputs_.sizes(tile);
    if (!value.defined() || value.sizes() != at::IntArrayRef(expected)) {
      throw Error(
          ErrorCode::network,
          fmt::format("{} returns [{}], and the outputs of the plan need [{}]; make it return as many values of "
                      "a point as it was asked for",
                      who_, value.defined() ? joined(value.sizes(), ", ") : "", joined(expected, ", ")));
    }
    outputs_.to_rows(value, out);
  }

  NetworkSize size() const override { return size_of(*module_); }
  std::vector<NamedParameter> parameters() override { return named(module_->named_parameters()); }
  std::vector<NamedParameter> buffers() override { return named(module_->named_buffers()); }
  void set_training(bool on) override { module_->train(on); }

 private:
  template <class Tensors>
  static std::vector<NamedParameter> named(const Tensors& tensors) {
    std::vector<NamedParameter> all;
    for (const auto& tensor : tensors) all.push_back({tensor.key(), tensor.value()});
    return all;
  }

  std::string who_;
  std::shared_ptr<NetworkModule> module_;  // LibTorch's modules have no other owner
  ArgumentShape inputs_;
  ArgumentShape outputs_;
  std::int64_t rows_per_sample_;
};

}  // namespace

NetworkShape network_shape(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out) {
  const bool is_grid = spec.sample == Sample::grid;
  return {in.row_len(), out.row_len(), is_grid ? spec.grid_ny : 0, is_grid ? spec.grid_nx : 0};
}

std::unique_ptr<TorchNetwork> run_module(const std::string& who, std::shared_ptr<NetworkModule> module,
                                         const NetworkSpec& spec, const RowLayout& in, const RowLayout& out,
                                         at::Device device, at::ScalarType kind) {
  return std::make_unique<ModuleNetwork>(who, std::move(module), spec, in, out, device, kind);
}

}  // namespace ekman

// Runs the built-in MLP; through oneDNN where that is faster, and while it learns by hand.
#include <fmt/format.h>

#include "adapters/torch/house.hpp"
#include "adapters/torch/mlp_module.hpp"
#include "adapters/torch/mlp_pass.hpp"
#include "adapters/torch/optimized_script.hpp"
#include "adapters/torch/torch_message.hpp"
#include "adapters/torch/torch_network.hpp"
#include "coupler/plan/builtin_networks.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

class MlpNetwork final : public TorchNetwork {
 public:
  MlpNetwork(const NetworkSpec& spec, std::int64_t in_len, std::int64_t out_len, at::Device device, at::ScalarType kind)
      : name_(spec.name),
        activation_(activation_of(text_argument(spec.source, "activation"))),
        relu_(text_argument(spec.source, "activation") == "relu"),
        learns_(spec.training.given || spec.tape > 0),
        onednn_(linear_in_onednn(spec, device, blas_is_slow())),
        activation_name_(text_argument(spec.source, "activation")),
        by_hand_(learns_ && !onednn_ && spec.optimize != Optimize::none && device.is_cpu() &&
                 autocast_of(spec.compute) == compat::k_undefined && has_mlp_pass(activation_name_)),
        layers_(std::make_shared<MlpModule>(in_len, integers_argument(spec.source, "hidden"), out_len, activation_name_,
                                            static_cast<std::uint64_t>(spec.source.seed))) {
    if (learns_ && device.is_cpu()) {
      graph_len_ = in_len + out_len;
      for (const std::int64_t hidden : integers_argument(spec.source, "hidden")) graph_len_ += 2 * hidden;
    }
    layers_->to(device, kind);
    layers_->eval();
  }

  void forward(const at::Tensor& in, const at::Tensor& out) override { out.copy_(run(in)); }
  at::Tensor forward(const at::Tensor& in, std::int64_t) override { return run(in).to(in.scalar_type()); }

  std::int64_t graph_len() const override { return graph_len_; }
  NetworkSize size() const override { return size_of(*layers_); }
  std::string speed_up() const override {
    if (onednn_) return "oneDNN";
    return by_hand_ ? "by hand" : "";
  }

  std::vector<NamedParameter> parameters() override {
    std::vector<NamedParameter> all;
    for (const auto& entry : layers_->named_parameters()) all.push_back({entry.key(), entry.value()});
    return all;
  }

 private:
  at::Tensor run(const at::Tensor& in) {
    try {
      if (by_hand_) return forward_by_hand(in);
      return onednn_ ? forward_in_onednn(in) : layers_->forward(in);
    } catch (const std::exception& error) {
      std::throw_with_nested(Error(
          ErrorCode::network, fmt::format("network \"{}\" (builtin mlp) fails in forward: {}; see whether its device "
                                          "has memory left, and works with LibTorch alone",
                                          name_, torch_message(error))));
    }
  }

  at::Tensor forward_by_hand(const at::Tensor& in) {
    std::vector<MlpLayer> layers;
    for (const torch::nn::Linear& linear : layers_->linear()) layers.push_back({linear->weight, linear->bias});
    return mlp_pass(in, layers, activation_name_);
  }

  at::Tensor forward_in_onednn(const at::Tensor& in) {
    const std::vector<torch::nn::Linear>& linear = layers_->linear();
    at::Tensor x = in.to_mkldnn();
    for (std::size_t i = 0; i < linear.size(); ++i) {
      x = at::mkldnn_linear(x, weight(i), linear[i]->bias);
      if (i + 1 == linear.size()) break;
      x = relu_ ? at::relu(x) : activation_(x.to_dense()).to_mkldnn();
    }
    return x.to_dense();
  }

  // In oneDNN's own order, made at the first call, if it does not change any more.
  const at::Tensor& weight(std::size_t layer) {
    const at::Tensor& plain = layers_->linear()[layer]->weight;
    if (learns_) return plain;
    if (ordered_.size() <= layer) ordered_.push_back(plain.detach().to_mkldnn());
    return ordered_[layer];
  }

  std::string name_;
  Activation activation_;
  bool relu_;
  bool learns_;
  bool onednn_;
  std::string activation_name_;
  bool by_hand_;
  std::int64_t graph_len_ = 0;
  std::vector<at::Tensor> ordered_;
  std::shared_ptr<MlpModule> layers_;  // LibTorch's modules have no other owner
};

}  // namespace

std::unique_ptr<TorchNetwork> make_mlp_network(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out,
                                               at::Device device, at::ScalarType kind) {
  try {
    return std::make_unique<MlpNetwork>(spec, in.row_len(), out.row_len(), device, kind);
  } catch (const std::exception& error) {
    throw Error(
        ErrorCode::network,
        fmt::format("network \"{}\" (builtin mlp) cannot be made: {}; correct its arguments, make its layers smaller, "
                    "or see whether its device has memory left",
                    spec.name, torch_message(error)));
  }
}

}  // namespace ekman

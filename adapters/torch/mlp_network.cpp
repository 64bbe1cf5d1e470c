// Runs the built-in MLP; by our own products where there are any, and while it learns by hand.
#include <fmt/format.h>

#include "adapters/torch/linear_product.hpp"
#include "adapters/torch/mlp_module.hpp"
#include "adapters/torch/mlp_pass.hpp"
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
        activation_name_(text_argument(spec.source, "activation")),
        plain_(spec.optimize == Optimize::none || !device.is_cpu() || autocast_of(spec.compute) != compat::k_undefined),
        by_hand_(learns_ && !plain_ && has_mlp_pass(activation_name_)),
        in_panels_(!learns_ && !plain_ && has_linear_product(device, kind)),
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
  std::string speed_up() const override { return by_hand_ || in_panels_ ? "by hand" : ""; }

  std::vector<NamedParameter> parameters() override {
    std::vector<NamedParameter> all;
    for (const auto& entry : layers_->named_parameters()) all.push_back({entry.key(), entry.value()});
    return all;
  }

 private:
  at::Tensor run(const at::Tensor& in) {
    try {
      if (by_hand_) return forward_by_hand(in);
      return in_panels_ ? forward_in_panels(in) : layers_->forward(in);
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

  at::Tensor forward_in_panels(const at::Tensor& in) {
    const std::vector<torch::nn::Linear>& linear = layers_->linear();
    at::Tensor x = in.contiguous();
    for (std::size_t i = 0; i < linear.size(); ++i) {
      const bool last = i + 1 == linear.size();
      const at::Tensor y = at::empty({x.size(0), linear[i]->weight.size(0)}, x.options());
      run_linear(y, x, panels(i), linear[i]->bias, relu_ && !last);
      x = relu_ || last ? y : activation_(y);
    }
    return x;
  }

  // Made at the first call; the weights do not change any more.
  const at::Tensor& panels(std::size_t layer) {
    if (panels_.size() <= layer) panels_.push_back(panels_of(layers_->linear()[layer]->weight));
    return panels_[layer];
  }

  std::string name_;
  Activation activation_;
  bool relu_;
  bool learns_;
  std::string activation_name_;
  bool plain_;      // LibTorch's own layers
  bool by_hand_;    // both ways
  bool in_panels_;  // forward
  std::int64_t graph_len_ = 0;
  std::vector<at::Tensor> panels_;
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

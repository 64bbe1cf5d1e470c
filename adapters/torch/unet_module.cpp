// The built-in unet: pairs of 3 x 3 convolutions on ever coarser grids, whose outputs meet those of the way back.
// After Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image segmentation" (2015), with
// grids that keep their size: edges are padded.
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/normalization.h>

#include <numeric>

#include "adapters/torch/builtin_parts.hpp"

namespace ekman {
namespace {

// 3 x 3 points, as many out as in. Zeros beyond an edge are the convolution's own; the other edge is put there first.
at::Tensor convolve(torch::nn::Conv2d& layer, at::Tensor x, Edges edges) {
  if (edges.periodic_y) x = at::cat({x.narrow(2, x.size(2) - 1, 1), x, x.narrow(2, 0, 1)}, 2);
  if (edges.periodic_x) x = at::cat({x.narrow(3, x.size(3) - 1, 1), x, x.narrow(3, 0, 1)}, 3);
  return at::conv2d(x, layer->weight, layer->bias, 1, {edges.periodic_y ? 0 : 1, edges.periodic_x ? 0 : 1});
}

// Two convolutions, each normalised over groups of channels of one sample: what batch-norm would do over the samples of
// a tile would let them see each other.
class Pair final : public torch::nn::Module {
 public:
  Pair(std::int64_t inputs, std::int64_t outputs, Edges edges, Activation activation, FirstWeights& weights)
      : edges_(edges),
        activation_(activation),
        first_(register_module("first", weights.convolution(inputs, outputs, 3))),
        first_norm_(register_module("first_norm", norm_of(outputs))),
        second_(register_module("second", weights.convolution(outputs, outputs, 3))),
        second_norm_(register_module("second_norm", norm_of(outputs))) {}

  at::Tensor forward(const at::Tensor& x) { return half(second_, second_norm_, half(first_, first_norm_, x)); }

 private:
  static torch::nn::GroupNorm norm_of(std::int64_t channels) {
    torch::nn::GroupNorm norm(torch::nn::GroupNormOptions(std::gcd(channels, std::int64_t{8}), channels));
    norm->to(at::kDouble);
    return norm;
  }

  at::Tensor half(torch::nn::Conv2d& layer, torch::nn::GroupNorm& norm, const at::Tensor& x) {
    // Under autocast the convolution gives bfloat16, and means are taken in float32.
    return activation_(norm->forward(convolve(layer, x, edges_).to(norm->weight.scalar_type())));
  }

  Edges edges_;
  Activation activation_;
  torch::nn::Conv2d first_;
  torch::nn::GroupNorm first_norm_;
  torch::nn::Conv2d second_;
  torch::nn::GroupNorm second_norm_;
};

class UNet final : public NetworkModule {
 public:
  UNet(const NetworkArguments& arguments, const NetworkShape& shape, std::uint64_t seed)
      : edges_(edges_of(arguments)), depth_(arguments.integer("depth")) {
    FirstWeights weights(seed);
    const Activation activation = activation_of(arguments.text("activation"));
    std::int64_t width = arguments.integer("width"), inputs = shape.inputs;
    for (std::int64_t level = 0; level < depth_; ++level) {
      down_->push_back(std::make_shared<Pair>(inputs, width << level, edges_, activation, weights));
      inputs = width << level;
    }
    for (std::int64_t level = 0; level + 1 < depth_; ++level) {
      narrow_->push_back(weights.convolution(width << (level + 1), width << level, 3));
      up_->push_back(std::make_shared<Pair>(2 * (width << level), width << level, edges_, activation, weights));
    }
    register_module("down", down_);
    register_module("narrow", narrow_);
    register_module("up", up_);
    last_ = register_module("last", weights.convolution(width, shape.outputs, 1));
  }

  at::Tensor forward(const at::Tensor& x) override {
    std::vector<at::Tensor> levels;
    at::Tensor y = x;
    for (std::int64_t level = 0; level < depth_; ++level) {
      if (level > 0) y = at::max_pool2d(y, 2);
      y = part<Pair>(down_, level)->forward(y);
      levels.push_back(y);
    }
    for (std::int64_t level = depth_ - 2; level >= 0; --level) {
      const at::Tensor& across = levels[static_cast<std::size_t>(level)];
      y = at::upsample_nearest2d(y, {across.size(2), across.size(3)});
      torch::nn::Conv2d narrow(std::dynamic_pointer_cast<torch::nn::Conv2dImpl>(narrow_->ptr(index(level))));
      y = convolve(narrow, y, edges_).to(across.scalar_type());
      y = part<Pair>(up_, level)->forward(at::cat({across, y}, 1));
    }
    return last_->forward(y);
  }

 private:
  static std::size_t index(std::int64_t level) { return static_cast<std::size_t>(level); }
  template <class Part>
  static Part* part(torch::nn::ModuleList& list, std::int64_t level) {
    return list->ptr(index(level))->as<Part>();
  }

  Edges edges_;
  std::int64_t depth_;
  torch::nn::ModuleList down_, narrow_, up_;
  torch::nn::Conv2d last_{nullptr};
};

}  // namespace

std::shared_ptr<NetworkModule> make_unet(const NetworkArguments& arguments, const NetworkShape& shape,
                                         std::uint64_t seed) {
  return std::make_shared<UNet>(arguments, shape, seed);
}

}  // namespace ekman

// The built-in fno: layers f(spectral(x) + local(x)) between a lift and a projection of each point. After Li et al.,
// "Fourier neural operator for parametric partial differential equations" (2021); without their coordinates among the
// inputs, which a component can put as fields. It is periodic by nature: in a direction with zero padding the grid gets
// an eighth more points of zeros before the layers, which are cut off behind them.
#include <torch/nn/modules/container/modulelist.h>

#include <cmath>

#include "adapters/torch/builtin_parts.hpp"
#include "adapters/torch/fourier_matrices.hpp"
#include "coupler/plan/builtin_networks.hpp"

namespace ekman {
namespace {

// A real tensor [..., 2] as a complex one. Inside one buffer of parameters that learn it may begin at an odd place,
// where it cannot be looked at so.
at::Tensor as_complex(const at::Tensor& pairs) {
  if (pairs.is_contiguous() && pairs.storage_offset() % 2 == 0) return at::view_as_complex(pairs);
  return at::complex(pairs.select(-1, 0), pairs.select(-1, 1));
}

// Multiplies the amplitudes of the longest waves, of both signs in y, by matrices over the channels; the others are
// left out. `weight` is [2 modes_y, modes_x, inputs, outputs, real and imaginary part]; its first half is for waves 0,
// 1, ... of y, the other for those from -modes_y to -1.
class Spectral final : public torch::nn::Module {
 public:
  Spectral(std::int64_t width, const std::vector<std::int64_t>& modes, FirstWeights& weights)
      : modes_y_(modes.at(0)), modes_x_(modes.at(1)) {
    weight_ = register_parameter("weight", at::empty({2 * modes_y_, modes_x_, width, width, 2}, at::kDouble));
    // A sum over `width` products has the size that one of LibTorch's linear layers gives it.
    weights.fill(weight_, 1.0 / std::sqrt(2.0 * static_cast<double>(width)));
  }

  at::Tensor forward(const at::Tensor& given, FourierMatrices& matrices) {
    // There is no Fourier transform of bfloat16.
    const at::Tensor x = given.to(weight_.scalar_type());
    const std::int64_t ny = x.size(2), nx = x.size(3);
    if (!matrices.suit(ny, nx)) return by_transform(x, ny, nx);
    return matrices.grid_of(at::matmul(matrices.waves_of(x), as_complex(weight_)), ny, nx);
  }

 private:
  at::Tensor by_transform(const at::Tensor& x, std::int64_t ny, std::int64_t nx) const {
    const std::int64_t high = ny - modes_y_;
    const at::Tensor waves = at::fft_fft(at::fft_rfft(x).narrow(3, 0, modes_x_), {}, 2);
    const at::Tensor low = at::cat({waves.narrow(2, 0, modes_y_), waves.narrow(2, high, modes_y_)}, 2);
    const at::Tensor product = at::matmul(low.permute({2, 3, 0, 1}), as_complex(weight_)).permute({2, 3, 0, 1});
    at::Tensor all = at::zeros({x.size(0), product.size(1), ny, modes_x_}, product.options());
    all.narrow(2, 0, modes_y_).copy_(product.narrow(2, 0, modes_y_));
    all.narrow(2, high, modes_y_).copy_(product.narrow(2, modes_y_, modes_y_));
    at::Tensor rows = at::fft_ifft(all, {}, 2);
    // The mean over x of real values is real; libraries differ in what they make of one that is not.
    at::view_as_real(rows).select(-1, 1).select(-1, 0).zero_();
    return at::fft_irfft(rows, nx);
  }

  std::int64_t modes_y_, modes_x_;
  at::Tensor weight_;
};

class Fno final : public NetworkModule {
 public:
  Fno(const NetworkArguments& arguments, const NetworkShape& shape, std::uint64_t seed)
      : edges_(edges_of(arguments)),
        num_layers_(static_cast<std::size_t>(arguments.integer("layers"))),
        activation_(activation_of(arguments.text("activation"))),
        matrices_(arguments.integers("modes").at(0), arguments.integers("modes").at(1)) {
    FirstWeights weights(seed);
    const std::int64_t width = arguments.integer("width");
    lift_ = register_module("lift", weights.convolution(shape.inputs, width, 1));
    for (std::size_t layer = 0; layer < num_layers_; ++layer) {
      spectral_->push_back(std::make_shared<Spectral>(width, arguments.integers("modes"), weights));
      local_->push_back(weights.convolution(width, width, 1));
    }
    register_module("spectral", spectral_);
    register_module("local", local_);
    project_ = register_module("project", weights.convolution(width, 4 * width, 1));
    last_ = register_module("last", weights.convolution(4 * width, shape.outputs, 1));
  }

  at::Tensor forward(const at::Tensor& x) override {
    const std::int64_t ny = x.size(2), nx = x.size(3);
    const std::int64_t more_y = fourier_points(ny, edges_.periodic_y) - ny,
                       more_x = fourier_points(nx, edges_.periodic_x) - nx;
    at::Tensor y = at::constant_pad_nd(lift_->forward(x), {0, more_x, 0, more_y});
    for (std::size_t layer = 0; layer < num_layers_; ++layer) {
      y = spectral_->ptr(layer)->as<Spectral>()->forward(y, matrices_) +
          local_->ptr(layer)->as<torch::nn::Conv2d>()->forward(y);
      if (layer + 1 < num_layers_) y = activation_(y);
    }
    y = y.narrow(2, 0, ny).narrow(3, 0, nx);
    return last_->forward(activation_(project_->forward(y)));
  }

 private:
  Edges edges_;
  std::size_t num_layers_;
  Activation activation_;
  FourierMatrices matrices_;  // of all layers
  torch::nn::Conv2d lift_{nullptr}, project_{nullptr}, last_{nullptr};
  torch::nn::ModuleList spectral_, local_;
};

}  // namespace

std::shared_ptr<NetworkModule> make_fno(const NetworkArguments& arguments, const NetworkShape& shape,
                                        std::uint64_t seed) {
  return std::make_shared<Fno>(arguments, shape, seed);
}

}  // namespace ekman

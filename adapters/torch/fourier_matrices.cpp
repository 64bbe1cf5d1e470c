// Implements fourier_matrices.hpp. A complex number is two real ones beside each other, real parts first.
#include "adapters/torch/fourier_matrices.hpp"

#include <utility>

namespace ekman {

namespace {

// Cosine and sine of 2 pi k j / n, [n, waves]; the product is taken modulo n first, where it is a whole number.
std::pair<at::Tensor, at::Tensor> circle(std::int64_t n, const at::Tensor& waves) {
  constexpr double k_two_pi = 6.283185307179586476925287;
  const at::Tensor places = at::arange(n, at::kLong).unsqueeze(1) * waves.unsqueeze(0);
  const at::Tensor angles = places.remainder(n).to(at::kDouble) * (k_two_pi / static_cast<double>(n));
  return {angles.cos(), angles.sin()};
}

}  // namespace

void FourierMatrices::make(std::int64_t ny, std::int64_t nx, at::TensorOptions options) {
  if (ny == ny_ && nx == nx_ && to_x_.device() == options.device() && to_x_.dtype() == options.dtype()) return;
  const at::NoGradGuard no_grad;
  const auto [cos_x, sin_x] = circle(nx, at::arange(modes_x_, at::kLong));
  const at::Tensor of_y = at::cat({at::arange(modes_y_, at::kLong), at::arange(-modes_y_, 0, at::kLong)});
  const auto [cos_y, sin_y] = circle(ny, of_y);
  // Of real values the wave -k is the conjugate of k, so that each but the mean counts twice.
  const at::Tensor twice = at::full({modes_x_}, 2.0, at::kDouble);
  twice[0] = 1.0;
  const auto take = [&](const at::Tensor& matrix) { return matrix.to(options).contiguous(); };
  to_x_ = take(at::cat({cos_x, -sin_x}, 1));
  to_y_ = take(at::cat({at::cat({cos_y, -sin_y}, 1), at::cat({sin_y, cos_y}, 1)}, 0));
  from_y_ = take(at::cat({at::cat({cos_y.t(), sin_y.t()}, 1), at::cat({-sin_y.t(), cos_y.t()}, 1)}, 0) / ny);
  from_x_ = take(at::cat({cos_x * twice, -sin_x * twice}, 1).t() / nx);
  ny_ = ny;
  nx_ = nx;
}

at::Tensor FourierMatrices::waves_of(const at::Tensor& x) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const std::int64_t samples = x.size(0), channels = x.size(1), ny = x.size(2), nx = x.size(3);
  make(ny, nx, x.options());
  const at::Tensor rows = at::matmul(x.reshape({-1, nx}), to_x_).view({samples, channels, ny, 2, modes_x_});
  const at::Tensor columns = rows.permute({0, 1, 4, 3, 2}).reshape({-1, 2 * ny});
  const at::Tensor waves = at::matmul(columns, to_y_).view({samples, channels, modes_x_, 2, 2 * modes_y_});
  return at::complex(waves.select(3, 0), waves.select(3, 1)).permute({3, 2, 0, 1});
}

at::Tensor FourierMatrices::grid_of(const at::Tensor& waves, std::int64_t ny, std::int64_t nx) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const std::int64_t samples = waves.size(2), channels = waves.size(3);
  const at::Tensor columns = at::view_as_real(waves).permute({2, 3, 1, 4, 0}).reshape({-1, 4 * modes_y_});
  make(ny, nx, columns.options());
  const at::Tensor rows = at::matmul(columns, from_y_).view({samples, channels, modes_x_, 2, ny});
  return at::matmul(rows.permute({0, 1, 4, 3, 2}).reshape({-1, 2 * modes_x_}), from_x_)
      .view({samples, channels, ny, nx});
}

}  // namespace ekman

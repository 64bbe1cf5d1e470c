// The longest waves of a 2-D grid by products with matrices: where they are few, in both directions, this takes less
// time than a fast Fourier transform of which most is thrown away (bench/README.md).
#pragma once

#include <cstdint>

#include "adapters/torch/compat.hpp"

namespace ekman {

class FourierMatrices {
 public:
  // Waves 0 to modes_x - 1 of x, of y 0 to modes_y - 1 and -modes_y to -1.
  FourierMatrices(std::int64_t modes_y, std::int64_t modes_x) : modes_y_(modes_y), modes_x_(modes_x) {}

  // Whether they are few among the points of a grid: by sizes, never by a timing.
  bool suit(std::int64_t ny, std::int64_t nx) const { return 3 * modes_y_ <= ny && 3 * modes_x_ <= nx; }

  // Real [samples, channels, ny, nx] to complex [2 modes_y, modes_x, samples, channels].
  at::Tensor waves_of(const at::Tensor& x);
  // The way back, to a grid of ny x nx: what numpy.fft.irfft2 makes of them and zeros.
  at::Tensor grid_of(const at::Tensor& waves, std::int64_t ny, std::int64_t nx);

 private:
  void make(std::int64_t ny, std::int64_t nx, at::TensorOptions options);

  std::int64_t modes_y_, modes_x_;
  std::int64_t ny_ = 0, nx_ = 0;
  at::Tensor to_x_, to_y_, from_y_, from_x_;  // for grids of ny_ x nx_
};

}  // namespace ekman

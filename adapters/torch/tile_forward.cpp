// Implements tile_forward.hpp.
#include "adapters/torch/tile_forward.hpp"

namespace ekman {

TileForward::TileForward(const NetworkSpec& spec, TorchNetwork& network, const RowLayout& in, const RowLayout& out,
                         at::Device device)
    : network_(network),
      options_(at::TensorOptions(device).dtype(kind_of(spec.compute))),
      autocast_(autocast_of(spec.compute)),
      in_len_(in.row_len()),
      out_len_(out.row_len()),
      in_constants_(row_normalization(spec, in, options_)),
      out_constants_(row_normalization(spec, out, options_)) {}

at::Tensor TileForward::normalised(const at::Tensor& x) const {
  return in_constants_.mean.defined() ? x.sub(in_constants_.mean).div_(in_constants_.std) : x;
}

void TileForward::to_physical(const at::Tensor& y) const {
  if (out_constants_.mean.defined()) y.mul_(out_constants_.std).add_(out_constants_.mean);
}

void TileForward::run(at::Tensor x, const at::Tensor& y) const {
  x = normalised(x);
  {
    const compat::Autocast autocast(options_.device().type(), autocast_);
    network_.forward(x, y);
  }
  to_physical(y);
}

at::Tensor TileForward::run_and_keep(at::Tensor x, const at::Tensor& y) const {
  x = normalised(x);
  const compat::Autocast autocast(options_.device().type(), autocast_);
  at::Tensor out = network_.forward(x, out_len_);
  const at::NoGradGuard no_grad;
  y.copy_(out.detach());
  to_physical(y);
  return out;
}

void TileForward::try_one(std::int64_t rows) {
  const at::Tensor in = at::linspace(0.1, 0.9, rows * in_len_, options_).reshape({rows, in_len_});
  const at::Tensor given = in.clone();
  run(in, at::empty({rows, out_len_}, options_));
  changes_input_ = !at::equal(in, given);
}

}  // namespace ekman

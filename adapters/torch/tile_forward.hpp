// One tile through a network, from rows in physical units to rows in physical units: what serving and the tape share,
// so that their bits are the same.
#pragma once

#include "adapters/torch/row_normalization.hpp"
#include "adapters/torch/torch_network.hpp"

namespace ekman {

inline at::ScalarType kind_of(Real real) { return real == Real::float32 ? at::kFloat : at::kDouble; }
inline at::ScalarType kind_of(Compute compute) { return compute == Compute::float64 ? at::kDouble : at::kFloat; }

class TileForward {
 public:
  // `network`, on `device`, outlives it.
  TileForward(const NetworkSpec& spec, TorchNetwork& network, const RowLayout& in, const RowLayout& out,
              at::Device device);

  // `x` and `y` are rows of the compute kind on the device; what is in `x` afterwards is the network's affair, see
  // changes_input(). Follows autograd if that is on and `y` is a tensor of its own.
  void run(at::Tensor x, const at::Tensor& y) const;

  // The same, on rows of the compute kind that stay as they are; returns what the network gave, in its own units and
  // with its graph if autograd is on.
  at::Tensor run_and_keep(at::Tensor x, const at::Tensor& y) const;

  // Runs one tile of made-up rows, and finds out whether the network works in place on its argument.
  void try_one(std::int64_t rows);
  // True: `x` has to be a copy of what must stay as it is.
  bool changes_input() const { return changes_input_; }

  // Of rows of inputs: undefined tensors if none is normalised. Tensors that are changed in place change what runs.
  const RowNormalization& in_constants() const { return in_constants_; }
  at::TensorOptions options() const { return options_; }  // compute kind and device
  std::int64_t in_len() const { return in_len_; }
  std::int64_t out_len() const { return out_len_; }

 private:
  at::Tensor normalised(const at::Tensor& x) const;
  void to_physical(const at::Tensor& y) const;

  TorchNetwork& network_;
  at::TensorOptions options_;
  at::ScalarType autocast_;
  std::int64_t in_len_;
  std::int64_t out_len_;
  RowNormalization in_constants_;
  RowNormalization out_constants_;
  bool changes_input_ = false;
};

}  // namespace ekman

// The forward of a network that learns: in train mode, with draws that are the same on any rank, and without a trace in
// what is served between two optimizer steps.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "adapters/torch/torch_network.hpp"

namespace ekman {

// Buffers that a training forward changes (batch-norm's statistics) start from the last step in every tile and are put
// back after it; what they became is added up, weighted by the rows of the tile, and a step takes the mean. So all
// ranks agree, whoever had which tile. Integer buffers (batch-norm's counter) go up by one in a step.
class TrainingForward {
 public:
  // Finds out about the network with a tile of `tile_rows` made-up rows. Throws Error(network).
  TrainingForward(const NetworkSpec& spec, TorchNetwork& network, std::int64_t in_len, std::int64_t out_len,
                  std::int64_t tile_rows, at::TensorOptions options);

  // Whether samples of a tile see each other, so that those that are not learned from must stay out of it.
  bool mixes() const { return mixes_; }
  // Samples that a tile must have; 2 for batch-norm of points, which has no statistics of one row.
  std::int64_t fewest() const { return fewest_; }

  // x: [rows, inputs] -> [rows, outputs], in train mode, every draw from `seed`. Adds to num_sums() numbers at `sums`.
  at::Tensor train(const at::Tensor& x, std::uint64_t seed, double* sums);
  // The same where why_not_recorded() is empty: nothing is done on the CPU that a replay would have to do again.
  at::Tensor train_recorded(const at::Tensor& x);
  // Why the training forward cannot be recorded, as in "since it draws (dropout)"; "" if it can.
  std::string why_not_recorded() const;
  // As it is served, without gradients.
  at::Tensor evaluate(const at::Tensor& x);
  // Between lessons the network is in eval mode.
  void serve() { set_mode(false); }

  std::size_t num_sums() const;
  // Once in a step that is made, with the sums of all ranks.
  void take_sums(const double* sums);
  // After the buffers were changed from outside.
  void remember_buffers();

 private:
  void set_mode(bool training);
  at::Tensor forward(const at::Tensor& x);
  at::Tensor forward_with(const at::Tensor& x, std::uint64_t seed);
  at::Tensor first_forward(const at::Tensor& x);
  void put_back() const;
  void explore(std::int64_t tile_rows);
  void must_depend_on_parameters(const at::Tensor& y) const;
  void find_fewest(const at::Tensor& sample, std::int64_t tile_samples);

  std::string name_;
  TorchNetwork& network_;
  std::vector<torch::jit::Module> parts_;  // those that have a mode
  std::vector<at::Tensor> moving_, counting_;
  std::vector<at::Tensor> moving_before_, counting_before_;
  std::int64_t in_len_;
  std::int64_t out_len_;
  std::int64_t rows_per_sample_;
  at::TensorOptions options_;
  at::ScalarType autocast_;
  bool training_ = false;
  bool mixes_ = false;
  bool draws_ = false;
  std::int64_t fewest_ = 1;
};

}  // namespace ekman

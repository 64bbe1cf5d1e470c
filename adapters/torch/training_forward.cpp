// Implements training_forward.hpp.
#include "adapters/torch/training_forward.hpp"

#include <fmt/format.h>

#include "adapters/torch/seeded_draws.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

at::Tensor as_reals(const at::Tensor& tensor) { return tensor.is_complex() ? at::view_as_real(tensor) : tensor; }

bool same(const at::Tensor& a, const at::Tensor& b) {
  return at::equal(at::nan_to_num(as_reals(a)), at::nan_to_num(as_reals(b)));
}

bool all_finite(const at::Tensor& values) { return at::isfinite(values.detach()).all().item<bool>(); }

std::vector<at::Tensor> copies_of(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> copies;
  for (const at::Tensor& tensor : tensors) copies.push_back(tensor.detach().clone());
  return copies;
}

}  // namespace

TrainingForward::TrainingForward(const NetworkSpec& spec, TorchNetwork& network, std::int64_t in_len,
                                 std::int64_t out_len, std::int64_t tile_rows, at::TensorOptions options)
    : name_(spec.name),
      network_(network),
      in_len_(in_len),
      out_len_(out_len),
      rows_per_sample_(spec.rows_per_sample()),
      options_(options),
      autocast_(autocast_of(spec.compute)) {
  if (network.script() != nullptr) {
    for (const torch::jit::Module& part : network.script()->modules()) {
      if (part.hasattr("training")) parts_.push_back(part);
    }
  }
  try {
    explore(tile_rows);
  } catch (...) {
    serve();
    throw;
  }
  serve();
}

void TrainingForward::set_mode(bool training) {
  if (training == training_) return;
  for (torch::jit::Module& part : parts_) part.setattr("training", training);
  network_.set_training(training);
  training_ = training;
}

at::Tensor TrainingForward::forward(const at::Tensor& x) {
  const compat::Autocast autocast(options_.device().type(), autocast_);
  return network_.forward(x, out_len_);
}

at::Tensor TrainingForward::forward_with(const at::Tensor& x, std::uint64_t seed) {
  set_mode(true);
  const SeededDraws draws(options_.device(), seed);
  return forward(x);
}

// As forward_with(), and finds out whether anything is drawn.
at::Tensor TrainingForward::first_forward(const at::Tensor& x) {
  set_mode(true);
  SeededDraws draws(options_.device(), 0);
  const at::Tensor before = draws.place();
  const at::Tensor y = forward(x);
  draws_ = !at::equal(draws.place(), before);
  return y;
}

at::Tensor TrainingForward::train_recorded(const at::Tensor& x) {
  set_mode(true);
  return forward(x);
}

std::string TrainingForward::why_not_recorded() const {
  if (draws_) return "its training forward draws random numbers (dropout), which follow from a seed of each tile";
  if (!moving_.empty() || !counting_.empty()) return "its training forward changes buffers (batch-norm)";
  return mixes_ ? "samples of a tile see each other, so that tiles have only those that count" : "";
}

at::Tensor TrainingForward::evaluate(const at::Tensor& x) {
  const at::NoGradGuard no_grad;
  set_mode(false);
  return forward(x);
}

at::Tensor TrainingForward::train(const at::Tensor& x, std::uint64_t seed, double* sums) {
  const at::Tensor y = forward_with(x, seed);
  if (moving_.empty() && counting_.empty()) return y;
  const at::NoGradGuard no_grad;
  const auto rows = static_cast<double>(x.size(0));
  if (num_sums() > 0) *sums++ += rows;
  for (const at::Tensor& buffer : moving_) {
    const at::Tensor values = buffer.detach().to(at::kCPU, at::kDouble).contiguous();
    const double* value = values.data_ptr<double>();
    for (std::int64_t i = 0; i < values.numel(); ++i) *sums++ += rows * value[i];
  }
  put_back();
  return y;
}

std::size_t TrainingForward::num_sums() const {
  std::size_t count = 0;
  for (const at::Tensor& buffer : moving_) count += static_cast<std::size_t>(buffer.numel());
  return count == 0 ? 0 : 1 + count;
}

void TrainingForward::take_sums(const double* sums) {
  const at::NoGradGuard no_grad;
  for (const at::Tensor& buffer : counting_) buffer.detach().add_(1);
  const double rows = num_sums() > 0 ? *sums++ : 0.0;
  if (rows > 0.0) {
    for (const at::Tensor& buffer : moving_) {
      at::Tensor values = at::empty(buffer.sizes(), at::kDouble);
      double* value = values.data_ptr<double>();
      for (std::int64_t i = 0; i < values.numel(); ++i) value[i] = *sums++ / rows;
      buffer.detach().copy_(values);
    }
  }
  remember_buffers();
}

void TrainingForward::remember_buffers() {
  moving_before_ = copies_of(moving_);
  counting_before_ = copies_of(counting_);
}

// Autograd may have kept a buffer for its backward and would refuse one that was written since: their data are put back
// as they were, behind its back, which batch-norm's backward in train mode does not look at.
void TrainingForward::put_back() const {
  for (std::size_t i = 0; i < moving_.size(); ++i) moving_[i].data().copy_(moving_before_[i]);
  for (std::size_t i = 0; i < counting_.size(); ++i) counting_[i].data().copy_(counting_before_[i]);
}

void TrainingForward::explore(std::int64_t tile_rows) {
  const at::NoGradGuard no_grad;
  const std::int64_t samples = tile_rows / rows_per_sample_;
  const at::Tensor x = at::linspace(0.1, 0.9, tile_rows * in_len_, options_).reshape({tile_rows, in_len_});
  std::vector<at::Tensor> buffers;
  for (const NamedParameter& buffer : network_.buffers()) buffers.push_back(buffer.tensor);
  const std::vector<at::Tensor> before = copies_of(buffers);
  const auto put_all_back = [&] {
    for (std::size_t i = 0; i < buffers.size(); ++i) buffers[i].data().copy_(before[i]);
  };
  at::Tensor y;
  try {
    const at::AutoGradMode gradients(true);
    y = first_forward(x.clone());
  } catch (const Error&) {
    put_all_back();
    if (samples > 1) throw;
    find_fewest(x, samples);
  }
  must_depend_on_parameters(y);
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    if (same(buffers[i], before[i])) continue;
    const at::Tensor buffer = as_reals(buffers[i]);
    (buffer.is_floating_point() ? moving_ : counting_).push_back(buffer);
  }
  put_all_back();
  remember_buffers();
  if (samples > 1) {
    const std::int64_t others = tile_rows - rows_per_sample_;
    const at::Tensor changed = x.clone();
    changed.narrow(0, 0, rows_per_sample_).mul_(-3.0).add_(1.0);
    const at::Tensor z = forward_with(changed, 0);
    put_all_back();
    mixes_ = !same(y.narrow(0, rows_per_sample_, others), z.narrow(0, rows_per_sample_, others));
  }
  mixes_ = mixes_ || !moving_.empty();
  if (mixes_) find_fewest(x.narrow(0, 0, rows_per_sample_), samples);
  put_all_back();
}

void TrainingForward::must_depend_on_parameters(const at::Tensor& y) const {
  if (!y.defined() || y.requires_grad()) return;
  throw Error(ErrorCode::network,
              fmt::format("network \"{}\" cannot learn: no parameter that is to learn has a part in its outputs; name "
                          "such as have under `trainable`, and compute outputs without detach() or no_grad()",
                          name_));
}

void TrainingForward::find_fewest(const at::Tensor& sample, std::int64_t tile_samples) {
  std::string why;
  try {
    bool finite = all_finite(forward_with(sample.clone(), 0));
    for (const at::Tensor& buffer : moving_) finite = finite && all_finite(buffer);
    if (finite) return;
    why = "its training forward gives values that are no numbers";
  } catch (const Error& error) {
    why = error.what();
  }
  fewest_ = 2;
  if (tile_samples > 1) return;
  throw Error(ErrorCode::network,
              fmt::format("network \"{}\" cannot learn from one sample at a time: {}; take a larger "
                          "`tile` (and `chunk`)",
                          name_, why));
}

}  // namespace ekman

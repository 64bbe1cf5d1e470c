// Implements learning_sizes.hpp.
#include "coupler/plan/learning_sizes.hpp"

#include <algorithm>
#include <numeric>

#include "coupler/plan/builtin_networks.hpp"

namespace ekman {
namespace {

std::int64_t compute_size(const NetworkSpec& network) { return network.compute == Compute::float64 ? 8 : 4; }

bool is_mlp(const NetworkSource& source) { return source.kind == SourceKind::builtin && source.name == "mlp"; }

// Values that LibTorch's optimizers keep for each one that learns.
std::int64_t states_of(const OptimizerSpec& optimizer) {
  switch (optimizer.kind) {
    case OptimizerKind::sgd:
      return optimizer.momentum > 0.0 ? 1 : 0;
    case OptimizerKind::adam:
    case OptimizerKind::adamw:
      return optimizer.amsgrad ? 3 : 2;
    case OptimizerKind::rmsprop:
      return 1 + (optimizer.momentum > 0.0 ? 1 : 0) + (optimizer.centered ? 1 : 0);
    case OptimizerKind::adagrad:
      return 1;
    case OptimizerKind::lbfgs:  // directions and differences, the last direction and gradient
      return 2 * optimizer.history + 2;
  }
  return 0;
}

// Shares of chunks are rounded down or up.
std::int64_t replay_samples(const NetworkSpec& network, const RouteSizes& sizes) {
  const std::int64_t capacity = network.training.replay.capacity;
  const double share = static_cast<double>(sizes.most_chunks * network.chunk) / static_cast<double>(sizes.samples);
  const double most = static_cast<double>(capacity) * share + static_cast<double>(sizes.most_chunks);
  return most < static_cast<double>(capacity) ? static_cast<std::int64_t>(most) : capacity;
}

// Values of a point that the graph of one forward of an mlp keeps between its layers: what an activation
// returns, which is what the next layer takes, and for some what it took.
std::int64_t activations(const NetworkSource& source) {
  if (!is_mlp(source)) return 0;
  const std::string activation = text_argument(source, "activation");
  const std::vector<std::int64_t> hidden = integers_argument(source, "hidden");
  const bool keeps_both = activation == "gelu" || activation == "silu";
  return std::accumulate(hidden.begin(), hidden.end(), std::int64_t{0}) * (keeps_both ? 2 : 1);
}

}  // namespace

LearningSizes learning_sizes(const NetworkSpec& network, const RouteSizes& sizes, std::int64_t learned,
                             std::int64_t weight_bytes) {
  LearningSizes found;
  const TrainingSpec& training = network.training;
  const bool known = sizes.in_bytes != k_unknown && sizes.points > 0;
  const std::int64_t rows = known ? sizes.most_chunks * network.rows_per_chunk() : 0;
  const auto of_row = [&](std::int64_t bytes) { return known ? bytes / sizes.points : 0; };
  if (network.tape > 0) {
    const std::int64_t values = (of_row(sizes.in_bytes) + of_row(sizes.out_bytes)) / real_size(network.wire);
    found.tape =
        known ? network.tape * rows * (values + activations(network.source)) * compute_size(network) : k_unknown;
    found.more_on_tape = !is_mlp(network.source);
  }
  if (!training.given) return found;
  const std::int64_t gradient = learned == k_unknown ? k_unknown : learned * compute_size(network);
  found.gradient = gradient;
  found.optimizer = gradient == k_unknown ? k_unknown : gradient * states_of(training.optimizer);
  if (network.reproducible == Reproducible::bfb && gradient != k_unknown)
    found.gradient = sizes.chunks == k_unknown ? k_unknown : gradient * (3 + 2 * sizes.chunks);
  if (network.tape > 0) return found;
  const std::int64_t lesson_row = of_row(sizes.in_bytes) + of_row(sizes.truth_bytes);
  // With a delay inputs wait, and what of truth belongs to them.
  const std::int64_t extra_row = of_row(sizes.truth_bytes) - of_row(sizes.late_bytes);
  const std::int64_t waiting_row =
      training.delay > 0 ? training.delay * of_row(sizes.in_bytes) + (training.delay + 1) * extra_row : 0;
  found.lessons = known ? rows * (lesson_row + waiting_row) : k_unknown;
  if (training.replay.capacity > 0) {
    const std::int64_t id = 8;
    found.replay = known ? (replay_samples(network, sizes) + tile_samples(network, false)) * network.rows_per_sample() *
                               (lesson_row + id)
                         : k_unknown;
  }
  if (training.validation.fraction > 0.0) found.best = weight_bytes;
  return found;
}

}  // namespace ekman

// Implements training_graph.hpp.
#include "adapters/torch/training_graph.hpp"

namespace ekman {

TrainingGraph::TrainingGraph(const Tile& like, const Recorder& record, const Learn& learn)
    // Zeros for the truth: classes are numbers that there are.
    : tile_{at::linspace(0.1, 0.9, like.in.numel(), like.in.options()).reshape(like.in.sizes()),
            at::zeros_like(like.truth), at::ones_like(like.weights)} {
  const auto work = [this, learn] {
    const at::AutoGradMode gradients(true);
    const at::Tensor sums = learn(tile_);
    const at::NoGradGuard no_grad;
    sums_.copy_(sums);
  };
  {
    const at::AutoGradMode gradients(true);
    sums_ = learn(tile_).detach().clone();
  }
  replay_ = record(work);
}

std::vector<double> TrainingGraph::replay(const Tile& tile) {
  const at::NoGradGuard no_grad;
  tile_.in.copy_(tile.in);
  tile_.truth.copy_(tile.truth);
  tile_.weights.copy_(tile.weights);
  replay_();
  const at::Tensor sums = sums_.to(at::kCPU, at::kDouble);
  return {sums.data_ptr<double>(), sums.data_ptr<double>() + sums.numel()};
}

}  // namespace ekman

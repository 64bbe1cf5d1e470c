// The training of one tile, recorded once and replayed for every tile of its shapes.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "adapters/torch/compat.hpp"

namespace ekman {

// Does `work` some times, then records it; what it returns does what was recorded, any number of times. See CudaGraph.
using Recorder = std::function<std::function<void()>(const std::function<void()>& work)>;

class TrainingGraph {
 public:
  // in: [rows, inputs], truth: [rows, values], weights: [rows], on the device.
  struct Tile {
    at::Tensor in, truth, weights;
  };
  // Adds to the gradients of the parameters, which exist and stay at their addresses, and returns sums, [n], in the
  // kind of the inputs. Reads nothing on the CPU that changes from tile to tile.
  using Learn = std::function<at::Tensor(const Tile& tile)>;

  // Runs `learn` with tiles of made-up rows, of the shapes of `like`: the gradients are in disorder afterwards. What
  // `learn` refers to outlives the graph.
  TrainingGraph(const Tile& like, const Recorder& record, const Learn& learn);
  TrainingGraph(const TrainingGraph&) = delete;
  TrainingGraph& operator=(const TrainingGraph&) = delete;

  // Adds to the gradients; returns the sums. Waits for the device.
  std::vector<double> replay(const Tile& tile);

 private:
  Tile tile_;  // what was recorded reads these
  at::Tensor sums_;
  std::function<void()> replay_;
};

}  // namespace ekman

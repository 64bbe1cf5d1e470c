// The port through which an ML rank lets its network learn. A step is one over all ranks of the network: each adds its
// chunks, the ranks add up what `sums` and `gradient` hold, and each makes the same step from that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "coupler/plan/plan.hpp"

namespace ekman {

class Learner {
 public:
  virtual ~Learner() = default;

  // Adds one chunk to the step: `in` as for Engine::forward, `truth` with as many rows of targets and weights, of the
  // wire kind. Only the first `rows` hold points. Throws Error(network).
  virtual void add(const std::byte* in, const std::byte* truth, std::int64_t rows) = 0;

  // [1 + terms]: the sum of the weights of all points added, then for each term of the loss the sum of weight times
  // loss.
  virtual std::vector<double>& sums() = 0;

  // Of weight times loss, summed over points: values of the parameters that learn, in the compute kind, on the host.
  virtual std::byte* gradient() = 0;
  virtual std::int64_t gradient_size() const = 0;  // values
  virtual Real gradient_kind() const = 0;

  // One optimizer step with sums and gradient as they are now, which then are zero. Without any weight nothing is done.
  // Returns the norm of the gradient of the mean loss.
  virtual double step() = 0;

  // Optimizer steps made so far.
  virtual std::int64_t steps() const = 0;
};

}  // namespace ekman

// The port through which an ML rank lets its network learn. A step is one over all ranks of the network: each adds its
// chunks, the ranks add up what `sums` and `gradient` hold, and each makes the same step from that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "coupler/plan/plan.hpp"

namespace ekman {

// What is done with the rows of a lesson: what ValidationSplit says of each, or one thing with all.
enum class LessonUse { by_split, learn, validate };

// One chunk of an exchange to learn from. `in` is as for Engine::forward, `truth` has as many rows of
// truth_fields_of(), of the wire kind.
struct Lesson {
  const std::byte* in = nullptr;
  const std::byte* truth = nullptr;
  std::int64_t rows = 0;                 // the first ones, which hold points
  const std::int64_t* ids = nullptr;     // global id of each row
  std::int64_t exchange = 0;             // from 0
  std::int64_t chunk = 0;                // its number in the network
  std::int64_t draw = 0;                 // 0: what came; i: the i-th batch of the replay, which must not keep what
                                         // ValidationSplit holds out
  LessonUse use = LessonUse::by_split;   // else statistics of inputs stay as they are
  const std::uint8_t* counts = nullptr;  // by row, whether it counts, if it has a weight; null: all do
};

// What an optimizer step did.
struct StepReport {
  std::int64_t step = 0;         // steps made so far, this one included
  std::int64_t exchanges = 0;    // learned from so far, whether steps were made or not; with a tape 0
  double loss = 0.0;             // weighted mean over all points since the last step
  std::vector<double> terms;     // the same of each term, before its weight
  double validation_loss = 0.0;  // NaN if none was taken with this step
  double known_validation_loss = std::numeric_limits<double>::quiet_NaN();  // the last one
  double learning_rate = 0.0;
  double gradient_norm = 0.0;  // of the mean loss, before clipping
  double weight = 0.0;         // sum of the weights
  double skipped = 0.0;        // points with a weight that were alone in a tile of a network with batch-norm
  bool made = false;           // false: there was nothing to learn from, or a loss or gradient was no number
  bool best = false;           // the validation loss is the least so far
  bool stopped = false;        // by patience: nothing is learned any more
  double loss_scale = 0.0;     // in float16, what the loss was multiplied by for its backward; 0: nothing
  bool overflow = false;       // in float16, of the gradient alone: not made, and loss_scale falls
};

enum class ArrayKind { float32, float64, int64 };

// An array with a name that Python can show.
struct NamedArray {
  std::string name;
  ArrayKind kind = ArrayKind::float64;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;  // row-major
};

// All that a network has learned: parameters, buffers, the optimizer's state by parameter, counters. Equal on all ranks
// of the network after a step. `network` says as JSON what is needed to make the network again.
struct LearnedState {
  std::string network;
  std::vector<NamedArray> arrays;
};

class Learner {
 public:
  virtual ~Learner() = default;

  // Samples of one forward. Rows of a lesson can be read up to a whole number of them.
  virtual std::int64_t tile() const = 0;

  // Adds one chunk to the step. Throws Error(network).
  virtual void add(const Lesson& lesson) = 0;

  // Sums over all that was added, each to be added up over the ranks: weights, losses, statistics.
  virtual std::vector<double>& sums() = 0;

  // Of weight times loss, summed over points: values of the parameters that learn, in the compute kind, on the host.
  // Valid until the next add; what is written there is what `add` goes on from and `step` takes.
  virtual std::byte* gradient() = 0;
  virtual std::int64_t gradient_size() const = 0;  // values
  virtual Real gradient_kind() const = 0;

  // Forgets what was added since the last step: sums and gradient are zero.
  virtual void drop() = 0;

  // One optimizer step with sums and gradient as they are now, which then are zero. If the loss or the gradient is no
  // number nothing changes; more than max_bad_steps such steps in a row throw Error(network), not counting those whose
  // gradient is too large for float16 as it is scaled.
  virtual StepReport step() = 0;

  // Of the last step; before the first one the learning rate that it will have.
  virtual const StepReport& last() const = 0;

  // Between steps, on every rank alike. Without sums() and gradient(), which a caller saves who is between two adds.
  virtual LearnedState state() const = 0;
  // Learning goes on from there in the same bits, with sums() and gradient() of zero. Throws Error(network) with the
  // first difference, and changes nothing, if `state` is not of such a network and optimizer.
  virtual void restore(const LearnedState& state) = 0;

  // The bytes of a TorchScript file that LibTorch alone runs, of the network as it is now. Empty for a network that did
  // not come from one.
  virtual std::string script() const = 0;

  // Runs `visit` while parameters, buffers and running normalisation are those whose validation loss was the least so
  // far (validation looks at a network before its step). If there was none yet they are as they are.
  virtual void with_best(const std::function<void()>& visit) = 0;

  // A checksum of all parameters and buffers, to compare over ranks.
  virtual std::uint64_t fingerprint() const = 0;

  // "12 parameters in 4 tensors: 10 learn, 2 are frozen (0.bias)", for the line at start.
  virtual std::string describe() const = 0;
};

}  // namespace ekman

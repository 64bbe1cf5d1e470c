// What `training` of a plan asks for: how the ML ranks of a network learn while its component runs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ekman {

enum class LossKind { mse, l1, huber, smooth_l1, cross_entropy, bce_with_logits, nll, method, torchscript };

// Of the user's own: it takes all outputs, targets and inputs.
constexpr bool is_users_own(LossKind kind) { return kind == LossKind::method || kind == LossKind::torchscript; }
// Its targets hold numbers of classes.
constexpr bool has_classes(LossKind kind) { return kind == LossKind::cross_entropy || kind == LossKind::nll; }

// One term of the loss. The loss of a point is the mean over its levels (cross_entropy and nll: one class), that of an
// optimizer step the weighted mean over points; terms are summed with their weights.
struct LossTerm {
  LossKind kind = LossKind::mse;
  std::vector<std::string> fields;  // outputs with a target; method and torchscript: empty, they take all of them
  std::vector<std::string> extra;   // method and torchscript: fields besides outputs, targets and inputs, such as
                                    // coordinates
  double weight = 1.0;
  double delta = 1.0;            // huber
  double beta = 1.0;             // smooth_l1
  double label_smoothing = 0.0;  // cross_entropy
  std::string source;            // method: its name in the network's file; torchscript: a file
};

enum class OptimizerKind { sgd, adam, adamw, rmsprop, adagrad, lbfgs };

// Options are named, and default, as LibTorch has them; those of other kinds are not looked at. lbfgs makes one
// iteration in an optimizer step, without line search, since ranks are reduced once in a step: LibTorch's with
// max_iter 1. LibTorch's eps of adagrad is 1e-10.
struct OptimizerSpec {
  OptimizerKind kind = OptimizerKind::adamw;
  double lr = 1e-3;
  double weight_decay = 0.0;
  double momentum = 0.0;   // sgd, rmsprop
  double dampening = 0.0;  // sgd
  bool nesterov = false;   // sgd
  double beta1 = 0.9;      // adam, adamw
  double beta2 = 0.999;
  double eps = 1e-8;                 // adam, adamw, rmsprop, adagrad
  bool amsgrad = false;              // adam, adamw
  double alpha = 0.99;               // rmsprop
  bool centered = false;             // rmsprop
  double lr_decay = 0.0;             // adagrad
  double initial_accumulator = 0.0;  // adagrad
  std::int64_t history = 100;        // lbfgs
  double tolerance_grad = 1e-7;      // lbfgs
  double tolerance_change = 1e-9;    // lbfgs
};

enum class ScheduleKind { constant, step, exponential, cosine, linear };

// A factor on the learning rate, from the number of optimizer steps that were made.
struct ScheduleSpec {
  ScheduleKind kind = ScheduleKind::constant;
  std::int64_t warmup = 0;  // steps of linear growth before it
  std::int64_t steps = 1;   // cosine, linear: to the end; step: from one decay to the next
  double gamma = 0.1;       // step, exponential: factor of each decay
  double last = 0.0;        // cosine, linear: factor at the end and after it
};

// The learning rate of an optimizer step; `step` counts those made before it. With s = step - warmup and r = min(s,
// steps)/steps: step gamma^floor(s/steps), exponential gamma^s, cosine last + (1 - last) (1 + cos(pi r))/2, linear 1 +
// (last - 1) r; in the warm-up (step + 1)/(warmup + 1), so that no step is made with a rate of 0.
double learning_rate(double lr, const ScheduleSpec& schedule, std::int64_t step);

// Points that are never trained on: those whose hash of id / block is below `fraction`.
struct ValidationSpec {
  double fraction = 0.0;  // 0: none
  std::int64_t block = 1;
  std::int64_t every = 1;  // optimizer steps over which a validation loss is the mean
};

// Past samples, drawn again in each exchange.
struct ReplaySpec {
  std::int64_t capacity = 0;  // samples kept, all chunks together; 0: none
  std::int64_t batches = 1;   // tiles drawn for each chunk in each exchange
};

struct CheckpointSpec {
  std::string directory;   // below the plan's output_directory; empty: none
  std::int64_t every = 0;  // optimizer steps from one to the next
  std::int64_t keep = 3;
};

enum class SplitRule { time, id };

// Which part of recordings is learned from, which validates, which is kept for tests.
struct SplitSpec {
  double train = 0.7, validation = 0.15, test = 0.15;  // fractions; their sum is 1
  SplitRule rule = SplitRule::time;
  std::int64_t block = 0;  // what stays together: consecutive recorded times, or global ids; 0: a 20th of the times
  std::int64_t gap = 0;    // time: recorded times left out where one part ends and another begins
  std::int64_t seed = 0;
};

// Learning from recordings, `ekman train`.
struct OfflineSpec {
  bool given = false;
  std::int64_t epochs = 10;
  std::int64_t batch = 1;  // chunks of one optimizer step
  bool shuffle = true;
  SplitSpec split;
};

struct TrainingSpec {
  bool given = false;
  std::map<std::string, std::string> targets;  // output field -> the field with its true values
  std::string weights;                         // a field; empty: all points count alike
  std::vector<LossTerm> loss;
  std::vector<std::string> trainable{"*"};
  std::vector<std::string> frozen;
  OptimizerSpec optimizer;
  ScheduleSpec schedule;
  std::int64_t delay = 0;  // exchanges from inputs to the targets and weights that belong to them
  std::int64_t accumulate = 1;
  double clip_norm = 0.0;   // 0: none
  double clip_value = 0.0;  // 0: none
  std::int64_t seed = 0;    // of dropout and replay
  ValidationSpec validation;
  std::int64_t patience = 0;  // validations without progress before learning stops; 0: it does not
  std::int64_t max_bad_steps = 10;
  bool verify = false;  // ranks compare their parameters after each step
  ReplaySpec replay;
  CheckpointSpec checkpoint;
  std::string resume;       // "latest" or "best" of checkpoint.directory, else a file; empty: start afresh
  std::string csv;          // file of the log, below output_directory; empty: none
  std::string tensorboard;  // folder of the log, below output_directory; empty: none
  OfflineSpec offline;
};

// True if what it resumes from is in checkpoint.directory.
inline bool resumes_from_directory(const TrainingSpec& training) {
  return training.resume == "latest" || training.resume == "best";
}

}  // namespace ekman

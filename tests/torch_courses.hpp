// Courses of learning through an engine, for tests of precisions and CUDA graphs: the same lesson again and again.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "coupler/engine/learner.hpp"
#include "tests/torch_networks.hpp"

namespace ekman {

constexpr int k_course = 20;  // steps

// A network of t (2 levels) and q to y (2 levels), which learns y = sin(t) + q/2 with AdamW.
inline NetworkSpec learning_spec(NetworkSource source) {
  NetworkSpec spec;
  spec.name = "convection";
  spec.source = std::move(source);
  spec.inputs = {{{"t", "q"}}};
  spec.outputs = {{{"y"}}};
  spec.chunk = 64;
  spec.tile = 16;
  spec.training.given = true;
  spec.training.targets = {{"y", "y_true"}};
  LossTerm term;
  term.fields = {"y"};
  spec.training.loss = {term};
  spec.training.optimizer.lr = 0.01;
  return spec;
}

// The same on grids of 8 x 12 points, one in a tile.
inline NetworkSpec grid_spec(NetworkSource source) {
  NetworkSpec spec = learning_spec(std::move(source));
  spec.sample = Sample::grid;
  spec.grid_ny = 8;
  spec.grid_nx = 12;
  spec.chunk = 2;
  spec.tile = 1;
  return spec;
}

class Course {
 public:
  explicit Course(const NetworkSpec& spec, const std::string& device = "cpu")
      : spec_(spec),
        kind_(spec.wire == Real::float64 ? at::kDouble : at::kFloat),
        in_(make_row_layout(spec.inputs, {2, 1})),
        out_(make_row_layout(spec.outputs, {2})),
        truth_(weighted() ? make_row_layout({{{"y_true", "area"}}}, {2, 1}) : make_row_layout({{{"y_true"}}}, {2})),
        engine_(make_torch_engine(spec, in_, out_, truth_, device, 1)) {
    at::manual_seed(7);
    const std::int64_t rows = spec.rows_per_chunk();
    x_ = at::randn({rows, 3}, at::kDouble);
    z_ = at::sin(x_.narrow(1, 0, 2)) + 0.5 * x_.narrow(1, 2, 1);
    if (weighted()) z_ = at::cat({z_, at::rand({rows, 1}, at::kDouble) + 0.5}, 1);
    x_ = x_.to(kind_);
    z_ = z_.to(kind_).contiguous();
    for (std::int64_t i = 0; i < rows; ++i) ids_.push_back(i);
  }

  Engine& engine() { return *engine_; }
  Learner& learner() { return *engine_->learner(); }
  at::Tensor& truth() { return z_; }  // then weights, if there are any

  // Forwards whose graphs may be learned from.
  void serve_to_learn() {
    const at::Tensor out = at::empty({x_.size(0), 2}, kind_);
    engine_->forward_to_learn(0, bytes(x_), static_cast<std::byte*>(out.data_ptr()), x_.size(0));
  }
  at::Tensor serve() { return run(*engine_, x_, 2); }

  // `rows` < 0: a whole chunk.
  void add(std::int64_t rows = -1) {
    Lesson lesson;
    lesson.in = bytes(x_);
    lesson.truth = bytes(z_);
    lesson.rows = rows < 0 ? x_.size(0) : rows;
    lesson.ids = ids_.data();
    lesson.exchange = exchange_++;
    learner().add(lesson);
  }
  StepReport step(std::int64_t rows = -1) {
    add(rows);
    return learner().step();
  }
  // Of so many steps that were made: in float16 the first ones are not, until the scale of the loss has fallen.
  std::vector<double> losses(int steps = k_course) {
    std::vector<double> losses;
    while (static_cast<int>(losses.size()) < steps) {
      const StepReport report = step();
      if (!report.overflow) losses.push_back(report.loss);
    }
    return losses;
  }

  // All arrays of the state whose names begin with `prefix`, one behind the other; each must be of `kind`.
  at::Tensor state(const std::string& prefix, ArrayKind kind = ArrayKind::float32) {
    std::vector<at::Tensor> found;
    for (const NamedArray& array : learner().state().arrays) {
      if (array.name.rfind(prefix, 0) != 0) continue;
      EXPECT_EQ(array.kind, kind) << array.name;
      const at::ScalarType of_array = array.kind == ArrayKind::float32 ? at::kFloat : at::kDouble;
      found.push_back(
          at::from_blob(const_cast<std::byte*>(array.bytes.data()), array.shape, of_array).reshape({-1}).clone());
    }
    EXPECT_FALSE(found.empty()) << prefix;
    return at::cat(found);
  }

 private:
  bool weighted() const { return !spec_.training.weights.empty(); }
  static const std::byte* bytes(const at::Tensor& rows) { return static_cast<const std::byte*>(rows.data_ptr()); }

  NetworkSpec spec_;
  at::ScalarType kind_;
  RowLayout in_, out_, truth_;
  std::unique_ptr<Engine> engine_;
  at::Tensor x_, z_;
  std::vector<std::int64_t> ids_;
  std::int64_t exchange_ = 0;
};

// By how much losses may differ from those in float32, as a part of these: each linear or convolutional layer rounds
// its input, its weights and its output, by 2^-bits at most each; such errors have nothing to do with each other, so
// that their squares add up; and a squared error changes by twice what the error does. First order, for sums that do
// not cancel: no bound for any network, but nothing in it was fitted.
inline double rounding_of(int layers, int bits) { return 2.0 * std::sqrt(3.0 * layers) * std::ldexp(1.0, -bits); }
constexpr int k_bfloat16_bits = 8, k_float16_bits = 11;

// The largest difference of two courses, as a part of the first.
inline double distance(const std::vector<double>& exact, const std::vector<double>& other) {
  double most = 0.0;
  for (std::size_t i = 0; i < exact.size(); ++i) most = std::max(most, std::abs(other[i] - exact[i]) / exact[i]);
  return most;
}

}  // namespace ekman

// Implements torch_learner.hpp: tile by tile forward with gradients, the sum of weight times loss, backward. Means over
// the globe are taken in step(), when the sums of all ranks are there.
#include "adapters/torch/torch_learner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/torch/flat_parameters.hpp"
#include "adapters/torch/optimizer.hpp"
#include "adapters/torch/row_loss.hpp"
#include "adapters/torch/row_normalization.hpp"
#include "coupler/plan/sizes.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

at::ScalarType kind_of(Real real) { return real == Real::float32 ? at::kFloat : at::kDouble; }

const FieldSlot& slot_of(const RowLayout& layout, const std::string& name) {
  const auto found = std::find_if(layout.fields.begin(), layout.fields.end(),
                                  [&](const FieldSlot& slot) { return slot.name == name; });
  if (found != layout.fields.end()) return *found;
  throw Error(ErrorCode::internal,
              fmt::format("field \"{}\" has no place in a row; this is a mistake in Ekman, report it", name));
}

// Columns of outputs, and of the targets that they are compared with.
struct Pair {
  FieldSlot output;
  FieldSlot target;
};

struct Term {
  LossTerm term;
  std::vector<Pair> pairs;
};

at::Tensor columns_of(const at::Tensor& rows, const FieldSlot& slot) {
  return rows.narrow(1, slot.offset, slot.levels);
}

class TorchLearner final : public Learner {
 public:
  TorchLearner(const NetworkSpec& spec, TorchNetwork& network, const RowLayout& in, const RowLayout& out,
               const RowLayout& truth)
      : name_(spec.name),
        training_(spec.training),
        network_(network),
        flat_(select_trainable(spec.name, network.parameters(), training_.trainable, training_.frozen)),
        optimizer_(make_optimizer(training_.optimizer, {flat_.values()})),
        wire_(kind_of(spec.wire)),
        compute_(flat_.values().scalar_type()),
        in_len_(in.row_len()),
        out_len_(out.row_len()),
        truth_len_(truth.row_len()),
        tile_rows_(tile_samples(spec, false) * spec.rows_per_sample()),
        in_constants_(row_normalization(spec, in, compute_)),
        truth_constants_(row_normalization(as_outputs(spec, training_), truth, compute_)) {
    for (const LossTerm& term : training_.loss) {
      terms_.push_back({term, {}});
      for (const std::string& field : term.fields)
        terms_.back().pairs.push_back({slot_of(out, field), slot_of(truth, training_.targets.at(field))});
    }
    if (!training_.weights.empty()) weights_ = slot_of(truth, training_.weights);
    sums_.assign(1 + terms_.size(), 0.0);
  }

  void add(const Lesson& lesson) override {
    const std::int64_t rows = lesson.rows;
    const std::int64_t tiled = (rows + tile_rows_ - 1) / tile_rows_ * tile_rows_;
    const auto rows_at = [&](const std::byte* bytes, std::int64_t length) {
      return at::from_blob(const_cast<std::byte*>(bytes), {tiled, length}, wire_).to(compute_);
    };
    const at::Tensor all_in = rows_at(lesson.in, in_len_), all_truth = rows_at(lesson.truth, truth_len_);
    for (std::int64_t row = 0; row < rows; row += tile_rows_) {
      const std::int64_t points = std::min(tile_rows_, rows - row);
      add_tile(all_in.narrow(0, row, tile_rows_), all_truth.narrow(0, row, tile_rows_), points);
    }
  }

  std::vector<double>& sums() override { return sums_; }
  std::byte* gradient() override { return static_cast<std::byte*>(flat_.gradient().data_ptr()); }
  std::int64_t gradient_size() const override { return flat_.size(); }
  Real gradient_kind() const override { return compute_ == at::kFloat ? Real::float32 : Real::float64; }

  StepReport step() override {
    last_ = {};
    last_.weight = sums_[0];
    if (sums_[0] > 0.0) {
      for (std::size_t t = 0; t < terms_.size(); ++t) {
        last_.terms.push_back(sums_[1 + t] / sums_[0]);
        last_.loss += terms_[t].term.weight * last_.terms.back();
      }
      flat_.gradient().div_(sums_[0]);
      last_.gradient_norm = clip_gradient(flat_.gradient(), training_.clip_norm, training_.clip_value);
      last_.learning_rate = learning_rate(training_.optimizer.lr, training_.schedule, steps_);
      set_learning_rate(*optimizer_, last_.learning_rate);
      optimizer_->step();
      ++steps_;
      last_.made = true;
    }
    last_.step = steps_;
    drop();
    return last_;
  }

  void drop() override {
    flat_.gradient().zero_();
    sums_.assign(sums_.size(), 0.0);
  }

  const StepReport& last() const override { return last_; }
  LearnedState state() const override { return {}; }
  void restore(const LearnedState&) override {}
  bool write_script(const std::string&) const override { return false; }
  std::uint64_t fingerprint() const override { return 0; }
  std::string describe() const override { return ""; }

 private:
  // Targets are normalised like the outputs that they are compared with; weights are not.
  static NetworkSpec as_outputs(const NetworkSpec& spec, const TrainingSpec& training) {
    NetworkSpec same = spec;
    same.normalize.clear();
    for (const auto& [output, target] : training.targets) {
      const auto constants = spec.normalize.find(output);
      if (constants != spec.normalize.end()) same.normalize[target] = constants->second;
    }
    return same;
  }

  // [rows]: 0 for pads.
  at::Tensor weights_of(const at::Tensor& truth, std::int64_t points) const {
    at::Tensor weights = at::zeros({tile_rows_}, compute_);
    at::Tensor of_points = weights.narrow(0, 0, points);
    if (training_.weights.empty()) {
      of_points.fill_(1.0);
    } else {
      of_points.copy_(columns_of(truth, weights_).squeeze(1).narrow(0, 0, points));
    }
    return weights;
  }

  void add_tile(const at::Tensor& in, const at::Tensor& truth, std::int64_t points) {
    const at::Tensor weights = weights_of(truth, points);
    // Masked rows and pads may hold anything, and a NaN there would reach the gradient of the weights.
    const at::Tensor counts = (weights > 0).unsqueeze(1);
    const at::Tensor x = at::where(counts, in_constants_.normalised(in), at::zeros_like(in));
    const at::Tensor targets = truth_constants_.normalised(truth);
    const at::Tensor y = at::empty({tile_rows_, out_len_}, compute_);
    network_.forward(x, y);
    at::Tensor loss = at::zeros({}, compute_);
    for (std::size_t t = 0; t < terms_.size(); ++t) {
      std::vector<at::Tensor> outputs, truths;
      for (const Pair& pair : terms_[t].pairs) {
        outputs.push_back(columns_of(y, pair.output));
        truths.push_back(columns_of(targets, pair.target));
      }
      const at::Tensor sum = weighted_loss(terms_[t].term, at::cat(outputs, 1), at::cat(truths, 1), weights);
      sums_[1 + t] += sum.item<double>();
      loss = loss + terms_[t].term.weight * sum;
    }
    loss.backward();
    sums_[0] += weights.sum().item<double>();
  }

  std::string name_;
  TrainingSpec training_;
  TorchNetwork& network_;
  FlatParameters flat_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  at::ScalarType wire_;
  at::ScalarType compute_;
  std::int64_t in_len_;
  std::int64_t out_len_;
  std::int64_t truth_len_;
  std::int64_t tile_rows_;
  RowNormalization in_constants_;
  RowNormalization truth_constants_;
  std::vector<Term> terms_;
  FieldSlot weights_;
  std::vector<double> sums_;
  std::int64_t steps_ = 0;
  StepReport last_;
};

}  // namespace

std::unique_ptr<Learner> make_torch_learner(const NetworkSpec& spec, TorchNetwork& network, const RowLayout& in,
                                            const RowLayout& out, const RowLayout& truth) {
  return std::make_unique<TorchLearner>(spec, network, in, out, truth);
}

}  // namespace ekman

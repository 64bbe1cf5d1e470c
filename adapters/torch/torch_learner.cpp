// Implements torch_learner.hpp. Means over the globe are taken in step(), when the sums of all ranks are there.
#include "adapters/torch/torch_learner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "adapters/torch/adamw_step.hpp"
#include "adapters/torch/learned_arrays.hpp"
#include "adapters/torch/learned_network.hpp"
#include "adapters/torch/learning_counters.hpp"
#include "adapters/torch/lesson_tiles.hpp"
#include "adapters/torch/loss_scale.hpp"
#include "adapters/torch/network_tensors.hpp"
#include "adapters/torch/optimizer.hpp"
#include "adapters/torch/optimizer_state.hpp"
#include "adapters/torch/torch_message.hpp"
#include "coupler/base/check.hpp"
#include "coupler/plan/choices.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

class NetworkLearner final : public TorchLearner {
 public:
  NetworkLearner(const NetworkSpec& spec, TorchNetwork& network, const RowLayout& in, const RowLayout& out,
                 const RowLayout& truth, const RowNormalization& in_constants, const Recorder& record)
      : name_(spec.name),
        training_(spec.training),
        spec_(spec),
        in_(in),
        out_(out),
        network_(network),
        all_(network.parameters()),
        buffers_(network.buffers()),
        flat_(select_trainable(spec.name, all_, training_.trainable, training_.frozen)),
        optimizer_(make_optimizer(training_.optimizer, {flat_.values()})) {
    if (spec.tape == 0)
      tiles_.emplace(spec, network, in, out, truth, in_constants, flat_.values().options().requires_grad(false),
                     record);
    if (tiles_ && spec.compute == Compute::float16) use_scale(LossScale());
    flat_.gradient().zero_();  // what was tried and recorded has left its traces there
    sums_.assign(tiles_ ? tiles_->num_sums() : LessonTiles::k_terms, 0.0);
    counters_.validation.sums.assign(tiles_ ? tiles_->num_validation_sums() : 0, 0.0);
    counters_.last = report();
  }

  void add(const Lesson& lesson) override {
    EKMAN_ASSERT(tiles_);
    exchanges_ = lesson.exchange + 1;
    if (counters_.validation.stopped) return;
    upload_gradient();
    try {
      tiles_->add(lesson, sums_);
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      throw Error(ErrorCode::network,
                  fmt::format("network \"{}\" fails to learn from chunk {} of exchange {}: {}; see whether targets are "
                              "what the loss takes, and whether the device has memory left",
                              name_, lesson.chunk, lesson.exchange, torch_message(error)));
    }
  }

  std::int64_t tile() const override { return tiles_ ? tiles_->tile() : 1; }
  void begin_backward() override { upload_gradient(); }
  bool wants_graph(std::int64_t chunk, std::int64_t rows) const override {
    return tiles_ && !counters_.validation.stopped && tiles_->wants_graph(chunk, rows);
  }
  void keep(std::int64_t chunk, std::vector<at::Tensor> outs) override { tiles_->keep(chunk, std::move(outs)); }

  std::vector<double>& sums() override { return sums_; }

  std::byte* gradient() override {
    if (flat_.gradient().is_cpu()) return static_cast<std::byte*>(flat_.gradient().data_ptr());
    if (!on_host_) {
      if (!host_gradient_.defined())
        host_gradient_ = at::empty({flat_.size()}, at::TensorOptions(flat_.gradient().dtype()).pinned_memory(true));
      host_gradient_.copy_(flat_.gradient());
      on_host_ = true;
    }
    return static_cast<std::byte*>(host_gradient_.data_ptr());
  }

  std::int64_t gradient_size() const override { return flat_.size(); }
  Real gradient_kind() const override {
    return flat_.values().scalar_type() == at::kFloat ? Real::float32 : Real::float64;
  }

  StepReport step() override {
    upload_gradient();
    StepReport& last = counters_.last = report();
    if (!counters_.validation.stopped) {
      validate();
      if (last.weight != 0.0 || !tiles_) {
        if (is_good()) {
          make_step();
        } else if (!lower_scale()) {
          counters_.count_bad_step(name_, training_, tiles_.has_value());
        }
      }
    }
    last.step = counters_.steps;
    drop();
    return last;
  }

  void drop() override {
    flat_.gradient().zero_();
    on_host_ = false;
    sums_.assign(sums_.size(), 0.0);
  }

  const StepReport& last() const override { return counters_.last; }

  void begin_with(RunningNormalization::Statistics statistics) override {
    if (tiles_ && statistics.count > 0.0) tiles_->running().restore(std::move(statistics));
  }

  void profile(Profile* profile) override {
    if (tiles_) tiles_->profile(profile);
  }

  void begin_with_optimizer(const std::vector<NamedArray>& arrays, const std::string& kind,
                            const std::string& from) override {
    const char* const mine = word_of(training_.optimizer.kind);
    try {
      ArrayReader reader(name_, arrays);
      if (kind != mine) reader.fail("it is of " + kind);
      auto remembered = read_optimizer(reader, training_.optimizer, flat_, 1);
      reader.finish();
      take_optimizer_state(*optimizer_, flat_, std::move(remembered));
      began_with_ = "; its optimizer goes on from " + from;
    } catch (const StateDifference& state) {
      began_with_ = fmt::format("; its optimizer ({}) begins afresh, since the state in {} does not fit: {}", mine,
                                from, state.difference);
    }
  }

  LearnedState state() const override {
    LearnedState state;
    state.network = network_json(spec_, in_, out_, frozen(), complex());
    ArrayWriter writer(state.arrays);
    for (const NamedParameter& parameter : all_) writer("parameters/" + parameter.name, parameter.tensor);
    for (const NamedParameter& buffer : buffers_) writer("buffers/" + buffer.name, buffer.tensor);
    write_optimizer(writer, training_.optimizer, *optimizer_, flat_);
    LearningCounters counters = counters_;
    counters.visit(writer);
    if (std::optional<LossScale> scale = scale_) scale->visit(writer);
    RunningNormalization::Statistics statistics = this->statistics();
    statistics.visit(writer);
    return state;
  }

  void restore(const LearnedState& state) override {
    ArrayReader reader(name_, state.arrays);
    const std::string difference = network_difference(state.network, spec_, in_, out_, frozen());
    if (!difference.empty()) reader.fail(difference);
    std::vector<std::pair<at::Tensor, at::Tensor>> values;
    for (const NamedParameter& parameter : all_)
      values.emplace_back(parameter.tensor, reader.read("parameters/" + parameter.name, parameter.tensor.detach()));
    for (const NamedParameter& buffer : buffers_)
      values.emplace_back(buffer.tensor, reader.read("buffers/" + buffer.name, buffer.tensor.detach()));
    LearningCounters counters = counters_;
    counters.visit(reader);
    std::optional<LossScale> scale = scale_;
    if (scale) scale->visit(reader);
    auto remembered = read_optimizer(reader, training_.optimizer, flat_, counters.steps);
    RunningNormalization::Statistics statistics = this->statistics();
    statistics.visit(reader);
    reader.finish();

    const at::NoGradGuard no_grad;
    for (const auto& [here, there] : values) here.detach().copy_(there);
    take_optimizer_state(*optimizer_, flat_, std::move(remembered));
    if (tiles_) {
      tiles_->forget_graphs();
      tiles_->remember_buffers();
      tiles_->running().restore(std::move(statistics));
    }
    counters.validation.go_on(training_);
    counters.last.stopped = counters.validation.stopped;
    if (scale) {
      use_scale(*scale);
      counters.last.loss_scale = scale->value();
    }
    counters_ = std::move(counters);
    exchanges_ = counters_.last.exchanges;
    flat_.gradient().zero_();
    on_host_ = false;
    sums_.assign(sums_.size(), 0.0);
  }

  std::string script() const override {
    return network_.script() == nullptr ? std::string() : script_bytes(*network_.script());
  }

  void with_best(const std::function<void()>& visit) override {
    if (best_.empty()) return visit();
    swap_best();
    try {
      visit();
    } catch (...) {
      swap_best();
      throw;
    }
    swap_best();
  }

  std::uint64_t fingerprint() const override {
    std::vector<NamedParameter> tensors = all_;
    tensors.insert(tensors.end(), buffers_.begin(), buffers_.end());
    return fingerprint_of(tensors);
  }

  std::string describe() const override {
    const std::string recorded = tiles_ ? tiles_->recorded() : "";
    return summary_of(all_) + (recorded.empty() ? "" : "; " + recorded) + began_with_;
  }

 private:
  // What was written on the host since gradient() takes the place of what is on the device.
  void upload_gradient() {
    if (on_host_) flat_.gradient().copy_(host_gradient_);
    on_host_ = false;
  }

  std::vector<std::string> frozen() const {
    std::vector<std::string> names;
    for (const NamedParameter& parameter : all_)
      if (!parameter.tensor.requires_grad()) names.push_back(parameter.name);
    return names;
  }

  std::vector<std::string> complex() const {
    std::vector<std::string> names;
    for (const auto* list : {&all_, &buffers_}) {
      for (const NamedParameter& one : *list)
        if (one.tensor.is_complex()) names.push_back(one.name);
    }
    return names;
  }

  RunningNormalization::Statistics statistics() const {
    return tiles_ ? tiles_->running().statistics() : RunningNormalization::Statistics{};
  }

  StepReport report() const {
    StepReport report;
    report.exchanges = exchanges_;
    report.terms.assign(training_.loss.size(), 0.0);
    report.validation_loss = std::numeric_limits<double>::quiet_NaN();
    report.learning_rate = learning_rate(training_.optimizer.lr, training_.schedule, counters_.steps);
    report.stopped = counters_.validation.stopped;
    report.weight = sums_[LessonTiles::k_weight];
    report.skipped = sums_[LessonTiles::k_skipped];
    if (scale_) report.loss_scale = scale_->value();
    if (!tiles_) {  // the component has the loss
      report.loss = std::numeric_limits<double>::quiet_NaN();
      report.gradient_norm = flat_.gradient().norm().item<double>();
      return report;
    }
    report.known_validation_loss = counters_.last.known_validation_loss;
    if (report.weight == 0.0) {  // what is known is still known
      if (!counters_.last.terms.empty()) report.terms = counters_.last.terms;
      report.loss = counters_.last.loss;
      report.gradient_norm = counters_.last.gradient_norm;
      return report;
    }
    for (std::size_t t = 0; t < report.terms.size(); ++t) {
      report.terms[t] = sums_[LessonTiles::k_terms + t] / report.weight;
      report.loss += training_.loss[t].weight * report.terms[t];
    }
    if (scale_) flat_.gradient().div_(report.loss_scale);  // a power of two: no bit changes
    flat_.gradient().div_(report.weight);
    report.gradient_norm = flat_.gradient().norm().item<double>();
    return report;
  }

  bool is_good() const { return std::isfinite(counters_.last.gradient_norm) && loss_is_good(); }
  bool loss_is_good() const {
    return !tiles_ || (std::isfinite(counters_.last.loss) && tiles_->buffers_are_finite(sums_));
  }

  void use_scale(const LossScale& scale) {
    scale_ = scale;
    tiles_->scale_loss_by(scale.value());
  }

  // False: it is not the scale of the loss that made the step a bad one.
  bool lower_scale() {
    if (!scale_ || !loss_is_good()) return false;
    LossScale scale = *scale_;
    if (!scale.fall()) return false;
    use_scale(scale);
    counters_.last.overflow = true;
    return true;
  }

  void make_step() {
    StepReport& last = counters_.last;
    if (training_.clip_norm > 0.0 || training_.clip_value > 0.0)
      clip_gradient(flat_.gradient(), training_.clip_norm, training_.clip_value);
    set_learning_rate(*optimizer_, last.learning_rate);
    // Only lbfgs asks for it, once: the loss of all ranks, and its gradient is there.
    const double loss = last.loss;
    if (has_adamw_step(*optimizer_)) {
      adamw_step(*optimizer_);
    } else {
      optimizer_->step([loss] { return at::scalar_tensor(loss, at::kDouble); });
    }
    if (tiles_) {
      tiles_->take_buffers(sums_);
      tiles_->take_statistics(sums_);
    }
    last.made = true;
    ++counters_.steps;
    counters_.bad_steps = 0;
    if (!scale_) return;
    LossScale scale = *scale_;
    scale.step_was_made();
    use_scale(scale);
  }

  // Of the network before the step, which is what the points for validation were run through.
  void validate() {
    if (!tiles_ || tiles_->num_validation_sums() == 0) return;
    StepReport& last = counters_.last;
    counters_.validation.add(tiles_->validation_of(sums_), training_, last);
    if (!std::isnan(last.validation_loss)) last.known_validation_loss = last.validation_loss;
    if (!last.best) return;
    best_.clear();
    for (const at::Tensor& tensor : tensors()) best_.push_back(tensor.clone());
    best_statistics_ = statistics();
  }

  // Parameters and buffers, without autograd.
  std::vector<at::Tensor> tensors() const {
    std::vector<at::Tensor> found;
    for (const auto* list : {&all_, &buffers_}) {
      for (const NamedParameter& one : *list) found.push_back(one.tensor.detach());
    }
    return found;
  }

  void swap_best() {
    const at::NoGradGuard no_grad;
    std::vector<at::Tensor> now = tensors();
    for (std::size_t i = 0; i < best_.size(); ++i) {
      const at::Tensor kept = now[i].clone();
      now[i].copy_(best_[i]);
      best_[i] = kept;
    }
    if (!tiles_) return;
    RunningNormalization::Statistics kept = statistics();
    tiles_->running().restore(std::exchange(best_statistics_, std::move(kept)));
  }

  std::string name_;
  TrainingSpec training_;
  NetworkSpec spec_;
  RowLayout in_, out_;
  TorchNetwork& network_;
  std::vector<NamedParameter> all_, buffers_;
  FlatParameters flat_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  std::optional<LessonTiles> tiles_;  // none with a tape
  at::Tensor host_gradient_;          // if the network is on a GPU
  bool on_host_ = false;              // the gradient is there, and may have been written
  std::vector<double> sums_;
  LearningCounters counters_;
  std::optional<LossScale> scale_;  // in float16
  std::int64_t exchanges_ = 0;      // learned from so far
  std::vector<at::Tensor> best_;    // as tensors(); empty: none yet
  RunningNormalization::Statistics best_statistics_;
  std::string began_with_;  // an optimizer's state of an artifact, for describe()
};

}  // namespace

std::unique_ptr<TorchLearner> make_torch_learner(const NetworkSpec& spec, TorchNetwork& network, const RowLayout& in,
                                                 const RowLayout& out, const RowLayout& truth,
                                                 const RowNormalization& in_constants, const Recorder& record) {
  return std::make_unique<NetworkLearner>(spec, network, in, out, truth, in_constants, record);
}

}  // namespace ekman

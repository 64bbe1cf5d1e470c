// Implements ml_training.hpp.
#include "coupler/session/ml_training.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "coupler/base/check.hpp"

namespace ekman {

namespace {

std::unique_ptr<Replay> make_replay(const Route& route, const NetworkSpec& spec, const Learner& learner) {
  const ReplaySpec& replay = spec.training.replay;
  if (replay.capacity == 0) return nullptr;
  const std::int64_t rows = spec.rows_per_sample();
  auto made = std::make_unique<Replay>(
      ReplayShape{spec.wire, route.in.layout.row_len(), route.truth.layout.row_len(), rows, learner.tile()},
      spec.training.seed);
  for (std::size_t slot = 0; slot < route.chunks.size(); ++slot) {
    const std::int64_t samples = route.rows_of(spec, static_cast<std::int64_t>(slot)) / rows;
    made->add_chunk(route.chunks[slot],
                    replay_capacity(replay.capacity, route.chunks[slot] * spec.chunk, samples, route.points / rows));
  }
  return made;
}

// Of one row of truth.
double weight_in(const std::byte* row, const FieldSlot& weights, Real wire) {
  const std::byte* value = row + weights.offset * real_size(wire);
  if (wire == Real::float64) {
    double weight = 0.0;
    std::memcpy(&weight, value, sizeof weight);
    return weight;
  }
  float weight = 0.0F;
  std::memcpy(&weight, value, sizeof weight);
  return weight;
}

}  // namespace

MlTraining::MlTraining(const Route& route, const NetworkSpec& spec, Learner& learner, LearningRecord& record,
                       bool shared_cores, StateWriter& state)
    : route_(route),
      spec_(spec),
      learner_(learner),
      state_(state),
      sum_(route, spec, learner, shared_cores, state),
      record_(record),
      split_(spec.training.validation),
      replay_(make_replay(route, spec, learner)),
      learns_(static_cast<std::size_t>(spec.rows_per_chunk())) {
  kept_.resize(route.chunks.size());
  const std::int64_t rows = spec.rows_per_chunk();
  for (Kept& lesson : kept_) {
    lesson.in.resize(static_cast<std::size_t>(rows * route.in.row_bytes));
    lesson.truth.resize(static_cast<std::size_t>(rows * route.truth.row_bytes));
  }
  begin_at(learner.last().exchanges, learner.last().exchanges);
}

void MlTraining::begin_at(std::int64_t exchanges, std::int64_t window) {
  exchanges_ = exchanges;
  window_ = window;
  for (Kept& lesson : kept_) lesson.inputs = lesson.truths = exchanges;
}

bool MlTraining::may_run(std::int64_t slot) const {
  const std::int64_t exchange = kept_[slot].inputs;
  return exchange == learned(slot) && exchange - window_ < spec_.training.accumulate;
}

bool MlTraining::may_take_truth(std::int64_t slot) const { return kept_[slot].truths == learned(slot); }

void MlTraining::take_inputs(std::int64_t slot, std::int64_t step) {
  EKMAN_ASSERT(may_run(slot));
  Kept& lesson = kept_[slot];
  std::memcpy(lesson.in.data(), route_.in.buffers + slot * static_cast<std::int64_t>(lesson.in.size()),
              lesson.in.size());
  ++lesson.inputs;
  lesson.step = step;
}

void MlTraining::take_truth(std::int64_t slot, std::int64_t step) {
  EKMAN_ASSERT(may_take_truth(slot));
  Kept& lesson = kept_[slot];
  // Inputs and truth of a step come from the same ranks, which put both before they advance.
  EKMAN_ASSERT(lesson.inputs == learned(slot) || lesson.step == step);
  std::memcpy(lesson.truth.data(), route_.truth.buffers + slot * static_cast<std::int64_t>(lesson.truth.size()),
              lesson.truth.size());
  ++lesson.truths;
}

bool MlTraining::work() {
  if (step_is_due()) {
    make_step();
    return true;
  }
  const Kept& lesson = kept_[next_];
  if (lesson.inputs <= exchanges_ || lesson.truths <= exchanges_) return false;
  learn(next_);
  if (++next_ == static_cast<std::int64_t>(kept_.size())) {
    next_ = 0;
    ++exchanges_;
    sum_.end_round();
  }
  return true;
}

bool MlTraining::idle() const {
  if (step_is_due() || next_ > 0) return false;
  for (const Kept& lesson : kept_) {
    if (lesson.inputs > exchanges_ || lesson.truths > exchanges_) return false;
  }
  return true;
}

void MlTraining::learn(std::int64_t slot) {
  const CallScope call(state_, Call::learn);
  Kept& kept = kept_[slot];
  state_.step(kept.step);
  state_.chunk(route_.chunks[slot]);
  Lesson lesson;
  lesson.in = kept.in.data();
  lesson.truth = kept.truth.data();
  lesson.rows = route_.rows_of(spec_, slot);
  lesson.ids = route_.ids.data() + slot * spec_.rows_per_chunk();
  lesson.exchange = exchanges_;
  lesson.chunk = route_.chunks[slot];
  learner_.add(lesson);
  if (replay_ != nullptr) learn_again(lesson);
  sum_.add(lesson.chunk);
}

// From past exchanges; then this one may be drawn too.
void MlTraining::learn_again(const Lesson& lesson) {
  for (std::int64_t i = 1; i <= spec_.training.replay.batches; ++i) {
    const Lesson drawn = replay_->draw(lesson.chunk, lesson.exchange, i);
    if (drawn.rows > 0) learner_.add(drawn);
  }
  const auto& fields = route_.truth.layout.fields;
  const auto weights = std::find_if(fields.begin(), fields.end(),
                                    [&](const FieldSlot& field) { return field.name == spec_.training.weights; });
  for (std::int64_t row = 0; row < lesson.rows; ++row) {
    const std::int64_t number = spec_.sample == Sample::grid ? lesson.exchange : lesson.ids[row];
    const bool counts =
        weights == fields.end() || weight_in(lesson.truth + row * route_.truth.row_bytes, *weights, spec_.wire) > 0.0;
    learns_[static_cast<std::size_t>(row)] = counts && !split_.holds_out(number) ? 1 : 0;
  }
  replay_->keep(lesson, learns_.data());
}

void MlTraining::make_step() {
  sum_.add_up();
  const StepReport report = learner_.step();
  window_ = exchanges_;
  record_.add(report, {kept_.back().step, exchanges_ - 1,
                       spec_.training.accumulate * (route_.points / spec_.rows_per_sample())});
}

LearningParts MlTraining::parts() const {
  EKMAN_ASSERT(idle());
  return sum_.parts(exchanges_, exchanges_ - window_);
}

void MlTraining::go_on(const LearningParts& parts) {
  begin_at(parts.exchanges, parts.exchanges - parts.summed);
  sum_.restore(parts);
}

std::vector<NamedArray> MlTraining::memory(std::int64_t chunk) const {
  return replay_ == nullptr ? std::vector<NamedArray>{} : replay_->state(chunk);
}

void MlTraining::remember(std::int64_t chunk, const std::vector<NamedArray>& arrays) {
  if (replay_ != nullptr) replay_->restore(chunk, arrays);
}

LearningStatus status_of(const Learner& learner) {
  const StepReport& last = learner.last();
  const bool any = last.step > 0;
  const double none = std::numeric_limits<double>::quiet_NaN();
  return {static_cast<double>(last.step), any ? last.loss : none, any ? last.known_validation_loss : none,
          last.learning_rate, any ? last.gradient_norm : none};
}

}  // namespace ekman

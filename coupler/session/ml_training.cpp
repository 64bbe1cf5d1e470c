// Implements ml_training.hpp.
#include "coupler/session/ml_training.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "coupler/base/check.hpp"
#include "coupler/base/log.hpp"
#include "coupler/engine/row_values.hpp"

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

DelayShape delay_shape(const Route& route, const NetworkSpec& spec) {
  const RowLayout& truth = route.truth.layout;
  const std::size_t late = late_fields_of(spec).size();
  return {spec.wire,
          spec.training.delay,
          spec.rows_per_chunk(),
          route.in.layout.row_len(),
          truth.row_len(),
          late < truth.fields.size() ? truth.fields[late].offset : truth.row_len()};
}

}  // namespace

MlTraining::MlTraining(const Route& route, const NetworkSpec& spec, Learner& learner, LearningRecord& record,
                       bool shared_cores, StateWriter& state)
    : route_(route),
      spec_(spec),
      learner_(learner),
      state_(state),
      sum_(route.learners, static_cast<std::int64_t>(route.owners.size()), spec.reproducible, learner, shared_cores,
           state),
      record_(record),
      split_(spec.training.validation),
      replay_(make_replay(route, spec, learner)),
      learns_(static_cast<std::size_t>(spec.rows_per_chunk())) {
  const auto truth_bytes = static_cast<std::size_t>(spec.rows_per_chunk() * route.truth.row_bytes);
  for (std::size_t slot = 0; slot < route.chunks.size(); ++slot) {
    kept_.push_back({DelayedInputs(delay_shape(route, spec)), std::vector<std::byte>(truth_bytes)});
  }
  begin_at(learner.last().exchanges, learner.last().exchanges);
}

// How many exchanges of grids are held out only the run can tell.
void MlTraining::check_validation() const {
  if (!split_.any() || spec_.sample == Sample::grid) return;
  std::int64_t held_out = std::count_if(route_.ids.begin(), route_.ids.end(),
                                        [&](std::int64_t id) { return id >= 0 && split_.holds_out(id); });
  const WaitScope waiting(state_, Call::enddef);
  held_out = route_.learners.sum(held_out);
  if (route_.learners.rank() != 0) return;
  const std::string line = check_held_out(spec_, held_out, route_.points);
  if (!line.empty()) log_line(line);
}

void MlTraining::begin_at(std::int64_t exchanges, std::int64_t first) {
  exchanges_ = exchanges;
  first_ = first;
  window_ = lessons(exchanges);
  for (Kept& lesson : kept_) lesson.inputs = lesson.truths = exchanges;
}

std::int64_t MlTraining::lessons(std::int64_t exchanges) const {
  return std::max(first_, exchanges - spec_.training.delay);
}

std::int64_t MlTraining::slot_of(std::int64_t chunk) const {
  return std::lower_bound(route_.chunks.begin(), route_.chunks.end(), chunk) - route_.chunks.begin();
}

bool MlTraining::may_run(std::int64_t slot) const {
  const std::int64_t exchange = kept_[slot].inputs;
  return exchange == done(slot) && lessons(exchange) - window_ < spec_.training.accumulate;
}

bool MlTraining::may_take_truth(std::int64_t slot) const { return kept_[slot].truths == done(slot); }

void MlTraining::take_inputs(std::int64_t slot, std::int64_t step, const std::byte* rows) {
  EKMAN_ASSERT(may_run(slot));
  Kept& lesson = kept_[slot];
  lesson.past.keep(lesson.inputs, step, rows);
  ++lesson.inputs;
}

void MlTraining::take_truth(std::int64_t slot, std::int64_t step, const std::byte* rows) {
  EKMAN_ASSERT(may_take_truth(slot));
  Kept& lesson = kept_[slot];
  std::memcpy(lesson.truth.data(), rows, lesson.truth.size());
  ++lesson.truths;
  lesson.truth_step = step;
}

bool MlTraining::work() {
  if (step_is_due()) {
    make_step();
    return true;
  }
  // Late targets too wait for the inputs beside them, or the forward of these would now and then come after the step.
  if (next_ == 0 && !exchange_is_whole()) return false;
  learn(next_);
  if (++next_ == static_cast<std::int64_t>(kept_.size())) {
    next_ = 0;
    if (lessons(++exchanges_) > first_) sum_.end_round();
  }
  return true;
}

// Not before all chunks have run: somebody waits for each of them, and would wait for what is learned from another.
bool MlTraining::exchange_is_whole() const {
  return std::all_of(kept_.begin(), kept_.end(),
                     [&](const Kept& lesson) { return lesson.inputs > exchanges_ && lesson.truths > exchanges_; });
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
  // Each comes in its own time, the inputs first or the truth. But every rank sends both once in each step with an
  // exchange, and an inbox takes the rows of a chunk in of one step only: so lessons are paired by counting them.
  EKMAN_ASSERT(kept.past.step(exchanges_) == kept.truth_step);
  state_.step(kept.past.step(exchanges_));
  state_.chunk(route_.chunks[slot]);
  kept.past.match(exchanges_, kept.truth.data());
  if (exchanges_ - spec_.training.delay < first_) return;
  Lesson lesson;
  lesson.exchange = exchanges_ - spec_.training.delay;
  lesson.in = kept.past.in(lesson.exchange);
  lesson.truth = kept.truth.data();
  lesson.rows = route_.rows_of(spec_, slot);
  lesson.ids = route_.ids.data() + slot * spec_.rows_per_chunk();
  lesson.chunk = route_.chunks[slot];
  {
    const WorkTimer timer(state_.profile(), Stage::backward);
    learner_.add(lesson);
    if (replay_ != nullptr) learn_again(lesson);
  }
  sum_.add(lesson.chunk);
}

// From past exchanges; then this one may be drawn too.
void MlTraining::learn_again(const Lesson& lesson) {
  for (std::int64_t i = 1; i <= spec_.training.replay.batches; ++i) {
    const Lesson drawn = replay_->draw(lesson.chunk, lesson.exchange, i);
    if (drawn.rows > 0) learner_.add(drawn);
  }
  const FieldSlot* const weights = find_slot(route_.truth.layout, spec_.training.weights);
  for (std::int64_t row = 0; row < lesson.rows; ++row) {
    const std::int64_t number = spec_.sample == Sample::grid ? lesson.exchange : lesson.ids[row];
    const bool counts =
        weights == nullptr || value_at(lesson.truth + row * route_.truth.row_bytes, weights->offset, spec_.wire) > 0.0;
    learns_[static_cast<std::size_t>(row)] = counts && !split_.holds_out(number) ? 1 : 0;
  }
  replay_->keep(lesson, learns_.data());
}

void MlTraining::make_step() {
  sum_.add_up();
  const StageTimer timer(state_.profile(), Stage::step);
  const StepReport report = learner_.step();
  window_ = lessons(exchanges_);
  const std::int64_t last = window_ - 1;
  record_.add(report, {kept_.back().past.step(last), last,
                       spec_.training.accumulate * (route_.points / spec_.rows_per_sample())});
}

LearningParts MlTraining::parts() const {
  EKMAN_ASSERT(idle());
  return sum_.parts(exchanges_, lessons(exchanges_) - window_);
}

void MlTraining::go_on(const LearningParts& parts, std::int64_t step) {
  begin_at(parts.exchanges, std::min(parts.exchanges, learner_.last().exchanges + parts.summed));
  window_ -= parts.summed;
  const std::int64_t last = lessons(exchanges_) - 1;
  for (Kept& lesson : kept_) {
    if (last >= 0) lesson.past.set_step(last, step);
  }
  sum_.restore(parts);
}

std::vector<NamedArray> MlTraining::memory(std::int64_t chunk) const {
  const std::int64_t slot = slot_of(chunk);
  std::vector<NamedArray> arrays = kept_[slot].past.state(exchanges_, route_.rows_of(spec_, slot));
  if (replay_ == nullptr) return arrays;
  for (NamedArray& array : replay_->state(chunk)) arrays.push_back(std::move(array));
  return arrays;
}

void MlTraining::remember(std::int64_t chunk, const std::vector<NamedArray>& arrays) {
  const std::int64_t slot = slot_of(chunk);
  kept_[slot].past.restore(exchanges_, route_.rows_of(spec_, slot), arrays);
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

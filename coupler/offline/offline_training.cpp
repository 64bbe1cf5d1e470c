// Implements offline_training.hpp.
#include "coupler/offline/offline_training.hpp"

#include <algorithm>
#include <limits>
#include <random>

#include "coupler/base/mix64.hpp"

namespace ekman {

NetworkSpec offline_spec(const NetworkSpec& spec) {
  NetworkSpec offline = spec;
  TrainingSpec& training = offline.training;
  training.delay = 0;
  training.accumulate = 1;
  training.replay = {};
  training.validation = {};
  // Only whether there is any counts: each lesson says which part it is of.
  training.validation.fraction = training.offline.split.validation;
  if (training.checkpoint.directory.empty()) training.checkpoint = {"checkpoints", 0, 3};
  return offline;
}

OfflineTraining::OfflineTraining(const Recordings& recordings, const LessonParts& parts, const NetworkSpec& spec,
                                 Learner& learner, LearningFiles files, const Communicator& ranks, StateWriter& state)
    : recordings_(recordings),
      parts_(parts),
      spec_(spec),
      offline_(spec.training.offline),
      learner_(learner),
      ranks_(ranks),
      sum_(ranks, offline_.batch, spec.reproducible, learner, false, state),
      record_(ranks, spec, learner, std::move(files), state),
      exchange_(learner.last().exchanges) {}

std::int64_t OfflineTraining::steps_per_epoch() const {
  return (static_cast<std::int64_t>(parts_.lessons(SplitPart::train).size()) + offline_.batch - 1) / offline_.batch;
}

// Fisher and Yates; the generator is fixed by the C++ standard, distributions are not.
std::vector<std::int64_t> OfflineTraining::order_of(std::int64_t epoch) const {
  std::vector<std::int64_t> order = parts_.lessons(SplitPart::train);
  if (!offline_.shuffle) return order;
  std::mt19937_64 generator(mix64({spec_.training.seed, epoch}));
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[generator() % i]);
  return order;
}

// Adds up to a batch of lessons, from the place `first` of the list; those of this rank. Returns the samples of the
// round, on all ranks together.
std::int64_t OfflineTraining::add_round(const std::vector<std::int64_t>& lessons, std::int64_t first, SplitPart part) {
  std::int64_t samples = 0;
  for (std::int64_t place = 0; place < offline_.batch; ++place) {
    const std::int64_t at = first + place;
    const bool any = at < static_cast<std::int64_t>(lessons.size());
    const RecordedLesson* const recorded =
        any ? &recordings_.lessons()[static_cast<std::size_t>(lessons[static_cast<std::size_t>(at)])] : nullptr;
    if (any) samples += parts_.rows(lessons[static_cast<std::size_t>(at)], part) / spec_.rows_per_sample();
    if (place % ranks_.size() != ranks_.rank()) continue;
    if (any) {
      recordings_.read(*recorded, rows_);
      Lesson lesson{rows_.in.data(), rows_.truth.data(), recorded->rows, rows_.ids.data(), exchange_, place, 0};
      lesson.use = part == SplitPart::validation ? LessonUse::validate : LessonUse::learn;
      if (!parts_.by_time()) {
        counts_.assign(static_cast<std::size_t>(spec_.rows_per_chunk()), 0);
        for (std::int64_t row = 0; row < recorded->rows; ++row)
          counts_[static_cast<std::size_t>(row)] = parts_.of(*recorded, row) == part ? 1 : 0;
        lesson.counts = counts_.data();
      }
      recordings_.require_numbers(*recorded, rows_, lesson.counts);
      learner_.add(lesson);
    }
    sum_.add(place);
  }
  sum_.end_round();
  return samples;
}

void OfflineTraining::validate() {
  const std::vector<std::int64_t>& lessons = parts_.lessons(SplitPart::validation);
  for (std::int64_t first = 0; first < static_cast<std::int64_t>(lessons.size()); first += offline_.batch)
    add_round(lessons, first, SplitPart::validation);
}

StepReport OfflineTraining::make_step(std::int64_t step_of_model, std::int64_t samples) {
  sum_.add_up();
  const StepReport report = learner_.step();
  record_.add(report, {step_of_model, exchange_, samples});
  return report;
}

void OfflineTraining::run(const std::function<void(const EpochReport&)>& tell) {
  record_.begin();
  const std::int64_t per_epoch = steps_per_epoch(), last = offline_.epochs * per_epoch;
  EpochReport told;
  double begin = steady_seconds();
  std::int64_t samples = 0, steps = 0;
  std::vector<std::int64_t> order;
  while (exchange_ < last && !told.stopped) {
    const std::int64_t epoch = exchange_ / per_epoch, batch = exchange_ % per_epoch;
    if (order.empty() || batch == 0) order = order_of(epoch);
    if (batch == 0) validate();
    const std::int64_t first = batch * offline_.batch;
    const RecordedLesson& oldest =
        recordings_.lessons()[static_cast<std::size_t>(order[static_cast<std::size_t>(first)])];
    const std::int64_t of_batch = add_round(order, first, SplitPart::train);
    const StepReport report = make_step(oldest.step, of_batch);
    ++exchange_, ++steps, samples += of_batch;
    told.loss += report.loss;
    told.stopped = report.stopped;
    told.step = report.step;
    told.validation_loss = report.known_validation_loss;
    if (exchange_ % per_epoch != 0 && !told.stopped) continue;
    const double seconds = steady_seconds() - begin;
    told.epoch = epoch + 1;
    told.loss /= static_cast<double>(steps);
    told.samples_per_second = static_cast<double>(samples) / seconds;
    told.seconds_left = seconds / static_cast<double>(steps) * static_cast<double>(last - exchange_);
    tell(told);
    told.loss = 0.0;
    begin = steady_seconds(), samples = steps = 0;
  }
  // What the last epoch has made of it.
  if (!told.stopped && !parts_.lessons(SplitPart::validation).empty()) {
    --exchange_;
    validate();
    make_step(recordings_.lessons().back().step, 0);
    ++exchange_;
  }
  record_.finish();
}

}  // namespace ekman

// Implements ml_side.hpp.
#include "coupler/session/ml_side.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "coupler/base/node_clock.hpp"
#include "coupler/base/simulation.hpp"
#include "coupler/comm/polite_wait.hpp"
#include "coupler/session/patient_wait.hpp"

namespace ekman {

namespace {

// An ML rank that has nothing to do looks for requests of restart sets, and at the clock, whenever it has slept, or
// every so many times that it looks for rows: the look enters MPI, which the other does not need to in a shared window.
constexpr int k_polls_per_look = 16;

}  // namespace

MlSide::MlSide(Route route, const NetworkSpec& spec, std::unique_ptr<Engine> engine, RestartSetting restart,
               LearningFiles files, std::optional<RecorderSetting> recording, bool shared_cores, StateWriter& state)
    : route_(std::move(route)),
      spec_(spec),
      engine_(std::move(engine)),
      clock_(restart.clock),
      guard_(spec, route_.results.layout, clock_),
      period_(restart.period),
      restart_(route_, spec, std::move(restart)),
      shared_cores_(shared_cores),
      state_(state),
      in_(route_.in, spec, clock_, static_cast<std::int64_t>(route_.chunks.size()),
          [this](int peer, std::int64_t step) { check_no_restart(peer, step); }),
      truth_(route_.truth, spec, clock_, static_cast<std::int64_t>(route_.chunks.size()),
             [this](int peer, std::int64_t step) { check_no_restart(peer, step); }),
      out_(route_.out, spec, state, static_cast<std::int64_t>(route_.chunks.size())) {
  Learner* learner = engine_->learner();
  Tape* tape = engine_->tape();
  if (learner != nullptr && !route_.chunks.empty()) {
    record_ = std::make_unique<LearningRecord>(route_.learners, spec_, *learner, std::move(files), state_);
  }
  if (tape != nullptr) {
    adjoint_ = std::make_unique<MlAdjoint>(route_, spec_, *tape, learner, record_.get(), shared_cores_, state_, clock_);
  } else if (record_ != nullptr) {
    training_ = std::make_unique<MlTraining>(route_, spec_, *learner, *record_, shared_cores_, state_);
  }
  if (learner != nullptr && !route_.chunks.empty()) {
    learning_ = std::make_unique<LearningRestart>(route_, spec_, *learner, training_.get(), adjoint_.get());
  }
  if (recording && !route_.chunks.empty())
    recorder_ = std::make_unique<Recorder>(route_, spec_, std::move(*recording), clock_, period_, state_);
  serves_ = somebody_sees_outputs();
}

// A component that defines no output gets none. Others who look at outputs: the guard, recordings, and restart sets,
// which hold what gets of later steps return, whoever resumes (with a `coupling_period` or a `lag` only). To learn, a
// network has a forward of its own.
bool MlSide::somebody_sees_outputs() const {
  const bool all_stay = training_ != nullptr && route_.out.layout.fields.empty();
  return !all_stay || spec_.guard.given || (recorder_ != nullptr && recorder_->records_outputs()) || period_ > 1 ||
         spec_.lag > 0;
}

// Forwards first, since somebody may wait for them.
void MlSide::serve() {
  in_.begin();
  truth_.begin();
  if (training_ != nullptr) training_->check_validation();
  if (record_ != nullptr) record_->begin();
  while (!is_over()) {
    const bool any = assemble();
    if (run_whole_chunks()) continue;
    if (training_ != nullptr && training_->work()) continue;
    if (adjoint_ != nullptr && adjoint_->work()) continue;
    if (any) continue;
    wait_for_inputs();
    run_whole_chunks();  // somebody waits for them: before it is asked again what came
  }
  profile_step(0);
  out_.finish();
  if (recorder_ != nullptr) recorder_->finish();
  if (adjoint_ != nullptr) adjoint_->finish();
  if (record_ != nullptr) record_->finish();
  guard_.summarise();
  const WaitScope waiting(state_, Call::finalize);
  route_.comm.polite_barrier(shared_cores_);
}

// All has come, has run though nobody may get it, and is learned from: the other ranks of the network count on this one
// for the last step.
bool MlSide::is_over() const {
  if (!in_.ended() || !truth_.ended() || !whole_.empty() || !whole_truths_.empty()) return false;
  if (training_ != nullptr) return training_->idle();
  return adjoint_ == nullptr || adjoint_->is_over();
}

// What came, told as time: waits tell theirs.
bool MlSide::assemble() {
  const StageTimer timer(state_.profile(), Stage::assemble);
  return poll();
}

bool MlSide::poll() {
  const bool inputs = in_.poll(whole_), truths = truth_.poll(whole_truths_);
  const bool adjoints = adjoint_ != nullptr && adjoint_->poll();
  take_whole_truths();
  return inputs || truths || adjoints;
}

// Waits until a message has come.
void MlSide::wait_for_inputs() {
  constexpr std::int64_t k_soon = 50;  // milliseconds, after which somebody may ask who is late
  const StageTimer timer(state_.profile(), Stage::wait);
  if constexpr (k_simulated) {
    std::vector<PersistentList*> lists;
    for (Direction* direction : route_.directions())
      if (direction->to_ml) lists.push_back(&direction->requests);
    PersistentList::wait_for_any(lists);
    poll();
    return;
  }
  PoliteWait wait(shared_cores_, route_.bell);
  for (int look = untold_looks(shared_cores_); look > 0; --look) {
    wait.pause();
    if (poll()) return;
  }
  state_.late({}, 0, 0, false);
  const WaitScope waiting(state_, Call::inputs);
  const std::int64_t begin = node_milliseconds();
  bool listed = false;
  for (int idle = 1; !poll(); ++idle) {
    if (!wait.pause() && idle % k_polls_per_look != 0) continue;
    look_for_restart();
    if (listed || node_milliseconds() - begin <= k_soon) continue;
    list_late();
    listed = true;
  }
}

// The ranks whose messages of the exchange that is waited for are not there; all, if none is. With lag others may be
// further on.
void MlSide::list_late() {
  std::vector<RowInbox::Progress> messages, of_exchanges;
  if (adjoint_ != nullptr) adjoint_->add_progress(messages);
  in_.add_progress(of_exchanges);
  truth_.add_progress(of_exchanges);
  std::map<int, std::int64_t> last_steps;  // by rank, of its last message of any kind
  for (const auto* list : {&messages, &of_exchanges}) {
    for (const RowInbox::Progress& message : *list)
      last_steps[message.rank] = std::max(last_steps[message.rank], message.step);
  }
  const auto unequal = [](const RowInbox::Progress& a, const RowInbox::Progress& b) {
    return a.exchanges != b.exchanges;
  };
  // In the midst of a pass of adjoints somebody waits for these.
  const bool adjoints = std::adjacent_find(messages.begin(), messages.end(), unequal) != messages.end();
  if (!adjoints) messages = of_exchanges;
  std::int64_t last = 0, step = 0, least = std::numeric_limits<std::int64_t>::max();
  for (const RowInbox::Progress& message : messages) {
    last = std::max(last, message.exchanges);
    step = std::max(step, message.step);
    if (!message.ended) least = std::min(least, message.exchanges);
  }
  least = std::min(least, last);
  std::map<int, Late> late;
  std::set<int> there;
  for (const RowInbox::Progress& message : messages) {
    if (message.ended || message.exchanges > least) {
      there.insert(message.rank);
    } else {
      late[message.rank] = {message.rank, last_steps[message.rank]};
    }
  }
  std::vector<Late> first;
  for (const auto& entry : late) {
    first.push_back(entry.second);
    there.erase(entry.first);
  }
  state_.step(step == 0 ? 1 : adjoints ? step : step + (least + 1 - last) * period_);
  state_.late(first, static_cast<std::int64_t>(late.size()), static_cast<std::int64_t>(there.size()), adjoints);
}

// Those that may run; false if none may. With lag a slot may be there with two exchanges, and the first one decide
// whether the second may run.
bool MlSide::run_whole_chunks() {
  if (whole_.empty()) return false;
  auto left = whole_.begin();
  for (const std::int64_t slot : whole_) {
    if (may_run(slot)) {
      run_chunk(slot);
    } else {
      *left++ = slot;
    }
  }
  const bool any = left != whole_.end();
  whole_.erase(left, whole_.end());
  return any;
}

bool MlSide::may_run(std::int64_t slot) {
  if (training_ != nullptr) return training_->may_run(slot);
  return adjoint_ == nullptr || adjoint_->may_run(slot, in_.turn(slot));
}

// Copied, so that the component can put the next ones.
void MlSide::take_whole_truths() {
  if (training_ == nullptr || whole_truths_.empty()) return;
  auto left = whole_truths_.begin();
  for (const std::int64_t slot : whole_truths_) {
    if (!training_->may_take_truth(slot)) {
      *left++ = slot;
      continue;
    }
    const std::byte* truth = route_.truth.row(slot * spec_.rows_per_chunk(), truth_.exchange(slot));
    training_->take_truth(slot, truth_.step(slot), truth);
    if (recorder_ != nullptr) recorder_->take_truth(slot, truth_.step(slot), truth);
    truth_.release(slot);
  }
  whole_truths_.erase(left, whole_truths_.end());
}

void MlSide::run_chunk(std::int64_t slot) {
  const std::int64_t exchange = in_.exchange(slot), step = in_.step(slot);
  profile_step(step);
  out_.take_back(slot, exchange);
  const CallScope call(state_, Call::forward);
  const std::int64_t first = slot * spec_.rows_per_chunk(), rows = route_.rows_of(spec_, slot);
  state_.step(step);
  state_.chunk(route_.chunks[slot]);
  const std::byte* inputs = route_.in.row(first, exchange);
  std::byte* outputs = route_.results.row(first, exchange);
  forward(slot, step, inputs, outputs, rows);
  const WorkTimer timer(state_.profile(), Stage::send);
  const std::int64_t given_up =
      spec_.guard.given ? guard_.check(outputs, route_.results.row_bytes, rows, route_.ids.data() + first, step) : 0;
  route_.copy_results(spec_, slot, exchange);
  const Learner* const learner = engine_->learner();
  const LearningStatus learned = learner == nullptr ? LearningStatus{} : status_of(*learner);
  out_.done(slot, exchange, step, given_up, learner == nullptr ? nullptr : &learned);
  if (training_ != nullptr) {
    const StageTimer copy(state_.profile(), Stage::assemble);
    training_->take_inputs(slot, step, inputs);
  }
  if (recorder_ != nullptr) recorder_->take_results(slot, step, inputs, outputs);
  in_.release(slot);
}

void MlSide::forward(std::int64_t slot, std::int64_t step, const std::byte* inputs, std::byte* outputs,
                     std::int64_t rows) {
  const WorkTimer timer(state_.profile(), Stage::forward);
  if (adjoint_ != nullptr) {
    adjoint_->forward(slot, step, inputs, outputs, rows);
  } else if (serves_ && training_ != nullptr && spec_.training.delay == 0) {
    engine_->forward_to_learn(route_.chunks[slot], inputs, outputs, rows);
  } else if (serves_) {
    engine_->forward(inputs, outputs, rows);
  }
}

// A step lasts from its first chunk to that of the next one.
void MlSide::profile_step(std::int64_t step) {
  Profile* const profile = state_.profile();
  if (profile == nullptr || profiled_step_ == step) return;
  if (profiled_step_ > 0) profile->end_step(profiled_step_);
  profile->now_in(step);
  profiled_step_ = step;
}

}  // namespace ekman

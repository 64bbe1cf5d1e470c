// The ML rank's story of an exchange: pieces arrive, a chunk becomes whole, runs, and its outputs go back. A network
// that learns does so between forwards, see ml_training.hpp.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "coupler/engine/engine.hpp"
#include "coupler/session/guard_log.hpp"
#include "coupler/session/learning_restart.hpp"
#include "coupler/session/ml_adjoint.hpp"
#include "coupler/session/ml_restart.hpp"
#include "coupler/session/ml_training.hpp"
#include "coupler/session/recorder.hpp"
#include "coupler/session/route_setup.hpp"
#include "coupler/session/row_inbox.hpp"
#include "coupler/session/row_outbox.hpp"
#include "coupler/session/startup.hpp"
#include "coupler/session/state_record.hpp"

namespace ekman {

class MlSide {
 public:
  // Takes over the route; `engine` fits its row layouts. `state` outlives it.
  MlSide(Route route, const NetworkSpec& spec, std::unique_ptr<Engine> engine, RestartSetting restart,
         LearningFiles files, std::optional<RecorderSetting> recording, bool shared_cores, StateWriter& state);

  // Collective over job.all. Goes on from the restart set that the plan names, if it names one.
  void resume(const Job& job);
  // Serves exchanges until every component rank of the route has finalized. Throws Error.
  void serve();
  const Route& route() const { return route_; }

 private:
  bool is_over() const;
  bool assemble();
  bool poll();
  void wait_for_inputs();
  void list_late();
  void look_for_restart();
  bool all_is_done(const RestartRequest& request) const;
  void resume_learning();
  void check_no_restart(int peer, std::int64_t step) const;
  [[noreturn]] void fail_restart(int rank, std::int64_t step) const;
  void send_kept(std::int64_t exchanges);
  std::int64_t count_given_up(const Message& message, std::int64_t exchange) const;
  bool run_whole_chunks();
  void take_whole_truths();
  void run_chunk(std::int64_t slot);
  void forward(std::int64_t slot, std::int64_t step, const std::byte* inputs, std::byte* outputs, std::int64_t rows);
  void profile_step(std::int64_t step);
  bool may_run(std::int64_t slot);
  bool somebody_sees_outputs() const;

  Route route_;
  const NetworkSpec& spec_;
  std::unique_ptr<Engine> engine_;
  StepClock clock_;
  GuardLog guard_;
  std::int64_t period_;
  MlRestart restart_;
  bool shared_cores_;
  StateWriter& state_;
  RowInbox in_;
  RowInbox truth_;
  RowOutbox out_;
  std::unique_ptr<LearningRecord> record_;     // null: nothing is learned, or there are no chunks
  std::unique_ptr<MlTraining> training_;       // null: nothing is learned from targets
  std::unique_ptr<MlAdjoint> adjoint_;         // null: without tape
  std::unique_ptr<LearningRestart> learning_;  // of what learns
  bool serves_ = true;                         // false: outputs are not computed, since nobody would see them
  std::unique_ptr<Recorder> recorder_;         // null: nothing is recorded
  std::vector<std::int64_t> whole_;            // slots whose inputs are there
  std::vector<std::int64_t> whole_truths_;     // slots whose targets and weights are
  std::int64_t profiled_step_ = 0;             // the one that the profile is in; 0: none
};

}  // namespace ekman

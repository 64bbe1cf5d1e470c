// The ML rank's story of an exchange: pieces arrive, a chunk becomes whole, runs, and its outputs go back.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "coupler/engine/engine.hpp"
#include "coupler/session/guard_log.hpp"
#include "coupler/session/ml_restart.hpp"
#include "coupler/session/route_setup.hpp"
#include "coupler/session/startup.hpp"
#include "coupler/session/state_record.hpp"

namespace ekman {

class MlSide {
 public:
  // Takes over the route; `engine` fits its row layouts. `state` outlives it.
  MlSide(Route route, const NetworkSpec& spec, std::unique_ptr<Engine> engine, RestartSetting restart,
         bool shared_cores, StateWriter& state);

  // Collective over job.all. Goes on from the restart set that the plan names, if it names one.
  void resume(const Job& job);
  // Serves exchanges until every component rank of the route has finalized. Throws Error.
  void serve();

 private:
  struct Chunk {
    std::int64_t rows = 0;     // that hold points
    std::int64_t missing = 0;  // of them, in the exchange to come
    std::int64_t step = 0;     // model step of the rows that are there
    bool ended = false;        // a rank with rows in it has finalized
    std::vector<int> in, out;  // messages that carry its rows
  };
  struct MessageState {
    std::int64_t exchanges = 0;    // in: arrived; out: sent
    std::int64_t step = 0;         // in: of the last one
    std::int64_t chunks = 0;       // chunks of this message
    std::int64_t chunks_open = 0;  // of them, not yet run in this exchange
    bool ended = false;
    bool sending = false;  // out, across nodes: a send is on its way
  };

  bool poll();
  void wait_for_inputs();
  void list_late();
  void arrive(int message);
  void end_of_run(int message);
  [[noreturn]] void fail_after_end(const Message& message, const Chunk& chunk) const;
  void look_for_restart();
  void check_no_restart(int message, std::int64_t step) const;
  [[noreturn]] void fail_restart(int rank, std::int64_t step) const;
  void send_held();
  void run_chunk(std::int64_t slot);
  void guard_chunk(std::int64_t slot);
  void release(int message);
  void send(int message);
  void take_back(const Message& message);

  Route route_;
  const NetworkSpec& spec_;
  std::unique_ptr<Engine> engine_;
  StepClock clock_;
  GuardLog guard_;
  std::int64_t period_;
  MlRestart restart_;
  bool shared_cores_;
  StateWriter& state_;
  std::vector<Chunk> chunks_;
  std::vector<MessageState> in_, out_;
  std::vector<int> window_in_;  // in-messages that come through the window
  std::vector<int> message_of_request_;
  std::vector<std::int64_t> ready_;  // slots of whole chunks
  std::size_t ended_ = 0;
};

}  // namespace ekman

// The exchange of a network that runs inline, told on a component rank: its inputs are whole, its tiles run here, and
// their outputs lie where a message of an ML rank would have brought them. DESIGN.md: "Inline".
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "coupler/session/guard_log.hpp"
#include "coupler/session/inline_network.hpp"
#include "coupler/session/route_setup.hpp"
#include "coupler/session/state_record.hpp"

namespace ekman {

class InlineForward {
 public:
  // `network` is null on a rank without points; `network_number` is that of the plan. Tiles have `tile` rows. All
  // references must outlive it.
  InlineForward(Route& route, const NetworkSpec& spec, std::int64_t tile, std::unique_ptr<InlineNetwork> network,
                int network_number, StepClock clock, StateWriter& state);

  // Runs the exchange whose inputs are whole, if it has not been. Any thread; others wait.
  void run();
  // The outputs of the exchange before the first one have been put in place, as if it had been made here.
  void hold();
  // Says what the guard found.
  void finish();

  InlineNetwork* network() { return network_.get(); }

 private:
  std::int64_t forward(std::int64_t step);
  std::int64_t check_guard(std::int64_t step);

  Route& route_;
  const NetworkSpec& spec_;
  std::int64_t tile_;
  std::unique_ptr<InlineNetwork> network_;
  int network_number_;
  GuardLog guard_;
  StateWriter& state_;
  std::mutex mutex_;
  std::string failure_;
};

}  // namespace ekman

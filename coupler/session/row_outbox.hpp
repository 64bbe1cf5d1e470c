// One direction of a route from an ML rank: chunks are done, messages leave.
#pragma once

#include <cstdint>
#include <vector>

#include "coupler/session/route_setup.hpp"
#include "coupler/session/state_record.hpp"

namespace ekman {

class RowOutbox {
 public:
  // All must outlive it.
  RowOutbox(Direction& direction, const NetworkSpec& spec, StateWriter& state, std::int64_t slots);

  // Exchanges are counted from 0, and each slot is done in their order. Before the rows of `slot` are written: waits
  // until those that had their place before have left, across nodes.
  void take_back(std::int64_t slot, std::int64_t exchange);
  // The rows of `slot` are those of model step `step`, with `given_up` points marked by the guard. A message leaves
  // when all its slots are done. `learning`: null if the network does not learn.
  void done(std::int64_t slot, std::int64_t exchange, std::int64_t step, std::int64_t given_up,
            const LearningStatus* learning);
  // As done(), of all slots at once and the next exchange; the headers of the messages are as they shall be.
  void send_all();
  // Waits until all has left.
  void finish();

 private:
  // By place: see Direction::depth.
  struct MessageState {
    std::int64_t exchanges = 0;        // sent
    std::int64_t slots = 0;            // that it has rows of
    std::int64_t slots_open[2] = {};   // of them, not yet done in the exchange that has the place
    bool sending[2] = {false, false};  // across nodes: a send is on its way
  };

  int place(std::int64_t exchange) const { return static_cast<int>(exchange % direction_.depth()); }
  void send(int message);
  void wait_for(int message, int place);

  Direction& direction_;
  const NetworkSpec& spec_;
  StateWriter& state_;
  std::vector<std::vector<int>> messages_of_slot_;
  std::vector<MessageState> messages_;
};

}  // namespace ekman

// One direction of a route to an ML rank: messages come in, chunks become whole, their buffers become free again.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "coupler/plan/calendar.hpp"
#include "coupler/session/route_setup.hpp"

namespace ekman {

class RowInbox {
 public:
  // Called for each message that comes, before its rows count; throws if it may not come now.
  using Check = std::function<void(int peer, std::int64_t step)>;

  // All must outlive it. Begins to receive.
  RowInbox(Direction& direction, const NetworkSpec& spec, const StepClock& clock, std::int64_t slots, Check check);

  // Takes in what has come; true if anything has. Slots whose rows are all there are added to `whole`.
  bool poll(std::vector<std::int64_t>& whole);
  // The rows of `slot`, whole, are needed no more.
  void release(std::int64_t slot);
  // The exchange before a cut, as if it had been made here: it counts as the first one.
  void count_one_exchange();

  // Model step of the rows that came last.
  std::int64_t step(std::int64_t slot) const { return slots_[slot].step; }
  // The same of their turn.
  const Turn& turn(std::int64_t slot) const { return slots_[slot].turn; }
  // All ranks have finalized.
  bool ended() const { return ended_ == messages_.size(); }
  // A rank that has; -1: none.
  int first_ended() const;
  // Every message has come `exchanges` times.
  bool over(std::int64_t exchanges) const;

  // What list_late needs of each message.
  struct Progress {
    int rank;  // of the component
    std::int64_t exchanges;
    std::int64_t step;
    bool ended;
  };
  void add_progress(std::vector<Progress>& all) const;

 private:
  struct Slot {
    std::int64_t rows = 0;     // that hold points
    std::int64_t missing = 0;  // of them, in the exchange to come
    std::int64_t step = 0;     // of the rows that are there
    Turn turn{};
    bool ended = false;  // a rank with rows in it has finalized
    std::vector<int> messages;
  };
  struct MessageState {
    std::int64_t exchanges = 0;
    std::int64_t step = 0;          // of the last one
    std::int64_t slots = 0;         // that it has rows of
    std::int64_t slots_in_use = 0;  // of them, not yet released in this exchange
    bool ended = false;
  };

  int rank_of(int m) const { return direction_.messages[m].peer - spec_.ranks; }
  void arrive(int message, std::vector<std::int64_t>& whole);
  void end_of_run(int message);
  [[noreturn]] void fail_out_of_turn(int message) const;
  [[noreturn]] void fail_after_end(int message, const Slot& slot) const;

  Direction& direction_;
  const NetworkSpec& spec_;
  const StepClock& clock_;
  Check check_;
  std::vector<Slot> slots_;
  std::vector<MessageState> messages_;
  std::vector<int> through_window_;
  std::vector<int> message_of_request_;
  std::size_t ended_ = 0;
};

}  // namespace ekman

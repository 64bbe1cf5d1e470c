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

// Exchanges are counted from 0. With lag rows of an exchange come while those of the one before are still needed.
class RowInbox {
 public:
  // Called for each message that comes, before its rows count; throws if it may not come now.
  using Check = std::function<void(int peer, std::int64_t step)>;

  // All must outlive it.
  RowInbox(Direction& direction, const NetworkSpec& spec, const StepClock& clock, std::int64_t slots, Check check);

  // Before the first poll: begins to receive.
  void begin();
  // Takes in what has come; true if anything has. Slots whose rows are all there are added to `whole`, once for each
  // exchange.
  bool poll(std::vector<std::int64_t>& whole);
  // The rows of `slot` in its present exchange, whole, are needed no more: the next one is present.
  void release(std::int64_t slot);
  // Exchanges before a cut, as if they had been made here: they count as the first ones. Before begin().
  void count_exchanges(std::int64_t exchanges);

  // The present exchange of `slot`: the first one that is not released.
  std::int64_t exchange(std::int64_t slot) const { return slots_[slot].released; }
  // Model step of its rows.
  std::int64_t step(std::int64_t slot) const { return present(slot).step; }
  // The same of their turn.
  const Turn& turn(std::int64_t slot) const { return present(slot).turn; }
  // Model step of the latest message; 0: none has come.
  std::int64_t last_step() const;
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
  // What has come of one exchange.
  struct Part {
    std::int64_t missing = 0;  // rows
    std::int64_t step = 0;     // of the rows that are there
    Turn turn{};
    bool ended = false;  // a rank with rows in it has finalized in its place
  };
  struct Slot {
    std::int64_t rows = 0;  // that hold points
    std::int64_t released = 0;
    Part parts[2];  // by place: see Direction::depth
    std::vector<int> messages;
  };
  struct MessageState {
    std::int64_t exchanges = 0;  // come
    std::int64_t released = 0;
    std::int64_t step = 0;              // of the last one
    std::int64_t slots = 0;             // that it has rows of
    std::int64_t slots_in_use[2] = {};  // of them, not yet released in the exchange that has the place
    bool ended = false;
  };

  int place(std::int64_t exchange) const { return static_cast<int>(exchange % direction_.depth()); }
  const Part& present(std::int64_t slot) const { return slots_[slot].parts[place(slots_[slot].released)]; }
  int rank_of(int m) const { return direction_.messages[m].peer - spec_.ranks; }
  void arrive(int message, std::vector<std::int64_t>& whole);
  void end_of_run(int message);
  [[noreturn]] void fail_out_of_turn(int message) const;
  [[noreturn]] void fail_after_end(int message, const Part& part) const;

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

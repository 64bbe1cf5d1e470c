// Implements row_inbox.hpp.
#include "coupler/session/row_inbox.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "coupler/base/check.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

bool same(const Turn& a, const Turn& b) { return a.number == b.number && a.retain == b.retain && a.zero == b.zero; }

}  // namespace

RowInbox::RowInbox(Direction& direction, const NetworkSpec& spec, const StepClock& clock, std::int64_t slots,
                   Check check)
    : direction_(direction),
      spec_(spec),
      clock_(clock),
      check_(std::move(check)),
      slots_(static_cast<std::size_t>(slots)),
      messages_(direction.messages.size()) {
  for (std::size_t m = 0; m < messages_.size(); ++m) {
    const Message& message = direction_.messages[m];
    for (const Piece& piece : message.pieces) {
      Slot& slot = slots_[piece.slot];
      slot.rows += piece.count;
      if (!slot.messages.empty() && slot.messages.back() == static_cast<int>(m)) continue;
      slot.messages.push_back(static_cast<int>(m));
      ++messages_[m].slots;
    }
    for (std::int64_t& in_use : messages_[m].slots_in_use) in_use = messages_[m].slots;
    if (message.request < 0) {
      through_window_.push_back(static_cast<int>(m));
    } else {
      message_of_request_.insert(message_of_request_.end(), direction_.depth(), static_cast<int>(m));
    }
  }
  for (Slot& slot : slots_)
    for (Part& part : slot.parts) part.missing = slot.rows;
}

void RowInbox::begin() {
  for (std::size_t m = 0; m < messages_.size(); ++m) {
    const Message& message = direction_.messages[m];
    if (message.request >= 0) direction_.requests.start(message.request_of(messages_[m].exchanges));
  }
}

bool RowInbox::poll(std::vector<std::int64_t>& whole) {
  bool any = false;
  for (const int m : through_window_) {
    if (messages_[m].ended) continue;
    const MessageHeader& header = direction_.messages[m].header_of(messages_[m].exchanges);
    if (header.sequence.load(std::memory_order_acquire) <= messages_[m].exchanges) continue;
    arrive(m, whole);
    any = true;
  }
  if (message_of_request_.empty()) return any;
  for (const int request : direction_.requests.poll()) {
    arrive(message_of_request_[request], whole);
    any = true;
  }
  return any;
}

void RowInbox::arrive(int m, std::vector<std::int64_t>& whole) {
  const Message& message = direction_.messages[m];
  MessageState& state = messages_[m];
  const MessageHeader& header = message.header_of(state.exchanges);
  const std::int64_t step = checked_step(header.step);
  check_(message.peer, step);
  if (step == k_end_of_run) return end_of_run(m);
  const int here = place(state.exchanges++);
  state.step = step;
  for (const Piece& piece : message.pieces) {
    const std::int64_t rows = slots_[piece.slot].rows;
    Part& part = slots_[piece.slot].parts[here];
    if (part.missing == rows) {
      part.step = step;
      part.turn = header.turn;
    }
    if (part.ended) fail_after_end(m, part);
    if (part.step != step) {
      throw Error(ErrorCode::usage,
                  fmt::format("ranks of component \"{}\" are out of step in network \"{}\": rank {} put for {}, "
                              "another for {}; every rank must put in every step",
                              spec_.component, spec_.name, rank_of(m), clock_.name(step), clock_.name(part.step)));
    }
    if (!same(part.turn, header.turn)) fail_out_of_turn(m);
    part.missing -= piece.count;
    EKMAN_ASSERT(part.missing >= 0);
    if (part.missing == 0) whole.push_back(piece.slot);
  }
  // With lag the place of the next exchange may be free already: one receive at a time keeps them in order.
  if (message.request >= 0 && state.exchanges - state.released < direction_.depth())
    direction_.requests.start(message.request_of(state.exchanges));
}

void RowInbox::end_of_run(int m) {
  messages_[m].ended = true;
  ++ended_;
  for (const Piece& piece : direction_.messages[m].pieces) {
    Slot& slot = slots_[piece.slot];
    Part& part = slot.parts[place(messages_[m].exchanges)];
    part.ended = true;
    if (part.missing != slot.rows) fail_after_end(m, part);
  }
}

void RowInbox::fail_after_end(int m, const Part& part) const {
  throw Error(ErrorCode::usage,
              fmt::format("ranks of component \"{}\" are out of step in network \"{}\": some have finalized, others "
                          "went on to {} (seen at rank {}); every rank must make the same steps",
                          spec_.component, spec_.name, clock_.name(part.step), rank_of(m)));
}

void RowInbox::fail_out_of_turn(int m) const {
  throw Error(
      ErrorCode::usage,
      fmt::format("ranks of component \"{}\" do not take turns alike in network \"{}\" (seen at rank {}); every "
                  "rank must put, put_adjoint and zero_grad in the same order, with the same retain",
                  spec_.component, spec_.name, rank_of(m)));
}

void RowInbox::release(std::int64_t s) {
  Slot& slot = slots_[s];
  const int here = place(slot.released++);
  slot.parts[here].missing = slot.rows;
  for (const int m : slot.messages) {
    MessageState& state = messages_[m];
    if (--state.slots_in_use[here] > 0) continue;
    state.slots_in_use[here] = state.slots;
    const bool was_full = state.exchanges - state.released == direction_.depth();
    const Message& message = direction_.messages[m];
    const std::int64_t exchange = state.released++;
    if (message.request < 0) {
      message.header_of(exchange).consumed.store(exchange + 1, std::memory_order_release);
      ring(message.bell);
    } else if (was_full && !state.ended) {
      direction_.requests.start(message.request_of(state.exchanges));
    }
  }
}

void RowInbox::count_exchanges(std::int64_t exchanges) {
  for (std::size_t m = 0; m < messages_.size(); ++m) {
    messages_[m].exchanges = messages_[m].released = exchanges;
    const Message& message = direction_.messages[m];
    for (std::int64_t i = 0; i < exchanges && message.request < 0; ++i) {
      message.header_of(i).consumed.store(i + 1, std::memory_order_release);
    }
    ring(message.bell);
  }
  for (Slot& slot : slots_) slot.released = exchanges;
}

std::int64_t RowInbox::last_step() const {
  std::int64_t last = 0;
  for (const MessageState& state : messages_) last = std::max(last, state.step);
  return last;
}

int RowInbox::first_ended() const {
  for (std::size_t m = 0; m < messages_.size(); ++m) {
    if (messages_[m].ended) return rank_of(static_cast<int>(m));
  }
  return -1;
}

bool RowInbox::over(std::int64_t exchanges) const {
  return std::all_of(messages_.begin(), messages_.end(),
                     [&](const MessageState& state) { return state.exchanges == exchanges; });
}

void RowInbox::add_progress(std::vector<Progress>& all) const {
  for (std::size_t m = 0; m < messages_.size(); ++m) {
    all.push_back({rank_of(static_cast<int>(m)), messages_[m].exchanges, messages_[m].step, messages_[m].ended});
  }
}

}  // namespace ekman

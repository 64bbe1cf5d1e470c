// Implements inline_forward.hpp.
#include "coupler/session/inline_forward.hpp"

#include "coupler/engine/guard.hpp"
#include "ekman/error.hpp"

namespace ekman {

InlineForward::InlineForward(Route& route, const NetworkSpec& spec, std::int64_t tile,
                             std::unique_ptr<InlineNetwork> network, int network_number, StepClock clock,
                             StateWriter& state)
    : route_(route),
      spec_(spec),
      tile_(tile),
      network_(std::move(network)),
      network_number_(network_number),
      guard_(spec, route.out.layout, std::move(clock)),
      state_(state) {}

void InlineForward::run() {
  if (!network_) return;
  MessageHeader& in = *route_.in.messages.front().header;
  MessageHeader& out = *route_.out.messages.front().header;
  const auto is_done = [&] {
    return out.sequence.load(std::memory_order_acquire) == in.sequence.load(std::memory_order_acquire);
  };
  if (is_done()) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (is_done()) return;
  if (!failure_.empty()) throw Error(ErrorCode::network, failure_);
  const StageTimer timer(state_.profile(), Stage::forward, network_number_);
  try {
    out.step = in.step;
    out.given_up = forward(in.step);
  } catch (const Error& error) {
    failure_ = error.what();
    throw;
  }
  const std::int64_t exchanges = in.sequence.load(std::memory_order_relaxed);
  in.consumed.store(exchanges, std::memory_order_release);
  out.sequence.store(exchanges, std::memory_order_release);
}

// Returns how many points the guard gave up.
std::int64_t InlineForward::forward(std::int64_t step) {
  const CallScope call(state_, Call::forward);
  for (std::size_t slot = 0; slot < route_.chunks.size(); ++slot) {
    const auto first = static_cast<std::int64_t>(slot) * tile_;
    state_.chunk(route_.chunks[slot]);
    network_->forward(route_.in.buffers + first * route_.in.row_bytes,
                      route_.out.buffers + first * route_.out.row_bytes, tile_);
  }
  return spec_.guard.given ? check_guard(step) : 0;
}

// Of the rows that are this rank's: what the network makes of zeros is nobody's.
std::int64_t InlineForward::check_guard(std::int64_t step) {
  std::int64_t given_up = 0;
  for (const Piece& piece : route_.out.messages.front().pieces) {
    const std::int64_t row = piece.slot * tile_ + piece.position % tile_;
    given_up += guard_.check(route_.out.buffers + row * route_.out.row_bytes, route_.out.row_bytes, piece.count,
                             route_.ids.data() + row, step);
  }
  return given_up;
}

void InlineForward::hold() {
  if (!network_) return;
  MessageHeader& out = *route_.out.messages.front().header;
  out.given_up = 0;
  for (const Piece& piece : route_.out.messages.front().pieces) {
    const std::byte* row = route_.out.buffers + (piece.slot * tile_ + piece.position % tile_) * route_.out.row_bytes;
    for (std::int64_t i = 0; i < piece.count; ++i, row += route_.out.row_bytes) {
      for (const FieldSlot& field : route_.out.layout.fields) {
        if (is_given_up(row + field.offset * real_size(spec_.wire), spec_.wire)) ++out.given_up;
      }
    }
  }
  MessageHeader& in = *route_.in.messages.front().header;
  in.sequence.store(1, std::memory_order_relaxed);
  in.consumed.store(1, std::memory_order_release);
  out.sequence.store(1, std::memory_order_release);
}

void InlineForward::finish() { guard_.summarise(); }

}  // namespace ekman

// What every message starts with, in a shared window and across nodes alike.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace ekman {

// What a network had learned when the outputs of an exchange were computed; NaN: not known.
struct LearningStatus {
  double step;  // optimizer steps
  double loss;  // of the last one
  double validation_loss;
  double learning_rate;
  double gradient_norm;
};

// Exchanges and adjoint passes of a route happen in the order in which the component calls them.
struct Turn {
  std::int64_t number;  // from 1
  std::int32_t retain;  // adjoints: 1: the exchange stays on the tape
  std::int32_t zero;    // 1: gradients and the tape are dropped first
};

// One message of one (component rank, ML rank) pair and direction. In the window `sequence` and `consumed` signal
// with release and acquire; across nodes only `step` and what follows travels. Zero at start.
struct alignas(64) MessageHeader {
  std::atomic<std::int64_t> sequence;  // exchanges posted so far, by the sender
  std::atomic<std::int64_t> consumed;  // exchanges whose rows the receiver needs no more
  std::int64_t step;                   // model step of this exchange, from 1; k_end_of_run: nothing follows
  std::int64_t given_up;  // outputs: points that the guard marked in this exchange, in the chunks of the message
  Turn turn;              // to ML ranks, of networks with a tape
  // Outputs of networks that learn. In a line of the cache of its own: what all exchanges write and read is in one.
  alignas(64) LearningStatus learning;
};

// What travels of a header across nodes: `step` and what follows it, to its end, so that rows behind it are next.
inline constexpr std::int64_t k_travelling_header_bytes = sizeof(MessageHeader) - offsetof(MessageHeader, step);

inline constexpr std::int64_t k_end_of_run = -1;

// What arrived in a header, if it is what a sender can write: a step from 1 or k_end_of_run, no negative number of
// points. Throws Error(internal) if not.
std::int64_t checked_step(std::int64_t step);
std::int64_t checked_given_up(std::int64_t given_up);

// `what` about a received message is impossible: its sender is of another build, or has a bug.
[[noreturn]] void throw_unreadable(const std::string& what);

static_assert(std::atomic<std::int64_t>::is_always_lock_free, "ranks signal through shared memory");
static_assert(sizeof(MessageHeader) == 128);

}  // namespace ekman

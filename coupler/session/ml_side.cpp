// Implements ml_side.hpp.
#include "coupler/session/ml_side.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "coupler/base/check.hpp"
#include "coupler/base/node_clock.hpp"
#include "coupler/comm/polite_wait.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

// An ML rank that has nothing to do looks for requests of restart sets every so many times that it looks for rows: the
// look enters MPI, which the other does not need to in a shared window.
constexpr int k_polls_per_look = 16;

}  // namespace

MlSide::MlSide(Route route, const NetworkSpec& spec, std::unique_ptr<Engine> engine, RestartSetting restart,
               bool shared_cores, StateWriter& state)
    : route_(std::move(route)),
      spec_(spec),
      engine_(std::move(engine)),
      clock_(restart.clock),
      guard_(spec, route_.out.layout, clock_),
      period_(restart.period),
      restart_(route_, spec, std::move(restart)),
      shared_cores_(shared_cores),
      state_(state) {
  chunks_.resize(route_.chunks.size());
  in_.resize(route_.in.messages.size());
  out_.resize(route_.out.messages.size());
  const auto connect = [&](Direction& direction, std::vector<MessageState>& states, auto list) {
    for (std::size_t m = 0; m < direction.messages.size(); ++m) {
      for (const Piece& piece : direction.messages[m].pieces) {
        std::vector<int>& messages = chunks_[piece.slot].*list;
        if (messages.empty() || messages.back() != static_cast<int>(m)) {
          messages.push_back(static_cast<int>(m));
          ++states[m].chunks;
        }
      }
      states[m].chunks_open = states[m].chunks;
    }
  };
  connect(route_.in, in_, &Chunk::in);
  connect(route_.out, out_, &Chunk::out);
  for (std::size_t m = 0; m < in_.size(); ++m) {
    const Message& message = route_.in.messages[m];
    for (const Piece& piece : message.pieces) chunks_[piece.slot].rows += piece.count;
    if (message.request < 0) {
      window_in_.push_back(static_cast<int>(m));
    } else {
      message_of_request_.push_back(static_cast<int>(m));
      route_.in.requests.start(message.request);
    }
  }
  for (Chunk& chunk : chunks_) chunk.missing = chunk.rows;
}

void MlSide::serve() {
  while (ended_ < in_.size()) {
    if (!poll()) wait_for_inputs();
    while (!ready_.empty()) {
      std::vector<std::int64_t> batch;
      batch.swap(ready_);
      std::sort(batch.begin(), batch.end());
      for (const std::int64_t slot : batch) run_chunk(slot);
    }
  }
  for (const Message& message : route_.out.messages) take_back(message);
  guard_.summarise();
  const WaitScope waiting(state_, Call::finalize);
  route_.comm.polite_barrier(shared_cores_);
}

// Waits until a message has come.
void MlSide::wait_for_inputs() {
  constexpr std::int64_t k_soon = 50;  // milliseconds, after which somebody may ask who is late
  state_.late({}, 0, 0);
  const WaitScope waiting(state_, Call::inputs);
  const std::int64_t begin = node_milliseconds();
  bool listed = false;
  PoliteWait wait(shared_cores_);
  for (int idle = 1; !poll(); ++idle) {
    if (idle % k_polls_per_look == 0) look_for_restart();
    if (!listed && node_milliseconds() - begin > k_soon) {
      list_late();
      listed = true;
    }
    wait.pause();
  }
}

// The ranks whose messages of the present exchange are not there; all, if none is.
void MlSide::list_late() {
  std::int64_t last = 0, step = 0;
  for (const MessageState& state : in_) {
    last = std::max(last, state.exchanges);
    step = std::max(step, state.step);
  }
  const bool whole = std::all_of(in_.begin(), in_.end(),
                                 [&](const MessageState& state) { return state.ended || state.exchanges == last; });
  std::map<int, Late> late;
  std::set<int> there;
  for (std::size_t m = 0; m < in_.size(); ++m) {
    const int rank = route_.in.messages[m].peer - spec_.ranks;
    if (in_[m].ended || (!whole && in_[m].exchanges == last)) {
      there.insert(rank);
    } else {
      late[rank] = {rank, in_[m].step};
    }
  }
  std::vector<Late> first;
  for (const auto& entry : late) {
    first.push_back(entry.second);
    there.erase(entry.first);
  }
  state_.step(!whole ? step : step == 0 ? 1 : step + period_);
  state_.late(first, static_cast<std::int64_t>(late.size()), static_cast<std::int64_t>(there.size()));
}

bool MlSide::poll() {
  bool any = false;
  for (const int m : window_in_) {
    if (in_[m].ended) continue;
    const MessageHeader& header = *route_.in.messages[m].header;
    if (header.sequence.load(std::memory_order_acquire) > in_[m].exchanges) {
      arrive(m);
      any = true;
    }
  }
  if (!message_of_request_.empty()) {
    for (const int request : route_.in.requests.poll()) {
      arrive(message_of_request_[request]);
      any = true;
    }
  }
  return any;
}

void MlSide::arrive(int m) {
  const Message& message = route_.in.messages[m];
  const std::int64_t step = checked_step(message.header->step);
  check_no_restart(m, step);
  if (step == k_end_of_run) return end_of_run(m);
  ++in_[m].exchanges;
  in_[m].step = step;
  for (const Piece& piece : message.pieces) {
    Chunk& chunk = chunks_[piece.slot];
    if (chunk.missing == chunk.rows) chunk.step = step;
    if (chunk.ended) fail_after_end(message, chunk);
    if (chunk.step != step) {
      throw Error(ErrorCode::usage,
                  fmt::format("ranks of component \"{}\" are out of step in network \"{}\": rank {} put for {}, "
                              "another for {}; every rank must put in every step",
                              spec_.component, spec_.name, message.peer - spec_.ranks, clock_.name(step),
                              clock_.name(chunk.step)));
    }
    chunk.missing -= piece.count;
    EKMAN_ASSERT(chunk.missing >= 0);
    if (chunk.missing == 0) ready_.push_back(piece.slot);
  }
}

void MlSide::end_of_run(int m) {
  in_[m].ended = true;
  ++ended_;
  const Message& message = route_.in.messages[m];
  for (const Piece& piece : message.pieces) {
    Chunk& chunk = chunks_[piece.slot];
    chunk.ended = true;
    if (chunk.missing != chunk.rows) fail_after_end(message, chunk);
  }
}

void MlSide::fail_after_end(const Message& message, const Chunk& chunk) const {
  throw Error(ErrorCode::usage,
              fmt::format("ranks of component \"{}\" are out of step in network \"{}\": some have finalized, others "
                          "went on to {} (seen at rank {}); every rank must make the same steps",
                          spec_.component, spec_.name, clock_.name(chunk.step), message.peer - spec_.ranks));
}

void MlSide::run_chunk(std::int64_t slot) {
  Chunk& chunk = chunks_[slot];
  for (const int m : chunk.out) {
    if (!out_[m].sending) continue;
    take_back(route_.out.messages[m]);
    out_[m].sending = false;
  }
  const CallScope call(state_, Call::forward);
  state_.step(chunk.step);
  state_.chunk(route_.chunks[slot]);
  const std::int64_t rows = spec_.rows_per_chunk();
  // Points are sorted positions without gaps, so the rows that hold points are the first ones.
  engine_->forward(route_.in.buffers + slot * rows * route_.in.row_bytes,
                   route_.out.buffers + slot * rows * route_.out.row_bytes, chunk.rows);
  guard_chunk(slot);
  chunk.missing = chunk.rows;
  for (const int m : chunk.out) {
    route_.out.messages[m].header->step = chunk.step;
    if (--out_[m].chunks_open == 0) send(m);
  }
  for (const int m : chunk.in) {
    if (--in_[m].chunks_open == 0) release(m);
  }
}

// Waits until the rows of the last exchange have left, across nodes.
void MlSide::take_back(const Message& message) {
  if (message.request < 0 || route_.out.requests.test(message.request)) return;
  const WaitScope waiting(state_, Call::outputs, k_no_field, -1, message.peer - spec_.ranks);
  route_.out.requests.wait(message.request);
}

// Marks what is given up, in the rows and in the headers of the messages that carry them.
void MlSide::guard_chunk(std::int64_t slot) {
  if (!spec_.guard.given) return;
  const Chunk& chunk = chunks_[slot];
  for (const int m : chunk.out) {
    if (out_[m].chunks_open == out_[m].chunks) route_.out.messages[m].header->given_up = 0;
  }
  const std::int64_t first = slot * spec_.rows_per_chunk();
  const std::int64_t given_up = guard_.check(route_.out.buffers + first * route_.out.row_bytes, route_.out.row_bytes,
                                             chunk.rows, route_.ids.data() + first, chunk.step);
  if (given_up == 0) return;
  for (const int m : chunk.out) route_.out.messages[m].header->given_up += given_up;
}

void MlSide::send(int m) {
  const Message& message = route_.out.messages[m];
  out_[m].chunks_open = out_[m].chunks;
  ++out_[m].exchanges;
  if (message.request < 0) {
    message.header->sequence.store(out_[m].exchanges, std::memory_order_release);
  } else {
    route_.out.requests.start(message.request);
    out_[m].sending = true;
  }
}

void MlSide::release(int m) {
  const Message& message = route_.in.messages[m];
  in_[m].chunks_open = in_[m].chunks;
  if (message.request < 0) {
    message.header->consumed.store(in_[m].exchanges, std::memory_order_release);
  } else {
    route_.in.requests.start(message.request);
  }
}

}  // namespace ekman

// Implements row_sender.hpp.
#include "coupler/session/row_sender.hpp"

#include <algorithm>

#include "coupler/base/simulation.hpp"
#include "coupler/session/patient_wait.hpp"

namespace ekman {

RowSpan rows_of(const Direction& direction, const Run& run, std::int64_t slot, int field, Real wire) {
  std::byte* row = run.row + (slot - run.slot) * direction.row_bytes;
  return {row + direction.layout.fields[field].offset * real_size(wire), direction.row_bytes, wire};
}

void wait_for_request(Direction& direction, const Message& message, int request, const RowContext& context, Call call) {
  if (request < 0 || direction.requests.test(request)) return;
  const StageTimer timer(context.writer.profile(), Stage::wait, context.network);
  const WaitScope waiting(context.writer, call, k_no_field, context.network, message.peer);
  direction.requests.wait(request);
}

RowSender::RowSender(Direction& direction, const RowContext& context, std::vector<int> numbers)
    : direction_(direction),
      context_(context),
      numbers_(std::move(numbers)),
      outgoing_(new Outgoing[direction.messages.size()]) {
  reset();
}

void RowSender::reset() {
  const auto fields = static_cast<std::int64_t>(direction_.layout.fields.size());
  for (std::size_t m = 0; m < direction_.messages.size(); ++m) {
    outgoing_[m].rows_missing.store(direction_.messages[m].rows * fields, std::memory_order_relaxed);
    outgoing_[m].posted = false;
  }
}

void RowSender::pack(int field, const ColumnView& columns, std::int64_t first, std::int64_t count,
                     const RowMoment& when, Call call) {
  wait_until_free(call, numbers_[field]);
  // In strips, so that an ML rank can run what is whole while the rest is packed.
  constexpr std::int64_t k_strip_values = 64 * 1024;
  const std::int64_t strip = std::max<std::int64_t>(256, k_strip_values / columns.levels);
  for (std::int64_t slot = first; slot < first + count; slot += strip) {
    pack_strip(field, columns, first, slot, std::min(strip, first + count - slot));
    for_runs(direction_.runs, slot, std::min(strip, first + count - slot),
             [&](const Run& run, std::int64_t, std::int64_t slots) { packed(run.message, slots, when); });
  }
}

// Slots [begin, begin + count), which begin at slot begin - first of `columns`.
void RowSender::pack_strip(int field, const ColumnView& columns, std::int64_t first, std::int64_t begin,
                           std::int64_t count) {
  const TrapGuard guard;
  const Real wire = context_.spec.wire;
  if constexpr (k_simulated) pass_copy_time(count * columns.levels * real_size(wire));
  for_rows(
      direction_.runs, begin, count,
      [&](const Run& run, std::int64_t slot) {
        RowSpan rows = rows_of(direction_, run, slot, field, wire);
        if (is_second()) rows.first += direction_.messages[run.message].second;
        return rows;
      },
      [&](const RowSpan& rows, std::int64_t slot, std::int64_t n) { ekman::pack(columns, slot - first, n, rows); },
      [&](std::byte* const* rows, std::int64_t slot, std::int64_t n) {
        ekman::pack(columns, slot - first, n, rows, wire);
      });
}

// In a window: the exchange that had this place before is read.
bool RowSender::is_free(const Message& message) const {
  const std::int64_t depth = message.second > 0 ? 2 : 1;
  return header(message).consumed.load(std::memory_order_acquire) > exchange_ - depth;
}

// The ML rank may still be reading the rows of an exchange whose outputs nobody fetched.
void RowSender::wait_until_free(Call call, int number) {
  if (free_.load(std::memory_order_acquire)) return;
  for (const Message& message : direction_.messages) {
    if (message.request >= 0) continue;
    wait_until([&] { return is_free(message); }, context_.shared_cores, context_.bell, context_.writer, call, number,
               context_.network, message.peer);
  }
  free_.store(true, std::memory_order_release);
}

void RowSender::packed(int m, std::int64_t rows, const RowMoment& when) {
  const Message& message = direction_.messages[m];
  if (outgoing_[m].rows_missing.fetch_sub(rows, std::memory_order_acq_rel) != rows) return;
  header(message).step = when.step;
  header(message).turn = when.turn;
  // Across nodes this is for post, here on this rank only.
  header(message).sequence.store(message.request < 0 ? exchange_ + 1 : 1, std::memory_order_release);
  ring(message.bell);
}

void RowSender::post() {
  if (!across_nodes()) return;
  const std::lock_guard<std::mutex> lock(post_mutex_);
  for (std::size_t m = 0; m < direction_.messages.size(); ++m) {
    const Message& message = direction_.messages[m];
    if (message.request < 0 || outgoing_[m].posted) continue;
    if (header(message).sequence.load(std::memory_order_acquire) == 0) continue;
    direction_.requests.start(request(message));
    outgoing_[m].posted = true;
    header(message).sequence.store(0, std::memory_order_relaxed);
  }
}

void RowSender::wait_for_leaving(Call call, bool second) {
  if (!across_nodes()) return;
  for (const Message& message : direction_.messages) {
    wait_for_request(direction_, message, second ? message.second_request : message.request, context_, call);
  }
}

void RowSender::end_exchange(Call call) {
  post();
  wait_for_leaving(call, !is_second());
  free_.store(false, std::memory_order_release);
}

void RowSender::begin_exchange() {
  ++exchange_;
  reset();
  // The ML rank has written to them by now: where they are needed soon, they are on their way.
  for (const Message& message : direction_.messages) __builtin_prefetch(&header(message), 1);
}

void RowSender::finish() {
  wait_until_free(Call::finalize, k_no_field);
  for (const Message& message : direction_.messages) {
    header(message).step = k_end_of_run;
    if (message.request < 0) {
      header(message).sequence.store(exchange_ + 1, std::memory_order_release);
      ring(message.bell);
    } else {
      direction_.requests.start(request(message));
    }
  }
  for (const bool second : {false, true}) wait_for_leaving(Call::finalize, second);
}

}  // namespace ekman

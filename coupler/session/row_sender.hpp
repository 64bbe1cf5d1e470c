// One direction of a route from a component rank to its ML ranks: rows are packed, and leave when a message is whole.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "coupler/exchange/pack.hpp"
#include "coupler/session/route_setup.hpp"
#include "coupler/session/state_record.hpp"

namespace ekman {

// What the directions of a route on a component rank have in common. All must outlive them.
struct RowContext {
  const NetworkSpec& spec;
  StateWriter& writer;
  int network;        // its number in the plan
  bool shared_cores;  // see PoliteWait, as the next
  Bell* bell;
};

// What the header of a message says of its rows.
struct RowMoment {
  std::int64_t step = 0;  // of the component
  Turn turn{};
};

// Calls visit(run, first slot, slots) for the parts of runs inside [first, first + count).
template <class Visit>
void for_runs(const std::vector<Run>& runs, std::int64_t first, std::int64_t count, Visit visit) {
  if (count == 0) return;
  auto run = std::upper_bound(runs.begin(), runs.end(), first,
                              [](std::int64_t slot, const Run& r) { return slot < r.slot + r.count; });
  for (; run != runs.end() && run->slot < first + count; ++run) {
    const std::int64_t from = std::max(first, run->slot);
    const std::int64_t to = std::min(first + count, run->slot + run->count);
    visit(*run, from, to - from);
  }
}

// The values of one field in the rows of `run` from `slot` on.
RowSpan rows_of(const Direction& direction, const Run& run, std::int64_t slot, int field, Real wire);

// The rows of slots [first, first + count): run by run, many(rows, slot, slots), or where runs are short, as they are
// if the ids of neighbours are not, few(places of the rows, slot, slots) for all that follow each other. rows(run,
// slot): as rows_of().
template <class Rows, class Many, class Few>
void for_rows(const std::vector<Run>& runs, std::int64_t first, std::int64_t count, Rows rows, Many many, Few few) {
  constexpr std::int64_t k_short = 8, k_gathered = 64;
  std::byte* gathered[k_gathered];
  std::int64_t begin = 0, num_gathered = 0;
  const auto hand_over = [&] {
    if (num_gathered > 0) few(gathered, begin, num_gathered);
    num_gathered = 0;
  };
  for_runs(runs, first, count, [&](const Run& run, std::int64_t slot, std::int64_t slots) {
    const RowSpan span = rows(run, slot);
    if (slots > k_short) return many(span, slot, slots);
    if (begin + num_gathered != slot || num_gathered + slots > k_gathered) {
      hand_over();
      begin = slot;
    }
    for (std::int64_t i = 0; i < slots; ++i) gathered[num_gathered++] = span.first + i * span.row_bytes;
  });
  hand_over();
}

// Waits for a request of `message`, if it has one (-1: none), and says for whom.
void wait_for_request(Direction& direction, const Message& message, int request, const RowContext& context, Call call);

// Exchanges are counted from 0. Rows of disjoint slots may be packed from several threads; all else is for one at a
// time.
class RowSender {
 public:
  // `numbers[i]` of field i: see FieldNumbers.
  RowSender(Direction& direction, const RowContext& context, std::vector<int> numbers);

  // Packs slots [first, first + count) of field `field` from slots [0, count) of `columns`, for model step `step`;
  // waits while the ML rank still reads the rows of the exchange before (with lag: of the one before that). In a window
  // what is whole is there at once.
  void pack(int field, const ColumnView& columns, std::int64_t first, std::int64_t count, const RowMoment& when,
            Call call);
  // Across nodes: what is whole leaves. Any thread that may call MPI.
  void post();
  // All is packed: across nodes it is posted, and the exchange before has left, whose memory the next one takes.
  void end_exchange(Call call);
  void begin_exchange();
  // In place of the rows of an exchange that has begun: nothing follows.
  void finish();

  bool across_nodes() const { return !direction_.requests.empty(); }
  std::int64_t exchange() const { return exchange_; }
  const Direction& direction() const { return direction_; }

 private:
  struct Outgoing {
    std::atomic<std::int64_t> rows_missing{0};  // rows x fields not yet packed
    bool posted = false;                        // across nodes only
  };

  void reset();
  // Of this exchange, see Message.
  bool is_second() const { return exchange_ % 2 != 0; }
  int request(const Message& message) const { return message.request_of(exchange_); }
  MessageHeader& header(const Message& message) const { return message.header_of(exchange_); }
  bool is_free(const Message& message) const;
  void wait_for_leaving(Call call, bool second);
  void wait_until_free(Call call, int number);
  void pack_strip(int field, const ColumnView& columns, std::int64_t first, std::int64_t begin, std::int64_t count);
  void packed(int message, std::int64_t rows, const RowMoment& when);

  Direction& direction_;
  RowContext context_;
  std::vector<int> numbers_;
  std::int64_t exchange_ = 0;
  std::unique_ptr<Outgoing[]> outgoing_;
  std::atomic<bool> free_{true};
  std::mutex post_mutex_;
};

}  // namespace ekman

// One direction of a route from the ML ranks to a component rank: rows are waited for and unpacked.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "coupler/exchange/reduction.hpp"
#include "coupler/session/row_sender.hpp"

namespace ekman {

// Exchanges are counted from 0. Rows of disjoint slots may be fetched from several threads. With lag the rows fetched
// are those of the exchange before, while the ones of this exchange come.
class RowReceiver {
 public:
  // `numbers[i]` of field i: see FieldNumbers. `any_thread`: all threads may call MPI, else the init thread alone.
  // `call`: how waits are told.
  RowReceiver(Direction& direction, const RowContext& context, std::vector<int> numbers, bool any_thread,
              Call call = Call::get);

  // Across nodes: begins to receive, if it has not in this exchange. Before the rows that are answered leave.
  void start();
  // Waits for the rows of slots [first, first + count), then unpacks field `field` into `columns`. Across nodes a
  // thread that may not call MPI cannot wait: an Error, unless the init thread has received them. Points that the
  // guard gave up are taken from `fallback` (all slots of the field; null: left alone). Returns how many.
  std::int64_t get(int field, const ColumnView& columns, std::int64_t first, std::int64_t count, bool init_thread,
                   Reducer* fallback);
  // Init thread. What the ML ranks have learned, as the first message of this exchange says; waits for it. False on a
  // rank without points.
  bool status(LearningStatus& status);
  void begin_exchange();
  // All has arrived that was asked for.
  void finish(Call call);

  // There are rows to fetch: not in the first exchange with lag.
  bool has_rows() const { return fetched() >= 0; }
  const Direction& direction() const { return direction_; }

 private:
  bool has_given_up(int message) const;
  std::int64_t unpack_guarded(const Run& run, int field, const ColumnView& columns, std::int64_t slot,
                              std::int64_t count, std::int64_t first, Reducer* fallback);
  // The exchange whose rows are fetched now.
  std::int64_t fetched() const { return exchange_ - lag_; }
  MessageHeader& header(const Message& message) const { return message.header_of(fetched()); }
  RowSpan rows(const Run& run, std::int64_t slot, int field) const;
  void wait_for_exchange(std::int64_t exchange, Call call);
  void receive_all(int field);
  void wait_for(int message, int field, bool may_call_mpi);
  void progress();
  void reset();

  Direction& direction_;
  RowContext context_;
  std::vector<int> numbers_;
  bool any_thread_;
  Call call_;
  std::int64_t lag_;
  std::int64_t exchange_ = 0;
  std::unique_ptr<std::atomic<bool>[]> arrived_;  // of the rows fetched
  std::vector<std::size_t> message_of_request_;   // without lag
  bool receiving_ = false;                        // receives of this exchange are started
  std::mutex mutex_;
};

}  // namespace ekman

// Implements echo_by_hand.hpp. Waiting yields the core, as it must with more ranks than cores.
#include "bench/echo_by_hand.hpp"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>
#include <vector>

namespace bench {
namespace {

constexpr std::int64_t k_block = 16;

// Column-major float64 to float32 rows, in blocks that stay in the first-level cache.
void pack(const double* field, std::int64_t columns, std::int64_t levels, float* rows) {
  for (std::int64_t c0 = 0; c0 < columns; c0 += k_block) {
    const std::int64_t c1 = std::min(columns, c0 + k_block);
    for (std::int64_t l0 = 0; l0 < levels; l0 += k_block) {
      const std::int64_t l1 = std::min(levels, l0 + k_block);
      for (std::int64_t c = c0; c < c1; ++c) {
        for (std::int64_t l = l0; l < l1; ++l) rows[c * levels + l] = static_cast<float>(field[l * columns + c]);
      }
    }
  }
}

void unpack(const float* rows, std::int64_t columns, std::int64_t levels, double* field) {
  for (std::int64_t c0 = 0; c0 < columns; c0 += k_block) {
    const std::int64_t c1 = std::min(columns, c0 + k_block);
    for (std::int64_t l0 = 0; l0 < levels; l0 += k_block) {
      const std::int64_t l1 = std::min(levels, l0 + k_block);
      for (std::int64_t l = l0; l < l1; ++l) {
        for (std::int64_t c = c0; c < c1; ++c) field[l * columns + c] = rows[c * levels + l];
      }
    }
  }
}

class WindowEcho final : public EchoByHand {
 public:
  WindowEcho(MPI_Comm world, std::int64_t columns, std::int64_t levels) : columns_(columns), levels_(levels) {
    MPI_Comm_rank(world, &rank_);
    MPI_Comm_size(world, &ranks_);
    values_ = columns * levels * (ranks_ - 1);
    const auto bytes = static_cast<MPI_Aint>(k_flags * ranks_ + 2 * values_ * static_cast<std::int64_t>(sizeof(float)));
    void* base = nullptr;
    MPI_Win_allocate_shared(rank_ == ranks_ - 1 ? bytes : 0, 1, MPI_INFO_NULL, world, &base, &window_);
    MPI_Aint size = 0;
    int unit = 0;
    MPI_Win_shared_query(window_, ranks_ - 1, &size, &unit, &base);
    memory_ = static_cast<std::byte*>(base);
    if (rank_ == ranks_ - 1) {
      for (int rank = 0; rank < ranks_; ++rank) new (memory_ + k_flags * rank) Flag(0);
    }
    MPI_Barrier(world);
  }
  WindowEcho(const WindowEcho&) = delete;
  WindowEcho& operator=(const WindowEcho&) = delete;
  ~WindowEcho() override { MPI_Win_free(&window_); }

  void round_trip(const double* in, double* out) override {
    ++turn_;
    const std::int64_t first = rank_ * columns_ * levels_;
    pack(in, columns_, levels_, rows() + first);
    flag(rank_).store(turn_, std::memory_order_release);
    while (flag(ranks_ - 1).load(std::memory_order_acquire) != turn_) sched_yield();
    unpack(rows() + values_ + first, columns_, levels_, out);
  }

  void serve() override {
    ++turn_;
    for (int rank = 0; rank < ranks_ - 1; ++rank) {
      while (flag(rank).load(std::memory_order_acquire) != turn_) sched_yield();
    }
    std::memcpy(rows() + values_, rows(), static_cast<std::size_t>(values_) * sizeof(float));
    flag(ranks_ - 1).store(turn_, std::memory_order_release);
  }

 private:
  using Flag = std::atomic<std::int64_t>;
  static constexpr std::int64_t k_flags = 64;  // bytes from one to the next: a cache line each

  Flag& flag(int rank) { return *reinterpret_cast<Flag*>(memory_ + k_flags * rank); }
  float* rows() { return reinterpret_cast<float*>(memory_ + k_flags * ranks_); }

  std::int64_t columns_, levels_, values_ = 0, turn_ = 0;
  int rank_ = 0, ranks_ = 0;
  MPI_Win window_ = MPI_WIN_NULL;
  std::byte* memory_ = nullptr;
};

class MessageEcho final : public EchoByHand {
 public:
  MessageEcho(MPI_Comm world, std::int64_t columns, std::int64_t levels) : columns_(columns), levels_(levels) {
    MPI_Comm_dup(world, &comm_);
    MPI_Comm_rank(comm_, &rank_);
    MPI_Comm_size(comm_, &ranks_);
    const std::int64_t mine = columns * levels * (rank_ == ranks_ - 1 ? ranks_ - 1 : 1);
    in_.resize(static_cast<std::size_t>(mine));
    out_.resize(in_.size());
    requests_.resize(static_cast<std::size_t>(ranks_ - 1));
  }
  MessageEcho(const MessageEcho&) = delete;
  MessageEcho& operator=(const MessageEcho&) = delete;
  ~MessageEcho() override { MPI_Comm_free(&comm_); }

  void round_trip(const double* in, double* out) override {
    MPI_Request requests[2];
    MPI_Irecv(out_.data(), count(), MPI_FLOAT, ranks_ - 1, 2, comm_, &requests[0]);
    pack(in, columns_, levels_, in_.data());
    MPI_Isend(in_.data(), count(), MPI_FLOAT, ranks_ - 1, 1, comm_, &requests[1]);
    MPI_Waitall(2, requests, MPI_STATUSES_IGNORE);
    unpack(out_.data(), columns_, levels_, out);
  }

  void serve() override {
    for (int rank = 0; rank < ranks_ - 1; ++rank)
      MPI_Irecv(in_.data() + std::int64_t{rank} * count(), count(), MPI_FLOAT, rank, 1, comm_, &requests_[rank]);
    MPI_Waitall(ranks_ - 1, requests_.data(), MPI_STATUSES_IGNORE);
    std::memcpy(out_.data(), in_.data(), in_.size() * sizeof(float));
    for (int rank = 0; rank < ranks_ - 1; ++rank)
      MPI_Isend(out_.data() + std::int64_t{rank} * count(), count(), MPI_FLOAT, rank, 2, comm_, &requests_[rank]);
    MPI_Waitall(ranks_ - 1, requests_.data(), MPI_STATUSES_IGNORE);
  }

 private:
  int count() const { return static_cast<int>(columns_ * levels_); }

  std::int64_t columns_, levels_;
  int rank_ = 0, ranks_ = 0;
  MPI_Comm comm_ = MPI_COMM_NULL;
  std::vector<float> in_, out_;
  std::vector<MPI_Request> requests_;
};

}  // namespace

std::unique_ptr<EchoByHand> make_window_echo(MPI_Comm world, std::int64_t columns, std::int64_t levels) {
  return std::make_unique<WindowEcho>(world, columns, levels);
}

std::unique_ptr<EchoByHand> make_message_echo(MPI_Comm world, std::int64_t columns, std::int64_t levels) {
  return std::make_unique<MessageEcho>(world, columns, levels);
}

}  // namespace bench

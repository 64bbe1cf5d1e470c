// Implements polite_wait.hpp with Linux's futex.
#include "coupler/comm/polite_wait.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "coupler/base/node_clock.hpp"
#include "coupler/comm/bell.hpp"

namespace ekman {
namespace {

constexpr int k_untimed_looks = 2;             // most waits are over by then, and the clock takes 25 ns
constexpr std::int64_t k_soon = 500'000;       // nanoseconds: a sleeper wakes 20 to 90 us late
constexpr std::int64_t k_longest = 2'000'000;  // then it looks by itself, since it may have other things to see to

}  // namespace

// Its rank looks between its two steps, listening and sleeping; see ring().
bool PoliteWait::sleep() {
  if (listens_) {
    const timespec longest{0, static_cast<long>(k_longest)};
    syscall(SYS_futex, &bell_->rung, FUTEX_WAIT, rung_, &longest, nullptr, 0);
  } else {
    if (untimed_ < k_untimed_looks) {
      ++untimed_;
      return false;
    }
    const std::int64_t at = node_nanoseconds();
    if (begin_ == 0) begin_ = at;
    if (at - begin_ < k_soon) return false;
    listens_ = true;
    bell_->sleepers.fetch_add(1, std::memory_order_seq_cst);
  }
  rung_ = bell_->rung.load(std::memory_order_seq_cst);
  return true;
}

void PoliteWait::stop_listening() { bell_->sleepers.fetch_sub(1, std::memory_order_relaxed); }

}  // namespace ekman

// Waiting that gives the core away: a few looks at full speed, then sched_yield between looks, or sleep if there is a
// bell that wakes.
#pragma once

#include <sched.h>

#include <cstdint>

namespace ekman {

struct Bell;

// One object a wait; look, then pause, in turns. `shared_cores`: more ranks than cores on the node, so yield from the
// first look on. `bell`: of this rank, if whoever writes what is waited for rings it.
class PoliteWait {
 public:
  explicit PoliteWait(bool shared_cores, Bell* bell = nullptr) : bell_(bell), spins_(shared_cores ? 0 : k_spins) {}
  ~PoliteWait() {
    if (listens_) stop_listening();
  }
  PoliteWait(const PoliteWait&) = delete;
  PoliteWait& operator=(const PoliteWait&) = delete;
  // True if it slept: for some time, or until the bell was rung.
  bool pause() {
    if (spins_ > 0) {
      --spins_;
      return false;
    }
    if (bell_ != nullptr && sleep()) return true;
    sched_yield();
    return false;
  }

 private:
  static constexpr int k_spins = 2000;

  // False as long as the wait is short. See ring().
  bool sleep();
  void stop_listening();

  Bell* bell_;
  int spins_;
  bool listens_ = false;
  int untimed_ = 0;  // looks for which the clock was not read
  std::uint32_t rung_ = 0;
  std::int64_t begin_ = 0;  // nanoseconds of the monotonic clock; 0: not known yet
};

}  // namespace ekman

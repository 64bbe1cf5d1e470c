// Waiting that gives the core away: a few looks at full speed, then sched_yield between looks.
#pragma once

#include <sched.h>

namespace ekman {

// One object a wait. `shared_cores`: more ranks than cores on the node, so yield from the first look on.
class PoliteWait {
 public:
  explicit PoliteWait(bool shared_cores) : spins_(shared_cores ? 0 : k_spins) {}
  void pause() {
    if (spins_ > 0) {
      --spins_;
    } else {
      sched_yield();
    }
  }

 private:
  static constexpr int k_spins = 2000;
  int spins_;
};

}  // namespace ekman

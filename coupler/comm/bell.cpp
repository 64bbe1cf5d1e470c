// Implements bell.hpp with Linux's futex.
#include "coupler/comm/bell.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <string>

namespace ekman {

// A sleeper looks at the memory between its two steps, counting itself and sleeping; so either it sees what was
// written before the fence, or it is seen here.
void ring(Bell* bell) {
  if (bell == nullptr) return;
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (bell->sleepers.load(std::memory_order_relaxed) == 0) return;
  bell->rung.fetch_add(1, std::memory_order_release);
  syscall(SYS_futex, &bell->rung, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

Bells::Bells(const Communicator& node) {
  std::string problem;  // then waits yield
  memory_ = NodeMemory(node, sizeof(Bell), problem);
}

}  // namespace ekman

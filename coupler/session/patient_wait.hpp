// A wait for memory that another rank of the node writes. Most are shorter than it takes to tell of them, so the state
// record learns of a wait only when it has lasted for some looks.
#pragma once

#include "coupler/comm/polite_wait.hpp"
#include "coupler/session/state_record.hpp"

namespace ekman {

// Where cores are shared a look may be long: another process runs meanwhile.
inline int untold_looks(bool shared_cores) { return shared_cores ? 8 : 64; }

// Looks until `done()`, in turns with sleep if there is a `bell`. What is waited for: see WaitScope.
template <class Done>
void wait_until(Done done, bool shared_cores, Bell* bell, StateWriter& state, Call call, int field, int network,
                int peer) {
  if (done()) return;
  const StageTimer timer(state.profile(), Stage::wait, network);
  PoliteWait wait(shared_cores, bell);
  for (int look = untold_looks(shared_cores); look > 0; --look) {
    if (done()) return;
    wait.pause();
  }
  const WaitScope waiting(state, call, field, network, peer);
  while (!done()) wait.pause();
}

}  // namespace ekman

// Implements simulation.hpp; nothing of it is in a build for a real machine.
#include "coupler/base/simulation.hpp"

#ifdef EKMAN_SIMULATION
#include <simgrid/actor.h>
#include <simgrid/engine.h>
#include <simgrid/host.h>

#include <cmath>

namespace ekman {

namespace {

double copy_rate = 0.0;  // of the whole simulation

}  // namespace

std::int64_t simulated_clock() {
  constexpr double k_second = 1e9;
  return std::llround(simgrid_get_clock() * k_second);
}

void pass_simulated_time(double seconds, bool busy) {
  if (seconds <= 0.0) return;
  if (busy) {
    sg_actor_execute(seconds * sg_host_get_speed(sg_host_self()));
  } else {
    sg_actor_sleep_for(seconds);
  }
}

void set_copy_rate(double bytes_per_second) { copy_rate = bytes_per_second; }

void pass_copy_time(std::int64_t bytes) {
  if (copy_rate > 0.0) pass_simulated_time(static_cast<double>(bytes) / copy_rate, true);
}

}  // namespace ekman
#endif

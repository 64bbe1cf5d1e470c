// Implements pass_time.hpp.
#include "coupler/base/pass_time.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "coupler/base/simulation.hpp"

namespace ekman {

namespace {

constexpr double k_woken_late = 1e-4;  // Linux wakes 0.05 ms late by default
constexpr double k_longest_nap = 3600.0;

}  // namespace

double seconds_now() {
  if constexpr (k_simulated) return static_cast<double>(simulated_clock()) * 1e-9;
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void pass_time(double seconds, bool busy) { pass_time_until(seconds_now() + seconds, busy); }

void pass_time_until(double moment, bool busy) {
  if constexpr (k_simulated) return pass_simulated_time(moment - seconds_now(), busy);
  for (double left = moment - seconds_now(); left > 0.0; left = moment - seconds_now()) {
    // No sched_yield in the last stretch: where ranks share a core, that gives the others whole time slices.
    if (busy || left <= k_woken_late) continue;
    std::this_thread::sleep_for(std::chrono::duration<double>(std::min(left - k_woken_late, k_longest_nap)));
  }
}

}  // namespace ekman

// Whether this is the build for a simulated machine (SimGrid's SMPI), and its clock. There all ranks are contexts of
// one thread, and one runs until it waits in MPI or lets time pass: nobody may wait by looking at memory, and time
// stands still while a rank computes.
#pragma once

#include <cstdint>

namespace ekman {

#ifdef EKMAN_SIMULATION
inline constexpr bool k_simulated = true;
#else
inline constexpr bool k_simulated = false;
#endif

// In a simulated build only. Nanoseconds since its beginning.
std::int64_t simulated_clock();
// The same. Time passes: at work on a core of this rank's node, which ranks beyond its cores share, or idle.
void pass_simulated_time(double seconds, bool busy);
// The same. What a rank has copied from memory to memory takes `bytes` at the rate that was set; 0: no time.
void set_copy_rate(double bytes_per_second);
void pass_copy_time(std::int64_t bytes);

}  // namespace ekman

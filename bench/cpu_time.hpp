// Seconds of the processor, which others on the machine disturb less than those of a clock.
#pragma once

#include <time.h>

namespace bench {

inline double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Of one call, over `count` of them.
template <class Call>
double seconds_of(int count, Call call) {
  const double begin = cpu_seconds();
  for (int i = 0; i < count; ++i) call();
  return (cpu_seconds() - begin) / count;
}

}  // namespace bench

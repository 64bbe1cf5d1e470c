// Implements process_tuning.hpp; the settings of malloc are those that design/facts.md measured.
#include "coupler/base/process_tuning.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <sched.h>

#include <climits>
#include <cstdlib>
#include <thread>

namespace ekman {

void tune_process() {
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

int cores_allowed() {
  const std::vector<int> numbers = numbers_of_cores_allowed();
  return static_cast<int>(numbers.empty() ? std::thread::hardware_concurrency() : numbers.size());
}

std::vector<int> numbers_of_cores_allowed() {
  std::vector<int> numbers;
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return numbers;  // more cores than the set has room for
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &allowed)) numbers.push_back(core);
  }
  return numbers;
}

void bind_threads(int threads, int cores) {
  if (threads < 2 || threads != cores) return;
  for (const char* asked : {"OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY"})
    if (std::getenv(asked) != nullptr) return;
  setenv("OMP_PROC_BIND", "true", 0);
  setenv("OMP_PLACES", "threads", 0);
}

std::string binding_warning(int threads, int cores) {
  if (threads <= cores) return "";
  return fmt::format(
      "the plan gives this rank {} threads, but it may use {} core{} only; start it with more cores (mpirun --map-by "
      "slot:PE={}, or --bind-to none; srun --cpus-per-task={}), or take fewer `threads`",
      threads, cores, cores == 1 ? "" : "s", threads, threads);
}

}  // namespace ekman

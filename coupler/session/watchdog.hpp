// Bounds every wait of this rank in wall time, whatever the awaited rank does: a thread that sleeps, looks at
// the rank's own record from time to time, and ends the job with a report when a wait is over its time.
// DESIGN.md: "Timeouts".
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "coupler/comm/node_memory.hpp"
#include "coupler/session/wait_report.hpp"

namespace ekman {

// Until a component knows the plan. ML ranks have --start-timeout, which is shorter: they speak first.
inline constexpr std::int64_t k_start_timeout_of_components = 3600 * k_microseconds_per_second;

class Watchdog {
 public:
  // Local. Inside init and waiting, for at most `start_timeout` microseconds, until introduce(). `stranger`
  // is how the rank is called until then.
  Watchdog(std::string stranger, std::int64_t start_timeout);
  // Local. The records of the other ranks outlive this one.
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // Collective over `all`. From now on the limits of the plan hold, and the ranks of a node see each other's
  // records, unless every network of the plan has transport: point_to_point.
  void share(const Communicator& all, const Plan& plan);
  // Local, once, after share(). Ends init.
  void introduce(const Identity& who);

  StateWriter& state() { return state_; }
  // Of the plan.
  const FieldNumbers& fields() const { return fields_; }

 private:
  // A time in which this thread was not run, because the process was stopped: it counts for no wait.
  struct Gap {
    std::int64_t from, to;
  };

  void watch();
  std::string judge(std::int64_t now);
  std::int64_t elapsed(std::int64_t since, std::int64_t now) const;
  std::int64_t tick() const;
  void note_gap(std::int64_t before, std::int64_t now);
  [[noreturn]] void end_job(const std::string& report);

  std::string stranger_;
  std::int64_t timeout_, timeout_physics_;  // milliseconds
  Plan plan_;
  FieldNumbers fields_;
  std::string node_;
  NodeMemory memory_;
  std::vector<StateRecord*> records_;  // of the node, if they are shared; in node rank order
  int node_rank_ = 0;
  StateWriter state_;
  std::int64_t start_;  // ticket of the wait in init
  std::vector<Gap> gaps_;
  std::map<int, std::int64_t> not_running_;  // ranks seen stopped or dead at every look, and since when

  std::mutex mutex_;  // of all above but state_, which has its own
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace ekman

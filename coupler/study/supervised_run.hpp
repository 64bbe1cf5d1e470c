// One local run of a study: a shell command with all that it starts, none of which survives it, nor this program.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <functional>
#include <string>
#include <vector>

namespace ekman {

// While it lives, Ctrl-C and requests to end do not end this program but are told by it. One at a time.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  int descriptor() const { return descriptor_; }
  const sigset_t& mask_before() const { return before_; }
  // True from the first one on.
  bool asked();
  // Returns after so many seconds, or true as soon as one has come.
  bool wait(double seconds);

 private:
  sigset_t before_{};
  int descriptor_ = -1;
  bool asked_ = false;
};

struct RunOrder {
  std::string command;  // for /bin/sh
  std::string folder;   // where
  std::string log;      // file of what it says
  double timeout = 0.0;
};

struct RunEnd {
  enum class Kind { ended, timed_out, stopped, not_started };
  Kind kind = Kind::not_started;
  int status = 0;  // of the command, as a shell counts: 128 and more by a signal
  double seconds = 0.0;
};

// The command is in a process group of its own under a supervisor, which takes in what is orphaned below it and lives
// until all of it has ended: the ranks of mpirun are in groups of their own. They are asked to end, and killed five
// seconds later, if `signals` tell to stop, at the timeout, and when this program dies, however it does. Nothing polls;
// `tick`, if not empty, is called each second. There must be no other threads.
RunEnd run_supervised(const RunOrder& order, StopSignals& signals, const std::function<void()>& tick);

// Runs a program and waits for it. Its output and errors come in one text.
struct Captured {
  int status = -1;  // -1: it could not be started
  std::string text;
};
Captured capture(const std::vector<std::string>& words);

}  // namespace ekman

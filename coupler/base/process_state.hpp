// Whether another process of this node runs, is stopped, or is gone: read from /proc, so it need not help.
#pragma once

#include <cstdint>

namespace ekman {

enum class ProcessState { running, stopped, dead, unknown };

// A process of this node, told from a later one with the same number. `space` names the space that the number
// is of: in containers each process may have its own.
struct ProcessId {
  std::int64_t number = 0;
  std::int64_t start = 0;
  std::int64_t space = 0;
};

ProcessId this_process();

// Stopped: by a signal or by a debugger. Unknown where this process cannot see.
ProcessState state_of(const ProcessId& process);

}  // namespace ekman

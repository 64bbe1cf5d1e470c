// Implements process_state.hpp over /proc/<pid>/stat: "pid (name) state ppid ...", the start time being
// value 22.
#include "coupler/base/process_state.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace ekman {

namespace {

struct Stat {
  char state = 0;  // 0: there is no such process
  std::int64_t start = 0;
};

Stat read_stat(std::int64_t number) {
  std::ifstream file(fmt::format("/proc/{}/stat", number));
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const std::size_t name_end = text.rfind(')');  // the name may hold anything
  if (name_end == std::string::npos) return {};
  std::istringstream values(text.substr(name_end + 1));
  Stat stat;
  std::string value;
  values >> stat.state;
  for (int i = 4; i <= 21; ++i) values >> value;
  values >> stat.start;
  return stat;
}

std::int64_t own_space() {
  struct stat space {};
  return ::stat("/proc/self/ns/pid", &space) == 0 ? static_cast<std::int64_t>(space.st_ino) : 0;
}

}  // namespace

ProcessId this_process() {
  const std::int64_t number = getpid();
  return {number, read_stat(number).start, own_space()};
}

ProcessState state_of(const ProcessId& process) {
  const Stat self = read_stat(getpid());
  if (self.state == 0 || process.start == 0 || process.space != own_space()) return ProcessState::unknown;
  const Stat stat = read_stat(process.number);
  if (stat.state == 0 || stat.start != process.start) return ProcessState::dead;
  switch (stat.state) {
    case 'T':
    case 't':
      return ProcessState::stopped;
    case 'Z':
    case 'X':
    case 'x':
      return ProcessState::dead;
    default:
      return ProcessState::running;
  }
}

}  // namespace ekman

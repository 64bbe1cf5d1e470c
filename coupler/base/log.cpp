// Implements log.hpp over write(2): stdio would split long lines.
#include "coupler/base/log.hpp"

#include <unistd.h>

namespace ekman {

void log_line(const std::string& text) {
  const std::string line = "ekman: " + text + "\n";
  std::size_t done = 0;
  while (done < line.size()) {
    const ssize_t written = ::write(STDERR_FILENO, line.data() + done, line.size() - done);
    if (written <= 0) return;  // nowhere left to complain to
    done += static_cast<std::size_t>(written);
  }
}

}  // namespace ekman

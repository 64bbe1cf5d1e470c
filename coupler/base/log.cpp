// Implements log.hpp over write(2): stdio would split long lines.
#include "coupler/base/log.hpp"

#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>

namespace ekman {
namespace {

constexpr const char* k_erase = "\r\x1b[K";  // to the beginning of the line, and clear it

// Of the process, as its terminal is; lines come from several threads.
std::atomic<bool> live_line_shown{false};

void write_whole(const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data() + done, text.size() - done);
    if (written <= 0) return;  // nowhere left to complain to
    done += static_cast<std::size_t>(written);
  }
}

// Characters that fit on a line; a longer one could not be written over.
std::size_t terminal_width() {
  winsize size{};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return known ? static_cast<std::size_t>(size.ws_col) - 1 : 79;
}

}  // namespace

void log_line(const std::string& text) {
  write_whole((live_line_shown.exchange(false) ? k_erase : "") + ("ekman: " + text + "\n"));
}

void live_line(const std::string& text) {
  if (!stderr_is_terminal()) return;
  if (text.empty()) {
    if (live_line_shown.exchange(false)) write_whole(k_erase);
    return;
  }
  live_line_shown = true;
  write_whole(k_erase + ("ekman: " + text).substr(0, terminal_width()));
}

std::string progress_bar(std::int64_t done, std::int64_t all) {
  constexpr std::int64_t k_width = 20;
  const std::int64_t full = done >= all ? k_width : k_width * done / all;
  return "[" + std::string(static_cast<std::size_t>(full), '#') +
         std::string(static_cast<std::size_t>(k_width - full), ' ') + "]";
}

void await_reader() {
  struct stat kind {};
  if (::fstat(STDERR_FILENO, &kind) != 0 || !S_ISFIFO(kind.st_mode)) return;
  constexpr int k_looks = 1000;
  constexpr useconds_t k_between = 1000;  // microseconds
  int unread = 0;
  for (int look = 0; look < k_looks && ::ioctl(STDERR_FILENO, FIONREAD, &unread) == 0 && unread > 0; ++look)
    ::usleep(k_between);
}

bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

}  // namespace ekman

// Implements supervised_run.hpp.
#include "coupler/study/supervised_run.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "ekman/error.hpp"

namespace ekman {

namespace {

namespace fs = std::filesystem;

constexpr double k_grace = 5.0;       // seconds from asking to killing
constexpr int k_not_started = 127;    // status of a child that could not become the command
constexpr int k_killed_rounds = 200;  // looks for children that are left, 10 ms apart at least

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

int process_descriptor(pid_t process) { return static_cast<int>(syscall(SYS_pidfd_open, process, 0)); }

// Until one can be read, or its other end is closed; false: in so many seconds none could. Negative: no limit.
template <std::size_t N>
bool await(std::array<pollfd, N>& descriptors, double seconds) {
  const double end = now() + seconds;
  for (;;) {
    const double left = std::max(end - now(), 0.0);
    // What poll counts ends after 24 days.
    const int milliseconds = seconds < 0.0 ? -1 : static_cast<int>(std::min(std::ceil(left * 1e3), 1e9));
    const int ready = poll(descriptors.data(), descriptors.size(), milliseconds);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
    if (seconds >= 0.0 && now() >= end) return false;
  }
}

int shell_status(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

// What the supervisor says at its end.
struct Report {
  RunEnd::Kind kind;
  int status;
};

[[noreturn]] void become_command(const RunOrder& order, const sigset_t& mask) {
  setpgid(0, 0);
  const int log = open(order.log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
  const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (log < 0 || nothing < 0 || dup2(nothing, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0 ||
      chdir(order.folder.c_str()) != 0)
    _exit(k_not_started);
  sigprocmask(SIG_SETMASK, &mask, nullptr);
  execl("/bin/sh", "sh", "-c", order.command.c_str(), static_cast<char*>(nullptr));
  _exit(k_not_started);
}

// Of this process, which takes in those of its children that end.
std::vector<pid_t> children() {
  std::vector<pid_t> found;
  std::error_code problem;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc", problem)) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "stat");
    std::string line;
    std::getline(file, line);
    const std::size_t end = line.rfind(')');  // of the program's name, which may hold anything
    if (end == std::string::npos || line.size() < end + 4) continue;
    if (std::atoi(line.c_str() + end + 4) == getpid()) found.push_back(static_cast<pid_t>(std::stol(name)));
  }
  return found;
}

void kill_children() {
  for (int round = 0; round < k_killed_rounds; ++round) {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    const std::vector<pid_t> left = children();
    if (left.empty()) return;
    for (const pid_t process : left) kill(process, SIGKILL);
    usleep(10000);
  }
}

// `life` is closed when the program that asked for the run has ended, or wants the run to end.
[[noreturn]] void supervise(const RunOrder& order, const sigset_t& mask, int life, int report) {
  setpgid(0, 0);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const pid_t command = fork();
  if (command == 0) become_command(order, mask);
  Report said{RunEnd::Kind::not_started, 0};
  if (command > 0) {
    setpgid(command, command);
    const int ended = process_descriptor(command);
    std::array<pollfd, 2> either{pollfd{ended, POLLIN, 0}, pollfd{life, POLLIN, 0}};
    said.kind = !await(either, order.timeout) ? RunEnd::Kind::timed_out
                : either[0].revents != 0      ? RunEnd::Kind::ended
                                              : RunEnd::Kind::stopped;
    if (said.kind != RunEnd::Kind::ended) {
      kill(-command, SIGTERM);
      std::array<pollfd, 1> alone{pollfd{ended, POLLIN, 0}};
      if (!await(alone, k_grace)) kill(-command, SIGKILL);
    }
    int status = 0;
    while (waitpid(command, &status, 0) < 0 && errno == EINTR) {
    }
    said.status = shell_status(status);
    kill_children();
  }
  const ssize_t written = write(report, &said, sizeof said);
  _exit(written == static_cast<ssize_t>(sizeof said) ? 0 : 1);
}

[[noreturn]] void fail(const char* doing) {
  throw Error(ErrorCode::internal, std::string("a run cannot be started: ") + doing +
                                       " failed: " + std::strerror(errno) +
                                       "; see whether the limits of processes and open files (ulimit -a) are reached");
}

}  // namespace

StopSignals::StopSignals() {
  sigset_t mask;
  sigemptyset(&mask);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&mask, signal);
  sigprocmask(SIG_BLOCK, &mask, &before_);
  descriptor_ = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
  if (descriptor_ < 0) fail("signalfd");
}

StopSignals::~StopSignals() {
  asked();  // what has come is told; the next one ends the program
  close(descriptor_);
  sigprocmask(SIG_SETMASK, &before_, nullptr);
}

bool StopSignals::asked() {
  signalfd_siginfo info{};
  while (read(descriptor_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) asked_ = true;
  return asked_;
}

bool StopSignals::wait(double seconds) {
  if (asked()) return true;
  std::array<pollfd, 1> alone{pollfd{descriptor_, POLLIN, 0}};
  await(alone, seconds);
  return asked();
}

RunEnd run_supervised(const RunOrder& order, StopSignals& signals, const std::function<void()>& tick) {
  int life[2], report[2];
  if (pipe2(life, O_CLOEXEC) != 0 || pipe2(report, O_CLOEXEC) != 0) fail("pipe");
  std::fflush(nullptr);
  const double start = now();
  const pid_t supervisor = fork();
  if (supervisor < 0) fail("fork");
  if (supervisor == 0) {
    close(life[1]);
    close(report[0]);
    supervise(order, signals.mask_before(), life[0], report[1]);
  }
  close(life[0]);
  close(report[1]);
  bool is_stopped = false;
  for (;;) {
    // Its end of the pipe closes with the supervisor.
    std::array<pollfd, 2> either{pollfd{report[0], POLLIN, 0},
                                 pollfd{is_stopped ? -1 : signals.descriptor(), POLLIN, 0}};
    const bool ready = await(either, tick ? 1.0 : -1.0);
    if (!ready && tick) tick();
    if (ready && either[0].revents != 0) break;
    if (!is_stopped && signals.asked()) {
      is_stopped = true;
      close(life[1]);
    }
  }
  Report said{RunEnd::Kind::not_started, 0};
  const bool is_told = read(report[0], &said, sizeof said) == static_cast<ssize_t>(sizeof said);
  while (waitpid(supervisor, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (!is_stopped) close(life[1]);
  close(report[0]);
  RunEnd end;
  end.kind = is_stopped ? RunEnd::Kind::stopped : is_told ? said.kind : RunEnd::Kind::not_started;
  end.status = said.status;
  end.seconds = now() - start;
  return end;
}

Captured capture(const std::vector<std::string>& words) {
  int output[2];
  if (pipe2(output, O_CLOEXEC) != 0) fail("pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output[1], 1);
  posix_spawn_file_actions_adddup2(&actions, output[1], 2);
  std::vector<std::string> copies = words;
  std::vector<char*> arguments;
  for (std::string& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int code = posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(output[1]);
  Captured captured;
  if (code == 0) {
    char piece[4096];
    for (ssize_t count = 0; (count = read(output[0], piece, sizeof piece)) > 0 || (count < 0 && errno == EINTR);)
      if (count > 0) captured.text.append(piece, static_cast<std::size_t>(count));
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    captured.status = shell_status(status);
  } else {
    captured.text = std::strerror(code);
  }
  close(output[0]);
  return captured;
}

}  // namespace ekman

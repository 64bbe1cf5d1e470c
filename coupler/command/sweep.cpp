// Implements sweep.hpp.
#include "coupler/command/sweep.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <set>
#include <system_error>

#include "coupler/base/joined.hpp"
#include "coupler/base/log.hpp"
#include "coupler/command/plan_words.hpp"
#include "coupler/command/sweep_results.hpp"
#include "coupler/command/sweep_runs.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

namespace fs = std::filesystem;

constexpr int k_stopped = 130;     // as a shell says of Ctrl-C
constexpr int k_lock_tries = 120;  // a run that was killed with its study takes some seconds to end
constexpr useconds_t k_between = 100000;

// Two studies would write over each other. The supervisor of a run has the lock too, until all of that run has ended.
class Lock {
 public:
  explicit Lock(const std::string& folder) {
    std::error_code problem;
    fs::create_directories(folder, problem);
    const std::string path = (fs::path(folder) / "lock").string();
    file_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file_ < 0)
      throw Error(ErrorCode::usage, fmt::format("cannot write to {}: {}; name another place with --output", folder,
                                                std::generic_category().message(errno)));
    for (int attempt = 0; flock(file_, LOCK_EX | LOCK_NB) != 0; ++attempt) {
      if (attempt == k_lock_tries)
        throw Error(ErrorCode::usage,
                    fmt::format("another `ekman sweep` is at work in {}; wait for it, or name another "
                                "place with --output",
                                folder));
      usleep(k_between);
    }
  }
  ~Lock() { close(file_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  int file_ = -1;
};

void tell_invalid(const Sweep& sweep) {
  for (const SweepPoint& point : sweep.points)
    if (!point.problem.empty()) log_line(fmt::format("warning: left out: {}: {}", point.words, point.problem));
}

void print_sweep(const Sweep& sweep) {
  std::printf("%s: %s, %s each, results in %s\n", sweep.study.name.c_str(),
              counted(sweep.points.size(), "point").c_str(),
              counted(static_cast<std::size_t>(sweep.study.repeats), "run").c_str(), sweep.folder.c_str());
  for (const SweepPoint& point : sweep.points)
    if (!point.problem.empty()) std::printf("\n%s\n  left out: %s\n", point.words.c_str(), point.problem.c_str());
  for (const SweepRun& run : runs_of(sweep)) {
    if (run.repeat > 1) break;
    const SweepPoint& point = sweep.points[run.point];
    const auto outcome = read_outcome(run.folder);
    std::printf("\n%s\n  point %s, %s\n", point.words.c_str(), point.id.c_str(),
                outcome ? word_of(outcome->status) : "to do");
    std::printf("%s\n", sweep.study.slurm ? slurm_script(slurm_job(sweep, run)).c_str()
                                          : ("  " + local_command(sweep, run)).c_str());
  }
}

// Those without an outcome; a point with a failed run is not gone on with.
std::vector<SweepRun> open_runs(const Sweep& sweep, bool retry_failed, std::size_t& done) {
  const std::vector<SweepRun> all = runs_of(sweep);
  std::set<std::size_t> failed;
  for (const SweepRun& run : all) {
    const auto outcome = read_outcome(run.folder);
    if (!outcome || outcome->status == RunStatus::done) continue;
    if (retry_failed) {
      std::error_code ignored;
      fs::remove_all(run.folder, ignored);
    } else {
      failed.insert(run.point);
    }
  }
  std::vector<SweepRun> open;
  done = 0;
  for (const SweepRun& run : all) {
    if (read_outcome(run.folder)) {
      ++done;
    } else if (failed.count(run.point) == 0) {
      open.push_back(run);
    }
  }
  if (!failed.empty())
    log_line(fmt::format("{} of before failed and will not be run; --retry-failed tries again",
                         counted(failed.size(), "point")));
  return open;
}

// True: it was stopped.
bool make_runs(const Sweep& sweep, bool retry_failed) {
  std::size_t done = 0;
  const std::vector<SweepRun> runs = open_runs(sweep, retry_failed, done);
  log_line(fmt::format(
      "study {}: {} with {} each; {} made already, {} to make", sweep.study.name, counted(sweep.points.size(), "point"),
      counted(static_cast<std::size_t>(sweep.study.repeats), "run"), counted(done, "run"), runs.size()));
  if (runs.empty()) return false;
  StopSignals signals;
  SweepProgress progress(sweep, done + runs.size(), done);
  (sweep.study.slurm ? run_by_slurm : run_here)(sweep, runs, signals, progress);
  return signals.asked();
}

}  // namespace

int sweep(const SweepOptions& options) {
  const StudyReading reading = examine_study(options.study);
  std::vector<std::string> lines = reading.diagnostics.lines(Severity::error);
  lines.insert(lines.end(), reading.base_problems.begin(), reading.base_problems.end());
  if (!lines.empty()) throw Error(ErrorCode::plan, joined(lines, "\n"));
  const Sweep sweep = make_sweep(reading, options.output);
  if (options.print) {
    print_sweep(sweep);
    return 0;
  }
  tell_invalid(sweep);
  const Lock lock(sweep.folder);
  const bool is_stopped = make_runs(sweep, options.retry_failed);
  const std::vector<PointResult> results = collect(sweep);
  write_results(sweep, results, options.figure && !is_stopped);
  if (is_stopped) {
    log_line("stopped; run it again to go on");
    return k_stopped;
  }
  for (const PointResult& point : results)
    if (point.status != "done" && point.status != "invalid") return 1;
  return 0;
}

}  // namespace ekman

// Implements the part of sweep_runs.hpp that has Slurm run a study.
#include <fmt/format.h>

#include <cstdio>
#include <deque>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "coupler/base/durable_file.hpp"
#include "coupler/base/log.hpp"
#include "coupler/command/plan_words.hpp"
#include "coupler/command/sweep_runs.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

namespace fs = std::filesystem;

constexpr const char* k_script_file = "job.sh";
constexpr const char* k_submitting = "submitting";
constexpr int k_looks_for_exit =
    6;  // polls for which a job may be gone before its file is seen: file systems take time

class SlurmRuns {
 public:
  SlurmRuns(const Sweep& sweep, const std::vector<SweepRun>& runs, StopSignals& signals, SweepProgress& progress)
      : sweep_(sweep), runs_(runs), signals_(signals), progress_(progress) {
    for (std::size_t run = 0; run < runs.size(); ++run) waiting_.push_back(run);
  }

  void run() {
    find_again();
    while (!waiting_.empty() || !jobs_.empty()) {
      while (!waiting_.empty() && jobs_.size() < static_cast<std::size_t>(sweep_.study.slurm->max_jobs)) {
        if (signals_.asked()) return tell_stop();
        start_next();
      }
      if (jobs_.empty()) continue;
      progress_.show(counted(jobs_.size(), "job") + " in the queue");
      const double poll =
          static_cast<double>(sweep_.study.slurm->poll) / static_cast<double>(k_microseconds_per_second);
      if (signals_.wait(poll)) return tell_stop();
      look();
    }
  }

 private:
  struct Job {
    std::int64_t number = 0;
    int looks = 0;  // since it has left the queue
  };

  std::string file(std::size_t run, const char* name) const { return (fs::path(runs_[run].folder) / name).string(); }

  // Jobs that an `ekman sweep` before this one has submitted; one that was ended between sbatch and its own note of the
  // number finds it by the name.
  void find_again() {
    std::map<std::string, std::int64_t> by_name;
    bool is_asked = false;
    std::deque<std::size_t> waiting;
    for (const std::size_t run : waiting_) {
      const std::optional<std::string> note = text_of_file(file(run, k_job_file));
      if (!note) {
        waiting.push_back(run);
        continue;
      }
      if (note->rfind(k_submitting, 0) != 0) {
        jobs_[run].number = std::stoll(*note);
        continue;
      }
      if (!std::exchange(is_asked, true)) {
        const auto queue = queued_jobs();
        if (!queue)
          throw Error(ErrorCode::usage,
                      "squeue does not say what is in the queue; see whether Slurm runs, and try again");
        for (const auto& [number, name] : *queue) by_name[name] = number;
      }
      const auto found = by_name.find(slurm_job(sweep_, runs_[run]).name);
      if (found == by_name.end() && !fs::exists(file(run, k_exit_file))) {
        waiting.push_back(run);
      } else {
        jobs_[run].number = found == by_name.end() ? 0 : found->second;
        replace_durably(file(run, k_job_file), fmt::format("{}\n", jobs_[run].number));
      }
    }
    waiting_ = waiting;
    if (!jobs_.empty()) log_line(fmt::format("{} of before found again", counted(jobs_.size(), "job")));
  }

  void start_next() {
    const std::size_t next = waiting_.front();
    waiting_.pop_front();
    if (failed_.count(runs_[next].point) > 0) return progress_.leave_out(1);
    prepare_run(sweep_, runs_[next]);
    replace_durably(file(next, k_script_file), slurm_script(slurm_job(sweep_, runs_[next])));
    replace_durably(file(next, k_job_file), fmt::format("{}\n", k_submitting));
    const std::int64_t number = submit(file(next, k_script_file));
    replace_durably(file(next, k_job_file), fmt::format("{}\n", number));
    jobs_[next].number = number;
  }

  void look() {
    const auto queue = queued_jobs();
    if (!queue) {
      if (!std::exchange(has_complained_, true))
        log_line("warning: squeue gives no answer; it is asked again and again");
      return;
    }
    has_complained_ = false;
    for (auto job = jobs_.begin(); job != jobs_.end();) {
      const bool is_over = queue->count(job->second.number) == 0 && end(job->first, job->second);
      job = is_over ? jobs_.erase(job) : std::next(job);
    }
  }

  // Of a job that has left the queue; false: look again.
  bool end(std::size_t run, Job& job) {
    const std::optional<std::string> said = text_of_file(file(run, k_exit_file));
    int exit_status = 0;
    double begin = 0.0, end = 0.0;
    RunStatus status = RunStatus::failed;
    std::string reason;
    if (said && std::sscanf(said->c_str(), "%d %lf %lf", &exit_status, &begin, &end) >= 1) {
      if (exit_status == 0) status = RunStatus::done;
    } else {
      const std::string state = end_of_job(job.number);
      if (state == "TIMEOUT") {
        status = RunStatus::timed_out;
      } else if (++job.looks < k_looks_for_exit && state != "CANCELLED") {
        return false;
      }
      reason = fmt::format("job {} ended {}", job.number, state.empty() ? "without a word" : "as " + state);
    }
    RunOutcome outcome = judge(sweep_, runs_[run], status, exit_status, end - begin);
    if (!reason.empty()) outcome.said = reason + ": " + outcome.said;
    write_outcome(runs_[run].folder, outcome);
    const bool is_done = outcome.status == RunStatus::done;
    if (!is_done) failed_.insert(runs_[run].point);
    progress_.add(runs_[run], outcome, is_done ? seconds_per_step_of(sweep_, runs_[run]) : 0.0);
    return true;
  }

  void tell_stop() const {
    if (jobs_.empty()) return;
    log_line(fmt::format("{} in the queue of Slurm: {}",
                         jobs_.size() == 1 ? "1 job stays" : fmt::format("{} jobs stay", jobs_.size()),
                         "`ekman sweep` finds them again; scancel takes them out"));
  }

  const Sweep& sweep_;
  const std::vector<SweepRun>& runs_;
  StopSignals& signals_;
  SweepProgress& progress_;
  std::deque<std::size_t> waiting_;  // of runs_
  std::map<std::size_t, Job> jobs_;
  std::set<std::size_t> failed_;  // points
  bool has_complained_ = false;
};

}  // namespace

void run_by_slurm(const Sweep& sweep, const std::vector<SweepRun>& runs, StopSignals& signals,
                  SweepProgress& progress) {
  SlurmRuns(sweep, runs, signals, progress).run();
}

}  // namespace ekman

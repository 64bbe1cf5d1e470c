// Implements the local part of sweep_runs.hpp.
#include "coupler/command/sweep_runs.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <limits>
#include <set>

#include "adapters/hdf5/profile_file.hpp"
#include "coupler/study/run_numbers.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

namespace fs = std::filesystem;

bool learned_something(const Plan& plan, const std::string& folder) {
  for (const NetworkSpec& network : plan.networks)
    if (network.training.given && read_learning((fs::path(folder) / network.training.csv).string())) return true;
  return false;
}

// "" or why its numbers cannot be had.
std::string what_is_missing(const Plan& plan, const std::string& folder) {
  const std::string profile = (fs::path(folder) / k_profile_file).string();
  if (!fs::exists(profile)) {
    if (learned_something(plan, folder)) return "";
    return fmt::format(
        "it ended well, but left no {} in its output.directory; see whether the command gives all "
        "programs {{plan}}",
        k_profile_file);
  }
  try {
    read_profile(profile);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace

RunOutcome judge(const Sweep& sweep, const SweepRun& run, RunStatus status, int exit_status, double seconds) {
  RunOutcome outcome{status, exit_status, seconds, ""};
  if (status == RunStatus::done) {
    outcome.said = what_is_missing(sweep.points[run.point].plan, run.folder);
    if (!outcome.said.empty()) outcome.status = RunStatus::failed;
  } else {
    outcome.said = telling_line((fs::path(run.folder) / k_log_file).string());
    if (outcome.said.empty()) outcome.said = "it has said nothing";
  }
  return outcome;
}

double seconds_per_step_of(const Sweep& sweep, const SweepRun& run) {
  const std::string profile = (fs::path(run.folder) / k_profile_file).string();
  if (fs::exists(profile))
    for (const auto& [name, value] : numbers_of(read_profile(profile), sweep.study.component))
      if (name == k_seconds_per_step) return value;
  return std::numeric_limits<double>::quiet_NaN();
}

void run_here(const Sweep& sweep, const std::vector<SweepRun>& runs, StopSignals& signals, SweepProgress& progress) {
  std::set<std::size_t> failed;  // points
  for (const SweepRun& run : runs) {
    if (failed.count(run.point) > 0) {
      progress.leave_out(1);
      continue;
    }
    if (signals.asked()) return;
    prepare_run(sweep, run);
    const auto show = [&] { progress.show(sweep.points[run.point].words); };
    show();
    const RunOrder order{local_command(sweep, run), sweep.study_folder, (fs::path(run.folder) / k_log_file).string(),
                         static_cast<double>(sweep.study.timeout) / static_cast<double>(k_microseconds_per_second)};
    const RunEnd end = run_supervised(order, signals, show);
    if (end.kind == RunEnd::Kind::stopped) return;
    if (end.kind == RunEnd::Kind::not_started)
      throw Error(ErrorCode::internal, fmt::format("the run in {} was killed together with what watched it; run "
                                                   "`ekman sweep` again, it goes on there",
                                                   run.folder));
    const RunStatus status = end.kind == RunEnd::Kind::timed_out ? RunStatus::timed_out
                             : end.status == 0                   ? RunStatus::done
                                                                 : RunStatus::failed;
    const RunOutcome outcome = judge(sweep, run, status, end.status, end.seconds);
    write_outcome(run.folder, outcome);
    const bool is_done = outcome.status == RunStatus::done;
    if (!is_done) failed.insert(run.point);
    progress.add(run, outcome, is_done ? seconds_per_step_of(sweep, run) : 0.0);
  }
}

}  // namespace ekman

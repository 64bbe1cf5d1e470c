// What is known of the runs of a study, as files in their directories: each is written whole and synced, so that a
// study that is killed goes on where it was. There is no other state, so nothing can disagree.
#pragma once

#include <optional>
#include <string>

namespace ekman {

inline constexpr const char* k_log_file = "log.txt";
inline constexpr const char* k_job_file = "job.txt";    // Slurm: the job, or that it is being submitted
inline constexpr const char* k_exit_file = "exit.txt";  // Slurm: the status of the job, written by itself
inline constexpr const char* k_outcome_file = "outcome.txt";

enum class RunStatus { done, failed, timed_out };
const char* word_of(RunStatus status);  // "done", "failed", "timed out"

struct RunOutcome {
  RunStatus status = RunStatus::done;
  int exit_status = 0;
  double seconds = 0.0;  // of the whole run; with Slurm without its time in the queue
  std::string said;      // of a run that is not done: what went wrong
};

std::optional<RunOutcome> read_outcome(const std::string& folder);
void write_outcome(const std::string& folder, const RunOutcome& outcome);

// Nothing if there is no such file.
std::optional<std::string> text_of_file(const std::string& path);

// Of a log, what says most, cut at 300 characters: the first error of Ekman, else the first of srun (what it says then
// is of all that it ends), else the last line with words in it.
std::string telling_line(const std::string& log);

}  // namespace ekman

// One run of a study as a job of Slurm, and what the queue says of jobs. Needs no accounting: a job writes its own end
// into a file.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ekman {

// A part of a heterogeneous job.
struct SlurmPart {
  std::int64_t ranks = 0;
  std::string command;
  std::vector<std::string> options;  // of sbatch
};

struct SlurmJob {
  std::string name;    // of this run alone, by which it is found again
  std::string folder;  // where it runs
  std::string log;
  std::string exit_file;
  double timeout = 0.0;      // seconds; Slurm counts minutes, and has one more before it ends a job
  SlurmPart components, ml;  // without ML ranks (inline networks) it is a plain job
  std::vector<std::string> srun_options;
  std::string before;
};

// For sbatch.
std::string slurm_script(const SlurmJob& job);

// One word for a shell, quoted if it must be.
std::string shell_word(const std::string& text);

// Number of the job. Throws Error(usage) with what sbatch says.
std::int64_t submit(const std::string& script);

// Jobs of this user that wait or run, by number; nothing if the queue cannot be asked now. Parts of a heterogeneous job
// are one.
std::optional<std::map<std::int64_t, std::string>> queued_jobs();  // -> name

// How a job that has left the queue ended, "CANCELLED" or "TIMEOUT" say; "" if Slurm does not know any more.
std::string end_of_job(std::int64_t job);

}  // namespace ekman

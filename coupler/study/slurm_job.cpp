// Implements slurm_job.hpp.
#include "coupler/study/slurm_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <sstream>

#include "coupler/study/supervised_run.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

// srun of Slurm 22.05 with PMIx may wait for ever if both steps of a heterogeneous job end at the same moment: it joins
// one of its threads twice (seen in at least 3 of 48 jobs, in none of 120 with a second between them).
constexpr const char* k_later = "; status=$?; sleep 1; exit $status";

// In an #SBATCH line, where % begins a pattern.
std::string file_pattern(const std::string& path) {
  std::string pattern;
  for (const char c : path) pattern += c == '%' ? std::string("%%") : std::string(1, c);
  return '"' + pattern + '"';
}

std::string options_of(const SlurmPart& part, double timeout) {
  std::string lines = fmt::format("#SBATCH --ntasks={}\n#SBATCH --time={}\n", part.ranks,
                                  static_cast<std::int64_t>(std::ceil(timeout / 60.0)));
  for (const std::string& option : part.options) lines += fmt::format("#SBATCH {}\n", option);
  return lines;
}

// The number with which a line of the queue begins: "7+1" is a part of 7.
std::int64_t number_at(const std::string& text) { return std::strtoll(text.c_str(), nullptr, 10); }

}  // namespace

std::string shell_word(const std::string& text) {
  const bool is_plain = std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string("/._-+=:,@%").find(static_cast<char>(c)) != std::string::npos;
  });
  if (is_plain && !text.empty()) return text;
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

std::string slurm_script(const SlurmJob& job) {
  const bool is_het = job.ml.ranks > 0;
  std::string script =
      fmt::format("#!/bin/sh\n#SBATCH --job-name={}\n#SBATCH --output={}\n", job.name, file_pattern(job.log)) +
      options_of(job.components, job.timeout);
  if (is_het) script += "#SBATCH hetjob\n" + options_of(job.ml, job.timeout);
  script += fmt::format("cd {} || exit 1\n", shell_word(job.folder));
  if (!job.before.empty()) script += job.before + (job.before.back() == '\n' ? "" : "\n");
  // A program that ends before MPI has begun would leave the other waiting.
  std::string options = " --kill-on-bad-exit=1";
  for (const std::string& option : job.srun_options) options += " " + option;
  script += "begin=$(date +%s.%N)\n";
  script += fmt::format("srun{}{} --ntasks={} {}", options, is_het ? " --het-group=0" : "", job.components.ranks,
                        job.components.command);
  if (is_het)
    script += fmt::format(" :{} --het-group=1 --ntasks={} sh -c {}", options, job.ml.ranks,
                          shell_word(job.ml.command + k_later));
  const std::string exit_file = shell_word(job.exit_file), part = shell_word(job.exit_file + ".part");
  script += fmt::format("\nstatus=$?\necho $status $begin $(date +%s.%N) > {} && mv {} {}\nexit $status\n", part, part,
                        exit_file);
  return script;
}

std::int64_t submit(const std::string& script) {
  const Captured said = capture({"sbatch", "--parsable", script});
  // Warnings stand in lines before it, "number;cluster" where there are several.
  std::istringstream lines(said.text);
  std::int64_t job = 0;
  for (std::string line; std::getline(lines, line);)
    if (const std::int64_t number = number_at(line); number > 0) job = number;
  if (said.status == 0 && job > 0) return job;
  std::string text = said.text;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  throw Error(ErrorCode::usage, fmt::format("sbatch does not take {}: {}; correct the study's `launcher`, or run this "
                                            "where Slurm is",
                                            script, text.empty() ? "it says nothing" : text));
}

std::optional<std::map<std::int64_t, std::string>> queued_jobs() {
  const Captured said = capture({"squeue", "--me", "--noheader", "--format=%i %j"});
  if (said.status != 0) return std::nullopt;
  std::map<std::int64_t, std::string> jobs;
  std::istringstream lines(said.text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t blank = line.find(' ');
    if (blank != std::string::npos && number_at(line) > 0) jobs[number_at(line)] = line.substr(blank + 1);
  }
  return jobs;
}

std::string end_of_job(std::int64_t job) {
  const Captured said = capture({"scontrol", "show", "job", std::to_string(job)});
  const std::string mark = "JobState=";
  const std::size_t begin = said.text.find(mark);
  if (said.status != 0 || begin == std::string::npos) return "";
  const std::size_t from = begin + mark.size();
  return said.text.substr(from, said.text.find_first_of(" \n", from) - from);
}

}  // namespace ekman

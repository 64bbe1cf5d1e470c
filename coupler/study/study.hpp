// A study: one plan and one launch command, run at many points. Filled by adapters/yaml from study.yaml.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ekman {

// A name and the values that it takes, one after the other.
struct StudyValues {
  std::string name;         // a key of the plan by its path, or a placeholder of the commands
  bool is_plan_key = true;  // else a placeholder alone
  std::vector<std::string> texts;
};

// A heterogeneous job: components on nodes of one kind, ML ranks on those of another.
struct SlurmLauncher {
  std::string component_ranks;  // a number, or a placeholder
  std::string component_command, ml_command;
  std::vector<std::string> component_options, ml_options;  // of sbatch
  std::vector<std::string> srun_options;
  std::string before;  // lines of shell in front of srun
  std::int64_t max_jobs = 8;
  std::int64_t poll = 0;  // microseconds between two looks at the queue
};

struct Study {
  std::string file;  // for messages
  std::string name;
  std::string plan;  // the file
  std::vector<StudyValues> values;
  std::vector<std::vector<std::size_t>> together;  // places in `values`, of lists whose n-th values belong together
  std::string ranks;                               // what scaling is over: one of `values`, or ml_ranks; empty: nothing
  bool is_weak = false;
  std::string component;  // whose steps are counted; empty: the first of the plan
  std::int64_t repeats = 3;
  std::int64_t timeout = 0;              // of one run, in microseconds
  std::string local;                     // the command; empty with Slurm
  std::optional<SlurmLauncher> slurm{};  // else here
};

// For each of Study::values, which of its texts.
using Choice = std::vector<std::size_t>;

inline constexpr std::size_t k_most_points = 10000;

// How many there are, and all of them, the last list running fastest. `together` must be of lists of one length.
std::size_t count_points(const Study& study);
std::vector<Choice> points_of(const Study& study);

// What users read of the list at `place` where there is no room: the shortest end of its path with which no other ends.
std::string short_name(const Study& study, std::size_t place);

// "component_ranks 2, chunk 256", of the places for which `wanted` is true; an empty `wanted`: of all.
std::string words_of(const Study& study, const Choice& choice, const std::vector<bool>& wanted = {});

// The same of lists that neither are Study::ranks nor go together with it: what a line of a plot is.
std::string line_of(const Study& study, const Choice& choice);

// The place of `name` in Study::values, or nothing.
std::optional<std::size_t> place_of(const Study& study, const std::string& name);

// Whether the list at `place` draws random numbers alone: its name is seed, or ends with .seed.
bool is_seed(const Study& study, std::size_t place);

}  // namespace ekman

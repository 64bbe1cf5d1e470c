// The points of a study with their plans and commands, and their places on disk.
#pragma once

#include <string>
#include <vector>

#include "adapters/yaml/study_from_yaml.hpp"
#include "coupler/plan/plan.hpp"
#include "coupler/study/slurm_job.hpp"
#include "coupler/study/study.hpp"

namespace ekman {

struct SweepPoint {
  Choice choice;
  std::string words;  // "component_ranks 2, chunk 256"
  std::string id;     // of plan and commands, so that a changed study finds what it has run; empty: `problem`
  Plan plan;
  std::string problem;  // why it cannot be run
};

// One repeat of a point.
struct SweepRun {
  std::size_t point = 0;
  std::int64_t repeat = 1;
  std::string folder;
};

struct Sweep {
  Study study;
  std::string study_folder;  // absolute; commands run there
  std::string folder;        // of the results, absolute
  std::vector<SweepPoint> points;
};

// Throws Error(plan) if no point can be run, or two are the same.
Sweep make_sweep(const StudyReading& reading, const std::string& output);

// All repeats of all points that can be run: the first of each, then the second ... so that what the machine does
// meanwhile spreads over all, and results come early.
std::vector<SweepRun> runs_of(const Sweep& sweep);

// What is run, as it stands in `folder`; of the study's launcher one or the other.
std::string local_command(const Sweep& sweep, const SweepRun& run);
SlurmJob slurm_job(const Sweep& sweep, const SweepRun& run);

// An empty folder with the plan in it. Throws Error.
void prepare_run(const Sweep& sweep, const SweepRun& run);

}  // namespace ekman

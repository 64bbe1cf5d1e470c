// The runs of a study, one after the other here or as jobs of Slurm. What has come of each lies in its folder.
#pragma once

#include <vector>

#include "coupler/command/sweep_points.hpp"
#include "coupler/command/sweep_progress.hpp"
#include "coupler/study/run_state.hpp"
#include "coupler/study/supervised_run.hpp"

namespace ekman {

// What a run left, with the verdict: it is done if it ended well and has its profile, or a log of what it learned.
RunOutcome judge(const Sweep& sweep, const SweepRun& run, RunStatus status, int exit_status, double seconds);

// Of a run that is done; no number if its profile has none.
double seconds_per_step_of(const Sweep& sweep, const SweepRun& run);

// `runs` that have no outcome yet; those of a point that has failed are left out. Both return when all have one, or as
// soon as they are told to stop: a local run is ended then and begins anew next time, jobs of Slurm go on and are found
// again.
void run_here(const Sweep& sweep, const std::vector<SweepRun>& runs, StopSignals& signals, SweepProgress& progress);
void run_by_slurm(const Sweep& sweep, const std::vector<SweepRun>& runs, StopSignals& signals, SweepProgress& progress);

}  // namespace ekman

// The rows of the key table of studies, in the order of the reference in docs/sweep.md.
#include "adapters/yaml/key_table.hpp"

namespace ekman {
namespace {

std::vector<Key> make_rows() {
  using T = KeyType;
  return {
      {"study", T::text, "", "Name, of the directory of its results too; absent: that of the file without its ending."},
      {"plan", T::text, k_required, "The base plan, relative to the study's folder."},
      {"values", T::named, k_required, "What varies; every combination is a point."},
      {"values.*", T::values, "",
       "The values of a plan key, named by its path such as `networks.heating.chunk`, or of a placeholder of the "
       "commands."},
      {"together", T::values, "",
       "Lists of names in `values` that vary together, first with first and so on, in place of every combination."},
      {"scaling", T::mapping, "", "Study of the scaling, which adds ideal lines and efficiency."},
      {"scaling.ranks", T::text, k_required, "Over what: a name in `values` whose values are numbers, or `ml_ranks`."},
      {"scaling.kind",
       T::word,
       "strong",
       "strong: the same work on more ranks; weak: the work grows with the ranks.",
       {"strong", "weak"}},
      {"component", T::text, "", "Whose seconds per step are counted; absent: the first component of the plan."},
      {"repeats", T::count, "3", "Runs of each point, of which the median is taken."},
      {"timeout", T::duration, "PT1H", "How long one run may take, after which it is ended; with Slurm: its time."},
      {"launcher", T::mapping, k_required, "How a point is run: `local` or `slurm`."},
      {"launcher.local", T::text, "", "A command for /bin/sh, run in the study's folder."},
      {"launcher.slurm", T::mapping, "", "A job of sbatch; with ML ranks a heterogeneous one."},
      {"launcher.slurm.components", T::mapping, k_required, "The part of the job that has the components."},
      {"launcher.slurm.components.ranks", T::text, k_required, "Its ranks: a number or a placeholder."},
      {"launcher.slurm.components.command", T::text, k_required, "What its ranks run."},
      {"launcher.slurm.components.options", T::texts, "",
       "Options of sbatch for it, such as `--partition=cpu` or `--ntasks-per-node=64`."},
      {"launcher.slurm.ml", T::mapping, "", "The part that has the ML ranks; their number follows from the plan."},
      {"launcher.slurm.ml.command", T::text, "{ekman} serve {plan}", "What they run."},
      {"launcher.slurm.ml.options", T::texts, "", "Options of sbatch for it, such as `--gpus-per-node=4`."},
      {"launcher.slurm.srun", T::texts, "", "Options of srun, such as `--mpi=pmix`."},
      {"launcher.slurm.before", T::text, "", "Lines of shell in front of srun: modules, variables."},
      {"launcher.slurm.max_jobs", T::count, "8", "Jobs that wait or run at a time."},
      {"launcher.slurm.poll", T::duration, "PT5S", "Time between two looks at the queue."},
  };
}

}  // namespace

const KeyTable& study_keys() {
  static const KeyTable table("study", "ekman keys --study", make_rows());
  return table;
}

}  // namespace ekman

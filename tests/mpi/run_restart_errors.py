"""A restart set that cannot be written, or does not fit, ends the job with a sentence that names it.

run_restart_errors.py MPIEXEC MODEL EKMAN TEMPLATE WORK_DIR
"""
import shutil
import sys

from restart_jobs import Jobs

import h5py

jobs = Jobs(*sys.argv[1:6])
jobs.keep_three_networks()
sets = jobs.work / "sets" / "restart"
wrong = []


def expect(name, *sentences, **how):
    status, said = jobs.run(name, steps=3, ml_ranks=(1, 1), **how)
    said = said or ""
    missing = [sentence for sentence in sentences if sentence not in said]
    if status in (0, None) or missing:
        wrong.append(f"{name}: status {status}, expected: {missing}\n{said}")


def replaced(old, new):
    def change(plan):
        assert old in plan
        return plan.replace(old, new)
    return change


status, said = jobs.run("cuts", what="cuts", steps=4, ml_ranks=(1, 1))
if status != 0:
    sys.exit(said)

# What a user sees of a set, with h5py: docs/restart.md.
with h5py.File(sets / "before-3" / "atmosphere" / "average.h5") as file:
    assert file.attrs["step"] == 3 and file.attrs["steps_reduced"] == 1, dict(file.attrs)
    assert file.attrs["network"] == "average" and list(file.attrs["inputs"]) == ["a", "b"]
    assert list(file["ids"][:3]) == [5, 10, 15]
    assert file["outputs/average_a"].shape == (47, 3) and file["outputs/average_a"].dtype == "f8"
    assert file["reductions/a"].dtype == "f4" and file["reductions/b"].dtype == "f8"

expect("unknown", 'there is no restart set "before-33"', "before-2, before-3", resume="before-33")
expect("step", "the next step is 7, but restart set \"before-3\" goes on at step 3", resume="before-3", what="step")
expect("afresh", "the next step is 7, but the plan", "has no `resume`", what="step")
expect("ids", "with the points that it was written with", resume="before-3", what="ids")
expect("levels", "does not fit this job: inputs a (3 levels)", resume="before-3", what="levels")
expect("reduction", "time_reduction average there, maximum here", resume="before-3",
       change=replaced("time_reduction: average", "time_reduction: maximum"))
expect("period", "steps in the coupling_period 4 there, 2 here", resume="before-3", change=replaced("PT40M", "PT20M"))
expect("network", 'no file of network "mean"', resume="before-3", change=replaced("  average:", "  mean:"))
expect("label", '"../elsewhere" is no label of a restart set', what="label")
expect("amid", "write_restart of \"amid\" in step 2", 'field "a" had been put', what="amid")
expect("alone", "are out of step", "called write_restart before step 4", what="alone")
(jobs.work / "blocked").mkdir()
(jobs.work / "blocked" / "restart").write_text("a file")
expect("no_folder", f"cannot make the folder {jobs.work}/blocked/restart/before-2/atmosphere.partial: Not a directory", what="cuts",
       sets="blocked")

# Networks of two moments in one set, and a file cut short.
shutil.copytree(sets / "before-3", sets / "mixed")
shutil.copy(sets / "before-4" / "atmosphere" / "none.h5", sets / "mixed" / "atmosphere" / "none.h5")
expect("mixed", 'restart set "mixed" is not of one moment', resume="mixed")
shutil.copytree(sets / "before-3", sets / "short")
file = sets / "short" / "atmosphere" / "none.h5"
file.write_bytes(file.read_bytes()[:-100])
expect("short", f"cannot read {file}: truncated file", resume="short")

print("\n".join(wrong) or "each mistake named")
sys.exit(bool(wrong))

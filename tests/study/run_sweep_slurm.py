"""`ekman sweep` by Slurm: heterogeneous jobs on nodes of two kinds, that are found again when the study is killed.

run_sweep_slurm.py EKMAN ECHO_MODEL WORK_DIR, inside slurm.py
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

from study_files import ENVIRONMENT, rows_of, run_all, sweep, write_study

EKMAN, ECHO_MODEL = sys.argv[1:3]
WORK = pathlib.Path(sys.argv[3])
LONGEST = 60.0
FORMS = ["p", "pl", "lp", "pp", "ppl", "plp"]
FIELDS = {way: ", ".join(f"{form}_{kind}_{way}" for form in FORMS for kind in ("single", "double")) for way in ("in", "out")}
PLAN = f"""ekman: 1
components:
  atmosphere: {{points: 203}}
networks:
  echo:
    component: atmosphere
    network: {{echo: {{}}}}
    chunk: 16
    inputs: [{{fields: [{FIELDS["in"]}]}}]
    outputs: [{{fields: [{FIELDS["out"]}]}}]
"""
# All nodes are this machine, which has fewer cores than ranks. Programs of Open MPI 4.1 that begin beside those of other jobs fall
# over in PMIx now and then (2 of 48 jobs) unless it keeps its data to itself (none of 72).
MPI = {"PMIX_MCA_gds": "hash", "OMPI_MCA_mpi_yield_when_idle": "1", "OMPI_MCA_hwloc_base_binding_policy": "none", "PMIX_MCA_pmdl": "^ompi"}
ENV = {**ENVIRONMENT, **MPI}


def until(condition, what):
    end = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < end, f"waited too long until {what}"
        time.sleep(0.1)


def slurm_study(folder, values, model, more=""):
    return write_study(folder, f"""plan: plan.yaml
values: {values}
scaling: {{ranks: component_ranks}}
repeats: 1
timeout: PT1M
launcher:
  slurm:
    components:
      ranks: "{{component_ranks}}"
      command: {model}
      options: [--partition=cpu, --nodes=1-2]
    ml:
      command: sh -c 'echo ML rank on $SLURMD_NODENAME; exec {EKMAN} serve {{plan}}'
      options: [--partition=gpu]
    srun: [--mpi=pmix]
    before: export GREETING=hello
    poll: PT0.5S
{more}""", PLAN)


MODEL = f"sh -c 'echo $GREETING component on $SLURMD_NODENAME; exec {ECHO_MODEL} blocks float32 3'"


def components_and_ml_ranks_have_nodes_of_their_kind():
    folder = WORK / "kinds"
    study = slurm_study(folder, "{component_ranks: [1, 3], networks.echo.ranks: [1, 2]}", MODEL)
    said = sweep(EKMAN, study, "--no-figure", env=ENV, timeout=LONGEST)

    rows = rows_of(folder / "study")
    assert [row["status"] for row in rows] == ["done"] * 4, said.stderr
    for row in rows:
        log = (folder / "study/points" / row["point"] / "1/log.txt").read_text().splitlines()
        components = [line for line in log if line.startswith("hello component on cpu")]
        ml_ranks = [line for line in log if line.startswith("ML rank on gpu1")]
        assert len(components) == int(row["component_ranks"]), log
        assert len(ml_ranks) == int(row["networks.echo.ranks"]), log
        assert float(row["run_seconds"]) > 0.0 and float(row["seconds_per_step"]) > 0.0
        assert (row["points"], row["devices"]) == ("203", row["networks.echo.ranks"]), row


def jobs_of_a_study_that_was_killed_are_found_again():
    """One runs until it is told, one is cancelled meanwhile, one fails; none is submitted twice."""
    folder = WORK / "killed"
    model = f"sh -c 'case {{kind}} in 8) exit 5;; esac; until test -e {folder}/go; do sleep 0.2; done; exec {ECHO_MODEL} blocks float32 3'"
    study = slurm_study(folder, "{component_ranks: [1, 2], kind: [7, 8, 9]}", model, "    max_jobs: 3\n")
    study.write_text(study.read_text().replace("component_ranks: [1, 2]", "component_ranks: [1]"))
    started = subprocess.Popen([EKMAN, "sweep", "--no-figure", study], env=ENV, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    numbers = lambda: {path: path.read_text() for path in folder.glob("study/points/*/1/job.txt")}
    until(lambda: len(numbers()) == 3 and "submitting\n" not in numbers().values(), "all jobs are in the queue")
    started.send_signal(signal.SIGKILL)
    started.wait()
    before = numbers()
    # As if it had been killed between sbatch and its note of the number.
    by_kind = {kind: next(path for path in before if f"case {kind} in" in (path.parent / "job.sh").read_text()) for kind in (7, 8, 9)}
    by_kind[7].write_text("submitting\n")
    subprocess.run(["scancel", before[by_kind[9]].strip()], check=True)
    (folder / "go").write_text("")
    said = sweep(EKMAN, study, "--no-figure", env=ENV, status=1, timeout=LONGEST)

    assert numbers() == before, "a job was submitted twice"
    assert "found again" in said.stderr, said.stderr
    rows = {row["kind"]: row for row in rows_of(folder / "study")}
    assert rows["7"]["status"] == "done", rows
    assert rows["8"]["status"] == "failed" and "task 0: Exited with exit code 5" in rows["8"]["said"], rows
    assert rows["9"]["status"] == "failed" and "ended as CANCELLED" in rows["9"]["said"], rows


def a_job_that_slurm_refuses_is_told_in_its_words():
    folder = WORK / "refused"
    study = slurm_study(folder, "{component_ranks: [1]}", MODEL)
    study.write_text(study.read_text().replace("--partition=gpu", "--partition=tpu"))
    said = sweep(EKMAN, study, env=ENV, status=1).stderr
    assert "sbatch does not take" in said and "invalid partition specified: tpu" in said, said


def main():
    if "SLURM_CONF" not in os.environ:
        os.execv(sys.executable, [sys.executable, "-B", str(pathlib.Path(__file__).with_name("slurm.py")), sys.executable, "-B",
                                  *sys.argv])
    shutil.rmtree(WORK, ignore_errors=True)
    run_all(components_and_ml_ranks_have_nodes_of_their_kind, jobs_of_a_study_that_was_killed_are_found_again,
            a_job_that_slurm_refuses_is_told_in_its_words)


if __name__ == "__main__":
    main()

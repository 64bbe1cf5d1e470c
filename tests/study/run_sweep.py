"""`ekman sweep` with runs that are made up: medians, figures, failures, and what becomes of a study that is stopped or killed.

run_sweep.py EKMAN STUDY_RUN WORK_DIR MPIRUN...
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import h5py

from study_files import ENVIRONMENT, PLAN, assert_drawn, rows_of, run_all, sweep, write_study

EKMAN, STUDY_RUN = sys.argv[1:3]
WORK = pathlib.Path(sys.argv[3])
MPIRUN = " ".join(sys.argv[4:])
LONGEST = 30.0   # seconds that anything here is waited for


def until(condition, what):
    end = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < end, f"waited too long until {what}"
        time.sleep(0.02)


def is_alive(process):
    try:
        os.kill(process, 0)
        return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def scaling_is_measured_by_medians():
    """seconds_per_step of repeats 1, 2, 3: x, 1.5 x, 1.2 x with x = 64 ms / ranks + 10 ms."""
    folder = WORK / "medians"
    study = write_study(folder, f"""plan: plan.yaml
values:
  component_ranks: [1, 2, 4]
  networks.heating.chunk: [64, 250]
scaling: {{ranks: component_ranks}}
launcher: {{local: "{STUDY_RUN} {{plan}} {{component_ranks}}"}}
""")
    said = sweep(EKMAN, study)

    rows = rows_of(folder / "study")
    assert [(row["component_ranks"], row["networks.heating.chunk"]) for row in rows] == \
        [(ranks, chunk) for ranks in "124" for chunk in ("64", "250")]
    for row in rows:
        x = 0.064 / float(row["component_ranks"]) + 0.010
        assert row["status"] == "done" and row["repeats"] == "3"
        assert abs(float(row["seconds_per_step"]) - 1.2 * x) < 1e-12
        assert abs(float(row["seconds_per_step_most"]) - 1.5 * x) < 1e-12
        assert abs(float(row["efficiency"]) - 0.074 / x / float(row["component_ranks"])) < 1e-12
        assert abs(float(row["component_wait_share"]) - 0.010 / x) < 1e-12
        assert abs(float(row["points_per_second"]) - 1000 / (1.2 * x)) < 1.0
    for name in ("scaling.png", "stages.png"):
        assert_drawn(folder / "study" / name)
    with h5py.File(folder / "study/results.h5") as file:
        points = file["points"]
        assert list(points.attrs["columns"]) == list(rows[0])
        assert abs(points["seconds_per_step"][0] - 1.2 * 0.074) < 1e-12
        assert points["line"].asstr()[1] == "chunk 250"
    assert "run 18 of 18 (component_ranks 4, chunk 250; repeat 3): 0.0312 s a step" in said.stderr, said.stderr
    assert "|               4 |" in said.stdout, said.stdout

    # What is made already stays, and new values add points.
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("profile.h5")}
    study.write_text(study.read_text().replace("[64, 250]", "[64, 100, 250]"))
    assert "18 runs made already, 9 to make" in sweep(EKMAN, study, "--no-figure").stderr
    assert before == {path: path.stat().st_mtime_ns for path in before} and len(rows_of(folder / "study")) == 9


def failures_are_recorded_and_left_out():
    folder = WORK / "failures"
    study = write_study(folder, f"""plan: plan.yaml
study: bad luck
values:
  component_ranks: [1, 2]
  networks.heating.tile: [16, 24]
  mood: [fine, bad, silent, slow]
repeats: 2
timeout: PT1S
launcher:
  local: |
    case {{mood}} in
      bad) echo start; echo 'ekman: error: no such field'; echo ----; exit 3;;
      silent) exit 0;;
      slow) test -e tried || trap '' TERM; touch tried; sleep 300 & echo $! > {{output}}/child; wait; sleep 300;;
    esac
    {STUDY_RUN} {{plan}} {{component_ranks}}
""")
    study.write_text(study.read_text().replace("component_ranks: [1, 2]", "component_ranks: [1]"))
    text = PLAN.replace("component: atmosphere\n", "component: atmosphere\n    chunk: 64\n")
    (folder / "plan.yaml").write_text(text)
    said = sweep(EKMAN, study, status=1)

    rows = {(row["networks.heating.tile"], row["mood"]): row for row in rows_of(folder / "bad luck")}
    assert rows["16", "fine"]["status"] == "done"
    assert rows["16", "bad"]["status"] == "failed"
    assert rows["16", "bad"]["said"] == "exit status 3: ekman: error: no such field"
    assert "left no profile.h5" in rows["16", "silent"]["said"]
    assert rows["16", "slow"]["status"] == "timed out"
    assert all(rows["24", mood]["status"] == "invalid" for mood in ("fine", "bad", "silent", "slow"))
    assert "warning: left out: component_ranks 1, tile 24, mood fine: " in said.stderr, said.stderr
    assert said.stderr.index("left out") < said.stderr.index("run 1 of"), "what is left out is told before"
    child = int(next(folder.glob("bad luck/points/*/1/child")).read_text())
    assert not is_alive(child), "a run that took too long left a process behind"

    again = sweep(EKMAN, study, "--no-figure", status=1)
    assert "3 points of before failed and will not be run" in again.stderr and "0 to make" in again.stderr, again.stderr
    study.write_text(study.read_text().replace("timeout: PT1S", "timeout: PT2S"))
    more = sweep(EKMAN, study, "--no-figure", "--retry-failed", status=1)
    assert "6 to make" in more.stderr and "run 3 of" in more.stderr, more.stderr


def stop_study(name, send):
    """Its third run waits for ever; `send` is told the process of the study."""
    folder = WORK / name
    study = write_study(folder, f"""plan: plan.yaml
values: {{component_ranks: [1, 2, 4, 8]}}
repeats: 1
launcher:
  local: |
    echo {{component_ranks}} >> runs
    if test {{component_ranks}} = 4 && ! test -e go_on; then (sleep 300 & echo $! > child.part; mv child.part child; wait); fi
    {STUDY_RUN} {{plan}} {{component_ranks}}
""")
    started = subprocess.Popen([EKMAN, "sweep", "--no-figure", study], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True,
                               stdout=subprocess.DEVNULL)
    until((folder / "child").exists, "the third run has begun")
    started.send_signal(send)
    status = started.wait(timeout=LONGEST)
    child = int((folder / "child").read_text())
    until(lambda: not is_alive(child), f"what the run had started is gone after {send.name}")
    (folder / "go_on").write_text("")
    said = sweep(EKMAN, study, "--no-figure")
    assert "2 runs made already, 2 to make" in said.stderr, said.stderr
    assert (folder / "runs").read_text().split() == ["1", "2", "4", "4", "8"], "each once, the one that was cut twice"
    assert [row["status"] for row in rows_of(folder / "study")] == ["done"] * 4
    return status, started.stderr.read()


def a_study_goes_on_where_it_was_killed():
    status, _ = stop_study("killed", signal.SIGKILL)
    assert status == -signal.SIGKILL


def a_study_that_is_stopped_ends_its_run_and_says_so():
    status, said = stop_study("stopped", signal.SIGINT)
    assert status == 130 and "stopped; run it again to go on" in said, said


def learning_is_drawn_by_seeds():
    """Logs as networks write them; validation loss of (lr, seed): lr + seed / 10 at its least."""
    folder = WORK / "learning"
    plan = PLAN.replace("{echo: {}}", "{builtin: mlp, hidden: [4]}") + """    training:
      targets: {q: q_true}
      loss: [{mse: {fields: [q]}}]
      optimizer: {adam: {lr: 0.1}}
"""
    study = write_study(folder, """plan: plan.yaml
values:
  networks.heating.training.optimizer.adam.lr: [0.5, 0.25]
  networks.heating.training.seed: [0, 1, 2]
repeats: 1
launcher:
  local: |
    { printf 'step,loss,validation_loss\\r\\n'
      for i in 1 2 3 4 5 6 7 8; do
        echo $i {networks.heating.training.optimizer.adam.lr} {networks.heating.training.seed} | awk '{{
          printf "%d,%g,%s\\r\\n", $1, $2 + 4 / $1, $1 % 4 ? "" : $2 + $3 / 10 + 4 / $1 - 0.5}}'
      done; } > {output}/heating.csv
""", plan)
    said = sweep(EKMAN, study)

    rows = rows_of(folder / "study", "learned.csv")
    assert [float(row["best_validation_loss"]) for row in rows] == [0.5, 0.6, 0.7, 0.25, 0.35, 0.45]
    assert all(row["best_step"] == row["steps"] == "8" for row in rows)
    table = (folder / "study/learning.md").read_text().splitlines()
    assert [cell.strip() for cell in table[2].split("|")[1:6]] == ["heating", "lr 0.5", "3", "0.6", "0.1"], table
    assert table[3] in said.stdout
    assert_drawn(folder / "study/learning.png")
    assert not (folder / "study/scaling.png").exists()


def a_played_component_and_a_network_that_learns_are_studied():
    """Nothing is made up here: two programs under mpirun, their profile, and the log of what was learned."""
    folder = WORK / "played"
    plan = PLAN.replace("{echo: {}}", "{builtin: mlp, hidden: [4]}") + """    training:
      targets: {q: q_true}
      loss: [{mse: {fields: [q]}}]
      optimizer: {adam: {lr: 0.1}}
"""
    study = write_study(folder, f"""plan: plan.yaml
values:
  component_ranks: [1, 2]
  networks.heating.network.seed: [0, 1]
scaling: {{ranks: component_ranks}}
repeats: 1
launcher: {{local: "{MPIRUN} -n {{component_ranks}} {{ekman}} mimic {{plan}} --steps 5 --step-time 1ms : -n {{ml_ranks}} {{ekman}} serve {{plan}}"}}
""", plan)
    sweep(EKMAN, study)

    rows = rows_of(folder / "study")
    assert [row["status"] for row in rows] == ["done"] * 4
    for row in rows:
        assert row["line"] == "seed " + row["networks.heating.network.seed"] and row["points"] == "1000"
        stages = [float(row[f"component_{stage}"]) for stage in ("pack", "wait", "unpack", "physics", "other")]
        assert min(stages[:4]) > 0.0 and abs(sum(stages) / float(row["seconds_per_step"]) - 1.0) < 0.01, row
        assert float(row["ml_backward"]) > 0.0 and float(row["component_physics"]) > 0.001
    learned = rows_of(folder / "study", "learned.csv")
    assert [row["steps"] for row in learned] == ["5"] * 4
    assert learned[0]["last_loss"] == learned[2]["last_loss"] != learned[1]["last_loss"], "by seed, not by ranks"
    for name in ("scaling.png", "stages.png", "learning.png"):
        assert_drawn(folder / "study" / name)


def a_dry_run_runs_nothing():
    folder = WORK / "print"
    study = write_study(folder, """plan: plan.yaml
values: {networks.heating.ranks: [1, 3]}
launcher: {local: "touch {output}; mpirun -n 2 ./model : -n {ml_ranks} {ekman} serve {plan}"}
""")
    said = sweep(EKMAN, study, "--print").stdout
    for example in sorted((pathlib.Path(__file__).parents[2] / "examples/scaling").glob("[sw]*.yaml")):
        assert re.search(r"points, \d runs? each", sweep(EKMAN, example, "--print").stdout), example
    assert "2 points, 3 runs each" in said and f": -n 3 {EKMAN} serve {folder}/study/points/" in said, said
    assert not (folder / "study").exists()

    study.write_text(study.read_text().replace("[1, 3]", "[0, x]").replace("values", "value"))
    wrong = sweep(EKMAN, study, status=1).stderr
    assert wrong.count("error:") == 1 and 'study.yaml:2:1: error: unknown key "value"; did you mean "values"?' in wrong, wrong


def simulated_points_are_marked():
    if not (pathlib.Path(EKMAN).parents[1] / "libexec/ekman/ekman-simulated").exists():
        return print("left out: ekman simulate is not built")
    folder = WORK / "simulated"
    study = write_study(folder, """plan: sizing.yaml
values: {component_ranks: [2, 64]}
scaling: {ranks: component_ranks}
repeats: 1
launcher: {local: "{ekman} simulate {plan} --ranks atmosphere={component_ranks} --point-time 2us --steps 40 --cluster cores=8"}
""")
    (folder / "sizing.yaml").write_text((pathlib.Path(__file__).parents[2] / "configs/sizing.yaml").read_text())
    sweep(EKMAN, study)
    rows = rows_of(folder / "study")
    assert [row["simulated"] for row in rows] == ["1", "1"], rows
    # 10240 points of 2 us over the ranks, then 12.24 ms of network; rows take their way besides. In the last step nobody
    # waits for the rank whose chunks run last.
    for row, ranks in zip(rows, (2, 64)):
        sum_of_both = 10240 * 2e-6 / ranks + 12.24e-3
        assert 0.98 * sum_of_both <= float(row["seconds_per_step"]) < 1.1 * sum_of_both, row


def main():
    shutil.rmtree(WORK, ignore_errors=True)
    run_all(scaling_is_measured_by_medians, failures_are_recorded_and_left_out, a_study_goes_on_where_it_was_killed,
            a_study_that_is_stopped_ends_its_run_and_says_so, learning_is_drawn_by_seeds,
            a_played_component_and_a_network_that_learns_are_studied, a_dry_run_runs_nothing,
            simulated_points_are_marked)


if __name__ == "__main__":
    main()

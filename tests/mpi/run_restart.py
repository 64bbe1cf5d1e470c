"""ERS, exact restart: a run cut before any step and resumed gives the bits of one that was not cut.
ERP: so does one resumed on other numbers of component and ML ranks, cut again, and resumed once more.

lag: both, with networks whose outputs come one exchange later.
components: two components write their parts of one set, and go on from it.
killed: a run that writes one set over and over is killed at any moment; the set that is there then goes on with the same bits.
Networks take the two transports in turn, and change places from job to job.

run_restart.py MPIEXEC MODEL EKMAN TEMPLATE WORK_DIR ers|erp|lag|components|killed
"""
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time

import h5py

from processes import processes_of
from restart_jobs import STEPS, Jobs

case = sys.argv[6]
jobs = Jobs(*sys.argv[1:6])


def run(name, **how):
    status, said = jobs.run(name, **how)
    if status != 0:
        sys.exit(f"FAILED: {name} ended with {status}\n{said}")


def compare(what, name, first, reference="cuts"):
    expected, found = jobs.values(reference, first), jobs.values(name, first)
    different = sorted(set(expected) ^ set(found))
    if not expected or different:
        sys.exit(f"FAILED: {what}: {len(different)} of {len(expected)} lines differ:\n" + "\n".join(different[:20]))
    print(f"ok: {what}, {len(expected)} lines equal")


def kill_while_writing(seconds):
    """Starts a run that writes the set "again" before each step; once it is there, kills all ranks after some time. Returns the
    step before which the set that is left was written, and whether another was being written."""
    folder = jobs.work / "sets" / "restart" / "again"
    shutil.rmtree(folder, ignore_errors=True)
    job = subprocess.Popen(jobs.command("killed", what="again", steps=steps), stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
    begin = time.monotonic()
    while not (folder / "atmosphere").is_dir():
        if time.monotonic() - begin > 60 or job.poll() is not None:
            sys.exit("FAILED: no set was written")
    time.sleep(seconds)
    for process in processes_of(job, jobs.model) + processes_of(job, jobs.ekman):
        with contextlib.suppress(ProcessLookupError):   # mpirun may be ending the job by now
            os.kill(process, signal.SIGKILL)
    job.wait(timeout=60)
    left = folder / "atmosphere"
    amid = (folder / "atmosphere.partial").exists() or not left.exists()
    with h5py.File((left if left.exists() else folder / "atmosphere.old") / "none.h5") as file:
        return int(file.attrs["step"]), amid


steps = STEPS
if case == "killed":
    jobs.keep_three_networks()
    steps = 60   # so that the kills come before the end
if case == "components":
    jobs.add_ocean()
if case == "lag":
    jobs.add_lag()
run("cuts", what="none" if case == "killed" else "cuts", steps=steps)
if case in ("ers", "lag"):
    run("uncut", turn=1)
    compare("a run that writes restart sets equals one that does not", "uncut", 1)
    for step in range(2, STEPS + 1):
        run("resumed", resume=f"before-{step}", turn=step)
        compare(f"cut before step {step}", "resumed", step)
    none = sum(line.endswith("info 2") for line in jobs.values("uncut"))
    if (none > 0) != (case == "lag"):
        sys.exit(f"FAILED: {none} gets were told EKMAN_NONE")
if case == "killed":
    amid = 0
    for kill in range(6):
        step, was_amid = kill_while_writing(0.013 * kill)
        amid += was_amid
        run("resumed", resume="again", turn=kill, steps=steps)
        compare(f"killed after {13 * kill} ms, set of step {step}", "resumed", step)
    print(f"{amid} of 6 were killed while a set was written")
elif case == "components":
    for name, first in (("uncut", 1), ("resumed", 6)):
        run(name, resume="before-6" if first > 1 else None, turn=1)
        compare(f"{name} atmosphere beside an ocean", name, first)
        compare(f"{name} ocean", f"ocean_{name}", first, "ocean_cuts")
if case in ("erp", "lag"):
    for step, again, ranks, ml_ranks in ((3, 6, 4, (1, 2)), (5, 9, 1, (3, 1))):
        run("other", resume=f"before-{step}", ranks=ranks, ml_ranks=ml_ranks, turn=1, what="cuts")
        compare(f"cut before step {step}, on {ranks} ranks and other ML ranks", "other", step)
        run("again", resume=f"before-{again}", turn=0)
        compare(f"cut again before step {again}, on the first ranks", "again", again)

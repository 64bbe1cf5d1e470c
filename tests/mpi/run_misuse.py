"""Runs misuse_model with each mistake: the job ends in time, with a non-zero status and the expected sentence.

run_misuse.py MPIEXEC MODEL EKMAN PLAN
"""
import subprocess
import sys

EXPECTED = {
    "component": 'component "atmosfere" is not in the plan',
    "put_early": "put was called before enddef",
    "twins": "is on its ranks 0 and 1",
    "levels": "has 4 levels on one rank and 5 on another",
    "missing_field": 'wants field "s"',
    "get_early": 'rank 1: get of "dt" in step 1 came before its input "s" was put (0 of 10 points)',
    "no_put": 'rank 1: advance of step 1: only 0 of 10 points of field "s" were put',
    "double_put": 'field "s" was put twice in step 1',
    "shape": "was defined with 5 levels, the array has 4",
    "name": 'there is no field "temperature"',
    "code": "gave up: component",
    "early_end": "are out of step",
    "put_late": "the coupler is not initialised",
    "no_finalize": "MPI_Finalize was called before finalize of the coupler",
    "thread_get": 'get of "dt" from a thread other than the one that called init',
}

mpiexec, model, ekman, plan = sys.argv[1:5]
wrong = []
for mistake, sentence in EXPECTED.items():
    job = [mpiexec, "--oversubscribe", "-np", "2", model, mistake, ":", "-np", "1", ekman, "serve", plan]
    try:
        done = subprocess.run(job, timeout=30, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except subprocess.TimeoutExpired:
        wrong.append(f"{mistake}: still running after 30 s")
        continue
    if done.returncode == 0 or sentence not in done.stdout:
        wrong.append(f"{mistake}: status {done.returncode}, expected: {sentence}\n{done.stdout}")
print("\n".join(wrong) or f"{len(EXPECTED)} mistakes, each named")
sys.exit(bool(wrong))

"""Runs timeout_model with each way to hang: the job ends in time, with a non-zero status and a report that tells who waits for
whom; a slow physics that is allowed, a job that is suspended for a while, and one with an ML rank that has nothing to do, go on.

run_timeouts.py MPIEXEC MODEL EKMAN DIRECTORY TRANSPORT
"""
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from processes import processes_of

mpiexec, model, ekman, directory, transport = sys.argv[1:6]
WINDOW = transport == "auto"
LIMIT = 60   # seconds; the timeouts are 3

PLAN = """\
ekman: 1
components: {{air: {{}}}}
networks:
  first:
    component: air
    network: {{echo: {{}}}}
    ranks: {ranks}
    tape: {tape}
    transport: {transport}
    inputs: [{{fields: [a]}}]
    outputs: [{{fields: [a_back]}}]
  second:
    component: air
    network: {{echo: {{}}}}
    transport: {transport}
    inputs: [{{fields: [b]}}]
    outputs: [{{fields: [b_back]}}]
timeout: PT3S
{more}
"""

ERROR = r"error: .* has waited too long \(timeout: 3 s, timeout_physics: 3 s\); who waits for whom, seen on node \S+:"
AIR = 'component "air", rank'
FIRST, SECOND = r'ML rank 0 \(network "first"\)', r'ML rank 1 \(network "second"\)'
SINCE = r"since \d\d:\d\d:\d\d \(\d+\.\d s\)"
LATE = rf'waits for the inputs "b" of step 2 from {AIR} 1, {SINCE}; 1 other rank\(s\) are there'
LATE_ADJOINTS = rf'waits for the adjoints of "a_back" in step 2 from {AIR} 1, {SINCE}; 1 other rank\(s\) are there'
# The second network waits for rank 0 as long as the first one for rank 1, and may tell it first: neither sees the other.
EITHER_LATE = rf'({FIRST} {LATE_ADJOINTS}|{SECOND} waits for the inputs "b" of step 2 from {AIR} 0, {SINCE})'
SILENT = rf"{AIR} 1 is out of sight .*: silent, last message at step 1"

# What the report holds: with records in shared memory, and where ranks know each other by messages only.
CASES = {
    "mpi_call": ([ERROR, rf'{AIR} 0 waits in get of "b_back" in step 2 for {SECOND}, {SINCE}', f"{SECOND} {LATE}",
                  rf'{AIR} 1 is in its own code, outside Ekman, {SINCE}, after put of "a" in step 2 '
                  'and has not put "b" in step 2', "let all ranks make the same calls"],
                 [ERROR, f"{SECOND} {LATE}", SILENT]),
    "stop_in_physics": ([ERROR, rf'{AIR} 0 waits in get of "a_back" in step 2 for {FIRST}, {SINCE}',
                         rf'{AIR} 1 is stopped \(process \d+\).*; it was in its own code, outside Ekman, {SINCE}, after advance'
                         ' to step 2'],
                        [ERROR, SILENT]),
    "stop_in_put": ([ERROR, f"{SECOND} {LATE}",
                     rf'{AIR} 1 is stopped \(process \d+\) and has not put "b" in step 2; it was inside put of "b" in step 2'],
                    [ERROR, f"{SECOND} {LATE}", SILENT]),
    "dead": ([ERROR, rf'{AIR} 0 waits in get of "a_back" in step 2 for {FIRST}, {SINCE}',
              rf'{AIR} 1 is dead \(process \d+\).*; it was in its own code, outside Ekman, {SINCE}, after advance to step 2'],
             [ERROR, SILENT]),
    "physics": ([ERROR, rf"{AIR} 1 is in its own code, outside Ekman, {SINCE}, after advance to step 2"], [ERROR, SILENT]),
    "ring": ([ERROR, rf'{AIR} 0 waits in get of "a_back" in step 2 for {FIRST}',
              rf'{AIR} 1 waits in get of "b_back" in step 2 for {SECOND}', "closes the ring", "in the same order"],
             [ERROR, "last message at step 1"]),
    "late_adjoint": ([ERROR, rf'{AIR} 0 waits in get_adjoint of "a" in step 2 for {FIRST}', f"{FIRST} {LATE_ADJOINTS}",
                      rf'{AIR} 1 is in its own code, outside Ekman, {SINCE}, after put of "a" in step 2\n'],
                     [ERROR, EITHER_LATE, rf"{AIR} [01] is out of sight .*: silent, last message at step [12]"]),
    "adjoint_ring": ([ERROR, f"{FIRST} {LATE_ADJOINTS}", rf'{AIR} 1 waits in get of "a_back" in step 3 for {FIRST}',
                      "closes the ring", "in the same order"],
                     [ERROR, EITHER_LATE, "last message at step [13]"]),
    "stop_ml": ([ERROR, rf'{AIR} 0 waits in get of "a_back" in step 2 for {FIRST}', rf"{FIRST} is stopped \(process \d+\)"],
                [ERROR, 'for ML rank 1 of 1 of network "first"', "is out of sight .*, and silent"]),
    "no_enddef": ([ERROR, rf"waits in enddef for {AIR} 1", rf"{AIR} 1 is in its own code, outside Ekman, {SINCE}, after init"],
                  [ERROR, "waits in enddef for ranks that cannot be seen from here"]),
    "no_finalize": ([ERROR, rf"{AIR} 1 is in its own code, outside Ekman, {SINCE}, after advance to step 4"],
                    [ERROR, rf"{AIR} 1 is out of sight .*: silent, last message at step 3"]),
    "no_init": ([r"error: `ekman serve` \(rank \d of MPI_COMM_WORLD\) has waited too long \(the start may take 2 s\)",
                 "--start-timeout"],) * 2,
}


def run(case, more="", ranks=1):
    """`ranks`: of the network "first", which has one chunk."""
    plan = Path(directory) / f"{case}.yaml"
    plan.parent.mkdir(parents=True, exist_ok=True)
    plan.write_text(PLAN.format(transport=transport, ranks=ranks, more=more, tape=3 if "adjoint" in case else 0))
    start = ["--start-timeout", "PT2S"] if case == "no_init" else []
    survive = ["--enable-recovery"] if case == "dead" else []   # or mpirun ends the job at once
    job = subprocess.Popen([mpiexec, "--oversubscribe", *survive, "-np", "2", model, case, ":", "-np", str(ranks + 1), ekman,
                            "serve", *start, str(plan)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, start_new_session=True)
    said = ""
    try:
        if case in ("stop_ml", "suspend"):
            while "ready" not in (line := job.stdout.readline()) and line:
                said += line
            stop = processes_of(job, ekman)[:1] if case == "stop_ml" else processes_of(job, ekman) + processes_of(job, model)
            for process in stop:
                os.kill(process, signal.SIGSTOP)
            if case == "suspend":   # as a batch system does, for longer than the timeout
                time.sleep(6)
                for process in stop:
                    os.kill(process, signal.SIGCONT)
            job.stdin.write("go\n")
            job.stdin.flush()
        said += job.communicate(timeout=LIMIT)[0]
    except subprocess.TimeoutExpired:
        os.killpg(job.pid, signal.SIGKILL)
        return None, said + job.communicate()[0]
    return job.returncode, said


def problem_of(case):
    expected = CASES[case][0 if WINDOW else 1]
    status, said = run(case)
    missing = [part for part in expected if not re.search(part, said)]
    if status is None:
        return f"{case}: still running after {LIMIT} s\n{said}"
    if status == 0 and case != "dead" or missing:   # mpirun that goes on without a rank ends with 0
        return f"{case}: status {status}, expected: {missing}\n{said}"
    if WINDOW and case != "no_init" and said.count("has waited too long") != 1:
        return f"{case}: there must be one report\n{said}"
    return ""


wrong = [problem for case in CASES if (problem := problem_of(case))]
for case, more, ranks in (("slow_physics", "timeout_physics: PT100S", 1), ("suspend", "", 1), ("long", "", 2)):
    status, said = run(case, more, ranks)
    if status != 0 or "error" in said:
        wrong.append(f"{case}: status {status}\n{said}")
print("\n".join(wrong) or f"{len(CASES)} hangs, each told; a slow physics, a suspended job and a long one go on")
sys.exit(bool(wrong))

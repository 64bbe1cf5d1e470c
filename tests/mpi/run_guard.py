"""What the guard says: the first violations in words, the totals at the end, and an end of the job where the plan says so.

run_guard.py MPIEXEC MODEL EKMAN PLAN_TEMPLATE WORK_DIR
"""
import pathlib
import subprocess
import sys

mpiexec, model, ekman, template, work = sys.argv[1:6]
work = pathlib.Path(work)
work.mkdir(parents=True, exist_ok=True)


def run(nonfinite, action):
    plan = work / "plan.yaml"
    text = pathlib.Path(template).read_text().replace("@transport@", "auto")
    plan.write_text(text.replace("@nonfinite@", nonfinite).replace("@action@", action))
    job = [mpiexec, "--oversubscribe", "-np", "2", model, ":", "-np", "2", ekman, "serve", str(plan)]
    done = subprocess.run(job, timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def check(what, holds, printed):
    print(("ok: " if holds else "FAILED: ") + what)
    if not holds:
        sys.exit(printed)


status, said = run("fallback", "clip")
check("violations are clipped and given up", status == 0 and " 0 wrong values" in said, said)
check("a clipped value is named with id, value and date",
      'field "a_back" is -7 at global id 108 in step 2 (2000-01-01T06:00:00); clipped' in said, said)
check("a point given up is named", 'field "d_back" is inf at global id 112 in step 4' in said, said)
check("totals are told at the end", "values clipped" in said and "points given up, first in step 2" in said, said)

status, said = run("abort", "clip")
check("a NaN ends the job", status != 0 and 'field "b_back" is nan' in said and "the plan says abort" in said, said)
status, said = run("fallback", "abort")
check("a value out of range ends the job", status != 0 and 'field "a_back" is -7 at global id 10' in said, said)

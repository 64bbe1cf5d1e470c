"""One job of two components, an io rank and a rank that takes no part: all find their peers, and every echo is right.

run_groups.py MPIEXEC MODEL EKMAN PLAN
"""
import subprocess
import sys

mpiexec, model, ekman, plan = sys.argv[1:5]
job = [mpiexec, "--oversubscribe", "-np", "1", model, "io", ":", "-np", "2", model, "several",
       ":", "-np", "1", model, "none", ":", "-np", "2", model, "alone", ":", "-np", "4", ekman, "serve", plan]
done = subprocess.run(job, check=True, timeout=60, stdout=subprocess.PIPE, text=True)
missing = [who for who in ("atmosphere", "ocean", "io") if f"{who} is right" not in done.stdout]
sys.exit(f"missing: {missing}\n{done.stdout}" if missing else 0)

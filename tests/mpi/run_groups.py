"""One job of two components, an io rank, a rank that takes no part, and a foreign program that speaks the handshake for a group
of its own and for "io": all find their peers, and every echo is right.

run_groups.py MPIEXEC MODEL FOREIGN EKMAN PLAN
"""
import subprocess
import sys

mpiexec, model, foreign, ekman, plan = sys.argv[1:6]
job = [mpiexec, "--oversubscribe", "-np", "1", foreign, "yac", "io", ":", "-np", "1", model, "io", ":", "-np", "2", model,
       "several", ":", "-np", "1", model, "none", ":", "-np", "2", model, "alone", ":", "-np", "4", ekman, "serve", plan,
       ":", "-np", "2", foreign, "yac"]
done = subprocess.run(job, check=True, timeout=60, stdout=subprocess.PIPE, text=True)
expected = ["atmosphere is right", "ocean is right", "io is right", "group yac has 3 ranks", "group io has 4 ranks"]
missing = [line for line in expected if line not in done.stdout]
sys.exit(f"missing: {missing}\n{done.stdout}" if missing else 0)

"""A checkpoint directory on a disk that gets full: the job ends with path and cause, and what was there before is whole.
Skipped (77) where no small disk can be mounted.

run_training_disk.py MPIEXEC MODEL EKMAN PLAN_TEMPLATE WORK_DIR
"""
import subprocess
import sys

from training_jobs import KEEP, check, plan, run, work

small = work / "small"
small.mkdir()
if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(small)], stderr=subprocess.DEVNULL).returncode != 0:
    print("SKIPPED: no tmpfs can be mounted here")
    sys.exit(77)
try:
    status, said = run(plan("small", KEEP.replace("every: 10, keep: 2", "every: 1, keep: 100")))
    check("a full disk ends the job with path and cause", status != 0 and f"{small}/kept/mlp-" in said
          and "No space left on device" in said, said)
    last = max(small.glob("kept/mlp-*.safetensors"))
    status, said = run(plan("served", network=f"{{checkpoint: {last}}}"), mode="serve")
    check("and the checkpoints before are whole", status == 0, said)
finally:
    subprocess.run(["umount", str(small)], check=True)

"""Runs inline_manners with a network that divides by zero and makes denormals, beside a network of more threads.

run_inline_manners.py MPIEXEC MODEL WORK_DIR
"""
import os
import pathlib
import subprocess
import sys

import torch

mpiexec, model, work = sys.argv[1:4]
work = pathlib.Path(work)
work.mkdir(parents=True, exist_ok=True)


class Rough(torch.nn.Module):
    def forward(self, x):
        infinite = torch.ones_like(x) / torch.zeros_like(x)
        return torch.where(torch.isinf(infinite), x * 1e-30, x)


torch.jit.script(Rough()).save(str(work / "rough.pt"))
plan = work / "plan.yaml"
plan.write_text(f"""
ekman: 1
output: {{directory: {work}}}
components: {{atmosphere: {{}}}}
networks:
  rough:
    component: atmosphere
    placement: inline
    network: {{torchscript: rough.pt}}
    chunk: 16
    threads: 2
    inputs: [{{fields: [x]}}]
    outputs: [{{fields: [y]}}]
""")
job = [mpiexec, "--oversubscribe", "-np", "1", model]
sys.exit(subprocess.run(job, timeout=60, env=dict(os.environ, EKMAN_PLAN=str(plan))).returncode)

"""Rules of tensors of a coupler, as claims of tensor_misuse; and mistakes that end the job, with the expected sentences.

run_tensor_misuse.py MPIEXEC MODEL EKMAN WORK_DIR
"""
import pathlib
import re
import subprocess
import sys

import torch

mpiexec, model, ekman, work = sys.argv[1:5]
work = pathlib.Path(work)
work.mkdir(parents=True, exist_ok=True)
PLAN = """\
ekman: 1
components: {atmosphere: {}}
networks:
  echo:
    component: atmosphere
    network: {echo: {}}
    tape: 3
    chunk: 16    # shared by the two ranks
    inputs: [{fields: [t, s]}]
    outputs: [{fields: [dt, ds]}]
  plain:
    component: atmosphere
    network: {echo: {}}
    inputs: [{fields: [p]}]
    outputs: [{fields: [q]}]
"""


class Mixing(torch.nn.Module):
    def forward(self, rows):
        return rows + rows.sum(0, keepdim=True)


torch.jit.script(Mixing()).save(str(work / "mixing.pt"))
(work / "plan.yaml").write_text(PLAN)
(work / "late.yaml").write_text(PLAN + "timeout: PT3S\n")
MIXING = PLAN.replace("network: {echo: {}}\n    tape", f"network: {{torchscript: {work}/mixing.pt}}\n    tape")
(work / "mixing.yaml").write_text(MIXING.replace("chunk: 16", "tile: 20\n    chunk: 20"))
LATE = r'component "atmosphere", rank 1 is in its own code, outside Ekman'
EXPECTED = {
    "none": [r"2\d of 2\d claims hold"],
    "mixing": [r"2 of 2 claims hold"],
    "name": [r'error: ekman_tensor: ekman_put_tensor: component "atmosphere", rank \d: there is no field "temperature"'],
    "early": [r"ekman_put_tensor: .*: put_tensor/get_tensor was called before enddef"],
    "late_backward": [r'rank 0 waits in get_adjoint of "t" in step 1 for ML rank 0 \(network "echo"\)',
                      r'ML rank 0 \(network "echo"\) waits for the adjoints of "dt", "ds" in step 1 from component "atmosphere", rank 1',
                      LATE],
    "late_sum": [r'rank 0 waits in global_sum for component "atmosphere", rank 1', LATE],
}
wrong = []
for mistake, sentences in EXPECTED.items():
    plan = work / ("mixing.yaml" if mistake == "mixing" else "late.yaml" if "late" in mistake else "plan.yaml")
    done = subprocess.run([mpiexec, "--oversubscribe", "-np", "2", model, mistake, ":", "-np", "2", ekman, "serve", str(plan)],
                          timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    missing = [sentence for sentence in sentences if not re.search(sentence, done.stdout)]
    if (done.returncode == 0) != (mistake in ("none", "mixing")) or missing:
        wrong.append(f"{mistake}: status {done.returncode}, expected: {missing}\n{done.stdout}")
print("\n".join(wrong) or f"{len(EXPECTED)} jobs, as they should be")
sys.exit(bool(wrong))

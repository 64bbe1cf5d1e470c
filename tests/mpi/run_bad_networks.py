"""Networks that cannot be served: the job ends in time, with a non-zero status and a sentence that names the network.

run_bad_networks.py MPIEXEC MODEL EKMAN WORK_DIR
"""
import pathlib
import subprocess
import sys

import torch

mpiexec, model, ekman, work = sys.argv[1:5]
work = pathlib.Path(work)
work.mkdir(parents=True, exist_ok=True)
PLAN = """
ekman: 1
components: {atmosphere: {}}
networks:
  net:
    component: atmosphere
    ranks: 2
    network: {torchscript: %s.pt}
    chunk: 64
    inputs: [{fields: [t]}, {fields: [s]}]
    outputs: [{fields: [dt]}, {fields: [ds]}]
"""


class Right(torch.nn.Module):
    def forward(self, t, s):
        return t * 2, s


class TooWide(torch.nn.Module):
    def forward(self, t, s):
        return torch.cat([t, s], 1), s


class OneOutput(torch.nn.Module):
    def forward(self, t, s):
        return t


class FailsInStep3(torch.nn.Module):
    def forward(self, t, s):
        if bool((t > 3 * 8192).any()):
            raise RuntimeError("no such regime")
        return t, s


for network in (Right, TooWide, OneOutput, FailsInStep3):
    torch.jit.script(network()).save(str(work / f"{network.__name__}.pt"))
(work / "Text.pt").write_text("not a network\n")
(work / "Truncated.pt").write_bytes((work / "Right.pt").read_bytes()[:-200])

# What must be said, all of it.
EXPECTED = {
    "Right": None,
    "Missing": ["net", "Missing.pt"],
    "Text": ["net", "Text.pt"],
    "Truncated": ["net", "Truncated.pt", "truncated"],
    "TooWide": ["net", "6"],
    "OneOutput": ["net"],
    "FailsInStep3": ["net", "no such regime"],
}
wrong = []
for name, words in EXPECTED.items():
    (work / "plan.yaml").write_text(PLAN % name)
    job = [mpiexec, "--oversubscribe", "-np", "3", model, "cyclic", "4", str(work / "out.txt"),
           ":", "-np", "2", ekman, "serve", str(work / "plan.yaml")]
    try:
        done = subprocess.run(job, timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except subprocess.TimeoutExpired:
        wrong.append(f"{name}: still running after 60 s")
        continue
    # The launcher may have begun the line: Open MPI 5 writes zero bytes between its own lines.
    errors = [line[line.index("ekman: "):] for line in done.stdout.splitlines() if "ekman: error: " in line]
    if words is None and (done.returncode != 0 or errors):
        wrong.append(f"{name}: status {done.returncode}\n{done.stdout}")
    many = name == "FailsInStep3"   # in the run each rank that fails may say so; before it one line stands for all
    if words is not None and (done.returncode == 0 or not errors or (len(errors) > 1 and not many)
                              or any(word not in errors[0] for word in words)):
        wrong.append(f"{name}: status {done.returncode}, expected an error with {words}\n{done.stdout}")
    print(name, *errors, sep="\n  ")
sys.exit("\n".join(wrong) if wrong else 0)

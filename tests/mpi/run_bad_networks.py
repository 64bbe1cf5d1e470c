"""Networks that cannot be served: the job ends in time, with a non-zero status and a sentence that names the network.

run_bad_networks.py MPIEXEC MODEL EKMAN WORK_DIR
"""
import os
import pathlib
import resource
import subprocess
import sys
import zipfile

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
    network: %s
    chunk: 64
    inputs: [{fields: [t]}, {fields: [s]}]
    outputs: [{fields: [dt]}, {fields: [ds]}]
"""
GUARD = "    guard: {nonfinite: abort}\n"


class Right(torch.nn.Module):
    def forward(self, t, s):
        return t * 2, s


class TooWide(torch.nn.Module):
    def forward(self, t, s):
        return torch.cat([t, s], 1), s


class OneOutput(torch.nn.Module):
    def forward(self, t, s):
        return t


class NotANumberInStep3(torch.nn.Module):
    def forward(self, t, s):
        return torch.where(t > 3 * 8192, t * float("nan"), t), s


class Greedy(torch.nn.Module):
    def forward(self, t, s):
        return t + torch.ones([1000000, 1000000]).sum(), s


class FailsInStep3(torch.nn.Module):
    def forward(self, t, s):
        if bool((t > 3 * 8192).any()):
            raise RuntimeError("no such regime")
        return t, s


for network in (Right, TooWide, OneOutput, NotANumberInStep3, Greedy, FailsInStep3):
    torch.jit.script(network()).save(str(work / f"{network.__name__}.pt"))
(work / "Text.pt").write_text("not a network\n")
(work / "Truncated.pt").write_bytes((work / "Right.pt").read_bytes()[:-200])

# The version of the format is a text of its own in the archive.
with zipfile.ZipFile(work / "Right.pt") as right, zipfile.ZipFile(work / "Newer.pt", "w") as newer:
    for name in right.namelist():
        newer.writestr(name, b"9999\n" if name.endswith("/version") else right.read(name))

# What must be said, all of it.
EXPECTED = {
    "Right": None,
    "Missing": ["net", "Missing.pt"],
    "Text": ["net", "Text.pt"],
    "Truncated": ["net", "Truncated.pt", "truncated"],
    "TooWide": ["net", "6"],
    "OneOutput": ["net"],
    "FailsInStep3": ["net", "no such regime"],
    "Newer": ["net", "Newer.pt", "9999", "a newer LibTorch wrote it"],
    "NotANumberInStep3": None,
    "NotANumberInStep3 guarded": ["net", '"dt" is nan at global id', "in step 3", "the plan says abort"],
    "Greedy": ["net", "out of memory"],
    "Wide": ["net", "out of memory"],
}
# The sanitizers need more address space than any limit leaves, and end the program that asks for too much.
if b"__asan_init" in pathlib.Path(ekman).read_bytes():
    del EXPECTED["Wide"]
    os.environ["ASAN_OPTIONS"] = "allocator_may_return_null=1"
wrong = []
for name, words in EXPECTED.items():
    network = "{builtin: mlp, hidden: [50000, 50000]}" if name == "Wide" else "{torchscript: %s.pt}" % name.split()[0]
    (work / "plan.yaml").write_text(PLAN % network + (GUARD if "guarded" in name else ""))
    job = [mpiexec, "--oversubscribe", "-np", "3", model, "cyclic", "4", str(work / "out.txt"),
           ":", "-np", "2", ekman, "serve", str(work / "plan.yaml")]
    try:
        limit = (lambda: resource.setrlimit(resource.RLIMIT_AS, (10 << 30, 10 << 30))) if name == "Wide" else None
        done = subprocess.run(job, timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=limit)
    except subprocess.TimeoutExpired:
        wrong.append(f"{name}: still running after 60 s")
        continue
    # The launcher may have begun the line: Open MPI 5 writes zero bytes between its own lines.
    errors = [line[line.index("ekman: "):] for line in done.stdout.splitlines() if "ekman: error: " in line]
    if words is None and (done.returncode != 0 or errors):
        wrong.append(f"{name}: status {done.returncode}\n{done.stdout}")
    many = "Step3" in name or name == "Greedy"   # in the run each rank that fails may say so; before it one line stands for all
    if words is not None and (done.returncode == 0 or not errors or (len(errors) > 1 and not many)
                              or any(word not in errors[0] for word in words)):
        wrong.append(f"{name}: status {done.returncode}, expected an error with {words}\n{done.stdout}")
    print(name, *errors, sep="\n  ")
sys.exit("\n".join(wrong) if wrong else 0)

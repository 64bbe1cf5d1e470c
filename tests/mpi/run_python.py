"""A TorchScript file of two arguments, coupled and run in Python: equal to float32 rounding.

run_python.py MPIEXEC MODEL EKMAN WORK_DIR
"""
import hashlib
import pathlib
import subprocess
import sys

import numpy
import torch

mpiexec, model, ekman, work = sys.argv[1:5]
work = pathlib.Path(work)
work.mkdir(parents=True, exist_ok=True)
TOTAL, LEVELS, STEP = 203, 5, 3


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.column = torch.nn.Linear(LEVELS, 24)
        self.surface = torch.nn.Linear(1, 24)
        self.tendency = torch.nn.Linear(24, LEVELS)
        self.flux = torch.nn.Linear(24, 1)

    def forward(self, t, s):
        hidden = torch.tanh(self.column(t / 30000) + self.surface(s / 30000))
        return self.tendency(hidden), self.flux(hidden)


torch.manual_seed(1)
net = torch.jit.script(Net())
net.save(str(work / "net.pt"))
digest = hashlib.sha256((work / "net.pt").read_bytes()).hexdigest()
(work / "plan.yaml").write_text(f"""
ekman: 1
components: {{atmosphere: {{}}}}
networks:
  net:
    component: atmosphere
    network: {{torchscript: net.pt, sha256: {digest}}}
    chunk: 64
    inputs: [{{fields: [t]}}, {{fields: [s]}}]
    outputs: [{{fields: [dt]}}, {{fields: [ds]}}]
""")
out = work / "out.txt"
subprocess.run([mpiexec, "--oversubscribe", "-np", "2", model, "cyclic", str(STEP), str(out),
                ":", "-np", "1", ekman, "serve", str(work / "plan.yaml")], check=True, timeout=60)
rows = [line.split() for line in out.read_text().splitlines()]
coupled = numpy.array([[int(word, 16) for word in row[1:]] for row in rows], dtype=numpy.uint64).view(numpy.float64)

ids = numpy.arange(TOTAL)[:, None]
value = ids + 0.125 * numpy.arange(LEVELS + 1)[None, :] + 8192.0 * STEP   # truth() of exchange_model
with torch.no_grad():
    expected = torch.cat(net(torch.tensor(value[:, 1:], dtype=torch.float32),
                             torch.tensor(value[:, :1], dtype=torch.float32)), 1).double().numpy()
error = numpy.abs(coupled - expected).max()
print(f"largest difference {error:.2e}, outputs up to {numpy.abs(expected).max():.2f}")
sys.exit(not (coupled.shape == expected.shape and error < 2e-6 and expected.std() > 1e-3))

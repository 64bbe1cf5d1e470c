"""The plain training loop in PyTorch, in turns with a job: it starts the job, then makes as many steps as the job asks for
and answers with the seconds of one.

training_loop.py REQUESTS ANSWERS BATCH COMMAND...    (REQUESTS, ANSWERS: named pipes that it makes)
"""
import os
import subprocess
import sys
import time

import torch
from torch import nn

requests, answers, batch = sys.argv[1], sys.argv[2], int(sys.argv[3])
for path in (requests, answers):
    if os.path.exists(path):
        os.unlink(path)
    os.mkfifo(path)
# The allocator settings of an ML rank, for glibc to read at the start of the interpreter.
SETTINGS = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1), "MALLOC_TOP_PAD_": str(64 << 20)}
if not SETTINGS.items() <= os.environ.items():
    os.execve(sys.executable, [sys.executable, "-B", *sys.argv], {**os.environ, **SETTINGS})
job = subprocess.Popen(sys.argv[4:], env={key: value for key, value in os.environ.items() if key not in SETTINGS})

torch.set_num_threads(1)
torch.manual_seed(1)
network = nn.Sequential(nn.Linear(128, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 128))
optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-2)
loss_of = nn.MSELoss()
x, target = torch.rand(batch, 128) - 0.5, torch.rand(batch, 128) - 0.5
with open(requests, encoding="ascii") as asked, open(answers, "w", encoding="ascii") as answer:
    for line in asked:
        begin = time.perf_counter()
        for _ in range(int(line)):
            optimizer.zero_grad()
            loss = loss_of(network(x), target)
            loss.backward()
            optimizer.step()
        print((time.perf_counter() - begin) / int(line), file=answer, flush=True)
sys.exit(job.wait())

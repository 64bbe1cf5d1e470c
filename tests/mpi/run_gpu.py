"""A network that learns, on GPUs, against the same on the CPU: float64, so equal to 1e-9 after 21 steps, whoever has the GPUs, and
with the training of a tile as a CUDA graph. Then served by two ranks of one GPU, as a CUDA graph and not: bit for bit the same.

run_gpu.py MPIEXEC MODEL EKMAN PLAN_TEMPLATE WORK_DIR [DEVICE]   (DEVICE cpu: a trial of this script where there is no GPU)
Skipped (77) where LibTorch sees no GPU.
"""
import re
import sys

import numpy

from training_jobs import check, plan, results, run, work

gpu = sys.argv[6] if len(sys.argv) > 6 else "cuda"


def coupled(name, ranks, device, mode="get", more="", **plan_changes):
    path = plan(name, **plan_changes)
    text = re.sub(r"ranks: .*", f"ranks: {ranks}", path.read_text())
    path.write_text(text.replace("    chunk: 32\n", f"    chunk: 32\n    device: {device}\n{more}"))
    status, printed = run(path, mode=mode)
    if "no GPU that LibTorch sees" in printed:
        print("skipped: LibTorch sees no GPU here")
        sys.exit(77)
    check(f"{name} ends well", status == 0, printed)
    return results(), re.findall(r"network \"mlp\" \(\d of \d\) on node \S+, (cuda:\d+|cpu)", printed)


(log, outputs), devices = coupled("on_the_cpu", 2, "cpu")
check("the reference is on the CPU", devices == ["cpu", "cpu"], devices)
check("the loss falls", log[-1, 0] < 0.9 * log[1, 0], log[:, 0])
one = f"{gpu}:0" if gpu == "cuda" else gpu
graph = "    cuda_graph: on\n" if gpu == "cuda" else ""
for name, device, expected, more in (("in_turn", gpu, None, ""), ("auto", "auto", None, ""),
                                     ("two_ranks_on_one_gpu", one, [one, one], ""), ("captured", one, [one, one], graph),
                                     ("a_list", f"[{one}, cpu]", sorted([one, "cpu"]), "")):
    (there_log, there_outputs), devices = coupled(name, 2, device, more=more)
    print(f"{name}: {devices}")
    check(f"{name}: the ranks are where the plan has them",
          sorted(devices) == expected if expected else all(place.startswith(gpu) for place in devices) and len(devices) == 2, devices)
    for what, a, b in (("losses", there_log, log), ("outputs after learning", there_outputs, outputs)):
        error = numpy.nanmax(numpy.abs(a - b))
        check(f"{name}: {what} differ by {error:.1e}", error < 1e-9)

served = {}
for name, more in (("without_graph", ""), ("with_graph", graph)):
    (_, served[name]), devices = coupled(name, 2, one, mode="serve", more=more, network=f"{{torchscript: {work / 'net.pt'}}}")
    check(f"{name}: both ranks are where the plan has them", devices == [one, one], devices)
check("a CUDA graph changes no bit", numpy.array_equal(served["with_graph"], served["without_graph"]) and
      numpy.isfinite(served["with_graph"]).all())

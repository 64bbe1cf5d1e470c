"""What a network stands besides float32: mixed precision is tried, CUDA graphs follow from what ran."""
import io

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from . import compat, scripting

NAMES = ("jit", "cuda_graphs", "amp_cpu", "amp_gpu")
DECLARABLE = ("amp_gpu", "cuda_graphs")

# Their shapes follow from values, or the host reads what they give: neither can be recorded once and replayed.
_OF_VALUES = ("nonzero", "masked_select", "_unique", "_unique2", "unique_dim", "unique_consecutive", "bincount",
              "repeat_interleave", "_local_scalar_dense", "item", "is_nonzero", "equal")
_INDEXING = ("index", "index_put", "index_put_", "_index_put_impl_")
_TOLERANCE = 0.05   # of the norm in float32: bfloat16 has 8 bits
_SAMPLES = 4


class _Watch(TorchDispatchMode):
    """Names of operations that cannot be part of a CUDA graph."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, operation, types, arguments=(), options=None):
        name = operation._schema.name.split("::")[-1]
        masks = [one for one in (arguments[1] if name in _INDEXING else ()) if one is not None]
        if name in _OF_VALUES or any(mask.dtype in (torch.bool, torch.uint8) for mask in masks):
            self.found.append(name)
        return operation(*arguments, **(options or {}))


def _without_graphs(bench, script):
    """Why a CUDA graph of forward (and loss and backward) cannot be, or ""."""
    graphs = [script.inlined_graph] + ([script._c._get_method("loss").inlined_graph] if bench.loss is not None else [])
    if any("prim::tolist" in str(graph) for graph in graphs):
        return "tolist() reads values on the host"
    watch = _Watch()
    with watch:
        bench.observe(script, _SAMPLES, bench.loss is not None)
    return f"{', '.join(dict.fromkeys(watch.found))} depend(s) on values" if watch.found else ""


def _norms(seen):
    """Outputs as one vector, gradients as another."""
    def flat(start):
        parts = [value.double().reshape(-1) for what, value in seen.items()
                 if what.startswith(start) and not value.is_complex()]
        return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.float64)
    return flat("output"), flat("gradient")


def _autocast_fails(bench, script, autocast):
    """Why forward (and backward) in 16 bits are not near enough to float32, or ""."""
    if bench.kind != torch.float32:
        return "parameters are not float32"
    expected = bench.observe(script, _SAMPLES, False)
    bench.any_kind = True
    try:
        with autocast():
            found = bench.observe(script, _SAMPLES, False)
    except Exception as error:
        return _first_line(error)
    finally:
        bench.any_kind = False
    for what, one, other in zip(("outputs", "gradients"), _norms(expected), _norms(found)):
        if one.shape != other.shape or not torch.isfinite(other).all():
            return f"{what} are no numbers"
        difference = (one - other).norm().item()
        if difference > _TOLERANCE * one.norm().item():
            return f"{what} differ by {difference / max(one.norm().item(), 1e-300):.0%} of their norm in float32"
    return ""


def _first_line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _capture_fails(bench, script):
    """Why the forward of a network on a GPU cannot be recorded, or ""."""
    scripting.set_mode(script, False)
    arguments, _ = bench.draw(_SAMPLES)
    with torch.no_grad():
        for _ in range(3):   # libraries get their memory in the first calls
            script(*arguments)
        torch.cuda.synchronize()
        try:
            with torch.cuda.graph(torch.cuda.CUDAGraph()):
                script(*arguments)
        except RuntimeError as error:
            return _first_line(error)
    return ""


def _try_on_gpu(bench, data):
    """{name: why not, or ""} of what can only be tried there."""
    draw, targets = bench.draw, bench.targets

    def draw_there(samples):
        arguments, extra = draw(samples)
        return [one.cuda() for one in arguments], {name: one.cuda() for name, one in extra.items()}

    bench.draw, bench.targets = draw_there, lambda samples: {name: one.cuda() for name, one in targets(samples).items()}
    try:
        script = torch.jit.load(io.BytesIO(data), map_location="cuda")
        amp = [_autocast_fails(bench, script, lambda: torch.autocast("cuda", dtype=kind))
               for kind in (torch.bfloat16, torch.float16)]
        return {"amp_gpu": amp[0] or amp[1], "cuda_graphs": _capture_fails(bench, script)}
    except Exception as error:   # whatever a GPU does not stand
        return {"amp_gpu": _first_line(error), "cuda_graphs": _first_line(error)}
    finally:
        bench.draw, bench.targets = draw, targets


def find(bench, data, declared):
    """({name: bool}, names that were tried here, notes) of a TorchScript file with its loss."""
    script = scripting.loaded(data)
    why = {"jit": "", "amp_cpu": _autocast_fails(bench, script, compat.bfloat16),
           "cuda_graphs": _without_graphs(bench, script),
           "amp_gpu": "there is no GPU to try it on: --declare amp_gpu if it does"}
    tried = ["jit", "amp_cpu"]
    if torch.cuda.is_available():
        on_gpu = _try_on_gpu(bench, data)
        why["amp_gpu"] = on_gpu["amp_gpu"]
        why["cuda_graphs"] = why["cuda_graphs"] or on_gpu["cuda_graphs"]
        tried += ["cuda_graphs", "amp_gpu"]
    supports = {name: not why[name] or name in declared for name in NAMES}
    notes = [f"supports no {name}: {why[name]}" for name in NAMES if not supports[name]]
    return supports, [name for name in NAMES if name in tried], notes

"""The one file for differences between versions of PyTorch (1.13 to 2.x)."""
import contextlib
import inspect
import io
import warnings

import torch


def prepare():
    """For the whole process: no compiled loops, whose first run takes minutes on one core, and no warnings of old names."""
    if hasattr(torch._C, "_jit_set_texpr_fuser_enabled"):
        torch._C._jit_set_texpr_fuser_enabled(False)
    warnings.filterwarnings("ignore", message=".*torch.jit.* is deprecated.*")
    warnings.filterwarnings("ignore", message=".*is not supported in Python 3.14.*")


def load(path, weights_only):
    """What torch.save has written, on the CPU. With `weights_only` nothing in the file is executed."""
    return torch.load(path, map_location="cpu", weights_only=weights_only)


@contextlib.contextmanager
def bfloat16():
    """Operations on the CPU take bfloat16 where PyTorch holds that safe; weights stay as they are."""
    if hasattr(torch, "autocast"):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            yield
    else:
        with torch.cpu.amp.autocast(dtype=torch.bfloat16):
            yield


def onnx_bytes(module, inputs, input_names, output_names, dynamic_axes):
    """A forward-only ONNX file in training mode: parameters are initializers, nothing is folded, dropout stays."""
    options = {}
    if "dynamo" in inspect.signature(torch.onnx.export).parameters:
        options["dynamo"] = False   # the other exporter has no training mode
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, tuple(inputs), buffer, training=torch.onnx.TrainingMode.TRAINING,
                          do_constant_folding=False, export_params=True, input_names=input_names,
                          output_names=output_names, dynamic_axes=dynamic_axes, **options)
    return buffer.getvalue()

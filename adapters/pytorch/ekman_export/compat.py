"""The one file for differences between versions of PyTorch (1.13 to 2.x)."""
import contextlib
import inspect
import io
import pickle
import types
import warnings
import zipfile

import torch

VERSION = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
_CALLABLES_OF_TENSORS = {("collections", "OrderedDict"), ("torch", "Size"), ("torch._utils", "_rebuild_tensor"),
                         ("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_parameter")}


def prepare():
    """For the whole process: TorchScript as Ekman runs it, without profiling or fusion; no warnings of old names."""
    torch._C._jit_set_profiling_mode(False)
    if hasattr(torch._C, "_jit_set_texpr_fuser_enabled"):
        torch._C._jit_set_texpr_fuser_enabled(False)
    warnings.filterwarnings("ignore", message=".*torch.jit.* is deprecated.*")
    warnings.filterwarnings("ignore", message=".*is not supported in Python 3.14.*")


class _OfTensors(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) not in _CALLABLES_OF_TENSORS:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return super().find_class(module, name)


_TENSORS = types.SimpleNamespace(Unpickler=_OfTensors, load=lambda file, **options: _OfTensors(file, **options).load())


def _load_tensors(path):
    """For 1.13: its own way knows no floating-point numbers, which states of optimizers have, and torch.load does not
    look at `pickle_module`."""
    with open(path, "rb") as file:
        if zipfile.is_zipfile(file):
            return torch.serialization._load(torch._C.PyTorchFileReader(path), "cpu", _TENSORS)
        file.seek(0)
        return torch.serialization._legacy_load(file, "cpu", _TENSORS)


def load(path, weights_only):
    """What torch.save has written, on the CPU. With `weights_only` nothing in the file is executed."""
    if weights_only and VERSION < (2, 0):
        return _load_tensors(path)
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

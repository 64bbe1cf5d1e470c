"""--onnx: a forward-only ONNX file of the eager network, in training mode, with all parameters and nothing folded."""
import copy

import torch

from . import compat, scripting
from .refused import Refused


def _with_tuple(module, fields):
    """The same module, whose forward returns what the dict has as a tuple: ONNX knows no dicts."""
    plain = copy.copy(module)

    def forward(*arguments):
        result = type(module).forward(module, *arguments)
        return tuple(result[one.fields[0]] for one in fields.outputs)

    plain.__dict__["forward"] = forward
    return plain


def _stored(name):
    """The bytes of TensorProto.name, field 8 of onnx.proto: its tag, its length as a varint, and the name."""
    text = name.encode()
    count, length = len(text), b""
    while count >= 128:
        length += bytes([count % 128 + 128])
        count //= 128
    return b"\x42" + length + bytes([count]) + text


def to_bytes(source, script, bench):
    fields = bench.fields
    module = source.module
    if fields.by_name and source.is_script:
        raise Refused("--onnx of a TorchScript file whose forward returns a dict is not possible, since ONNX knows no "
                      "dicts; start from its code, or return a tuple")
    inputs = ["_".join(one.fields) for one in fields.inputs]
    outputs = ["_".join(one.fields) for one in fields.outputs]
    arguments, _ = bench.draw(4)
    buffers = {name: buffer.detach().clone() for name, buffer in module.named_buffers()}
    scripting.set_mode(module, True)
    torch.manual_seed(0)
    try:
        data = compat.onnx_bytes(_with_tuple(module, fields) if fields.by_name else module, arguments, inputs, outputs,
                                 {name: {0: "samples"} for name in inputs + outputs})
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        cure = "install it (Debian: python3-onnx)" if "onnx is not installed" in lines[0] else \
            "leave --onnx out: Ekman does not need it"
        words = lines[0].split(". ")[0].rstrip("!")
        raise Refused(f"the network cannot be written as ONNX: {words}; {cure}") from error
    finally:
        for name, buffer in module.named_buffers():
            buffer.data.copy_(buffers[name])
    missing = [name for name, _ in script.named_parameters() if _stored(name) not in data]
    if missing:
        raise Refused(f"PyTorch wrote an ONNX file without the parameters {', '.join(missing)}, which forward does not "
                      "use as they are; leave --onnx out")
    return data

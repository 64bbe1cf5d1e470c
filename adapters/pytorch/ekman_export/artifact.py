"""The files of an artifact: their content, the manifest over them, and writing them whole or not at all."""
import contextlib
import hashlib
import json
import os
import pathlib
import platform
import shutil

import ekman_checkpoint
import torch

from . import normalization, scripting
from .fields import name_of
from .refused import Refused
from .version import VERSION

FORMAT = "ekman artifact 1"
ZEROS = "0" * 64


def plain_script(data, training, learn=()):
    """The bytes of a TorchScript file in one mode; of its parameters those that learn have requires_grad."""
    script = scripting.loaded(data)
    scripting.set_mode(script, training)
    for name, parameter in script.named_parameters():
        parameter.requires_grad_(name in learn)
        parameter.grad = None
    return scripting.saved(script)


def _tensors(named, learn=None):
    described = {}
    for name, tensor in named:
        described[name] = {"shape": list(tensor.shape), "dtype": name_of(tensor.dtype)}
        if learn is not None:
            described[name]["trainable"] = name in learn
    return described


def _arguments(fields, arguments, kind):
    return [{"fields": one.fields, "shape": fields.shape(one), "dtype": name_of(kind)} for one in arguments]


def defaults_of(fields, kind, normalize, training):
    """What a plan that names the artifact need not say."""
    defaults = {"inputs": [{"fields": one.fields, "combine": one.combine} for one in fields.inputs],
                "outputs": [{"fields": one.fields, "combine": one.combine} for one in fields.outputs]}
    if fields.grid:
        defaults["sample"] = {"grid": {"shape": list(fields.grid)}}
    defaults["compute"] = name_of(kind)
    if normalize:
        defaults["normalize"] = normalize
    defaults["fields"] = {name: {"levels": count} for name, count in fields.levels().items()}
    if training:
        defaults["training"] = training
    return defaults


def manifest_of(files, source, how, script, learn, fields, kind, supports, tried, defaults):
    manifest = {
        "format": FORMAT, "sha256": ZEROS,
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        "source": {"from": source.text, "kwargs": source.kwargs, "weights": source.weights, "class": source.class_name,
                   "how": how},
        "versions": {"ekman": VERSION, "torch": torch.__version__, "python": platform.python_version()},
        "parameters": _tensors(script.named_parameters(), learn if "training" in defaults else None),
        "buffers": _tensors(script.named_buffers()),
        "inputs": _arguments(fields, fields.inputs, kind),
        "outputs": _arguments(fields, fields.outputs, kind),
        "outputs_by_name": fields.by_name,
        "supports": supports, "tried": tried, "defaults": defaults}
    text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    # The first place: nothing before it can hold these digits.
    return text.replace(ZEROS, hashlib.sha256(text.encode()).hexdigest(), 1).encode()


def _names_of_pytorch(module):
    """Where the state_dict of a network has other names than its parameters and buffers: {alias: name} of a tensor with
    two names, and buffers that it leaves out."""
    own = [*module.named_parameters(), *module.named_buffers()]
    names, state = {id(tensor): name for name, tensor in own}, module.state_dict(keep_vars=True)
    told = {"aliases": {alias: names[id(tensor)] for alias, tensor in state.items()
                        if names.get(id(tensor), alias) != alias},
            "not_persistent": [name for name, _ in own if name not in state]}
    return {key: value for key, value in told.items() if value}


def checkpoint_bytes(module, script, optimizer_arrays, folder):
    arrays, is_complex = {}, []
    for prefix, named in (("parameters", script.named_parameters()), ("buffers", script.named_buffers())):
        for name, tensor in named:
            arrays[f"{prefix}/{name}"] = tensor.detach()
            if tensor.is_complex():
                is_complex.append(name)
    arrays.update(optimizer_arrays)
    path = pathlib.Path(folder) / "checkpoint.safetensors"
    ekman_checkpoint.write(path, arrays, {"format": FORMAT, "ekman": VERSION, "step": "0", "network": json.dumps(
        {"kind": "torchscript", "complex": is_complex, **_names_of_pytorch(module)})})
    return path.read_bytes()


def optimizer_bytes(optimizer):
    return (json.dumps(optimizer, indent=1) + "\n").encode()


def require_room(path, option):
    """Refuses what is there already, and what could not be written: before the work, and again before the rename."""
    if os.path.lexists(path):
        raise Refused(f"{path} is there already; remove it, or name another with {option}")
    parent = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(parent):
        raise Refused(f"there is no directory {parent} for {path}; make it first")
    if not os.access(parent, os.W_OK):
        raise Refused(f"{path} cannot be written: {parent} may not be written; name another with {option}")


def require_rooms(places):
    """Of {option: path}: each as require_room, and no two of them the same."""
    seen = {}
    for option, path in places.items():
        require_room(path, option)
        other = seen.setdefault(os.path.realpath(path), option)
        if other != option:
            raise Refused(f"{other} and {option} are both {path}; give each a name of its own")


@contextlib.contextmanager
def partials(places):
    """{option: a path beside it}. What was made there comes into its place when all has gone well; otherwise nothing
    of it is left."""
    paths = {option: pathlib.Path(os.path.abspath(path)) for option, path in places.items()}
    found = {option: path.with_name(f".{path.name}.partial-{os.getpid()}") for option, path in paths.items()}
    placed = []
    try:
        yield found
        for partial in found.values():
            for file in sorted(partial.iterdir()) if partial.is_dir() else [partial]:
                with open(file, "rb") as written:
                    os.fsync(written.fileno())
        require_rooms(places)
        for option, path in paths.items():
            os.rename(found[option], path)
            placed.append(path)
    except BaseException as error:
        _remove(placed)
        if not isinstance(error, OSError):
            raise
        raise Refused(f"{' and '.join(map(str, places.values()))} cannot be written: {error.strerror}; see that the "
                      "disk has room and may be written") from error
    finally:
        _remove(found.values())


def _remove(paths):
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink()


def add_statistics(files, path):
    if path:
        files[normalization.STATISTICS] = pathlib.Path(path).read_bytes()

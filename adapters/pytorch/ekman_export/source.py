"""Where a network comes from: code of the user, a TorchScript file, or a pickled module."""
import importlib
import importlib.util
import json
import os
import pathlib
import pickle
import re
import sys

import torch

from . import compat, pickles
from .fields import name_of
from .refused import Refused, did_you_mean, where_it_failed

_CODE = re.compile(r"(.+):([A-Za-z_][A-Za-z0-9_.]*)")


class Source:
    """The module, on the CPU, and what a manifest says of where it came from."""

    def __init__(self, module, text, kwargs=None, weights=None):
        self.module, self.text, self.kwargs, self.weights = module, text, kwargs or {}, weights
        self.is_script = isinstance(module, torch.jit.ScriptModule)
        kind = type(module)
        self.class_name = getattr(module, "original_name", kind.__name__) if self.is_script \
            else f"{kind.__module__}.{kind.__qualname__}"

    def is_frozen(self):
        """torch.jit.freeze leaves neither parameters nor the attribute `training`."""
        return self.is_script and (not self.module._c.hasattr("training") or not list(self.module.parameters()))


def is_code(text):
    return _CODE.fullmatch(text) is not None and not os.path.exists(text)


def import_file(path):
    """The module of a Python file; what lies beside it can be imported by it."""
    path = pathlib.Path(path)
    if not path.is_file():
        raise Refused(f"there is no file {path}; name a Python file, as in net.py:Net")
    name = path.stem
    if name in sys.modules and getattr(sys.modules[name], "__file__", None) == str(path.resolve()):
        return sys.modules[name]
    if name in sys.modules:   # another module has this name: of a library, say
        name = f"{name}_of_ekman_export"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))   # to stay: functions may import too
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        place, words = where_it_failed(error)
        raise Refused(f"{path} cannot be imported: {words}{f' at {place}' if place else ''}; see that it runs with "
                      f"{sys.executable}") from error
    return module


def find(text, what):
    """What `file.py:NAME` or `module:NAME` names."""
    path, name = _CODE.fullmatch(text).groups()
    if path.endswith(".py"):
        module = import_file(path)
    else:
        if "" not in sys.path and os.getcwd() not in sys.path:
            sys.path.insert(0, os.getcwd())
        try:
            module = importlib.import_module(path)
        except Exception as error:
            place, words = where_it_failed(error)
            raise Refused(f"module {path} cannot be imported: {words}{f' at {place}' if place else ''}; name a file "
                          f"({path}.py:{name}), or see that {sys.executable} finds the module") from error
    found = module
    for part in name.split("."):
        if not hasattr(found, part):
            others = [other for other in dir(found) if not other.startswith("_")]
            near = did_you_mean(part, others, f"; name {what} of it")
            raise Refused(f'{path} has no "{part}"{near}')
        found = getattr(found, part)
    return found


def _kwargs_of(text):
    if not text:
        return {}
    try:
        kwargs = json.loads(text)
    except ValueError as error:
        raise Refused(f"--kwargs is no JSON ({error}); write it as in '{{\"width\": 64}}'") from None
    if not isinstance(kwargs, dict):
        raise Refused(f"--kwargs {text} is no JSON object; write the arguments by name, as in '{{\"width\": 64}}'")
    return kwargs


def _made(text, kwargs):
    maker = find(text, "a class or a function")
    if not callable(maker):
        raise Refused(f"{text} is a {type(maker).__name__}; name a class or a function that returns a module")
    torch.manual_seed(0)
    try:
        made = maker(**kwargs)
    except Exception as error:
        place, words = where_it_failed(error)
        raise Refused(f"{text} with kwargs {json.dumps(kwargs)} fails: {words}{f' at {place}' if place else ''}; give "
                      "--kwargs that it takes") from error
    if not isinstance(made, torch.nn.Module):
        raise Refused(f"{text} gives {type(made).__name__}, which is no module; name a class of torch.nn.Module, or a "
                      "function that returns one")
    return made


def _loaded_script(path):
    try:
        return torch.jit.load(path, map_location="cpu")
    except Exception as error:
        words = (str(error).strip().splitlines() or ["?"])[0]
        raise Refused(f"{path} cannot be read as TorchScript: {words}; copy it again if it is truncated") from None


def _unpickled(path):
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        made = compat.load(path, weights_only=False)
    except Exception as error:
        _, words = where_it_failed(error)
        raise Refused(f"{path} cannot be unpickled: {words}; its class must be importable as it was when it was saved: "
                      "name the code, as in net.py:Net --weights state.pt") from error
    if not isinstance(made, torch.nn.Module):
        raise Refused(f"{path} holds a {type(made).__name__}; name a file with a whole module, or the code and its "
                      "weights, as in net.py:Net --weights state.pt")
    return made


def load_dict(path, what):
    """A dict that torch.save has written, of tensors, numbers and texts; all else is refused, not executed."""
    if not os.path.isfile(path):
        raise Refused(f"there is no file {path} for {what}; write it with torch.save")
    if pickles.kind_of(path) == pickles.TORCHSCRIPT:
        raise Refused(f"{path} is a TorchScript file, and {what} needs what torch.save(....state_dict(), path) writes")
    try:
        found = compat.load(path, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, AttributeError) as error:
        words = (str(error).strip().splitlines() or ["?"])[0]
        raise Refused(f"{path} cannot be read as tensors and numbers alone: {words.split('. ')[0]}; write "
                      "torch.save(....state_dict(), path), so that nothing in it needs to be executed") from None
    if not isinstance(found, dict):
        raise Refused(f"{path} holds a {type(found).__name__}, and {what} needs the dict that state_dict() gives")
    return found


def _fits(tensor, kind):
    """Whether no value changes in that kind: a mask that comes back from Ekman as int64 is a mask still."""
    if tensor.dtype == kind:
        return True
    if tensor.is_complex() and not kind.is_complex:
        return False
    back = tensor.to(kind).to(tensor.dtype)
    return bool(((back == tensor) | ((back != back) & (tensor != tensor))).all())   # NaN remains NaN


def _load_weights(module, path):
    state = load_dict(path, "--weights")
    for key in ("state_dict", "model_state_dict"):
        if isinstance(state.get(key), dict):
            state = state[key]
    if not all(isinstance(value, torch.Tensor) for value in state.values()):
        name = next(name for name, value in state.items() if not isinstance(value, torch.Tensor))
        raise Refused(f'{path} has "{name}", which is no tensor; save network.state_dict()')
    own, state = module.state_dict(keep_vars=True), dict(state)
    given = {id(own[name]): tensor for name, tensor in state.items() if name in own}
    for name, tensor in own.items():   # a tensor with two names, of which Ekman knows one
        if name not in state and id(tensor) in given:
            state[name] = given[id(tensor)]
    for name, _ in module.named_buffers():   # Ekman keeps those that are not persistent too
        if name not in own:
            state.pop(name, None)
    missing, unknown = [name for name in own if name not in state], [name for name in state if name not in own]
    if missing or unknown:
        cure = "; save network.module.state_dict() of a network in DataParallel or DistributedDataParallel" \
            if unknown and all(name.startswith("module.") for name in unknown) else \
            "; give --kwargs that the network had when its weights were saved"
        words = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"has {', '.join(unknown)} besides"] * bool(unknown)
        raise Refused(f"{path} is of another network: it {' and '.join(words)}{cure}")
    for name, tensor in state.items():
        if tensor.shape != own[name].shape:
            raise Refused(f'{path} has "{name}" with shape {list(tensor.shape)}, and the network needs '
                          f"{list(own[name].shape)}; give --kwargs that the network had when its weights were saved")
        if not _fits(tensor, own[name].dtype):
            kinds = [name_of(tensor.dtype), name_of(own[name].dtype)]
            raise Refused(f'{path} has "{name}" in {kinds[0]}, of which the network, in {kinds[1]}, would lose digits; '
                          f"make it {kinds[0]} in its code, as with .double(), or save its weights in {kinds[1]}")
    module.load_state_dict(state)


def open_source(text, kwargs=None, weights=None, trust=False):
    """A Source; nothing of a pickle is executed unless `trust`."""
    arguments = _kwargs_of(kwargs)
    if is_code(text):
        module = _made(text, arguments)
    else:
        if not os.path.isfile(text):
            raise Refused(f"there is no file {text}; name file.py:Class, module:function, a TorchScript file, or with "
                          "--trust a pickled module")
        if arguments:
            raise Refused(f"--kwargs are for a class or a function, and {text} is a file; leave them out")
        kind = pickles.kind_of(text)
        if kind == pickles.WEIGHTS:
            raise Refused(f"{text} holds weights and no network; name its code, as in net.py:Net --weights {text}")
        if kind == pickles.OTHER:
            raise Refused(f"{text} is no file of PyTorch; name file.py:Class, module:function, a TorchScript file, or "
                          "with --trust a pickled module")
        if kind == pickles.PICKLE and not trust:
            raise Refused(f"{text} is a pickle, which can execute anything when it is opened; if you made it yourself "
                          "say --trust, or name the code, as in net.py:Net --weights state.pt")
        module = _loaded_script(text) if kind == pickles.TORCHSCRIPT else _unpickled(text)
    if weights:
        _load_weights(module, weights)
    return Source(module if isinstance(module, torch.jit.ScriptModule) else module.cpu(), text, arguments, weights)

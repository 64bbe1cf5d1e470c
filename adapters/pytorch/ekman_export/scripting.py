"""From an eager module to TorchScript: scripted or traced, with its loss. Says what failed to script, and where."""
import inspect
import io
import re
import warnings
from typing import Dict

import torch
from torch import Tensor

from . import losses, source
from .refused import Refused, where_it_failed

_PLACE = re.compile(r'File "([^"]+)", line ([0-9]+)\n(.*?<--- HERE)', re.DOTALL)


def words_of_failure(error):
    """What the compiler of TorchScript says, in one clause: file:line, the code, the reason."""
    text = str(error)
    reason = next((line.strip().rstrip(": ") for line in text.splitlines() if line.strip()), type(error).__name__)
    found = _PLACE.search(text)
    if not found:
        return reason
    before = []
    for line in found[3].splitlines():
        if re.fullmatch(r"\s*~+(\s*<--- HERE)?", line):
            break
        before.append(line)
    code = before[-1].strip() if before else ""
    return f"{found[1]}:{found[2]}: `{code}`: {reason}"


def set_mode(module, training):
    """train() or eval() for any module, of a frozen file too."""
    if not isinstance(module, torch.jit.ScriptModule):
        module.train(training)
        return
    for part in module.modules():
        if part._c.hasattr("training"):
            part._c.setattr("training", training)


def saved(script):
    buffer = io.BytesIO()
    torch.jit.save(script, buffer)
    return buffer.getvalue()


def loaded(data):
    return torch.jit.load(io.BytesIO(data), map_location="cpu")


def _culprit(module):
    """Where no line is named: the innermost part that cannot be scripted by itself, with its class; or ""."""
    for name, part in reversed(list(module.named_modules())):
        try:
            torch.jit.script(part)
        except Exception:
            hooks = " with hooks, as of weight_norm" if part._forward_pre_hooks or part._forward_hooks else ""
            return f'submodule "{name}" ({type(part).__name__}{hooks})' if name else ""
    return ""


def to_script(module):
    try:
        return torch.jit.script(module)
    except Exception as error:
        culprit = "" if _PLACE.search(str(error)) else _culprit(module)
        if culprit:
            raise Refused(f"the network cannot be scripted: {culprit}: {words_of_failure(error)}; take --trace, which "
                          "records one run and keeps no branch that depends on data, or another submodule") from error
        raise Refused(f"the network cannot be scripted: {words_of_failure(error)}; change this line, or take --trace, "
                      "which records one run and keeps no branch that depends on data") from error


def to_trace(module, arguments):
    """(traced module, notes): in the mode that the module is in."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            traced = torch.jit.trace(module, tuple(arguments), check_trace=False, strict=False)
        except Exception as error:
            place, words = where_it_failed(error)
            raise Refused(f"the network cannot be traced: {words}{f' at {place}' if place else ''}; see that forward "
                          "takes the arguments that --input names") from error
    notes = [f"{one.filename}:{one.lineno}: {str(one.message).split('. ')[0]}" for one in caught
             if "TracerWarning" in one.category.__name__]
    return traced, list(dict.fromkeys(notes))


def count_arguments(module):
    """(least, most) arguments of forward; most is None where it takes any number."""
    if isinstance(module, torch.jit.ScriptModule):
        arguments = module.forward.schema.arguments[1:]
        return sum(1 for one in arguments if not one.has_default_value()), len(arguments)
    arguments = list(inspect.signature(module.forward).parameters.values())
    plain = [one for one in arguments if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    most = None if any(one.kind == one.VAR_POSITIONAL for one in arguments) else len(plain)
    return sum(1 for one in plain if one.default is one.empty), most


def _refuse_own_loss(script, is_file):
    """A name stands for one thing: what the network itself calls loss is in the way of a term's."""
    if not script._c.hasattr("loss") and not script._c._has_method("loss"):
        return
    rename = "rename it in its code, and save it again" if is_file else "rename it"
    if script._c._has_method("loss"):
        raise Refused(f"the network has a method loss already; take --loss method, or {rename}")
    raise Refused(f"the network has an attribute `loss`, and Ekman calls a method of this name; {rename}")


def add_loss(script, loss, fields, is_file=False):
    """Gives it the method `loss`, if it is not to keep its own. The names in its text are those of this frame."""
    if loss == "method":
        losses.forms_of_method(script)
        return
    _refuse_own_loss(script, is_file)
    own_loss = losses.own_function(loss) if isinstance(loss, str) else None
    text = losses.own_method_source() if own_loss else losses.source_of(loss, bool(fields.grid))
    script.define(text)


def eager_loss(loss, fields):
    """loss(outputs, targets, inputs) of dicts, in Python."""
    if loss == "method":
        return None
    if isinstance(loss, str):
        return source.find(loss, "a function")
    names = {"torch": torch, "Dict": Dict, "Tensor": Tensor}
    exec(losses.source_of(loss, bool(fields.grid)), names)   # our own text
    return lambda outputs, targets, inputs: names["loss"](None, outputs, targets, inputs)

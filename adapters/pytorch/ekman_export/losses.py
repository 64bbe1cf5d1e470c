"""Terms of a loss: read from the command line, and written as a method `loss` of the network's TorchScript.

Its built-in terms are those of a plan: of each sample the mean over all values of the fields of a term.
"""
import json
import re

import torch

from . import source
from .refused import Refused, did_you_mean

# Options with LibTorch's defaults.
KINDS = {"mse": {}, "l1": {}, "huber": {"delta": 1.0}, "smooth_l1": {"beta": 1.0},
         "cross_entropy": {"label_smoothing": 0.0}, "bce_with_logits": {}, "nll": {}}
OF_CLASSES = ("cross_entropy", "nll")
_CALLS = {"mse": "mse_loss", "l1": "l1_loss", "huber": "huber_loss", "smooth_l1": "smooth_l1_loss",
          "cross_entropy": "cross_entropy", "bce_with_logits": "binary_cross_entropy_with_logits", "nll": "nll_loss"}
_TERM = re.compile(r"(?:(?P<weight>[-+0-9.eE]+)\s*\*\s*)?(?P<kind>[A-Za-z_0-9]+)(?::(?P<fields>.+))?")
_HEAD = ("def loss(self, outputs: Dict[str, Tensor], targets: Dict[str, Tensor], inputs: Dict[str, Tensor]) -> "
         "Tensor:\n")
_OWN_HEAD = "(outputs: Dict[str, Tensor], targets: Dict[str, Tensor], inputs: Dict[str, Tensor]) -> Tensor"


class Term:
    def __init__(self, kind, fields, weight, options):
        self.kind, self.fields, self.weight, self.options = kind, fields, weight, options

    def of_plan(self):
        term = {self.kind: {"fields": self.fields, **self.options}}
        return {**term, "weight": self.weight} if self.weight != 1.0 else term


def _number(text, where):
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = float("nan")
    if isinstance(text, bool) or not value >= 0.0 or value == float("inf"):
        raise Refused(f"{where} is {text}; give a number of at least 0")
    return value


def _option(key, value, where):
    """Within the bounds of coupler/plan/loss_check.cpp."""
    number = _number(value, where)
    if key == "delta" and number == 0.0:
        raise Refused(f"{where} is {value}; give a number above 0")
    if key == "label_smoothing" and number > 1.0:
        raise Refused(f"{where} is {value}; give a number from 0 to 1")
    return number


def _kind(kind, text):
    if kind not in KINDS:
        near = did_you_mean(kind, [*KINDS, "method"], f"; take one of {', '.join(KINDS)}, method, or file.py:function")
        raise Refused(f'there is no loss "{kind}" (--loss {text}){near}')
    return kind


def _of_json(text, fields):
    try:
        term = json.loads(text)
    except ValueError as error:
        raise Refused(f"--loss {text} is no JSON ({error}); write it as in "
                      "'{\"mse\": {\"fields\": [\"heating\"]}}'") from None
    kinds = [key for key in term if key != "weight"]
    if len(kinds) != 1 or not isinstance(term[kinds[0]], dict):
        raise Refused(f"--loss {text} is no term of a plan; write one kind with its fields, and a weight if it has one")
    kind, options = _kind(kinds[0], text), dict(term[kinds[0]])
    named = options.pop("fields", list(fields.output_levels()))
    for key in options:
        if key not in KINDS[kind]:
            raise Refused(f'--loss {text} has an unknown option "{key}"' + did_you_mean(
                key, list(KINDS[kind]), f"; {kind} takes {', '.join(['fields', *KINDS[kind]])}"))
        options[key] = _option(key, options[key], f"{key} of --loss {text}")
    if not isinstance(named, list) or not named or not all(isinstance(name, str) for name in named):
        raise Refused(f"--loss {text} has fields that are no list of names; write them as in [\"heating\"]")
    return Term(kind, named, _number(term.get("weight", 1.0), f"the weight of --loss {text}"), options)


def _of_text(text, fields):
    found = _TERM.fullmatch(text.strip())
    if not found:
        raise Refused(f"--loss {text} is no term; write KIND, KIND:FIELD,FIELD or WEIGHT*KIND:FIELD, as in "
                      "0.4*mse:heating, or file.py:function")
    weight = _number(found["weight"], f"the weight of --loss {text}") if found["weight"] else 1.0
    named = [name.strip() for name in found["fields"].split(",")] if found["fields"] else list(fields.output_levels())
    return Term(_kind(found["kind"], text), named, weight, {})


def parse(texts, fields):
    """The terms of --loss, each checked; or a text: "method", or file.py:function."""
    own = [text for text in texts if text == "method" or (source.is_code(text) and ".py:" in text)]
    if own:
        if len(texts) > 1:
            raise Refused(f"--loss {own[0]} is a loss of your own, which is the only term; compute the others in it")
        if "*" in own[0]:
            raise Refused(f"--loss {own[0]} has a weight, and a loss of your own is the only term; "
                          "leave the weight out")
        return own[0]
    terms = [_of_json(text, fields) if text.lstrip().startswith("{") else _of_text(text, fields) for text in texts]
    for term, text in zip(terms, texts):
        for name in term.fields:
            fields.require_output(name, f"--loss {text}")
        if len(set(term.fields)) < len(term.fields):
            raise Refused(f"--loss {text} names a field twice; name each once")
        if term.kind in OF_CLASSES and len(term.fields) > 1:
            raise Refused(f"--loss {text} has the fields {', '.join(term.fields)}, and {term.kind} takes one, whose "
                          "levels are the classes; write a term for each")
    if sum(term.weight for term in terms) == 0.0:
        raise Refused("the weights of all --loss are 0, so that nothing can be learned; give one a weight above 0")
    return terms


def source_of(terms, on_grid):
    """The method `loss` of built-in terms."""
    lines, sums = [], []
    for number, term in enumerate(terms):
        sides = []
        for side in ("outputs", "targets"):
            parts = [f"{side}[{json.dumps(name, ensure_ascii=False)}]" for name in term.fields]
            sides.append(parts[0] if len(parts) == 1 else f"torch.cat([{', '.join(parts)}], 1)")
        if term.kind in OF_CLASSES:
            sides[1] += ".squeeze(1).long()"
        options = "".join(f", {key}={value!r}" for key, value in {**KINDS[term.kind], **term.options}.items())
        by_sample = ".flatten(1).mean(1)" if term.kind not in OF_CLASSES or on_grid else ""
        lines.append(f'    term{number} = torch.nn.functional.{_CALLS[term.kind]}({sides[0]}, {sides[1]}, '
                     f'reduction="none"{options}){by_sample}\n')
        sums.append(f"term{number}" if term.weight == 1.0 else f"{term.weight!r} * term{number}")
    return _HEAD + "".join(lines) + f"    return {' + '.join(sums)}\n"


def own_function(text):
    """The user's function of `file.py:function`, in TorchScript."""
    function = source.find(text, "a function")
    from .scripting import words_of_failure
    try:
        scripted = torch.jit.script(function)
    except Exception as error:
        raise Refused(f"the loss {text} cannot be scripted: {words_of_failure(error)}; change it, its arguments are "
                      f"{_OWN_HEAD}") from error
    arguments = scripted.schema.arguments
    if len(arguments) != 3 or any(str(one.type) != "Dict[str, Tensor]" for one in arguments):
        raise Refused(f"the loss {text} takes ({', '.join(f'{one.name}: {one.type}' for one in arguments)}); write it "
                      f"as {_OWN_HEAD}")
    return scripted


def own_method_source():
    return _HEAD + "    return own_loss(outputs, targets, inputs)\n"


def forms_of_method(script):
    """Of the three arguments of a module's own method `loss`, whether each is a dict; anything else is refused."""
    if not script._c._has_method("loss"):
        raise Refused("--loss method, but the network has no method loss; write one with @torch.jit.export, or take a "
                      "loss by its name or as file.py:function")
    arguments = script._c._get_method("loss").schema.arguments[1:]
    kinds = [str(one.type) for one in arguments]
    if len(kinds) != 3 or any(kind not in ("Tensor", "Dict[str, Tensor]") for kind in kinds):
        raise Refused(f"the network's method loss takes ({', '.join(kinds)}); it must take three arguments, outputs, "
                      "targets and inputs, each a Tensor or a Dict[str, Tensor]")
    return [kind != "Tensor" for kind in kinds]

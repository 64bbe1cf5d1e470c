"""Optimizers as a plan has them: `optimizer_keys()` of adapters/yaml/training_keys.cpp; a test compares both."""
from .refused import Refused, did_you_mean

REQUIRED = object()

KINDS = {
    "sgd": {"lr": REQUIRED, "momentum": 0.0, "dampening": 0.0, "weight_decay": 0.0, "nesterov": "off"},
    "adam": {"lr": REQUIRED, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.0, "amsgrad": "off"},
    "adamw": {"lr": REQUIRED, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01, "amsgrad": "off"},
    "rmsprop": {"lr": REQUIRED, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0.0, "momentum": 0.0, "centered": "off"},
    "adagrad": {"lr": REQUIRED, "lr_decay": 0.0, "weight_decay": 0.0, "initial_accumulator_value": 0.0, "eps": 1e-10},
    "lbfgs": {"lr": REQUIRED, "history_size": 100, "tolerance_grad": 1e-7, "tolerance_change": 1e-9},
}

_FLAGS = {"on": "on", "off": "off", "true": "on", "false": "off"}
_POSITIVE = ("lr",)
_BELOW_ONE = ("betas", "alpha")


def _numbers(kind, key, text, count):
    try:
        values = [float(part) for part in str(text).strip("[]()").split(",")]
    except ValueError:
        values = []
    if len(values) != count or any(value != value or value in (float("inf"), -float("inf")) for value in values):
        raise Refused(f"--optimizer {kind} has {key}={text}; give " + ("a number" if count == 1 else
                      f"{count} numbers with a comma between them, as in {key}=0.9,0.999"))
    if any(value < 0.0 for value in values) or (key in _POSITIVE and values[0] == 0.0) \
            or (key in _BELOW_ONE and max(values) >= 1.0):
        raise Refused(f"--optimizer {kind} has {key}={text}; give "
                      + ("numbers of at least 0 and below 1" if key in _BELOW_ONE else
                         "a number above 0" if key in _POSITIVE else "a number of at least 0"))
    return values


def _value(kind, key, text, default):
    if isinstance(default, str):
        if str(text).lower() not in _FLAGS:
            raise Refused(f"--optimizer {kind} has {key}={text}; say on or off")
        return _FLAGS[str(text).lower()]
    if isinstance(default, list):
        return _numbers(kind, key, text, len(default))
    value = _numbers(kind, key, text, 1)[0]
    if isinstance(default, int):
        if value < 1 or value != int(value):
            raise Refused(f"--optimizer {kind} has {key}={text}; give a whole number of at least 1")
        return int(value)
    return value


def parse(words, of_state=None):
    """{kind: options, all of them} of `adamw lr=1e-3 ...`. What is not given comes from `of_state`, the options that a
    saved optimizer had, and then from LibTorch's defaults."""
    kind, *options = words
    if kind not in KINDS:
        near = did_you_mean(kind, list(KINDS), f"; take one of {', '.join(KINDS)}")
        raise Refused(f'there is no optimizer "{kind}"{near}')
    given = {}
    for option in options:
        key, sign, text = option.partition("=")
        if key not in KINDS[kind] or not sign:
            raise Refused(f'--optimizer {kind} has no option "{option}"' + did_you_mean(
                key, list(KINDS[kind]), f"; write KEY=VALUE with one of {', '.join(KINDS[kind])}"))
        if key in given:
            raise Refused(f"--optimizer {kind} has {key} twice; give it once")
        given[key] = text
    values = {}
    for key, default in KINDS[kind].items():
        if key in given:
            values[key] = _value(kind, key, given[key], default)
        elif of_state and key in of_state:
            saved = of_state[key]
            values[key] = _value(kind, key, list(saved) if isinstance(saved, tuple) else saved, default)
        elif default is REQUIRED:
            raise Refused(f"--optimizer {kind} has no lr; give the learning rate, as in lr=1e-3")
        else:
            values[key] = default
    if kind == "sgd" and values["nesterov"] == "on" and (values["momentum"] == 0.0 or values["dampening"] != 0.0):
        raise Refused("--optimizer sgd has nesterov=on, which needs a momentum and no dampening; give momentum=0.9, or "
                      "leave nesterov out")
    return {kind: values}

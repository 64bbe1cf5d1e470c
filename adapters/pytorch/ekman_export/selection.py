"""Which parameters learn: the rules of `trainable` and `frozen` of a plan (docs/training.md)."""
import re

from .refused import Refused, did_you_mean


def _matches(pattern, name):
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), name, re.DOTALL) is not None


def _nearest(pattern, names):
    candidates = names
    if "*" in pattern:
        candidates = [end for name in names for at, sign in enumerate(name) if sign == "."
                      for end in (name[:at] + ".*", "*" + name[at:])]
    return did_you_mean(pattern, candidates, f"; its parameters are: {', '.join(names) or 'none'}")


def select(parameters, train, freeze):
    """(names that learn in order, `trainable` and `frozen` for the plan) of {name: tensor}.

    What the module itself holds with requires_grad=False stays frozen, unless --train is given.
    """
    names = list(parameters)
    for option, patterns in (("--train", train), ("--freeze", freeze)):
        for pattern in patterns:
            if not any(_matches(pattern, name) for name in names):
                raise Refused(f'"{pattern}" of {option} is no parameter{_nearest(pattern, names)}')
    chosen = [pattern for pattern in train if pattern != "*"]
    all_others = not train or "*" in train
    is_chosen = {name: any(_matches(pattern, name) for pattern in chosen) for name in names}
    is_frozen = {name: any(_matches(pattern, name) for pattern in freeze) for name in names}
    for name in names:
        if is_chosen[name] and is_frozen[name]:
            raise Refused(f'"{name}" is named by --train and by --freeze; take it out of one')
    own = [name for name in names if not train and not parameters[name].requires_grad and not is_frozen[name]]
    learn = [name for name in names if is_chosen[name] or (all_others and not is_frozen[name] and name not in own)]
    if not learn:
        why = " (the network has them with requires_grad=False)" if own else ""
        raise Refused(f"no parameter is left that learns{why}; name some with --train, as in --train '*', or leave out "
                      f"--freeze (its parameters are: {', '.join(names) or 'none'})")
    return learn, list(train) or ["*"], list(freeze) + own

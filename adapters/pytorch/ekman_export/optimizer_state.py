"""The state of an optimizer of PyTorch, which goes by the order of parameters, as arrays by their names."""
import torch

from .optimizers import KINDS
from .refused import Refused

# Members by parameter, as adapters/torch/optimizer_state.cpp has them; of those with an option only where it is on.
_MEMBERS = {
    "sgd": {"momentum_buffer": "momentum"},
    "adam": {"exp_avg": None, "exp_avg_sq": None, "max_exp_avg_sq": "amsgrad"},
    "adamw": {"exp_avg": None, "exp_avg_sq": None, "max_exp_avg_sq": "amsgrad"},
    "rmsprop": {"square_avg": None, "momentum_buffer": "momentum", "grad_avg": "centered"},
    "adagrad": {"sum": None},
}
_OF_LBFGS = {"whole": ("d", "H_diag", "prev_flat_grad"), "lists": ("old_dirs", "old_stps", "ro"),
             "counts": ("func_evals", "n_iter"), "numbers": ("t", "prev_loss")}


def group_of(state, path):
    """The only group of parameters of optimizer.state_dict()."""
    if not isinstance(state.get("state"), dict) or not isinstance(state.get("param_groups"), list):
        raise Refused(f"{path} is no state of an optimizer; write torch.save(optimizer.state_dict(), path)")
    if len(state["param_groups"]) != 1:
        raise Refused(f"{path} has {len(state['param_groups'])} groups of parameters, and Ekman has one rate for all; "
                      "make the optimizer with one group")
    return state["param_groups"][0]


def require_kind(path, state, kind):
    """Refuses the state of another kind of optimizer, and options that Ekman has not, by which it went on otherwise.

    How PyTorch computes (foreach, fused, capturable, differentiable) and what a schedule keeps there does not matter.
    """
    group = group_of(state, path)
    cure = "name with --optimizer the kind that it is of, or leave --optimizer-state out"
    missing = [key for key in KINDS[kind] if key not in group]
    if missing:
        raise Refused(f"{path} is of another optimizer than {kind}: its options have no {missing[0]}; {cure}")
    members = {name for members in state["state"].values() for name, value in members.items() if value is not None}
    known = {*_MEMBERS.get(kind, ()), "step"} if kind != "lbfgs" else \
        {name for names in _OF_LBFGS.values() for name in names} | {"al"}
    if members - known:
        raise Refused(f"{path} is of another optimizer than {kind}: it has {', '.join(sorted(members - known))}; "
                      f"{cure}")
    if group.get("maximize"):
        raise Refused(f"{path} has maximize=True, and Ekman makes a loss small; give the loss the other sign, and the "
                      "optimizer maximize=False")
    if group.get("line_search_fn") is not None:
        raise Refused(f"{path} has line_search_fn={group['line_search_fn']}, and Ekman takes lbfgs without line "
                      "search; leave --optimizer-state out")
    if kind in ("adam", "adamw") and group.get("decoupled_weight_decay", kind == "adamw") != (kind == "adamw"):
        raise Refused(f"{path} is of another optimizer than {kind}: it has "
                      f"decoupled_weight_decay={group['decoupled_weight_decay']}; {cure}")


def _is_on(options, option):
    return option is None or options[option] not in (0.0, "off")


def _states_by_name(path, state, group, learn, parameters):
    """{name: its members}, by the order of those that learn, or of all parameters if it was made with all."""
    numbers = group["params"]
    names = learn if len(numbers) == len(learn) else list(parameters)
    if len(numbers) != len(names):
        raise Refused(f"{path} is of {len(numbers)} parameters, and {len(learn)} of {len(parameters)} learn; give "
                      "--train and --freeze that fit, or make the optimizer with those that learn")
    return {name: state["state"].get(number, {}) for name, number in zip(names, numbers) if name in learn}


def _step_of(path, states):
    steps = {int(members["step"]) for members in states.values() if "step" in members}
    if len(steps) > 1:
        raise Refused(f"{path} has parameters after {' and '.join(map(str, sorted(steps)))} steps, and Ekman makes "
                      "each step for all; start with a new state: leave --optimizer-state out")
    return steps


def _of_lbfgs(path, states, learn, kind):
    members = states[learn[0]]
    if not members:
        return {}
    arrays, missing = {}, [key for keys in _OF_LBFGS.values() for key in keys if key not in members]
    if missing:
        raise Refused(f"{path} has no {missing[0]}, which lbfgs has after a step; give the state of an LBFGS")
    for key in _OF_LBFGS["counts"]:
        arrays[f"optimizer/{key}"] = torch.tensor(int(members[key]))
    for key in _OF_LBFGS["numbers"]:
        arrays[f"optimizer/{key}"] = torch.tensor(float(members[key]), dtype=torch.float64)
    for key in _OF_LBFGS["whole"]:
        if members[key] is not None:
            arrays[f"optimizer/{key}"] = torch.as_tensor(members[key]).to(kind)
    for key in _OF_LBFGS["lists"]:
        if members[key]:
            arrays[f"optimizer/{key}"] = torch.stack([torch.as_tensor(one).to(kind) for one in members[key]])
    return arrays


def arrays_of(path, state, optimizer, learn, parameters):
    """{"optimizer/exp_avg/NAME": tensor, ..., "optimizer/step": number} for a checkpoint; nothing before a step."""
    (kind, options), = optimizer.items()
    states = _states_by_name(path, state, group_of(state, path), learn, parameters)
    if not state["state"]:
        return {}
    if kind == "lbfgs":
        return _of_lbfgs(path, states, learn, parameters[learn[0]].dtype)
    arrays = {}
    for member, option in _MEMBERS[kind].items():
        if not _is_on(options, option):
            continue
        for name in learn:
            value = states[name].get(member)
            if not isinstance(value, torch.Tensor):
                has = ", ".join(sorted(states[name])) or "nothing"
                raise Refused(f'{path} has no {member} of "{name}" ({has}); give the state of the optimizer that '
                              f"--optimizer {kind} names, after a step in which every parameter that learns had a part")
            if value.shape != parameters[name].shape:
                raise Refused(f'{path} has {member} of "{name}" with shape {list(value.shape)}, and the parameter has '
                              f"{list(parameters[name].shape)}; give --train and --freeze that it was made with")
            arrays[f"optimizer/{member}/{name}"] = value.to(parameters[name].dtype)
    for step in _step_of(path, states):
        if kind != "sgd":
            arrays["optimizer/step"] = torch.tensor(step)
    return arrays

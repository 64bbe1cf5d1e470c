"""What a checkpoint of Ekman holds, as PyTorch has it: a state_dict, and that of its optimizer.

    network.load_state_dict(ekman_import.state_dict("run/checkpoints/heating-00000500.safetensors"))
    optimizer = torch.optim.AdamW(network.parameters())
    ekman_import.load_optimizer("run/checkpoints/heating-00000500.safetensors", optimizer, network)

Of a TorchScript, built-in or own network, and of the checkpoint.safetensors of an artifact. The command writes both as
files of torch.save, which torch.load of PyTorch 2 opens with weights_only=True:

    ekman-import run/checkpoints/heating-00000500.safetensors --out state.pt --optimizer optimizer.pt

Needs PyTorch 1.13 or later and ekman_checkpoint.py beside it.
"""
import argparse
import contextlib
import io
import json
import os
import pathlib
import sys
import warnings

import torch

import ekman_checkpoint
from ekman_checkpoint import CheckpointError

OPTIMIZERS = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "sgd": torch.optim.SGD,
              "rmsprop": torch.optim.RMSprop, "adagrad": torch.optim.Adagrad, "lbfgs": torch.optim.LBFGS}
FLAT = ("d", "prev_flat_grad", "old_dirs", "old_stps")   # of lbfgs: the last extent is that of all that learns
LISTS = ("old_dirs", "old_stps", "ro")
PLAIN_NUMBERS = {"func_evals": int, "n_iter": int, "t": float, "prev_loss": float}
OF_WORDS = {"with amsgrad": "amsgrad", "centered": "centered"}   # what the kind of an optimizer says of its options
# As Ekman takes it: one iteration in each step, without line search.
LBFGS = {"max_iter": 1, "max_eval": 1, "line_search_fn": None}


class _Checkpoint:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.arrays, self.texts = ekman_checkpoint.read(path)
        try:
            self.network = json.loads(self.texts["network"])
            self.complex = set(self.network.get("complex", []))
        except (ValueError, AttributeError, TypeError):
            raise self.refused("does not say what network it is of; take one that this Ekman wrote") from None

    def refused(self, why):
        return CheckpointError(f"checkpoint {self.path} {why}")

    def below(self, prefix):
        """{name: tensor} of arrays below a prefix, complex where the network has them so."""
        return {name[len(prefix):]: self.as_of(name[len(prefix):], array) for name, array in self.arrays.items()
                if name.startswith(prefix)}

    def as_of(self, name, array):
        """An array that is of the kind of the parameter or buffer of this name."""
        if name not in self.complex:
            return array
        if array.dim() == 0 or array.shape[-1] != 2 or not array.is_floating_point():
            raise self.refused(f'has no pairs of reals in "{name}", which is complex; take one that this Ekman wrote')
        return torch.view_as_complex(array)

    def number(self, name):
        array = self.arrays.get(name)
        return None if array is None or array.numel() != 1 else array.item()

    def learning(self):
        """Names of the parameters that learn, in the order that the network has them."""
        names = [name[len("parameters/"):] for name in self.arrays if name.startswith("parameters/")]
        if "frozen" in self.network:
            return [name for name in names if name not in self.network["frozen"]]
        told = (self.beside("manifest.json") or {}).get("parameters", {})
        return [name for name in names if told.get(name, {}).get("trainable", True)]

    def other_names(self):
        """{alias: name} of tensors that have two names in the network, of which Ekman keeps the first."""
        script = self.path.with_suffix(".pt")
        if self.network.get("kind") != "torchscript" or "aliases" in self.network or not script.is_file() \
                or self.texts["format"].startswith("ekman artifact"):
            return self.network.get("aliases", {})
        try:
            network = torch.jit.load(str(script), map_location="cpu")
        except (RuntimeError, ValueError):
            raise CheckpointError(f"{script} beside the checkpoint cannot be read as TorchScript; copy both again, or "
                                  "move it away") from None
        own = [*network.named_parameters(), *network.named_buffers()]
        names = {id(tensor): name for name, tensor in own}
        return {alias: names[id(tensor)] for alias, tensor in network.state_dict(keep_vars=True).items()
                if names.get(id(tensor), alias) != alias}

    def beside(self, name):
        """What a file of the same artifact says, or None."""
        path = self.path.parent / name
        if not self.texts["format"].startswith("ekman artifact") or not path.is_file():
            return None
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, OSError):
            told = None
        if not isinstance(told, dict):
            raise CheckpointError(f"{path} is no JSON that ekman-export writes; write the artifact again") from None
        return told

    def members(self):
        """Arrays "optimizer/<member>/<name>", cut in three."""
        return [parts for parts in (name.split("/", 2) for name in self.arrays)
                if parts[0] == "optimizer" and len(parts) == 3]

    def optimizer_options(self):
        """The kind and the options of its optimizer, as a plan has them; options None: it does not say."""
        given = self.network.get("optimizer_options") or self.beside("optimizer.json")
        if isinstance(given, dict) and len(given) == 1 and isinstance(next(iter(given.values())), dict):
            kind, options = next(iter(given.items()))
        else:
            kind, options = str(self.network.get("optimizer", "")).replace(",", " ").split(" ")[0], None
        if kind not in OPTIMIZERS:
            raise self.refused("does not say which optimizer it learned with, so there is no state of one in it; take "
                               "weights alone (without --optimizer)")
        return kind, options

    def group_options(self, kind, options):
        """What the param_groups get, by PyTorch's names, and what is not known."""
        group = dict(LBFGS) if kind == "lbfgs" else {}
        unknown = []
        if options is None:
            words = str(self.network.get("optimizer", ""))
            group.update({option: True for word, option in OF_WORDS.items() if word in words})
            unknown = ["momentum"] if "with momentum" in words else []
        for key, value in (options or {}).items():
            group[key] = {"on": True, "off": False}.get(value, value) if isinstance(value, str) else value
            if isinstance(value, list):
                group[key] = tuple(value)
        rate = self.number("last/learning_rate")
        if rate is not None and int(self.texts["step"]) > 0:
            group["lr"] = rate
        return group, unknown

    def states(self, kind):
        """{name: state}; of lbfgs all of it under the first name."""
        if kind == "lbfgs":
            return self.lbfgs_state()
        step, states = self.number("optimizer/step"), {}
        for _, member, name in self.members():
            state = states.setdefault(name, {} if step is None else {"step": torch.tensor(float(step))})
            array, parameter = self.arrays[f"optimizer/{member}/{name}"], self.arrays.get(f"parameters/{name}")
            if parameter is None or parameter.shape != array.shape:
                raise self.refused(f'has {member} of "{name}", which does not fit its parameters; take one that Ekman '
                                   "wrote")
            state[member] = self.as_of(name, array)
        return states

    def lbfgs_state(self):
        state = {}
        for path, array in self.arrays.items():
            name = path[len("optimizer/"):]
            if not path.startswith("optimizer/"):
                continue
            if name in PLAIN_NUMBERS:
                state[name] = PLAIN_NUMBERS[name](array.item())
            else:
                state[name] = [row.clone() for row in array.unbind(0)] if name in LISTS else array
        if not state.get("n_iter"):
            return {}
        count = sum(self.arrays[f"parameters/{name}"].numel() for name in self.learning())
        for name in LISTS:
            state.setdefault(name, [])
        for name in FLAT:
            values = state[name] if name in LISTS else [state.get(name)]
            if any(value is None or value.shape != (count,) for value in values):
                raise self.refused(f"has {name} of lbfgs, which does not fit its parameters; take one that Ekman wrote")
        return {self.learning()[0]: state}

    def reordered(self, state, order):
        """The state of lbfgs for parameters in another order."""
        sizes = [self.arrays[f"parameters/{name}"].numel() for name in self.learning()]

        def turn(flat):
            parts = dict(zip(self.learning(), flat.split(sizes)))
            return torch.cat([parts[name] for name in order])

        for member in set(FLAT) & state.keys():
            values = state[member]
            state[member] = [turn(row) for row in values] if member in LISTS else turn(values)
        return state


def _state_dict(checkpoint):
    state = {**checkpoint.below("parameters/"), **checkpoint.below("buffers/")}
    for alias, name in checkpoint.other_names().items():
        if name in state:
            state[alias] = state[name]
    for name in checkpoint.network.get("not_persistent", []):
        state.pop(name, None)
    return state


def state_dict(path):
    """{name: tensor} of the parameters and buffers of a checkpoint, for `load_state_dict` of the network.

    A tensor with two names (tied weights) has both, if the checkpoint is of an artifact or its .pt lies beside it. Of
    buffers that are not persistent a checkpoint of Ekman does not tell: with such take strict=False.
    """
    return _state_dict(_Checkpoint(path))


def _numbered(checkpoint, kind, order):
    """{index: state} for parameters in this order."""
    learning, states = checkpoint.learning(), checkpoint.states(kind)
    missing = [name for name in learning if name not in order]
    if missing:
        raise checkpoint.refused(f'has learned "{missing[0]}", which is not among the parameters of this optimizer; '
                                 "give it all that learned: " + ", ".join(learning))
    if kind == "lbfgs" and states:
        if len(order) != len(learning):
            extra = next(name for name in order if name not in learning)
            raise checkpoint.refused(f'has not learned "{extra}", and the state of lbfgs is of all parameters '
                                     "together; give the optimizer only what learned: " + ", ".join(learning))
        return {0: checkpoint.reordered(states[learning[0]], order)}
    return {index: states[name] for index, name in enumerate(order) if name in states}


def _optimizer_state_dict(checkpoint, order=None):
    """The state_dict, and what is to be told of it."""
    kind, options = checkpoint.optimizer_options()
    order = checkpoint.learning() if order is None else list(order)
    state = _numbered(checkpoint, kind, order)
    given, unknown = checkpoint.group_options(kind, options)
    group = OPTIMIZERS[kind]([torch.nn.Parameter(torch.zeros(1))], lr=1.0).state_dict()["param_groups"][0]
    del group["lr"]
    group.update(given)
    if "lr" not in group:
        raise checkpoint.refused("does not tell the learning rate; load its state into an optimizer with "
                                 "ekman_import.load_optimizer")
    group["params"], group["param_names"] = list(range(len(order))), order
    told = "" if options is not None else (
        f"{checkpoint.path} does not tell the options of {kind} but for the learning rate: they are PyTorch's "
        "defaults; set them in param_groups" + (", momentum above all, which was not 0" if unknown else ""))
    return {"state": state, "param_groups": [group]}, told


def optimizer_state_dict(path, order=None):
    """The `state_dict` of the optimizer of a checkpoint, one group. Warns where options are PyTorch's defaults.

    `order`: names of the parameters as the optimizer will have them; None: those that learned, as in the network.
    """
    state, told = _optimizer_state_dict(_Checkpoint(path), order)
    if told:
        warnings.warn(told, stacklevel=2)
    return state


def load_optimizer(path, optimizer, network):
    """Puts the state of the optimizer of a checkpoint into one of PyTorch, by the names of the parameters in `network`.

    The optimizer may have its parameters in another order, in several groups, and may have others that did not learn.
    It takes the learning rate of the last step, and the other options where the checkpoint tells them.
    """
    checkpoint = _Checkpoint(path)
    kind, options = checkpoint.optimizer_options()
    here = next((name for name, its in OPTIMIZERS.items() if isinstance(optimizer, its)), type(optimizer).__name__)
    if here != kind:
        raise checkpoint.refused(f"has the state of {kind}, and the optimizer is {here}; make it a {kind}")
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    order = [names.get(id(parameter)) for parameter in parameters]
    if None in order:
        raise ValueError(f"the optimizer has a parameter {list(parameters[order.index(None)].shape)} that is none of "
                         "the network's; make it of network.parameters()")
    shapes = {name: tuple(array.shape) for name, array in checkpoint.below("parameters/").items()}
    for name, parameter in zip(order, parameters):
        if name in shapes and tuple(parameter.shape) != shapes[name]:
            raise checkpoint.refused(f'has "{name}" of shape {list(shapes[name])}, and the network has '
                                     f"{list(parameter.shape)}; take the network that learned")
    given, _ = checkpoint.group_options(kind, options)
    groups = [{**group, **given} for group in optimizer.state_dict()["param_groups"]]
    optimizer.load_state_dict({"state": _numbered(checkpoint, kind, order), "param_groups": groups})


def _save(contents):
    """Writes {path: content}: all files, or none."""
    path = None
    try:
        for path, content in contents.items():
            file = io.BytesIO()
            torch.save(content, file)
            pathlib.Path(f"{path}.partial").write_bytes(file.getbuffer())
        for path in contents:
            os.replace(f"{path}.partial", path)
    except OSError as error:
        for partial in contents:
            with contextlib.suppress(OSError):
                os.unlink(f"{partial}.partial")
        raise CheckpointError(f"{path} cannot be written: {error.strerror}; see that its directory is there and its "
                              "disk has room") from None


def _run(arguments):
    if arguments.optimizer is not None and os.path.abspath(arguments.optimizer) == os.path.abspath(arguments.out):
        raise CheckpointError(f"--out and --optimizer are both {arguments.out}; give them two names")
    for path in (arguments.out, arguments.optimizer):
        if path is not None and pathlib.Path(path).exists():
            raise CheckpointError(f"{path} exists; remove it, or name another file")
    checkpoint = _Checkpoint(arguments.checkpoint)
    state, told = _state_dict(checkpoint), ""
    contents = {arguments.out: state}
    if arguments.optimizer is not None:
        contents[arguments.optimizer], told = _optimizer_state_dict(checkpoint)
    _save(contents)
    parameters, buffers = (sum(name.startswith(prefix) for name in checkpoint.arrays)
                           for prefix in ("parameters/", "buffers/"))
    print(f"{arguments.out}: {parameters} parameters and {buffers} buffers of optimizer step "
          f"{checkpoint.texts['step']}")
    if arguments.optimizer is not None:
        optimizer, (kind, _) = contents[arguments.optimizer], checkpoint.optimizer_options()
        group = optimizer["param_groups"][0]
        print(f"{arguments.optimizer}: {kind} of {len(group['params'])} parameters that learn, learning rate "
              f"{group['lr']:g}" + ("" if optimizer["state"] else ", nothing remembered"))
    if told:
        print(f"ekman-import: warning: {told}", file=sys.stderr)


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise CheckpointError(f"{message}; ekman-import --help lists all options")


def main(words=None):
    """The command; returns its exit status."""
    parser = _Parser(prog="ekman-import", description="turns a checkpoint of Ekman into files of PyTorch")
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="NAME-00000500.safetensors, NAME-best.safetensors, or "
                        "checkpoint.safetensors of an artifact")
    parser.add_argument("--out", required=True, metavar="FILE", help="state_dict of the network, for load_state_dict")
    parser.add_argument("--optimizer", metavar="FILE", help="state_dict of the optimizer too")
    try:
        _run(parser.parse_args(words))
    except CheckpointError as error:
        print(f"ekman-import: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

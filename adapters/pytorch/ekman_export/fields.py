"""Fields of arguments and results of forward: what the command line says of them, their shapes, and samples of them."""
import collections
import re

import torch

from .refused import Refused, did_you_mean

_FIELD = re.compile(r"([^\s:,\"'\\*]+)(?::([0-9]+))?")
_MOST_LEVELS = 1 << 24

Argument = collections.namedtuple("Argument", "fields levels combine")   # combine: "concat" or "stack"


def parse(text, combine, option):
    """`temperature:60,humidity:60`; a name alone has one level."""
    fields, levels = [], []
    for part in text.split(","):
        found = _FIELD.fullmatch(part.strip())
        count = int(found[2] or 1) if found else 0
        if not 1 <= count <= _MOST_LEVELS:
            raise Refused(f'"{part}" of {option} {text} is no field; write NAME:LEVELS, as in temperature:60, or NAME '
                          "alone for one level")
        fields.append(found[1])
        levels.append(count)
    if combine == "stack" and len(set(levels)) > 1:
        raise Refused(f"{option} {text} has fields of {', '.join(map(str, levels))} levels, and only equal ones can be "
                      f"stacked; take --{option.rsplit('-', 1)[1]}, which puts levels side by side, or one for each "
                      "field")
    return Argument(fields, levels, combine)


class Fields:
    """All inputs and outputs of one network, on points or on a grid (ny, nx)."""

    def __init__(self, inputs, outputs, grid, extra=()):
        self.inputs, self.outputs, self.grid, self.extra = list(inputs), list(outputs), tuple(grid or ()), list(extra)
        self.by_name = False   # forward returns a Dict[str, Tensor]
        if not self.inputs:
            raise Refused("no --input is given; name the fields of each argument of forward, as in --input "
                          "temperature:60")
        if self.grid and min(self.grid) < 1:
            raise Refused(f"--grid {self.grid[0]} {self.grid[1]} is no grid; give NY NX, numbers of points of at least "
                          "1")
        names = [name for argument in (*self.inputs, *self.outputs, *self.extra) for name in argument.fields]
        for name in names:
            if names.count(name) > 1:
                raise Refused(f'field "{name}" is named twice; a field is an input or an output, once: give each a '
                              "name of its own")

    def levels(self):
        """{field: levels} in the order of the command line."""
        return {name: count for argument in (*self.inputs, *self.outputs)
                for name, count in zip(argument.fields, argument.levels)}

    def output_levels(self):
        return {name: count for argument in self.outputs for name, count in zip(argument.fields, argument.levels)}

    def require_output(self, name, who):
        if name not in self.output_levels():
            near = did_you_mean(name, list(self.output_levels()), f"; outputs are {', '.join(self.output_levels())}")
            raise Refused(f'{who} names "{name}", which is no output field{near}')

    def shape(self, argument, samples=None):
        """With None for the number of samples, as a manifest has it."""
        inner = [sum(argument.levels)] if argument.combine == "concat" else [len(argument.fields), argument.levels[0]]
        return [samples, *inner, *self.grid]

    def draw(self, samples, kind, seed, positive=False):
        """Made-up arguments of forward, and values of the extra fields of a loss by name."""
        generator = torch.Generator().manual_seed(seed)

        def values(shape):
            if positive:
                return (torch.rand(shape, generator=generator) + 0.5).to(kind)
            return torch.randn(shape, generator=generator).to(kind)

        arguments = [values(self.shape(argument, samples)) for argument in self.inputs]
        extra = {name: values([samples, count, *self.grid]) for argument in self.extra
                 for name, count in zip(argument.fields, argument.levels)}
        return arguments, extra

    def cut(self, arguments, tensors):
        """{field: [samples, levels] or [samples, levels, ny, nx]} of what `arguments` say these tensors are."""
        named = {}
        for argument, tensor in zip(arguments, tensors):
            parts = tensor.unbind(1) if argument.combine == "stack" else tensor.split(argument.levels, 1)
            named.update(zip(argument.fields, parts))
        return named

    def tensors_of(self, result, samples, kind):
        """The tensors that forward returned, in the order of --output, each checked; `kind` None: of any kind."""
        if isinstance(result, dict):
            return self._of_dict(result, samples, kind)
        tensors = [result] if isinstance(result, torch.Tensor) else result
        if not isinstance(tensors, (tuple, list)) or not all(isinstance(one, torch.Tensor) for one in tensors):
            kind = f"a {type(result).__name__}"
            if isinstance(tensors, (tuple, list)):
                at = next(at for at, one in enumerate(tensors) if not isinstance(one, torch.Tensor))
                kind += f", whose entry {at} is a {type(tensors[at]).__name__}"
            raise Refused(f"forward returns {kind}; let it return a tensor, a tuple of tensors or a Dict[str, Tensor]")
        if not self.outputs:
            raise Refused("no --output is given; name the fields of each tensor that forward returns, as in --output "
                          "heating:60")
        if len(tensors) != len(self.outputs):
            raise Refused(f"forward returns {len(tensors)} tensor(s), and {len(self.outputs)} --output are given; give "
                          "one for each tensor, in order")
        for argument, tensor in zip(self.outputs, tensors):
            self._check(", ".join(argument.fields), tensor, self.shape(argument, samples), kind)
        return list(tensors)

    def _of_dict(self, result, samples, kind):
        self.by_name = True
        if not self.outputs:   # all of it, as it comes
            for name, tensor in result.items():
                if tensor.dim() != 2 + len(self.grid):
                    raise Refused(f'forward returns "{name}" with shape {list(tensor.shape)}; return [samples, levels'
                                  f"{', ny, nx' if self.grid else ''}], or name with --output what Ekman shall have")
                self.outputs.append(Argument([name], [tensor.shape[1]], "concat"))
        for argument in self.outputs:
            if len(argument.fields) > 1 or argument.combine == "stack":
                raise Refused(f"--output {','.join(argument.fields)} has several fields, but forward returns a dict, "
                              "each entry of which is one field; give an --output for each key")
            name = argument.fields[0]
            if name not in result:
                near = did_you_mean(name, list(result), f"; its keys are {', '.join(map(str, result))}")
                raise Refused(f'forward returns a dict without "{name}"{near}')
            self._check(name, result[name], self.shape(argument, samples), kind)
        return [result[argument.fields[0]] for argument in self.outputs]

    def _check(self, what, tensor, shape, kind):
        if list(tensor.shape) != shape:
            raise Refused(f"forward returns {what} with shape {list(tensor.shape)} for {shape[0]} samples, and its "
                          f"fields need {shape}; make levels, --grid and the network agree")
        if kind is not None and tensor.dtype != kind:
            raise Refused(f"forward returns {what} as {name_of(tensor.dtype)}, and its parameters are {name_of(kind)}; "
                          "return the kind of the parameters")


def name_of(kind):
    return str(kind).replace("torch.", "")

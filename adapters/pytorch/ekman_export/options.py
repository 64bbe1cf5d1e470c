"""The command line of ekman-export."""
import argparse
import re

from . import fields
from .refused import Refused
from .version import VERSION


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        option = re.fullmatch("argument (--[^/]*).*: expected one argument", message)
        value = f"write {option[1]}=VALUE where the value begins with -; " if option else ""
        raise Refused(f"{message}; {value}ekman-export --help lists all options")


class _Arguments(argparse.Action):
    """--input and --stacked-input go into one list, in the order in which they stand; so do those of outputs."""

    def __call__(self, parser, namespace, text, option=None):
        combine = "stack" if option.startswith("--stacked") else "concat"
        listed = list(getattr(namespace, self.dest) or [])
        setattr(namespace, self.dest, listed + [fields.parse(text, combine, option)])


def _add_source(add):
    add("source", metavar="SOURCE")
    add("--version", action="version", version=VERSION)
    add("--kwargs", metavar="JSON", help="arguments of the class or function")
    add("--weights", metavar="FILE", help="state_dict() of the network, written by torch.save")
    add("--trust", action="store_true", help="SOURCE is a pickle, and may execute what it likes")


def _add_written(add):
    add("--out", metavar="DIR", help="an artifact: a directory that is not there yet")
    add("--torchscript", metavar="FILE", help="one TorchScript file in eval mode")
    add("--onnx", metavar="FILE", help="a forward-only ONNX file, in training mode")
    add("--eval", action="store_true", help="eval.pt in the artifact too: forward and loss in eval mode")
    add("--trace", action="store_true", help="trace the network instead of scripting it")
    add("--declare", action="append", default=[], choices=("amp_gpu", "cuda_graphs"), metavar="NAME",
        help="what the network supports, though it was not tried here: amp_gpu, cuda_graphs")


def _add_fields(add):
    add("--input", "--stacked-input", dest="inputs", action=_Arguments, default=[], metavar="NAME:LEVELS,...",
        help="levels side by side, [n, sum]; stacked: [n, fields, levels]")
    add("--output", "--stacked-output", dest="outputs", action=_Arguments, default=[], metavar="NAME:LEVELS,...")
    add("--grid", nargs=2, type=int, metavar=("NY", "NX"), help="a sample is a grid: [n, levels, ny, nx]")
    add("--normalize", action="append", default=[], metavar="JSON|FILE",
        help="mean and std of fields: JSON, FILE.json or FILE.h5")


def _add_learning(add):
    add("--loss", action="append", default=[], metavar="TERM",
        help="KIND, KIND:FIELDS, WEIGHT*KIND:FIELDS, JSON, file.py:function or method; several are summed")
    add("--extra", action="append", default=[], metavar="NAME:LEVELS",
        help="a further field that a loss of your own takes")
    add("--classes", action="append", default=[], metavar="FIELD",
        help="the target of this output is the number of a class, for a loss of your own")
    add("--optimizer", nargs="+", metavar=("KIND", "KEY=VALUE"), help="adamw lr=1e-3, for one")
    add("--optimizer-state", metavar="FILE", help="state_dict() of the optimizer, written by torch.save")
    add("--train", nargs="+", action="extend", default=[], metavar="PATTERN",
        help="parameters that learn; all, if not given")
    add("--freeze", nargs="+", action="extend", default=[], metavar="PATTERN", help="parameters that do not")


def parse(words):
    parser = _Parser(
        prog="ekman-export", allow_abbrev=False,
        description="Turns a network of PyTorch into files that Ekman serves and trains. SOURCE is file.py:Class, "
                    "module:function, a TorchScript file, or with --trust a pickled module.",
        epilog="Exit status: 0 written, 1 refused: one sentence says why, and nothing is written.")
    _add_source(parser.add_argument)
    _add_written(parser.add_argument_group("what is written").add_argument)
    _add_fields(parser.add_argument_group("fields, one option for each argument or tensor of forward").add_argument)
    _add_learning(parser.add_argument_group("learning").add_argument)
    options = parser.parse_args(words)
    _check(options)
    return options


def _check(options):
    if not (options.out or options.torchscript or options.onnx):
        raise Refused("nothing is to be written; give --out DIR, --torchscript FILE or --onnx FILE")
    of_learning = {"--optimizer": options.optimizer, "--optimizer-state": options.optimizer_state,
                   "--train": options.train, "--freeze": options.freeze, "--eval": options.eval,
                   "--extra": options.extra, "--classes": options.classes}
    given = [name for name, value in of_learning.items() if value]
    if given and not options.loss:
        raise Refused(f"{given[0]} is of learning, and no --loss is given; give one, or leave {given[0]} out for an "
                      "artifact that is served only")
    if options.loss and not options.out:
        raise Refused("--loss is for an artifact; give --out DIR, or leave it out")
    if options.loss and not options.optimizer:
        raise Refused("--loss needs an optimizer; give --optimizer, as in --optimizer adamw lr=1e-3")

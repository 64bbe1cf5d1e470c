"""The command ekman-export: opens a network, tries it, and writes what was asked for, or nothing."""
import os
import sys

import torch

from . import (artifact, comparing, compat, losses, normalization, onnx, optimizer_state, optimizers, options,
               scripting, selection, supports)
from .fields import Fields, name_of, parse
from .refused import Refused, where_it_failed
from .source import load_dict, open_source

_REAL = {torch.complex64: torch.float32, torch.complex128: torch.float64}


class _Export:
    """One call, step by step; each step refuses what it cannot do before anything is written."""

    def __init__(self, asked):
        self.asked, self.notes, self.learn = asked, [], []
        extra = [parse(text, "concat", "--extra") for text in asked.extra]
        self.fields = Fields(asked.inputs, asked.outputs, asked.grid, extra)
        self.normalize, self.statistics, self.state, self.training = {}, None, {}, None

    def say(self, note):
        self.notes.append(note)

    def open(self):
        asked = self.asked
        self.source = open_source(asked.source, asked.kwargs, asked.weights, asked.trust)
        self.module = self.source.module
        if asked.loss and self.source.is_frozen():
            raise Refused(f"{asked.source} is frozen: its weights are constants of its code, and no parameter is left "
                          "to learn; save it without torch.jit.freeze, or leave --loss out for an artifact that is "
                          "served only")
        if asked.trace and self.source.is_script:
            raise Refused(f"--trace is for code, and {asked.source} is TorchScript already; leave --trace out")
        self.kind = self._kind()
        least, most = scripting.count_arguments(self.module)
        count = len(self.fields.inputs)
        if count < least or (most is not None and count > most):
            raise Refused(f"forward takes {least if least == most else f'{least} to {most}'} argument(s), and {count} "
                          "--input are given; give one for each, in order")

    def _kind(self):
        kinds = {}
        for name, parameter in self.module.named_parameters():
            kinds.setdefault(_REAL.get(parameter.dtype, parameter.dtype), name)
        for kind, name in kinds.items():
            if kind not in comparing.TOLERANCES:
                raise Refused(f'parameter "{name}" is {name_of(kind)}; keep parameters in float32 or float64, and ask '
                              "for `compute: bfloat16` in the plan")
        if len(kinds) > 1:
            both = " and ".join(f"{name_of(kind)} ({name})" for kind, name in kinds.items())
            raise Refused(f"its parameters are {both}; bring all to one kind, as network.float() does")
        return next(iter(kinds), torch.float32)

    def learn_what(self):
        """Terms, parameters and optimizer, before any work."""
        asked = self.asked
        self.loss = losses.parse(asked.loss, self.fields)
        for name in asked.classes:
            self.fields.require_output(name, "--classes")
        parameters = dict(self.module.named_parameters())
        self.learn, trainable, frozen = selection.select(parameters, asked.train, asked.freeze)
        state = load_dict(asked.optimizer_state, "--optimizer-state") if asked.optimizer_state else None
        group = optimizer_state.group_of(state, asked.optimizer_state) if state else None
        self.optimizer = optimizers.parse(asked.optimizer, group)
        if state:
            optimizer_state.require_kind(asked.optimizer_state, state, next(iter(self.optimizer)))
            self.state = optimizer_state.arrays_of(asked.optimizer_state, state, self.optimizer, self.learn, parameters)
            if not self.state:
                self.say(f"{asked.optimizer_state} has options alone, and nothing remembered: it is as after 0 steps")
        if isinstance(self.loss, list):
            terms = [term.of_plan() for term in self.loss]
        else:
            extra = [name for argument in self.fields.extra for name in argument.fields]
            terms = [{"method": "loss", "extra": extra} if extra else {"method": "loss"}]
        self.training = {"loss": terms, "trainable": trainable}
        if frozen:
            self.training["frozen"] = frozen

    def script(self):
        """TorchScript of forward, in eval mode, as bytes."""
        module, asked = self.module, self.asked
        scripting.set_mode(module, False)
        bench = comparing.Bench(self.fields, self.kind, self.positive)
        arguments, _ = bench.draw(comparing.SAMPLES[0])
        if asked.trace:
            self.how = "trace"
            if asked.loss:
                comparing.refuse_modes_that_differ(bench, module)
                scripting.set_mode(module, False)
            script, notes = scripting.to_trace(module, arguments)
            for note in notes:
                self.say(f"while tracing, {note}")
        else:
            self.how = "script"
            script = module if self.source.is_script else scripting.to_script(module)
        return scripting.saved(script)

    def compare(self, data):
        """What is to learn, or to be served, as bytes; all of it compared with the eager network."""
        asked = self.asked
        script = scripting.loaded(data)
        names = [[name for name, _ in one.named_parameters()] for one in (self.module, script)]
        if names[0] != names[1]:
            raise Refused("TorchScript has other parameters than the network: "
                          f"{', '.join(sorted(set(names[0]) ^ set(names[1])))}; use each of them in forward, or take "
                          "it out")
        by = "traced" if asked.trace else "scripted"
        if not asked.loss:
            self.bench = comparing.Bench(self.fields, self.kind, self.positive)
            for note in comparing.require_agreement(self.bench, self.module, None, script, by, [False]):
                self.say(note)
            return data
        scripting.add_loss(script, self.loss, self.fields, self.source.is_script)
        data = scripting.saved(script)
        script = scripting.loaded(data)
        self.bench = comparing.Bench(self.fields, self.kind, self.positive, self.loss, asked.classes, self.learn)
        if self.loss == "method":
            self.bench.forms = losses.forms_of_method(script)
        eager = scripting.eager_loss(self.loss, self.fields)
        for note in comparing.require_agreement(self.bench, self.module, eager, script, by, [False, True]):
            self.say(note)
        return data

    def write(self, forward, whole):
        asked = self.asked
        infer = artifact.plain_script(forward, training=False)
        onnx_data = onnx.to_bytes(self.source, scripting.loaded(infer), self.bench) if asked.onnx else None
        if asked.out:
            can, tried, notes = supports.find(self.bench, whole, asked.declare)
            self.notes += notes
        with artifact.partials(self.places) as partials:
            for option, data in (("--torchscript", infer), ("--onnx", onnx_data)):
                if option in partials:
                    partials[option].write_bytes(data)
            if asked.out:
                files = self._write_artifact(partials["--out"], infer, whole, can, tried)
        if asked.out:
            self._tell(files, can, scripting.loaded(infer))
        for path, data in ((asked.torchscript, infer), (asked.onnx, onnx_data)):
            if path:
                print(f"wrote {path}: {len(data)} bytes")

    def _write_artifact(self, folder, infer, whole, can, tried):
        """The names of its files."""
        asked = self.asked
        script = scripting.loaded(infer)
        folder.mkdir()
        files = {}
        if asked.loss:
            files["train.pt"] = artifact.plain_script(whole, True, self.learn)
            if asked.eval:
                files["eval.pt"] = artifact.plain_script(whole, False)
        files["infer.pt"] = infer
        if asked.loss:
            files["optimizer.json"] = artifact.optimizer_bytes(self.optimizer)
        files["checkpoint.safetensors"] = artifact.checkpoint_bytes(self.module, script, self.state, folder)
        artifact.add_statistics(files, self.statistics)
        defaults = artifact.defaults_of(self.fields, self.kind, self.normalize, self.training)
        files["manifest.json"] = artifact.manifest_of(files, self.source, self.how, script, self.learn, self.fields,
                                                      self.kind, can, tried, defaults)
        for name, data in files.items():
            (folder / name).write_bytes(data)
        return list(files)

    def _tell(self, files, can, script):
        print(f"wrote {self.asked.out}: {', '.join(files)}")
        parameters = dict(script.named_parameters())
        values = sum(one.numel() for one in parameters.values())
        print(f"{values} parameters in {len(parameters)} tensors"
              + (f", of which {sum(parameters[name].numel() for name in self.learn)} learn" if self.asked.loss else "")
              + f"; supports {', '.join(name for name, does in can.items() if does)}")

    def run(self):
        asked = self.asked
        named = {"--out": asked.out, "--torchscript": asked.torchscript, "--onnx": asked.onnx}
        self.places = {option: path for option, path in named.items() if path}
        artifact.require_rooms(self.places)
        self.open()
        self.positive = comparing.needs_positive(self.fields, self.kind, self.module)
        if asked.loss:
            self.learn_what()
        self.normalize, self.statistics = normalization.read(asked.normalize, self.fields, bool(asked.loss))
        forward = self.script()
        self.write(forward, self.compare(forward))
        for note in self.notes:
            print(f"note: {note}")


def main(words=None):
    compat.prepare()
    try:
        asked = options.parse(sys.argv[1:] if words is None else words)
        try:
            _Export(asked).run()
        except SystemExit as error:   # only code of the user does this
            place, what = where_it_failed(error)
            at = f" at {place}" if place else ""
            raise Refused(f"{asked.source}, or what it imports, ends the command ({what}{at}); let it raise an "
                          "exception instead, or return") from error
    except Refused as refused:
        print(f"ekman-export: error: {refused}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os._exit(1)
    return 0

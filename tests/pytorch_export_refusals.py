#!/usr/bin/python3
"""ekman-export: what it refuses, each with its message and nothing written; traces and single files."""
import contextlib
import importlib.util
import inspect
import io
import json
import os
import pathlib
import sys
import unittest
import unittest.mock

import torch

import exported_networks as networks
from pytorch_export import ADAMW, CODE, PLAIN, SMALL, InFolder

from ekman_export.command import main  # noqa: E402

GRID = ["--input", "t", "--output", "heating", "--grid", "8", "6"]
LEARN = ["--loss", "mse", *ADAMW]
OUT = ["--out", "out"]


class Traces(InFolder):
    def test_a_trace_that_does_what_the_network_does(self):
        self.export(CODE + "Unscriptable", *SMALL, *OUT, *LEARN, "--trace")
        self.assertEqual(self.manifest()["source"]["how"], "trace")
        self.assertEqual(torch.jit.load("out/train.pt")(torch.randn(9, 3)).shape, (9, 4))

    def test_what_a_trace_would_keep_is_refused(self):
        self.refuse("the traced network does not do what the eager one "
                    "does: output heating differs", CODE + "Branch", *SMALL,
                    *OUT, "--trace")
        self.refuse("the traced network, in eval mode, "
                    "2 samples: forward fails", CODE + "SizeKept", *SMALL, *OUT, "--trace")
        for name in ("Dropout", "BatchNorm"):
            self.refuse("a trace keeps the mode that it was made in", CODE + name, *SMALL, *OUT, *LEARN, "--trace")
            self.export(CODE + name, *SMALL, "--out", name, "--trace")


class Files(InFolder):
    def test_one_torchscript_file(self):
        network = self.make("Plain").eval()
        said = self.export(CODE + "Plain", *PLAIN, "--weights", "state.pt", "--torchscript", "net.pt")
        file, x = torch.jit.load("net.pt"), torch.randn(4, 5)
        self.assertTrue(torch.equal(file(x), network(x)))
        self.assertFalse(file.training)
        self.assertEqual((sorted(os.listdir()), said.split(":")[0]), (["net.pt", "state.pt"], "wrote net.pt"))

    @unittest.skipIf(torch.__version__ >= "2" and not importlib.util.find_spec("onnx"), "PyTorch 2 needs the package "
                                                                                        "onnx for it")
    def test_onnx_keeps_every_parameter(self):
        cases = {"BatchNorm": SMALL, "Dropout": SMALL,
                 "Dicts": ["--input", "t:3", "--output", "rain", "--output", "heating:4"]}
        for name, fields in cases.items():
            network = self.make(name)
            self.export(CODE + name, "--weights", "state.pt", *fields, "--onnx", f"{name}.onnx")
            self.check_onnx(f"{name}.onnx", network, [words for words in fields if words in ("rain", "heating:4")])
        self.refuse("without the parameters a.weight, a.bias", CODE + "Swallowed", *PLAIN, "--onnx", "net.onnx")

    def check_onnx(self, path, network, outputs):
        try:
            import onnx.numpy_helper
        except ImportError:   # only then its bytes
            for key in network.state_dict():
                self.assertIn(key.encode(), pathlib.Path(path).read_bytes())
            return
        graph = onnx.load(path).graph
        stored = {one.name: torch.from_numpy(onnx.numpy_helper.to_array(one).copy()) for one in graph.initializer}
        for key, value in network.named_parameters():
            self.assertTrue(torch.equal(stored[key], value), key)
        self.assertEqual([one.name for one in graph.input], ["t"])
        self.assertEqual([one.name for one in graph.output][:len(outputs)], [words.split(":")[0] for words in outputs])
        self.assertEqual(graph.input[0].type.tensor_type.shape.dim[0].dim_param, "samples")
        if isinstance(network, networks.Dropout):
            self.assertIn("Dropout", [node.op_type for node in graph.node])

    def test_onnx_that_cannot_be(self):
        self.refuse("the network cannot be written as ONNX", CODE + "Spectral", *GRID, "--onnx", "net.onnx")

    def test_frozen_files_are_served_only(self):
        torch.jit.freeze(torch.jit.script(self.make("Plain").eval())).save("frozen.pt")
        self.refuse("frozen.pt is frozen: its weights are constants", "frozen.pt", *PLAIN, *OUT, *LEARN)
        self.export("frozen.pt", *PLAIN, *OUT)
        self.assertEqual(self.manifest()["parameters"], {})


class Refusals(InFolder):
    def each(self, cases, tail=(), head=()):
        for expected, words in cases.items():
            with self.subTest(expected):
                self.refuse(expected, *head, *words, *tail)

    def test_sources(self):
        torch.save(self.make("Plain").state_dict(), "weights.pt")
        torch.save({"model": 3}, "dict.pt")
        pathlib.Path("text.pt").write_text("text")
        pathlib.Path("wrong.py").write_text("import torch\n\nx = 1 / 0\n")
        pathlib.Path("syntax.py").write_text("x = = 1\n")
        torch.save({f"module.{key}": value for key, value in torch.load("weights.pt").items()}, "parallel.pt")
        plain = CODE + "Plain"
        self.each({
            'has no "Plian"; did you mean "Plain"?': [CODE + "Plian"],
            "there is no file nowhere.py": ["nowhere.py:Net"],
            "there is no file nowhere.pt": ["nowhere.pt"],
            "module nothing.at.all cannot be imported": ["nothing.at.all:Net"],
            "wrong.py cannot be imported: ZeroDivisionError: division by zero at": ["wrong.py:Net"],
            "syntax.py cannot be imported: SyntaxError: invalid syntax at": ["syntax.py:Net"],
            "ValueError: width 3 is odd at": [CODE + "Raises", "--kwargs", '{"width": 3}'],
            "got an unexpected keyword argument 'wdith'": [plain, "--kwargs", '{"wdith": 3}'],
            "ends the command (SystemExit: I leave at": [CODE + "leaves"],
            "--kwargs is no JSON": [plain, "--kwargs", "width=3"],
            "gives int, which is no module": [CODE + "not_a_network"],
            "weights.pt holds weights and no network": ["weights.pt"],
            "dict.pt holds weights and no network": ["dict.pt"],
            "text.pt is no file of PyTorch": ["text.pt"],
            "weights.pt is of another network: it lacks": [CODE + "BatchNorm", "--weights", "weights.pt"],
            "save network.module.state_dict()": [plain, "--weights", "parallel.pt"],
            'has "head.weight" '
            'with shape [4, 8]': [plain, "--kwargs", '{"width": 8, "outputs": 3}', "--weights", "weights.pt"],
        }, tail=[*PLAIN, *OUT])

    def test_an_interrupt_is_quiet(self):
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            status = main([CODE + "interrupts", *PLAIN, *OUT])
        self.assertEqual((status, said.getvalue(), os.listdir()), (130, "", []))

    def test_code_that_cannot_be_scripted_is_named(self):
        line = inspect.getsourcelines(networks.Unscriptable.forward)[1]
        self.refuse(f"exported_networks.py:{line}: `def forward(self, *parts):`: Compiled functions can't take "
                    "variable number of arguments", CODE + "Unscriptable", *SMALL, *OUT)

        self.refuse('the network cannot be scripted: submodule "head" (Linear with hooks, as of weight_norm): '
                    "'Hook' object has no attribute '__name__'; take --trace", CODE + "Hooked", *PLAIN, *OUT)
        self.export(CODE + "Hooked", *PLAIN, *OUT, *LEARN, "--trace")

    def test_scripts_that_do_something_else(self):
        words = "the scripted network does not do what the eager one does: "
        self.refuse(words + "output heating differs", CODE + "ScriptedOtherwise", *PLAIN, *OUT)
        self.refuse(words + "gradient of", CODE + "GradientOtherwise", *PLAIN, *OUT, *LEARN)

    def test_fields_that_do_not_fit(self):
        plain = CODE + "Plain"
        self.each({
            "no --input is given": [plain, "--output", "heating:4"],
            "no --output is given": [plain, "--input", "t:5"],
            "is no field; write NAME:LEVELS": [plain, "--input", "t:x", "--output", "heating:4"],
            'field "t" is named twice': [plain, "--input", "t:5", "--output", "t:4"],
            "has fields of 2, 3 levels, and only equal ones can be stacked": [plain, "--stacked-input", "a:2,b:3"],
            "forward takes 1 argument(s), and 2 --input are given": [plain, "--input", "a:2", "--input", "b:3"],
            "forward fails with arguments of "
            "shape [5, 4] (float32)": [plain, "--input", "t:4", "--output", "heating:4"],
            "forward returns heating with shape [5, 4] for 5 samples, and its fields need [5, 3]":
                [plain, "--input", "t:5", "--output", "heating:3"],
            "forward returns 2 tensor(s), and 1 --output are given":
                [CODE + "Several", "--input", "t:3", "--stacked-input", "u:5,v:5", "--output", "heating:4"],
            'forward returns a dict without "raim"; did you mean "rain"?':
                [CODE + "Dicts", "--input", "t:3", "--output", "raim"],
            "has several fields, but "
            "forward returns a dict": [CODE + "Dicts", "--input", "t:3", "--output", "rain,heating:4"],
            "--grid 0 6 is no grid": [plain, *PLAIN, "--grid", "0", "6"],
            "forward returns a tuple, whose entry 1 is a tuple; let it": [CODE + "Nested", *PLAIN],
        }, tail=OUT)
        self.assertIn("note: in eval mode what it gives for a sample depends on the others",
                      self.export(CODE + "Mixing", *PLAIN, "--out", "mixing"))
        self.assertNotIn("depends on the others", self.export(CODE + "BatchNorm", *SMALL, "--out", "batch_norm"))
        self.assertIn("with one sample forward returns "
                      "heating with shape [4]", self.export(CODE + "Squeezed", *PLAIN, *OUT))

    def test_losses(self):
        self.each({
            'there is no loss "mes" (--loss mes); did you mean "mse"?': ["--loss", "mes"],
            '--loss mse:haeting names "haeting", which is no output field; '
            'did you mean "heating"?': ["--loss", "mse:haeting"],
            "the weight of --loss -1*mse is -1": ["--loss=-1*mse"],
            "names a field twice": ["--loss", "mse:heating,heating"],
            "has an unknown option \"detla\"; did you mean \"delta\"?":
                ["--loss", '{"huber": {"fields": ["heating"], "detla": 1}}'],
            "delta of --loss {\"huber\": {\"delta\": 0}} is 0; give a number above 0":
                ["--loss", '{"huber": {"delta": 0}}'],
            "label_smoothing of --loss {\"cross_entropy\": {\"label_smoothing\": 2}} is 2; give a number from 0 to 1":
                ["--loss", '{"cross_entropy": {"label_smoothing": 2}}'],
            "the weights of all --loss are 0": ["--loss", "0*mse"],
            "is a loss of your own, which is the only term": ["--loss", "mse", "--loss", CODE + "weighted_error"],
            "it must return one value for each sample, [5]": ["--loss", CODE + "of_all"],
            "takes (outputs: Tensor, targets: Tensor, inputs: Tensor)": ["--loss", CODE + "of_tensors"],
            "the loss does not depend on any parameter": ["--loss", CODE + "of_nothing"],
            "name further fields with --extra": ["--loss", CODE + "weighted_error"],
            "the network has no method loss": ["--loss", "method"],
        }, tail=[CODE + "Plain", *PLAIN, *OUT, *ADAMW])
        self.refuse("has a method loss already; take --loss method, or rename it", CODE + "OwnLoss", *PLAIN, *OUT,
                    *LEARN)
        self.refuse("the network has an attribute `loss`, and Ekman calls a method of this name; rename it",
                    CODE + "LossInside", *PLAIN, *OUT, *LEARN)
        torch.jit.script(self.make("OwnLoss")).save("net.pt")
        self.refuse("take --loss method, or rename it in its code, and save it again", "net.pt", *PLAIN, *OUT, *LEARN)

    def test_optimizers(self):
        self.each({
            'there is no optimizer "adamm"; did you mean "adam"?': ["adamm", "lr=1"],
            'there is no optimizer "AdamW"; did you mean "adamw"?': ["AdamW", "lr=1"],
            "--optimizer adamw has no lr": ["adamw"],
            'has no option "weigth_decay=0"; did you mean "weight_decay"?': ["adamw", "lr=1", "weigth_decay=0"],
            "has lr=fast; give a number": ["adamw", "lr=fast"],
            "has lr=0; give a number above 0": ["adamw", "lr=0"],
            "has betas=0.9; give 2 numbers": ["adamw", "lr=1", "betas=0.9"],
            "has betas=0.9,1; give numbers of at least 0 and below 1": ["adamw", "lr=1", "betas=0.9,1"],
            "has amsgrad=maybe; say on or off": ["adamw", "lr=1", "amsgrad=maybe"],
            "has history_size=1.5; give a whole number": ["lbfgs", "lr=1", "history_size=1.5"],
            "nesterov=on, which needs a momentum": ["sgd", "lr=1", "nesterov=on"],
            "has lr twice": ["sgd", "lr=1", "lr=2"],
        }, head=[CODE + "Plain", *PLAIN, *OUT, "--loss", "mse", "--optimizer"])

    def test_options_that_do_not_go_together(self):
        os.mkdir("there")
        self.each({
            "nothing is to be written": [],
            "--freeze is of learning, and no --loss is given": [*OUT, "--freeze", "*"],
            "--loss is for an artifact": ["--torchscript", "net.pt", *LEARN],
            "--loss needs an optimizer": [*OUT, "--loss", "mse"],
            "there is there already; remove it": ["--out", "there"],
            "there is no directory": ["--out", "no/where"],
            "argument --loss: expected one argument; write --loss=VALUE where": [*OUT, "--loss", "-1*mse"],
            "unrecognized arguments: --los": [*OUT, "--los", "mse"],
            'has "temperature" running, and only inputs of a network '
            'that learns can be': [*OUT, "--normalize", '{"temperature": "running"}'],
            'names "temprature", which is no field; '
            'did you mean "temperature"?': [*OUT, "--normalize", '{"temprature": {}}'],
            "has std 0 of": [*OUT, "--normalize", '{"temperature": {"std": 0}}'],
            "there is no file n.json": [*OUT, "--normalize", "n.json"],
            "/no for no/net.pt; make it first": [*OUT, "--torchscript", "no/net.pt"],
            "there is there already; remove it, or name another with --onnx": [*OUT, "--onnx", "there"],
        }, head=[CODE + "Plain", *PLAIN])

    def test_nothing_that_is_there_is_overwritten(self):
        torch.jit.script(self.make("Plain")).save("net.pt")
        before = pathlib.Path("net.pt").read_bytes()
        words = ["net.pt", *PLAIN]
        self.each({
            "net.pt is there already; remove it, or name another with --torchscript": ["--torchscript", "net.pt"],
            "net.pt is there already; remove it, or name another with --onnx": [*OUT, "--onnx", "net.pt"],
            "--torchscript and --onnx are both new.pt": ["--torchscript", "new.pt", "--onnx", "new.pt"],
            "--out and --torchscript are both new": ["--out", "new", "--torchscript", "new"],
        }, head=words)
        self.assertEqual(pathlib.Path("net.pt").read_bytes(), before)
        rename, failed = os.rename, []

        def fails_at_last(source, target):   # the second: the artifact has its name already
            if pathlib.Path(target).name == "new.pt":
                failed.append(target)
                raise OSError(28, "No space left on device")
            rename(source, target)

        with unittest.mock.patch("ekman_export.artifact.os.rename", side_effect=fails_at_last):
            self.refuse("out and new.pt cannot be written: No space left", *words, *OUT, "--torchscript", "new.pt")
        self.assertTrue(failed)


if __name__ == "__main__":
    sys.exit(unittest.main())

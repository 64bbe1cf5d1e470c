#!/usr/bin/python3
"""ekman-export on networks of many kinds: what it writes does what the eager network does.

The files are read back with torch.jit.load and compared with PyTorch: outputs in both modes, loss, gradients, buffers.
"""
import contextlib
import hashlib
import io
import json
import os
import pathlib
import pickle
import re
import sys
import tempfile
import unittest
import unittest.mock
import zipfile

import torch
from torch.nn import functional as F

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "adapters/pytorch")]
import ekman_checkpoint  # noqa: E402
import ekman_import  # noqa: E402
import exported_networks as networks  # noqa: E402
from ekman_export import optimizers, version  # noqa: E402
from ekman_export.command import main  # noqa: E402

CODE = f"{HERE / 'exported_networks.py'}:"
ADAMW = ["--optimizer", "adamw", "lr=1e-3"]
PLAIN = ["--input", "temperature:5", "--output", "heating:4"]
SMALL = ["--input", "t:3", "--output", "heating:4"]
STACKED = ["--stacked-input", "a:4,b:4,c:4", "--output", "heating:4"]
SAMPLES = 6


class InFolder(unittest.TestCase):
    """Each test in a folder of its own."""

    def setUp(self):
        here, folder = os.getcwd(), tempfile.TemporaryDirectory(prefix="ekman_export_")
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, here)
        os.chdir(folder.name)

    def export(self, *words):
        """What it prints."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main([str(word) for word in words])
        self.assertEqual(status, 0, err.getvalue())
        return out.getvalue()

    def refuse(self, expected, *words):
        """Refused with a message that has `expected`, one line, and nothing written."""
        before, out, err = sorted(os.listdir()), io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main([str(word) for word in words])
        self.assertEqual((status, out.getvalue()), (1, ""), err.getvalue())
        self.assertIn(expected, err.getvalue())
        self.assertRegex(err.getvalue(), r"\Aekman-export: error: [^\n]*\n\Z")
        self.assertEqual(sorted(os.listdir()), before)

    def manifest(self, folder="out"):
        return json.loads(pathlib.Path(folder, "manifest.json").read_text())

    def make(self, name, **kwargs):
        """A network with weights that are also in state.pt."""
        torch.manual_seed(5)
        network = getattr(networks, name)(**kwargs)
        torch.save(network.state_dict(), "state.pt")
        return network


def outputs_of(result):
    return dict(result) if isinstance(result, dict) else {"": result} if isinstance(result, torch.Tensor) \
        else dict(enumerate(result))


class EveryKind(InFolder):
    """Each network is exported with a loss, and its files are compared with it."""

    def check(self, name, arguments, fields, terms, loss, grid=(), cut=None):
        network = self.make(name)
        kwargs = ["--loss=" + term for term in terms]
        self.export(CODE + name, *fields, "--out", "out", "--weights", "state.pt", "--eval", *kwargs, *ADAMW, *grid)
        files = {mode: torch.jit.load(f"out/{mode}.pt") for mode in ("train", "eval", "infer")}
        cut = cut or (lambda result: {"heating": result})
        self.assertTrue(files["train"].training and not files["infer"].training and not files["eval"].training)
        self.assertFalse(files["infer"]._c._has_method("loss"))
        for mode, file in files.items():
            self.assertEqual(list(dict(file.named_parameters())), list(dict(network.named_parameters())))
            learns = {parameter.requires_grad for parameter in file.parameters()}
            self.assertEqual(learns, {mode == "train"})
        for training, mode in ((False, "eval"), (False, "infer"), (True, "train")):
            for samples in (SAMPLES, 3):
                inputs = [argument[:samples] for argument in arguments]
                network.train(training)
                torch.manual_seed(1)
                expected = cut(network(*inputs))
                torch.manual_seed(1)
                found = cut(files[mode](*inputs))
                for field, value in expected.items():
                    torch.testing.assert_close(found[field], value, rtol=1e-5, atol=1e-6)
        targets = {field: torch.randn_like(value) for field, value in expected.items()}
        values = files["train"].loss(found, targets, {})
        torch.testing.assert_close(values, loss(expected, targets), rtol=1e-5, atol=1e-6)
        loss(expected, targets).sum().backward()
        values.sum().backward()
        largest = max(parameter.grad.abs().max() for parameter in network.parameters())
        for (key, own), other in zip(network.named_parameters(), files["train"].parameters()):
            self.assertLess((own.grad - other.grad).abs().max() / largest, 1e-5, key)
        for (key, own), other in zip(network.named_buffers(), files["train"].buffers()):
            torch.testing.assert_close(other, own, msg=key)
        return self.manifest()

    def mse(self, outputs, targets):
        return F.mse_loss(outputs["heating"], targets["heating"], reduction="none").flatten(1).mean(1)

    def test_several_inputs_and_outputs(self):
        manifest = self.check(
            "Several", [torch.randn(SAMPLES, 3), torch.randn(SAMPLES, 2, 5)],
            ["--input", "t:2,q", "--stacked-input", "u:5,v:5", "--output", "heating:4", "--stacked-output", "a:4,b:4"],
            ["0.4*mse:heating", "0.6*l1:a,b"],
            lambda y, z: 0.4 * self.mse(y, z) + 0.6 * (torch.cat([y["a"] - z["a"], y["b"] - z["b"]], 1)).abs().mean(1),
            cut=lambda result: {"heating": result[0], "a": result[1][:, 0], "b": result[1][:, 1]})
        self.assertEqual(manifest["inputs"], [{"fields": ["t", "q"], "shape": [None, 3], "dtype": "float32"},
                                              {"fields": ["u", "v"], "shape": [None, 2, 5], "dtype": "float32"}])
        self.assertEqual(manifest["defaults"]["outputs"], [{"fields": ["heating"], "combine": "concat"},
                                                           {"fields": ["a", "b"], "combine": "stack"}])
        self.assertEqual(manifest["defaults"]["training"]["loss"], [{"mse": {"fields": ["heating"]}, "weight": 0.4},
                                                                    {"l1": {"fields": ["a", "b"]}, "weight": 0.6}])

    def test_dict_outputs(self):
        manifest = self.check("Dicts", [torch.randn(SAMPLES, 3)],
                              ["--input", "t:3", "--output", "rain", "--output", "heating:4"], ["mse:heating"],
                              self.mse, cut=lambda result: {key: result[key] for key in ("heating", "rain")})
        self.assertTrue(manifest["outputs_by_name"])
        self.assertEqual([one["fields"] for one in manifest["outputs"]], [["rain"], ["heating"]])

    def test_dict_outputs_that_nobody_names(self):
        self.export(CODE + "Dicts", "--input", "t:3", "--out", "out")
        self.assertEqual(self.manifest()["defaults"]["fields"], {"t": {"levels": 3}, "heating": {"levels": 4},
                                                                 "rain": {"levels": 1}, "unused": {"levels": 6}})

    def test_buffers(self):
        manifest = self.check("Buffers", [torch.randn(SAMPLES, 3)], SMALL, ["mse"], self.mse)
        self.assertEqual({name: one["dtype"] for name, one in manifest["buffers"].items()},
                         {"scale": "float32", "count": "int64", "mask": "bool", "offset": "float32"})
        arrays, _ = ekman_checkpoint.read("out/checkpoint.safetensors")
        self.assertEqual(arrays["buffers/mask"].tolist(), [1, 0, 1, 1])

    def test_dropout(self):
        self.check("Dropout", [torch.randn(SAMPLES, 3)], SMALL, ["mse"], self.mse)

    def test_batch_norm(self):
        manifest = self.check("BatchNorm", [torch.randn(SAMPLES, 3)], SMALL, ["mse"], self.mse)
        self.assertEqual(manifest["supports"], {"jit": True, "cuda_graphs": True, "amp_cpu": True,
                                                "amp_gpu": torch.cuda.is_available()})

    def test_attention_of_pytorch(self):
        self.check("Attention", [torch.randn(SAMPLES, 3, 4)], STACKED, ["mse"], self.mse)

    def test_attention_by_hand(self):
        self.check("AttentionByHand", [torch.randn(SAMPLES, 3, 4)], STACKED, ["mse"], self.mse)

    def test_complex_fourier_layer(self):
        manifest = self.check("Spectral", [torch.randn(SAMPLES, 1, 8, 6)], ["--input", "t", "--output", "heating"],
                              ["mse"], self.mse, grid=["--grid", 8, 6])
        self.assertEqual(manifest["parameters"]["weight"],
                         {"shape": [4, 4, 3, 3], "dtype": "complex64", "trainable": True})
        self.assertEqual(manifest["inputs"][0]["shape"], [None, 1, 8, 6])
        self.assertEqual(manifest["defaults"]["sample"], {"grid": {"shape": [8, 6]}})
        arrays, texts = ekman_checkpoint.read("out/checkpoint.safetensors")
        self.assertEqual(arrays["parameters/weight"].shape, (4, 4, 3, 3, 2))
        self.assertEqual(json.loads(texts["network"])["complex"], ["weight"])

    def test_parameters_that_are_one_tensor(self):
        self.check("Tied", [torch.randn(SAMPLES, 4)], ["--input", "t:4", "--output", "heating:4"], ["mse"], self.mse)

    def test_every_built_in_loss(self):
        network = self.make("Plain")
        x = torch.randn(SAMPLES, 5)
        truth, classes = torch.rand(SAMPLES, 4), torch.randint(4, [SAMPLES, 1])
        label = classes[:, 0]
        of_values = {"mse": F.mse_loss, "l1": F.l1_loss, "smooth_l1": F.smooth_l1_loss,
                     "bce_with_logits": F.binary_cross_entropy_with_logits}
        expected = {"mse": None, "l1": None, "smooth_l1": None, "bce_with_logits": None}
        y = network(x)
        expected = {kind: call(y, truth, reduction="none").mean(1) for kind, call in of_values.items()}
        expected['{"huber": {"fields": ["heating"], "delta": 0.3}}'
                 ''] = F.huber_loss(y, truth, reduction="none", delta=0.3).mean(1)
        expected["cross_entropy"] = F.cross_entropy(y, label, reduction="none")
        expected["nll"] = F.nll_loss(y, label, reduction="none")
        for number, (term, values) in enumerate(expected.items()):
            out = f"out{number}"
            self.export(CODE + "Plain", *PLAIN, "--out", out, "--weights", "state.pt", "--loss", term, *ADAMW)
            targets = {"heating": classes.float() if term in ("cross_entropy", "nll") else truth}
            found = torch.jit.load(f"{out}/train.pt").loss({"heating": y}, targets, {"temperature": x})
            torch.testing.assert_close(found, values, msg=term)

    def test_classes_on_a_grid(self):
        self.export(CODE + "Classes", "--input", "t:2", "--output", "cloud:3", "--grid", 4, 5, "--out", "out", "--loss",
                    '{"cross_entropy": {"fields": ["cloud"], "label_smoothing": 0.1}}', *ADAMW)
        y, z = torch.randn(SAMPLES, 3, 4, 5), torch.randint(3, [SAMPLES, 1, 4, 5])
        found = torch.jit.load("out/train.pt").loss({"cloud": y}, {"cloud": z.float()}, {})
        expected = F.cross_entropy(y, z[:, 0], reduction="none", label_smoothing=0.1).mean((1, 2))
        torch.testing.assert_close(found, expected)

    def test_names_of_fields_of_any_language(self):
        self.export(CODE + "Plain", "--input", "température:5", "--output", "加热:4", "--out", "out", "--loss", "mse:加热",
                    *ADAMW)
        self.assertEqual(list(self.manifest()["defaults"]["fields"]), ["température", "加热"])

    def test_float64(self):
        pathlib.Path("double.py").write_text(
            f"import sys\nsys.path.append({str(HERE)!r})\nimport exported_networks\n\n\n"
            "def make():\n    return exported_networks.Plain().double()\n")
        self.export("double.py:make", *PLAIN, "--out", "out", "--loss", "mse", *ADAMW)
        self.assertEqual(self.manifest()["defaults"]["compute"], "float64")
        self.assertFalse(self.manifest()["supports"]["amp_cpu"])


class Sources(InFolder):
    def test_a_class_with_arguments_and_weights(self):
        network = self.make("Plain", width=3)
        self.export(CODE + "Plain", "--kwargs", '{"width": 3}', "--weights", "state.pt", *PLAIN, "--out", "out")
        source = self.manifest()["source"]
        x = torch.randn(4, 5)
        torch.testing.assert_close(torch.jit.load("out/infer.pt")(x), network(x))
        self.assertEqual(source, {"from": CODE + "Plain", "kwargs": {"width": 3}, "weights": "state.pt",
                                  "class": "exported_networks.Plain", "how": "script"})

    def test_tensors_with_two_names_and_buffers_that_are_not_saved(self):
        network = self.make("Tied")
        x = torch.randn(4, 4)
        self.export(CODE + "Tied", "--weights", "state.pt", "--input", "t:4", "--output", "heating:4", "--out", "out")
        torch.save({"model_state_dict": network.state_dict(), "epoch": 3}, "wrapped.pt")
        self.export(CODE + "Tied", "--weights", "wrapped.pt", "--input", "t:4", "--output", "heating:4", "--out",
                    "same")
        self.assertTrue(torch.equal(torch.jit.load("same/infer.pt")(x), network(x)))
        found = ekman_import.state_dict("out/checkpoint.safetensors")
        self.assertEqual(sorted(found), sorted(network.state_dict()))
        other = networks.Tied()
        other.load_state_dict(found)
        self.assertTrue(torch.equal(other(x), network(x)))
        del found["b.weight"]   # as of a checkpoint alone
        torch.save({**found, "scale": torch.ones(4)}, "ekman.pt")
        self.export(CODE + "Tied", "--weights", "ekman.pt", "--input", "t:4", "--output", "heating:4", "--out", "again")
        self.assertTrue(torch.equal(torch.jit.load("again/infer.pt")(x), network(x)))

    def test_weights_lose_no_digits(self):
        network = self.make("Plain").double()
        for parameter in network.parameters():
            parameter.data += 1e-12
        torch.save(network.state_dict(), "double.pt")
        self.refuse('double.pt has "encoder.0.weight" in float64, of which the network, in float32, would lose digits',
                    CODE + "Plain", "--weights", "double.pt", *PLAIN, "--out", "out")
        buffers = self.make("Buffers")
        torch.save({**buffers.state_dict(), "mask": buffers.mask.long()}, "state.pt")   # as ekman-import has it
        self.export(CODE + "Buffers", "--weights", "state.pt", *SMALL, "--out", "out")

    def test_a_factory_of_a_module(self):
        self.export("exported_networks:make", "--kwargs", '{"width": 7}', *PLAIN, "--out", "out")
        self.assertEqual(self.manifest()["parameters"]["head.weight"]["shape"], [4, 7])

    def test_a_torchscript_file(self):
        torch.jit.script(self.make("BatchNorm")).save("net.pt")
        self.export("net.pt", "--input", "t:3", "--output", "heating:4", "--out", "out", "--loss", "mse", *ADAMW)
        self.assertEqual(self.manifest()["source"]["class"], "BatchNorm")

    def test_a_pickle_is_executed_with_trust_only(self):
        class Hostile:
            def __reduce__(self):
                return (open, ("executed", "w"))

        for old in (False, True):
            torch.save(Hostile(), "net.pt", _use_new_zipfile_serialization=not old)
            self.refuse("is a pickle, which can execute anything", "net.pt", *PLAIN, "--out", "out")
            self.refuse("cannot be read as "
                        "tensors and numbers alone", CODE + "Plain", "--weights", "net.pt", *PLAIN, "--out", "o")
            torch.save({"state": {}, "param_groups": [Hostile()]}, "state.pt", _use_new_zipfile_serialization=not old)
            self.refuse("cannot be read as "
                        "tensors and numbers alone", CODE + "Plain", *PLAIN, "--out", "out", "--loss", "mse",
                        *ADAMW, "--optimizer-state", "state.pt")
        with zipfile.ZipFile("net.pt", "w") as archive:   # looks like TorchScript, of which nothing is executed either
            archive.writestr("net/constants.pkl", pickle.dumps(Hostile()))
            archive.writestr("net/data.pkl", pickle.dumps(Hostile()))
            archive.writestr("net/version", "3")
        self.refuse("cannot be read as TorchScript", "net.pt", *PLAIN, "--out", "out")
        pathlib.Path("net.pt").write_bytes(pickle.dumps(Hostile()))
        self.refuse("is a pickle, which can execute anything", "net.pt", *PLAIN, "--out", "out")
        self.assertFalse(os.path.exists("executed"))

    def test_a_pickled_module_with_trust(self):
        network = self.make("Plain")
        for old in (False, True):
            torch.save(network, "net.pt", _use_new_zipfile_serialization=not old)
            self.refuse("say --trust", "net.pt", *PLAIN, "--out", "out")
            self.export("net.pt", "--trust", *PLAIN, "--out", f"out{old}", "--loss", "mse", *ADAMW)

    def test_a_method_of_the_network_as_loss(self):
        self.export(CODE + "OwnLoss", *PLAIN, "--out", "out", "--loss", "method", *ADAMW)
        self.assertEqual(self.manifest()["defaults"]["training"]["loss"], [{"method": "loss"}])
        y, z = torch.randn(3, 4), torch.randn(3, 4)
        found = torch.jit.load("out/train.pt").loss({"heating": y}, {"heating": z}, {})
        torch.testing.assert_close(found, (y - z).abs().mean(1))

    def test_a_function_as_loss_with_a_further_field(self):
        self.export(CODE + "Plain", *PLAIN, "--out", "out", "--loss", CODE + "weighted_error", "--extra", "area",
                    *ADAMW)
        y, z, area = torch.randn(3, 4), torch.randn(3, 4), torch.rand(3, 1)
        found = torch.jit.load("out/train.pt").loss({"heating": y}, {"heating": z}, {"area": area})
        torch.testing.assert_close(found, ((y - z) ** 2).mean(1) * area[:, 0])
        self.assertEqual(self.manifest()["defaults"]["training"]["loss"], [{"method": "loss", "extra": ["area"]}])


class Artifact(InFolder):
    def test_what_the_manifest_says_holds(self):
        self.export(CODE + "Half", *PLAIN, "--out", "out", "--loss", "mse", *ADAMW, "--freeze", "*.bias")
        text = pathlib.Path("out/manifest.json").read_text()
        manifest = json.loads(text)
        zeroed = text.replace(manifest["sha256"], "0" * 64)
        self.assertEqual(hashlib.sha256(zeroed.encode()).hexdigest(), manifest["sha256"])
        self.assertEqual(sorted(manifest["files"]), sorted(set(os.listdir("out")) - {"manifest.json"}))
        for name, digits in manifest["files"].items():
            self.assertEqual(hashlib.sha256(pathlib.Path("out", name).read_bytes()).hexdigest(), digits)
        self.assertEqual(list(manifest), ["format", "sha256", "files", "source", "versions", "parameters", "buffers",
                                          "inputs", "outputs", "outputs_by_name", "supports", "tried", "defaults"])
        self.assertEqual({name: one["trainable"] for name, one in manifest["parameters"].items()},
                         {"encoder.0.weight": False, "encoder.0.bias": False, "head.weight": True, "head.bias": False})
        self.assertEqual(manifest["defaults"]["training"],
                         {"loss": [{"mse": {"fields": ["heating"]}}], "trainable": ["*"],
                          "frozen": ["*.bias", "encoder.0.weight"]})
        self.assertEqual({name: one.requires_grad for name, one in torch.jit.load("out/train.pt").named_parameters()},
                         {name: one["trainable"] for name, one in manifest["parameters"].items()})
        self.assertEqual(json.loads(pathlib.Path("out/optimizer.json").read_text()), {"adamw": {
            "lr": 0.001, "betas": [0.9, 0.999], "eps": 1e-08, "weight_decay": 0.01, "amsgrad": "off"}})
        arrays, texts = ekman_checkpoint.read("out/checkpoint.safetensors")
        self.assertEqual(list(arrays), [f"parameters/{name}" for name in manifest["parameters"]])
        self.assertEqual((texts["format"], texts["ekman"], texts["step"], json.loads(texts["network"])),
                         ("ekman artifact 1", version.VERSION, "0", {"kind": "torchscript", "complex": []}))

    def test_it_is_whole_or_not_there(self):
        full = OSError(28, "No space left on device")
        for what in ("ekman_export.artifact.os.rename", "ekman_export.artifact.manifest_of"):
            with unittest.mock.patch(what, side_effect=full):
                self.refuse("out cannot be written: No space left on device", CODE + "Plain", *PLAIN, "--out", "out")

    def test_without_a_loss_it_is_for_inference(self):
        self.export(CODE + "Plain", *PLAIN, "--out", "out")
        self.assertEqual(sorted(os.listdir("out")), ["checkpoint.safetensors", "infer.pt", "manifest.json"])
        self.assertNotIn("training", self.manifest()["defaults"])
        self.assertEqual(self.manifest()["parameters"]["head.bias"], {"shape": [4], "dtype": "float32"})

    def test_versions_and_optimizers_are_those_of_ekman(self):
        cmake = (HERE.parent / "CMakeLists.txt").read_text()
        keys = (HERE.parent / "adapters/yaml/training_keys.cpp").read_text()
        rows = re.findall(r'\{"\.(\w+)\.(\w+)", T::\w+, (?:"([^"]*)"|k_required),',
                          keys[keys.index("optimizer_keys()"):])
        table = {kind: {} for kind in optimizers.KINDS}
        for kind, key, default in rows:
            if kind in table:
                table[kind][key] = default
        self.assertIn(f"project(Ekman VERSION {version.VERSION} ", cmake)
        self.assertEqual({kind: list(options) for kind, options in optimizers.KINDS.items()},
                         {kind: list(options) for kind, options in table.items()})
        for kind, options in optimizers.KINDS.items():
            for key, value in options.items():
                if value is not optimizers.REQUIRED:
                    text = table[kind][key]
                    self.assertEqual(value, text if isinstance(value, str) else json.loads(text), (kind, key))

    def test_normalisation(self):
        import h5py
        with h5py.File("numbers.h5", "w") as file:
            for name, levels in (("temperature", 5), ("other", 2)):
                file[f"{name}_mean"], file[f"{name}_std"] = torch.zeros(levels), torch.ones(levels)
        self.export(CODE + "Plain", *PLAIN, "--out", "out", "--normalize", "numbers.h5", "--normalize",
                    '{"heating": {"mean": 1, "std": 2.5}}')
        self.assertEqual(self.manifest()["defaults"]["normalize"], {"temperature": {"from": "statistics.h5"},
                                                                    "heating": {"mean": 1, "std": 2.5}})
        self.assertEqual(pathlib.Path("out/statistics.h5").read_bytes(), pathlib.Path("numbers.h5").read_bytes())
        self.assertIn("statistics.h5", self.manifest()["files"])
        self.refuse('5 and 5 value(s) of mean and std of "temperature", '
                    'and it has 4', CODE + "Plain", "--kwargs", '{"inputs": 4}',
                    "--input", "temperature:4", "--output", "heating:4", "--out", "o", "--normalize", "numbers.h5")


if __name__ == "__main__":
    unittest.main()

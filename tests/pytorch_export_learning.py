#!/usr/bin/python3
"""ekman-export: what learns, and with what: patterns, states of optimizers, what a network supports."""
import json
import os
import pathlib
import sys
import unittest

import torch

from pytorch_export import ADAMW, CODE, PLAIN, InFolder

import ekman_checkpoint  # noqa: E402
from ekman_export.command import main  # noqa: E402

LEARN = ["--loss", "mse", *ADAMW]
OUT = ["--out", "out"]
STATE = ["--optimizer-state", "optimizer.pt"]


class Learning(InFolder):
    def test_patterns_choose_what_learns(self):
        def learns(*words):
            self.export(CODE + "Plain", *PLAIN, "--out", f"out{len(os.listdir())}", *LEARN, *words)
            manifest = self.manifest(max(os.listdir(), key=lambda name: int(name[3:])))
            names = [name for name, one in manifest["parameters"].items() if one["trainable"]]
            return names, manifest["defaults"]["training"]

        self.assertEqual(learns("--freeze", "encoder.*")[0], ["head.weight", "head.bias"])
        self.assertEqual(learns("--train", "*.bias"), (["encoder.0.bias", "head.bias"], {
            "loss": [{"mse": {"fields": ["heating"]}}], "trainable": ["*.bias"]}))
        self.assertEqual(learns("--train", "*", "head.weight", "--freeze", "enc*")[0], ["head.weight", "head.bias"])
        words = (CODE + "Plain", *PLAIN, *OUT, *LEARN)
        self.refuse('"encoder" of --freeze is no parameter', *words, "--freeze", "encoder")
        self.refuse('"haed.*" of --train is no parameter; did you mean "head.*"?', *words, "--train", "haed.*")
        self.refuse('"head.bias" is named by '
                    '--train and by --freeze', *words, "--train", "head.*", "--freeze", "*.bias")
        self.refuse("no parameter is left that learns", *words, "--freeze", "*")

    def test_layers_that_the_module_holds_fast(self):
        self.export(CODE + "Half", *PLAIN, *OUT, *LEARN)
        self.assertEqual(self.manifest()["defaults"]["training"]["frozen"], ["encoder.0.weight", "encoder.0.bias"])
        self.export(CODE + "Half", *PLAIN, "--out", "all", *LEARN, "--train", "*")
        self.assertNotIn("frozen", self.manifest("all")["defaults"]["training"])

    def test_the_state_of_each_optimizer_goes_by_names(self):
        cases = {"sgd": (torch.optim.SGD, {"momentum": 0.9}), "adam": (torch.optim.Adam, {"amsgrad": True}),
                 "adamw": (torch.optim.AdamW, {"betas": (0.8, 0.99)}), "adagrad": (torch.optim.Adagrad, {}),
                 "rmsprop": (torch.optim.RMSprop, {"momentum": 0.5, "centered": True})}
        for kind, (make, options) in cases.items():
            for all_of_them in (False, True):
                network = self.make("Plain")
                learn = {name: one for name, one in network.named_parameters() if name != "encoder.0.bias"}
                network.encoder[0].bias.requires_grad_(False)
                optimizer = make(network.parameters() if all_of_them else learn.values(), lr=0.25, **options)
                for _ in range(3):
                    optimizer.zero_grad()
                    network(torch.randn(7, 5)).square().mean().backward()
                    optimizer.step()
                torch.save(network.state_dict(), "state.pt")
                torch.save(optimizer.state_dict(), "optimizer.pt")
                out = f"{kind}-{all_of_them}"
                self.export(CODE + "Plain", *PLAIN, "--weights", "state.pt", "--out", out, "--loss", "mse",
                            "--optimizer", kind, "--optimizer-state", "optimizer.pt", "--freeze", "encoder.0.bias")
                arrays, _ = ekman_checkpoint.read(f"{out}/checkpoint.safetensors")
                expected = {f"optimizer/{member}/{name}": value for name, one in learn.items()
                            for member, value in optimizer.state[one].items() if member != "step"}
                found = {name: value for name, value in arrays.items() if name.startswith("optimizer/")}
                self.assertEqual(found.pop("optimizer/step", torch.tensor(3)).item(), 3)
                self.assertEqual("optimizer/step" in arrays, kind != "sgd")
                self.assertEqual(sorted(found), sorted(expected))
                for name, value in expected.items():
                    self.assertTrue(torch.equal(found[name], value), name)
                written = json.loads(pathlib.Path(out, "optimizer.json").read_text())[kind]
                self.assertEqual(written["lr"], 0.25)
                for key, value in options.items():
                    self.assertEqual(written[key], list(value) if key == "betas" else "on" if value is True else value)

    def test_the_state_of_lbfgs_is_flat(self):
        network = self.make("Plain").double()
        optimizer = torch.optim.LBFGS(network.parameters(), lr=0.1, max_iter=1)
        x = torch.randn(7, 5, dtype=torch.float64)

        def closure():
            optimizer.zero_grad()
            loss = network(x).square().mean()
            loss.backward()
            return loss

        for _ in range(4):
            optimizer.step(closure)
        torch.save(optimizer.state_dict(), "optimizer.pt")
        pathlib.Path("double.py").write_text(f"import sys\nsys.path.append({str(pathlib.Path(CODE).parent)!r})\n"
                                             "import exported_networks\n\n\ndef make():\n"
                                             "    return exported_networks.Plain().double()\n")
        self.export("double.py:make", *PLAIN, *OUT, "--loss", "mse", "--optimizer", "lbfgs", *STATE)
        arrays, _ = ekman_checkpoint.read("out/checkpoint.safetensors")
        state, count = next(iter(optimizer.state.values())), sum(one.numel() for one in network.parameters())
        self.assertEqual((arrays["optimizer/n_iter"].item(), arrays["optimizer/d"].shape), (4, (count,)))
        self.assertEqual(arrays["optimizer/old_dirs"].shape, (len(state["old_dirs"]), count))
        self.assertTrue(torch.equal(arrays["optimizer/d"], state["d"]))

    def test_states_that_do_not_fit(self):
        network = self.make("Plain")
        words = (CODE + "Plain", *PLAIN, *OUT, "--loss", "mse", "--optimizer", "adamw", *STATE)
        adamw = torch.optim.AdamW(network.parameters(), lr=1e-3)
        torch.save(adamw.state_dict(), "optimizer.pt")
        self.assertIn("optimizer.pt has options alone", self.export(*words))
        self.assertEqual(json.loads(pathlib.Path("out/optimizer.json").read_text())["adamw"]["lr"], 1e-3)
        words = [*words, "--out", "other"]
        network.head(torch.randn(3, network.head.in_features)).sum().backward()
        adamw.step()
        torch.save(adamw.state_dict(), "optimizer.pt")
        self.refuse('has no exp_avg of "encoder.0.weight"', *words)
        groups = [{"params": [one]} for one in network.parameters()]
        torch.save(torch.optim.AdamW(groups, lr=1e-3).state_dict(), "optimizer.pt")
        self.refuse("has 4 groups of parameters", *words)
        torch.save(torch.optim.AdamW(list(network.parameters())[1:], lr=1e-3).state_dict(), "optimizer.pt")
        self.refuse("is of 3 parameters, and 4 of 4 learn", *words)
        torch.save(network.state_dict(), "optimizer.pt")
        self.refuse("is no state of an optimizer", *words)

    def test_states_of_another_kind(self):
        network = self.make("Plain")

        def kept(make, **options):
            optimizer = make(network.parameters(), lr=1e-3, **options)
            network(torch.randn(7, 5)).square().mean().backward()
            optimizer.step()
            state = optimizer.state_dict()
            torch.save(state, "optimizer.pt")
            return state

        def words(kind):
            return (CODE + "Plain", *PLAIN, *OUT, "--loss", "mse", "--optimizer", kind, *STATE)

        state = kept(torch.optim.AdamW)
        self.refuse("is of another optimizer than sgd: its options have no momentum", *words("sgd"))
        state["param_groups"][0].update(momentum=0, dampening=0, nesterov=False)
        torch.save(state, "optimizer.pt")
        self.refuse("is of another optimizer than sgd: it has exp_avg, exp_avg_sq; name with", *words("sgd"))
        state["param_groups"][0]["decoupled_weight_decay"] = True   # as PyTorch 2 tells them apart
        torch.save(state, "optimizer.pt")
        self.refuse("is of another optimizer than adam: it has decoupled_weight_decay=True", *words("adam"))
        kept(torch.optim.AdamW, maximize=True)
        self.refuse("optimizer.pt has maximize=True, and Ekman makes a loss small", *words("adamw"))
        kept(torch.optim.SGD)   # which remembers nothing without a momentum
        self.export(*words("sgd"))

    def test_what_a_network_supports(self):
        self.export(CODE + "Mixed", *PLAIN, *OUT, *LEARN)
        self.assertFalse(self.manifest()["supports"]["cuda_graphs"])
        self.export(CODE + "Mixed", *PLAIN, "--out", "declared", *LEARN, "--declare", "cuda_graphs", "--declare",
                    "amp_gpu")
        self.assertEqual(self.manifest("declared")["supports"],
                         {"jit": True, "cuda_graphs": True, "amp_cpu": True, "amp_gpu": True})
        self.assertIn("supports no "
                      "amp_cpu: outputs differ by", self.export(CODE + "Rough", *PLAIN, "--out", "rough", *LEARN))
        self.assertFalse(self.manifest("rough")["supports"]["amp_cpu"])

    def test_parameters_without_a_gradient_are_told(self):
        self.assertIn("note: no gradient reaches unused.weight, unused.bias: PyTorch leaves such as they are, and in "
                      "Ekman they decay with weight_decay: --freeze them",
                      self.export(CODE + "Unused", *PLAIN, *OUT, *LEARN))
        self.assertNotIn("no gradient", self.export(CODE + "Unused", *PLAIN, "--out", "o", *LEARN, "--freeze", "un*"))

    def test_a_logarithm_is_tried_with_positive_numbers(self):
        self.export(CODE + "Logarithm", *PLAIN, *OUT, *LEARN)
        self.export(CODE + "Logarithm", *PLAIN, "--out", "traced", *LEARN, "--trace")


if __name__ == "__main__":
    sys.exit(unittest.main())

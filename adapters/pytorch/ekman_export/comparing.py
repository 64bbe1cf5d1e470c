"""Compares eager with scripted results: outputs, buffers, loss and gradients, before anything is written."""
import itertools

import torch

from . import losses, scripting
from .fields import name_of
from .refused import Refused, where_it_failed

SAMPLES = (5, 2)       # of two sizes, since a trace may have kept the first
FEWEST = 1
# Of the largest value, by kind: outputs, loss and buffers; gradients, which add up over samples; and of the largest of
# all gradients, since one that cancels (of a bias before batch-norm) is nothing but rounding.
TOLERANCES = {torch.float32: (1e-5, 1e-4, 1e-6), torch.float64: (1e-12, 1e-10, 1e-14)}


class Bench:
    """How one network is tried: fields, kind of its numbers, loss, and which parameters learn."""

    def __init__(self, fields, kind, positive=False, loss=None, classes=(), learn=()):
        self.fields, self.kind, self.loss, self.learn = fields, kind, loss, list(learn)
        self.classes = set(classes)
        self.probabilities = set()
        self.positive, self.opposite = positive, False   # which numbers are drawn
        self.any_kind = False   # of outputs: under autocast they may be of 16 bits
        self.forms = [True] * 3   # of the network's own method loss: whether its arguments are dicts
        for term in loss if isinstance(loss, list) else []:
            if term.kind in losses.OF_CLASSES:
                self.classes.update(term.fields)
            if term.kind == "bce_with_logits":
                self.probabilities.update(term.fields)

    def draw(self, samples):
        arguments, extra = self.fields.draw(samples, self.kind, seed=samples, positive=self.positive)
        if self.opposite:
            arguments = [1.0 / one if self.positive else -one for one in arguments]
        return arguments, extra

    def targets(self, samples):
        """{output field: made-up truth}"""
        generator, named = torch.Generator().manual_seed(1000 + samples), {}
        for name, levels in self.fields.output_levels().items():
            if name in self.classes:
                named[name] = torch.randint(levels, [samples, 1, *self.fields.grid], generator=generator).to(self.kind)
            elif name in self.probabilities:
                named[name] = torch.rand([samples, levels, *self.fields.grid], generator=generator).to(self.kind)
            else:
                named[name] = torch.randn([samples, levels, *self.fields.grid], generator=generator).to(self.kind)
        return named

    def call(self, module, arguments, samples):
        """The checked tensors of forward."""
        try:
            result = module(*arguments)
        except Exception as error:
            place, words = where_it_failed(error)
            shapes = ", ".join(str(list(one.shape)) for one in arguments)
            raise Refused(f"forward fails with arguments of shape {shapes} ({name_of(self.kind)}): {words}"
                          f"{f' at {place}' if place else ''}; make --input, --grid and the network agree") from error
        return self.fields.tensors_of(result, samples, None if self.any_kind else self.kind)

    def loss_of(self, module, eager, tensors, arguments, extra, samples):
        fields = self.fields
        outputs, inputs = fields.cut(fields.outputs, tensors), {**fields.cut(fields.inputs, arguments), **extra}
        sides = [outputs, self.targets(samples), inputs]
        who = self.loss if isinstance(self.loss, str) else "of these terms"
        try:
            if eager is not None:
                values = eager(*sides)
            else:
                values = module.loss(*[side if form else torch.cat(list(side.values()), 1)
                                       for side, form in zip(sides, self.forms)])
        except Exception as error:
            place, words = where_it_failed(error)
            raise Refused(f"the loss {who} fails: {words}{f' at {place}' if place else ''}; it gets outputs, targets "
                          "and inputs by field; name further fields with --extra, and those whose target is the number "
                          "of a class with --classes") from error
        if not isinstance(values, torch.Tensor) or list(values.shape) != [samples] or not values.is_floating_point():
            found = type(values).__name__
            if isinstance(values, torch.Tensor):
                found = f"{name_of(values.dtype)} {list(values.shape)}"
            raise Refused(f"the loss {who} returns {found} for {samples} samples; it must return one value for each "
                          f"sample, [{samples}]")
        return values

    def observe(self, module, samples, training, eager=None, drawn=0):
        """{what: tensor} of one forward, and with a loss of one backward, of the first `samples` of those `drawn`.
        Buffers are put back."""
        scripting.set_mode(module, training)
        arguments, extra = self.draw(drawn or samples)
        arguments, extra = [one[:samples] for one in arguments], {name: one[:samples] for name, one in extra.items()}
        parameters = dict(module.named_parameters())
        for name, parameter in parameters.items() if self.loss is not None else ():
            parameter.requires_grad_(name in self.learn)
            parameter.grad = None
        buffers = {name: buffer.detach().clone() for name, buffer in module.named_buffers()}
        torch.manual_seed(samples)
        try:
            tensors = self.call(module, arguments, samples)
            seen = {f"output {name}": value for name, value in self.fields.cut(self.fields.outputs, tensors).items()}
            for name, buffer in module.named_buffers():
                seen[f"buffer {name}"] = buffer.detach().clone()
            if self.loss is not None:
                seen["loss"] = self.loss_of(module, eager, tensors, arguments, extra, samples)
                self._backward(seen, parameters)
        finally:
            for name, buffer in module.named_buffers():
                buffer.data.copy_(buffers[name])
        return {what: value.detach() for what, value in seen.items()}

    def _backward(self, seen, parameters):
        if not seen["loss"].requires_grad:
            raise Refused("the loss does not depend on any parameter that learns; compute it from outputs, without "
                          "detach() or no_grad(), and let such learn (--train) as have a part in them")
        seen["loss"].sum().backward()
        for name in self.learn:
            gradient = parameters[name].grad
            if gradient is not None:
                seen[f"gradient of {name}"] = gradient.clone()


def _largest(values):
    return values.abs().max().item() if values.numel() > 0 else 0.0


def _differences(expected, found, kind):
    """(what, difference of its largest value) of the worst that is beyond its tolerance, or None."""
    if list(expected) != list(found):
        return sorted(set(expected) ^ set(found))[0], float("inf")
    plain, of_gradients, of_all_gradients = TOLERANCES[kind]
    all_gradients = max((_largest(one) for what, one in expected.items() if what.startswith("gradient")), default=0.0)
    worst = None
    for what, one in expected.items():
        is_gradient = what.startswith("gradient")
        one, other = (value if value.is_complex() else value.double() for value in (one, found[what]))   # of flags too
        difference, scale = _largest(one - other), _largest(one)
        bound = max(of_gradients * scale, of_all_gradients * all_gradients) if is_gradient else plain * scale
        share = difference / scale if scale > 0.0 else difference
        if not difference <= bound and (worst is None or not share <= worst[1]):   # a NaN is a difference
            worst = what, share
    return worst


def needs_positive(fields, kind, module):
    """Whether it has no numbers for negative inputs: a logarithm or a root, say. Names the outputs of a dict."""
    for positive in (False, True):
        seen = Bench(fields, kind, positive).observe(module, SAMPLES[0], False)
        if all(torch.isfinite(one).all().item() for what, one in seen.items() if what.startswith("output")):
            return positive
    raise Refused("forward gives values that are no numbers, for normal random inputs and for those from 0.5 to 1.5, "
                  "so that eager and scripted results cannot be compared; let it stand such inputs")


def _mixes_samples(bench, module, eager):
    """Whether in eval mode the first samples of a batch have other outputs than alone."""
    most, few = SAMPLES
    together, alone = (bench.observe(module, count, False, eager, drawn=most) for count in SAMPLES)
    for what, one in alone.items():
        if what.startswith("output"):
            difference, scale = _largest(one - together[what][:few]), _largest(one)
            if not difference <= TOLERANCES[bench.kind][1] * scale:   # of other kernels for other sizes
                return True
    return False


def require_agreement(bench, module, eager, script, scripted_by, modes):
    """Refuses what differs; returns notes. `eager` is the loss in Python, or None for the network's own method."""
    notes = []
    for training in modes:
        for samples, bench.opposite in itertools.product(SAMPLES, (True, False)):
            where = f"in {'train' if training else 'eval'} mode, {samples} samples"
            expected = bench.observe(module, samples, training, eager)
            try:
                found = bench.observe(script, samples, training)
            except Refused as refused:
                raise Refused(f"the {scripted_by} network, {where}: {refused}") from refused
            worst = _differences(expected, found, bench.kind)
            if worst:
                cure = "see what TorchScript does otherwise there, or take --trace"
                if scripted_by == "traced":
                    cure = "it kept what it saw in one run: leave --trace out, or compute without branches of Python"
                raise Refused(f"the {scripted_by} network does not do what the eager one does: {worst[0]} differs by "
                              f"{worst[1]:.1e} of its largest value ({where}); {cure}")
    quiet = [name for name in bench.learn if bench.loss is not None and f"gradient of {name}" not in expected]
    if quiet:
        notes.append(f"no gradient reaches {', '.join(quiet)}: PyTorch leaves such as they are, and in Ekman they "
                     "decay with weight_decay: --freeze them")
    if _mixes_samples(bench, module, eager):
        notes.append("in eval mode what it gives for a sample depends on the others of its batch, or on chance, and so "
                     "on `tile` and on the number of ranks")
    try:
        bench.observe(module, FEWEST, False, eager)
    except Refused as refused:
        notes.append(f"with one sample {refused}; keep `tile` and `chunk` above 1")
    return notes


def refuse_modes_that_differ(bench, module):
    """A trace has one mode in it; a network that learns needs both."""
    both = [bench.observe(module, SAMPLES[0], training, None) for training in (False, True)]
    worst = _differences(*both, bench.kind)
    if worst:
        raise Refused(f"a trace keeps the mode that it was made in, and this network's {worst[0]} differs between "
                      "train and eval mode (dropout, batch-norm or the like), so that it could not be trained; script "
                      "it: leave --trace out, or leave --loss out for an artifact that is served only")

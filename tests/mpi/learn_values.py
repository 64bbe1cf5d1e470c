"""What learn_model puts, for scripts that compute the same in Python."""
import numpy
import torch

TOTAL, LEVELS = 203, 3


def values(step):
    """make_values() of learn_model: inputs, targets and weights of all points; masked ones hold numbers here."""
    ids = numpy.arange(TOTAL)
    phase = 0.1 * ids + 0.7 * step
    s = numpy.cos(phase)
    t = numpy.stack([numpy.sin(phase * l) for l in range(1, LEVELS + 1)], 1)
    dt_true = t * s[:, None] + 0.1 * numpy.arange(1, LEVELS + 1)
    area = numpy.where(ids % 11 == 5, 0.0, 1 + 0.5 * numpy.sin(0.3 * ids))
    return [torch.tensor(array) for array in (t, s[:, None], dt_true, t.sum(1)[:, None] ** 2, area)]

"""Recordings of Ekman as a Dataset of PyTorch, with the split that `ekman train` makes.

    split = Split(train=0.7, validation=0.15, test=0.15, by="time", gap=10)
    data = RecordedSamples("run/recording-*.h5", inputs=["t", "q"], targets=["heating"], split=split)
    for inputs, targets in data.batches(4096, seed=1, epoch=3):
        ...

Split takes the keys of `training.offline.split` of the plan, and draws what the plan draws: a network that learns here
from part "train" sees nothing of what `ekman evaluate` tests on. Values are those that were recorded, in all bits and
of the kind recorded; `normalize` of the plan is not applied.

Data may be larger than memory. A recorded chunk is compressed as a whole, so it is read as a whole, and kept while
there is room (`cache_bytes`). `batches` takes chunk after chunk; a DataLoader with shuffle=True is for data that fit in
the cache. One core of a shared machine, 41 000 points x 20 times of 60 + 60 levels in float32 (394 MB), chunks of 1024:
550 000 samples/s from `batches` in order, 510 000 mixed, 110 000 from a DataLoader whose data are in the cache; one by
one, where they are not, 730.

Needs PyTorch 1.13 or later, numpy and h5py.
"""
import collections
import dataclasses
import glob
import os
import pathlib

import h5py
import numpy
import torch

PARTS = ("train", "validation", "test")   # and "none": the gap
DEFAULT_BLOCKS = 20
MOST_OPEN_FILES = 64


def _mix64(hash_, numbers):
    """A step of coupler/base/mix64.hpp for each number; arrays of uint64, which wrap around."""
    value = (hash_ ^ numbers) + numpy.uint64(0x9e3779b97f4a7c15)
    value = (value ^ (value >> numpy.uint64(30))) * numpy.uint64(0xbf58476d1ce4e5b9)
    value = (value ^ (value >> numpy.uint64(27))) * numpy.uint64(0x94d049bb133111eb)
    return value ^ (value >> numpy.uint64(31))


def _hash(seed, numbers):
    seed = numpy.array([seed], dtype=numpy.int64).view(numpy.uint64)
    numbers = numpy.asarray(numbers, dtype=numpy.int64).view(numpy.uint64)
    return _mix64(_mix64(numpy.zeros(1, numpy.uint64), seed), numbers)


def _count_blocks(fraction, blocks):
    whole = int(fraction * blocks)
    return max(1, whole + (fraction * blocks - whole >= 0.5)) if fraction > 0.0 else 0


@dataclasses.dataclass(frozen=True)
class Split:
    """`training.offline.split` of a plan, its keys, defaults and parts: a twin of coupler/offline/data_split.cpp."""
    train: float = 0.7
    validation: float = 0.15
    test: float = 0.15
    by: str = "time"
    block: int = 0
    gap: int = 0
    seed: int = 0

    def __post_init__(self):
        fractions = (self.train, self.validation, self.test)
        if min(fractions) < 0.0 or abs(sum(fractions) - 1.0) > 1e-9:
            raise ValueError(f"train, validation and test are {self.train}, {self.validation} and {self.test}; give "
                             "fractions whose sum is 1")
        if self.by not in ("time", "id"):
            raise ValueError(f'split by "{self.by}"; choose by="time" or by="id"')
        if self.by == "id" and self.gap > 0:
            raise ValueError('a gap is between recorded times; take it out, or split by="time"')

    def of_steps(self, steps):
        """By time: the part of each of these steps, all that are recorded, ascending."""
        times = len(steps)
        length = self.block or max(1, -(-times // DEFAULT_BLOCKS))
        blocks = -(-times // length)
        validation, test = _count_blocks(self.validation, blocks), _count_blocks(self.test, blocks)
        if validation + test + (self.train > 0.0) > blocks:
            raise ValueError(f"the recordings have {times} times, {blocks} blocks of {length}, which are too few for a "
                             f"split into {self.train} to learn from, {self.validation} to validate and {self.test} to "
                             'test; record more, take a smaller block, or split by="id"')
        drawn = numpy.argsort(_hash(self.seed, numpy.arange(blocks)), kind="stable")
        of_block = numpy.full(blocks, "train" if self.train > 0.0 else "none", dtype="<U10")
        of_block[drawn[:validation]] = "validation"
        of_block[drawn[validation:validation + test]] = "test"
        parts = of_block[numpy.arange(times) // length]
        alone = numpy.ones(times, dtype=bool)
        for apart in range(1, min(self.gap, times - 1) + 1):
            same = parts[apart:] == parts[:-apart]
            alone[apart:] &= same
            alone[:-apart] &= same
        return numpy.where(alone, parts, "none")

    def of_ids(self, ids):
        """By id: the part of each of these global ids."""
        share = (_hash(self.seed, numpy.asarray(ids) // max(1, self.block)) >> numpy.uint64(11)) * 2.0**-53
        last = "test" if self.test > 0.0 else "validation" if self.validation > 0.0 else "train"
        return numpy.where(share < self.train, "train",
                           numpy.where(share < self.train + self.validation, "validation", last))


def _find(files):
    """Files by name or pattern, the oldest first, by the number that ends their names: as `ekman train` takes them."""
    found = set()
    for name in [files] if isinstance(files, (str, os.PathLike)) else files:
        names = glob.glob(str(name))
        if not names:
            raise FileNotFoundError(f"there is no file {name}; name recordings that `output.record` of a run wrote")
        found.update(names)

    def number(path):
        name = pathlib.Path(path)
        stem = pathlib.Path(name.stem if name.suffix == ".part" else name.name).stem
        digits = stem[len(stem.rstrip("0123456789")):]
        return int(digits) if 0 < len(digits) <= 18 else -1

    return sorted(sorted(found), key=number)


def _open(path):
    try:
        return h5py.File(path, "r")
    except OSError as error:
        try:
            return h5py.File(path, "r", swmr=True)   # one of a run that was killed, or still writes
        except OSError:
            raise ValueError(f"cannot read {path}: {error}; give a recording that `ekman serve` has written") from None


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


class _Header:
    """What a recording says of itself, and the records that are whole in it."""

    def __init__(self, path):
        self.path = path
        with _open(path) as file:
            if _text(file.attrs.get("format", b"")) != "ekman recording":
                raise ValueError(f"{path} is no recording of Ekman; give one that `ekman serve` has written")
            self.sample = _text(file.attrs["sample"])
            self.grid = tuple(int(n) for n in file.attrs["grid_shape"]) if self.sample == "grid" else ()
            self.rows_per_sample = int(numpy.prod(self.grid, dtype=int))
            self.rows_per_chunk = int(file.attrs["chunk_samples"]) * self.rows_per_sample
            variables = {name: file[name] for name in _text(file.attrs["fields"]).split()}
            self.names = {_text(data.attrs["long_name"]): name for name, data in variables.items()}
            self.levels = {field: (variables[name].shape + (1,))[2] for field, name in self.names.items()}
            self.units = {field: _text(variables[name].attrs.get("units", b"")) for field, name in self.names.items()}
            self.kind = next(iter(variables.values())).dtype
            self.ids, self.chunks, steps = file["global_id"][:], file["chunk_number"][:], file["step"][:]
            length = min([len(steps), *(len(data) for data in variables.values())])
            unwritten = numpy.flatnonzero(steps[:length] <= 0)   # has its place already, but no value
            self.steps = steps[:unwritten[0] if len(unwritten) else length]

    def rows(self, place):
        first = place * self.rows_per_chunk
        return slice(first, min(first + self.rows_per_chunk, len(self.ids)))

    def require_like(self, first):
        for what, here, there in (("kind", self.kind, first.kind), ("levels", self.levels, first.levels),
                                  ("their fields", list(self.names), list(first.names)),
                                  ("units", self.units, first.units),
                                  ("points of a chunk", self.rows_per_chunk, first.rows_per_chunk),
                                  ("their samples", (self.sample, self.grid), (first.sample, first.grid))):
            if here != there:
                raise ValueError(f"recordings {first.path} and {self.path} differ in {what}: {there} and {here}; give "
                                 "recordings of like runs only")

    def require(self, field):
        if field not in self.names:
            raise ValueError(f'recording {self.path} has no field "{field}"; it has {", ".join(self.names)}: record it '
                             "too, or name one of these")


class RecordedSamples(torch.utils.data.Dataset):
    """Samples of recordings: of several files, of all ML ranks of a run, of `.part` too; folders are runs.

    An item is (inputs, targets, weight), without what was not asked for. Of points a tensor has the levels of its
    fields side by side, in the order of the names; of grids it is [channels, ny, nx]. Samples are in the order of time,
    then of runs, then of global ids, as `ekman inspect --merge` has them; a step that a resumed run has recorded again
    counts once, as in the later file. `part` is "train", "validation", "test" or "all". A number that is none, in a
    sample that has a weight, is an error.
    """

    def __init__(self, files, inputs, targets=(), weights=None, part="train", split=Split(), cache_bytes=256 << 20):
        self._headers = [_Header(path) for path in _find(files)]
        first = self._headers[0]
        for header in self._headers:
            header.require_like(first)
        self._columns = [list(fields) for fields in (inputs, targets, [weights] if weights else []) if len(fields) > 0]
        self._weights, self._sample, self._grid = weights, first.rows_per_sample, first.grid
        for field in (field for fields in self._columns for field in fields):
            first.require(field)
        if part not in (*PARTS, "all"):
            raise ValueError(f'there is no part "{part}"; choose one of {", ".join(PARTS)}, all')
        self._list_chunks()
        self._take(part, split)
        self._cache, self._cache_bytes, self._cached = collections.OrderedDict(), cache_bytes, 0
        self._files, self._process = collections.OrderedDict(), None

    def _list_chunks(self):
        """Sorted, each once: step, run, number, file, place among its records and in it, of each recorded chunk."""
        runs, parts = {}, []
        for number, header in enumerate(self._headers):
            run = runs.setdefault(os.path.dirname(os.path.abspath(header.path)), len(runs))
            records, places = numpy.indices((len(header.steps), len(header.chunks))).reshape(2, -1)
            parts.append(numpy.stack([header.steps[records], numpy.full_like(records, run), header.chunks[places],
                                      numpy.full_like(records, number), records, places]))
        table = numpy.concatenate(parts, axis=1)
        if table.shape[1] == 0:
            raise ValueError(f"recording {self._headers[0].path} holds no whole record; let the run that writes it "
                             "make more exchanges")
        table = table[:, numpy.lexsort((numpy.arange(table.shape[1]), table[2], table[1], table[0]))]
        is_last = numpy.append((table[:3, 1:] != table[:3, :-1]).any(axis=0), True)
        self._chunks = table[:, is_last]

    def _take(self, part, split):
        """Keeps the chunks that have samples of this part, and which rows of them these are (None: all)."""
        if part != "all" and split.by == "id" and self._grid:
            raise ValueError(f"recording {self._headers[0].path} has grids, whose samples have all ids; split "
                             'by="time"')
        if part != "all" and split.by == "time":
            steps, at = numpy.unique(self._chunks[0], return_inverse=True)
            self._chunks = self._chunks[:, (split.of_steps(steps) == part)[at]]
        self._rows, counts = {}, []
        for file, place in self._chunks[[3, 5]].T.tolist():
            if (file, place) not in self._rows:
                ids = self._headers[file].ids[self._headers[file].rows(place)]
                chosen = numpy.flatnonzero(split.of_ids(ids) == part) if part != "all" and split.by == "id" else None
                self._rows[file, place] = (chosen, (len(ids) if chosen is None else len(chosen)) // self._sample)
            counts.append(self._rows[file, place][1])
        counts = numpy.array(counts, dtype=numpy.int64)
        self._chunks, counts = self._chunks[:, counts > 0], counts[counts > 0]
        self._first = numpy.append(0, numpy.cumsum(counts))
        if self._first[-1] == 0:
            raise ValueError(f'the split leaves no sample for part "{part}"; record more, or take other fractions, '
                             "smaller blocks or gaps")

    def __len__(self):
        return int(self._first[-1])

    def _place(self, index):
        if not -len(self) <= index < len(self):
            raise IndexError(f"sample {index} of {len(self)}")
        index = int(index) % len(self)
        chunk = int(numpy.searchsorted(self._first, index, side="right")) - 1
        return chunk, index - int(self._first[chunk])

    def __getitem__(self, index):
        chunk, at = self._place(index)
        return tuple(column[at] for column in self._read(chunk))

    def where(self, index):
        """(file, step, global id) of a sample; of a grid the id of its first point."""
        chunk, at = self._place(index)
        return self._point(chunk, at * self._sample)

    def _point(self, chunk, row):
        step, _, _, file, _, place = self._chunks[:, chunk].tolist()
        header, chosen = self._headers[file], self._rows[file, place][0]
        return header.path, step, int(header.ids[header.rows(place)][row if chosen is None else chosen[row]])

    def batches(self, size, seed=None, epoch=0, pool=16):
        """All samples once, in batches of `size`, the last of which may be smaller; each is a tuple as an item is.

        Without `seed` in order. With it chunks are drawn in an order that follows from (seed, epoch) alone, and samples
        are mixed with those of other chunks: batches are drawn from a pool of `pool` batches, which is filled up when
        half of it is gone.
        """
        random = None if seed is None else numpy.random.default_rng([seed, epoch])
        count = self._chunks.shape[1]
        order = range(count) if random is None else random.permutation(count).tolist()
        held, samples = [], 0
        for number, chunk in enumerate(order):
            held.append(self._read(chunk))
            samples += len(held[-1][0])
            is_last = number + 1 == count
            if samples < (size if random is None else pool * size) and not is_last:
                continue
            columns = [torch.cat(parts) for parts in zip(*held)]
            if random is not None:
                mixed = torch.from_numpy(random.permutation(samples))
                columns = [column[mixed] for column in columns]
            leave = 0 if is_last else samples % size if random is None else samples - max(1, pool // 2) * size
            for first in range(0, samples - leave, size):
                yield tuple(column[first:min(first + size, samples - leave)] for column in columns)
            held, samples = [[column[samples - leave:] for column in columns]], leave

    def _read(self, chunk):
        """Tensors of all samples of a chunk, from the cache if they are there."""
        if chunk in self._cache:
            self._cache.move_to_end(chunk)
            return self._cache[chunk]
        _, _, _, file, record, place = self._chunks[:, chunk].tolist()
        header, chosen = self._headers[file], self._rows[file, place][0]
        values = {}
        for field in {field for fields in self._columns for field in fields}:
            rows = self._open(file)[header.names[field]][record, header.rows(place)]
            values[field] = rows.reshape(-1, header.levels[field])
        if chosen is not None:
            values = {field: rows[chosen] for field, rows in values.items()}
        self._require_numbers(values, chunk)
        columns = []
        for fields in self._columns:
            rows = torch.from_numpy(numpy.concatenate([values[field] for field in fields], axis=1))
            if self._grid:
                rows = rows.reshape(-1, *self._grid, rows.shape[1]).permute(0, 3, 1, 2).contiguous()
            columns.append(rows)
        if self._weights:
            columns[-1] = columns[-1].squeeze(1)
        self._cache[chunk] = columns
        self._cached += sum(column.numel() * column.element_size() for column in columns)
        while self._cached > self._cache_bytes and len(self._cache) > 1:
            _, old = self._cache.popitem(last=False)
            self._cached -= sum(column.numel() * column.element_size() for column in old)
        return columns

    def _require_numbers(self, values, chunk):
        counts = values[self._weights] != 0 if self._weights else True
        for field, rows in values.items():
            bad = numpy.argwhere(~numpy.isfinite(rows) & counts)
            if len(bad) > 0:
                row, level = bad[0].tolist()
                path, step, number = self._point(chunk, row)
                raise ValueError(f'recording {path} has {rows[row, level]} in "{field}" of point {number}, level '
                                 f"{level + 1}, step {step}; give such points the weight 0, or leave this file out")

    def _open(self, number):
        """An open file; each process has its own, since HDF5's do not outlive a fork."""
        if self._process != os.getpid():
            self._files, self._process = collections.OrderedDict(), os.getpid()
        if number not in self._files:
            self._files[number] = _open(self._headers[number].path)
            if len(self._files) > MOST_OPEN_FILES:
                self._files.popitem(last=False)[1].close()
        self._files.move_to_end(number)
        return self._files[number]

    def __getstate__(self):
        return {**self.__dict__, "_files": collections.OrderedDict(), "_process": None,
                "_cache": collections.OrderedDict(), "_cached": 0}

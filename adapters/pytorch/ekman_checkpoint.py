"""Checkpoints of Ekman as a file: read into tensors, and written so that Ekman reads them.

    arrays, texts = ekman_checkpoint.read("run/heating-00001000.safetensors")
    ekman_checkpoint.write("checkpoint.safetensors", arrays, texts)

The layout is that of safetensors: the length of a header (8 bytes, little-endian), the header as JSON, raw data. What
stands in the texts (`__metadata__`): format, ekman (version), step, network (JSON), and sha256 of the whole file with
these 64 digits as zeros. Needs PyTorch 1.13 or later and nothing else.
"""
import ctypes
import hashlib
import json
import os
import pathlib

import torch

KINDS = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64}
FORMATS = ("ekman checkpoint ", "ekman artifact ")   # and a number
LENGTH_BYTES = 8
LONGEST_HEADER = 16 << 20                            # more than any network's
ZEROS = "0" * 64


class CheckpointError(ValueError):
    """A file that cannot be read as a checkpoint: one sentence with path, cause and cure."""


class _Refused(Exception):
    pass


def _require(well, why):
    if not well:
        raise _Refused(why)


def _bytes_of(path):
    try:
        _require(path.exists(), "it does not exist")
        _require(path.is_file(), "it is not a file")
        return path.read_bytes()
    except OSError as error:
        raise _Refused(f"it cannot be opened ({error.strerror})") from None


def _header_of(raw):
    """The header, and where data begin."""
    _require(len(raw) > LENGTH_BYTES, "it is too short")
    _require(raw[:4] != b"PK\x03\x04", "it is a file of TorchScript or torch.save, not the .safetensors beside it")
    length = int.from_bytes(raw[:LENGTH_BYTES], "little")
    _require(length <= LONGEST_HEADER and raw[LENGTH_BYTES:LENGTH_BYTES + 1] == b"{",
             "it is no file of safetensors layout")
    begin = LENGTH_BYTES + length
    _require(begin <= len(raw), "it is cut off")
    try:
        header = json.loads(raw[LENGTH_BYTES:begin].decode())
    except (ValueError, RecursionError):
        raise _Refused("its header is no JSON") from None
    return header, begin


def _texts_of(header):
    texts = header.pop("__metadata__", None)
    _require(isinstance(texts, dict) and all(isinstance(text, str) for text in texts.values())
             and texts.get("format", "").startswith(FORMATS), "it is no checkpoint of Ekman")
    for key in ("network", "step", "sha256"):
        _require(key in texts, f"its header does not say {key}")
    _require(texts["step"].isascii() and texts["step"].isdigit(), "its step is no number")
    return texts


def _is_count(value):
    return type(value) is int and value >= 0


def _span_of(name, entry, data_bytes):
    """Where the bytes of an array begin and end in the data; nothing that a header says is believed."""
    _require(isinstance(entry, dict) and entry.keys() >= {"dtype", "shape", "data_offsets"},
             f'array "{name}" has no dtype, shape and data_offsets')
    kind, shape, span = entry["dtype"], entry["shape"], entry["data_offsets"]
    _require(isinstance(kind, str) and kind in KINDS, f'array "{name}" is of a kind that Ekman does not write')
    _require(isinstance(shape, list) and all(map(_is_count, shape)), f'array "{name}" has no shape')
    _require(isinstance(span, list) and len(span) == 2 and all(map(_is_count, span)),
             f'array "{name}" has no beginning and end')
    _require(span[0] <= span[1] <= data_bytes,
             f'array "{name}" lies outside of the data: the file is cut off or damaged')
    count = 1
    for extent in shape:
        count *= extent
    _require(count * int(kind[1:]) // 8 == span[1] - span[0], f'array "{name}" has another size than its shape')
    return span


def _in_order(spans, data_bytes):
    """Names in the order of the data: that in which the network has its parameters, the header has lost it."""
    end, names = 0, []
    for (first, last), name in sorted((tuple(span), name) for name, span in spans.items()):
        _require(first == end, f'array "{name}" does not begin where the one before it ends')
        end = last
        names.append(name)
    _require(end == data_bytes, "there are data behind the last array")
    return names


def _check_sum(raw, begin, digits):
    at = raw.find(digits.encode(), LENGTH_BYTES, begin)
    _require(len(digits) == len(ZEROS) and at >= 0, "its header does not say sha256")
    found = hashlib.sha256(raw[:at] + ZEROS.encode() + raw[at + len(ZEROS):]).hexdigest()
    _require(found == digits, "its bytes are not those that were written: its sha256 is another one")


def _tensor_of(raw, kind, shape):
    flat = torch.frombuffer(bytearray(raw), dtype=kind) if raw else torch.empty(0, dtype=kind)
    return flat.reshape(shape)


def read(path):
    """{name: tensor} and the texts of a checkpoint. Raises CheckpointError for what is none, or not as it was written.

    Parameters come in the order that they have in the network, if they are of one kind. Complex arrays are reals with a
    last extent of 2, as in the file; `ekman_import.state_dict` makes them complex.
    """
    path = pathlib.Path(path)
    try:
        raw = _bytes_of(path)
        header, begin = _header_of(raw)
        _require(isinstance(header, dict), "it is no checkpoint of Ekman")
        texts = _texts_of(header)
        spans = {name: _span_of(name, entry, len(raw) - begin) for name, entry in header.items()}
        names = _in_order(spans, len(raw) - begin)
        _check_sum(raw, begin, texts["sha256"])
    except _Refused as refused:
        raise CheckpointError(f"checkpoint {path} cannot be read: {refused}; name another one, or copy it again if it "
                              "came from elsewhere") from None
    return {name: _tensor_of(raw[begin + spans[name][0]:begin + spans[name][1]], KINDS[header[name]["dtype"]],
                             header[name]["shape"]) for name in names}, texts


def _plain(tensor):
    """On the host, row-major, of one of the three kinds: what Ekman itself makes of a tensor."""
    values = tensor.detach()
    if values.is_complex():
        values = torch.view_as_real(values.resolve_conj())
    if values.dtype in (torch.float16, torch.bfloat16):
        kind = torch.float32
    elif values.dtype in KINDS.values():
        kind = values.dtype
    elif values.is_floating_point():
        raise TypeError(f"a checkpoint has no arrays of {values.dtype}; convert it to float32 or float64")
    else:
        kind = torch.int64
    return values.to("cpu", kind).resolve_neg().contiguous()


def _raw(tensor):
    return ctypes.string_at(tensor.data_ptr(), tensor.numel() * tensor.element_size()) if tensor.numel() else b""


def write(path, arrays, texts):
    """Writes {name: tensor} and texts {key: text}, of which Ekman asks for format, ekman, step and network.

    sha256 is added. Arrays become float32, float64 or int64, complex ones reals with a last extent of 2. The file comes
    into its place by a rename, so that what has its name is whole.
    """
    texts = {key: text for key, text in texts.items() if key != "sha256"}   # of a file that was read
    for key in ("format", "ekman", "step", "network"):
        if key not in texts:
            raise ValueError(f'texts of a checkpoint do not say "{key}"; add it')
    for key, text in texts.items():
        if not isinstance(text, str):
            raise TypeError(f'texts["{key}"] of a checkpoint is {type(text).__name__}; give a text')
    if "__metadata__" in arrays:
        raise ValueError('no array of a checkpoint can be called "__metadata__"; give it another name')
    # Widest first, so that each array is aligned.
    plain = sorted(((name, _plain(tensor)) for name, tensor in arrays.items()), key=lambda one: -one[1].element_size())
    names = {kind: name for name, kind in KINDS.items()}
    header, offset = {"__metadata__": {**texts, "sha256": ZEROS}}, 0
    for name, tensor in plain:
        end = offset + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % LENGTH_BYTES)   # data are aligned
    pieces = [len(text).to_bytes(LENGTH_BYTES, "little"), text] + [_raw(tensor) for _, tensor in plain]
    sha256 = hashlib.sha256()
    for piece in pieces:
        sha256.update(piece)
    # Last of the texts, and before any array: what a text or a name says cannot take its place.
    place = json.dumps({**texts, "sha256": ZEROS}, ensure_ascii=False, separators=(",", ":")).encode()
    at = text.index(place) + len(place) - len(ZEROS) - 2
    pieces[1] = text[:at] + sha256.hexdigest().encode() + text[at + len(ZEROS):]
    partial = pathlib.Path(f"{path}.partial")
    try:
        with open(partial, "wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise

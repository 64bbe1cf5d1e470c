"""Looks at files without executing them. A pickle is a program: only its opcodes are read here."""
import pickletools
import zipfile

from .refused import Refused

TORCHSCRIPT, PICKLE, WEIGHTS, OTHER = "TorchScript", "pickle", "weights", "other"

# What the pickle of a state_dict names; a module names its class.
_OF_WEIGHTS = ("torch", "torch._utils", "collections", "torch.storage", "numpy", "builtins", "_codecs", "__builtin__")
_MOST_NAMES = 100000


def names_in(pickled):
    """"module name" of what the first pickle in these bytes would import, and whether all of it could be read."""
    names, texts = set(), []
    try:
        for opcode, argument, _ in pickletools.genops(bytes(pickled)):
            if opcode.name in ("GLOBAL", "INST"):
                names.add(argument)
            elif opcode.name == "STACK_GLOBAL":
                names.add(" ".join(texts[-2:]))
            elif isinstance(argument, str):
                texts = texts[-1:] + [argument]
            if len(names) > _MOST_NAMES:
                return names, False
    except Exception:   # whatever it is, it is no pickle that ends
        return names, False
    return names, True


def _kind_of_pickle(pickled):
    names, whole = names_in(pickled)
    if not whole:
        return OTHER if not names else PICKLE
    return WEIGHTS if all(name.split(" ")[0] in _OF_WEIGHTS for name in names) else PICKLE


def _kind_of_zip(path):
    with zipfile.ZipFile(path) as archive:
        inside = archive.namelist()
        if any(name.endswith("/constants.pkl") or "/code/" in name for name in inside):
            return TORCHSCRIPT
        pickles = [name for name in inside if name.endswith("/data.pkl")]
        return _kind_of_pickle(archive.read(pickles[0])) if pickles else OTHER


def kind_of(path):
    """TORCHSCRIPT, PICKLE (of anything but tensors), WEIGHTS (tensors alone) or OTHER, found without executing it."""
    try:
        if zipfile.is_zipfile(path):
            return _kind_of_zip(path)
        with open(path, "rb") as file:
            head = file.read()
    except (OSError, zipfile.BadZipFile, RuntimeError) as error:
        raise Refused(f"{path} cannot be read ({error}); check its permissions, or copy it again") from None
    if head[:1] != b"\x80":
        return OTHER
    # Older torch.save: a magic number, a version and the system as pickles of their own, before the object itself.
    kinds = set()
    rest = memoryview(head)
    for _ in range(5):
        kinds.add(_kind_of_pickle(rest))
        end = next((place for opcode, _, place in _opcodes(rest) if opcode.name == "STOP"), None)
        if end is None or rest[end + 1:end + 2] != b"\x80":
            break
        rest = rest[end + 1:]
    return PICKLE if PICKLE in kinds else WEIGHTS if WEIGHTS in kinds else OTHER


def _opcodes(pickled):
    try:
        yield from pickletools.genops(bytes(pickled))
    except Exception:   # the bytes of tensors follow the last pickle
        return

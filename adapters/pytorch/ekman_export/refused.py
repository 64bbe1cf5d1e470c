"""What the exporter will not do: one sentence with culprit and cure, which the command prints without a traceback."""
import traceback


class Refused(Exception):
    """Its text is the whole message."""


def _distance(a, b):
    """Edit distance with swaps of neighbours, as coupler/plan/did_you_mean.cpp has it."""
    before, last = [], list(range(len(b) + 1))
    for i, here in enumerate(a, 1):
        row = [i]
        for j, there in enumerate(b, 1):
            least = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (here != there))
            if i > 1 and j > 1 and here == b[j - 2] and a[i - 2] == there:
                least = min(least, before[j - 2] + 1)
            row.append(least)
        before, last = last, row
    return last[-1]


def did_you_mean(word, candidates, otherwise):
    """The end of a sentence: the nearest candidate, or `otherwise` where none is near."""
    near = [(0 if word.lower() == other.lower() else _distance(word, other), other)
            for other in candidates if other != word]
    least, other = min(near, key=lambda pair: pair[0], default=(len(word) + 1, ""))
    return f'; did you mean "{other}"?' if least <= max(1, len(word) // 3) else otherwise


def where_it_failed(error):
    """(file:line of the user's code that raised, or "", the error in words)."""
    words = str(error).strip().splitlines() or [""]
    place = ""
    for frame in traceback.extract_tb(error.__traceback__):
        if "/torch/" not in frame.filename and "/ekman_export/" not in frame.filename \
                and not frame.filename.startswith("<") and "importlib" not in frame.filename:
            place = f"{frame.filename}:{frame.lineno}"
    if isinstance(error, SyntaxError) and error.filename:
        place, words = f"{error.filename}:{error.lineno}", [error.msg]
    return place, f"{type(error).__name__}: {words[-1] if words[0].startswith('The following') else words[0]}"

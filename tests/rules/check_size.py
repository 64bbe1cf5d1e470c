"""Files of code stay under 400 lines."""
from tree import ROOT, finish

LIMIT = 400
FOLDERS = ("coupler", "adapters", "fortran", "examples", "tests", "cmake")
ENDINGS = (".cpp", ".hpp", ".h", ".c", ".f90", ".py", ".cmake")

files = [file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*")) if file.suffix in ENDINGS]
lengths = [(file.relative_to(ROOT), len(file.read_text().splitlines())) for file in files]
finish("file size", [f"{file}: {length} lines" for file, length in lengths if length >= LIMIT])

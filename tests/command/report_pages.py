"""What tests of `ekman report` share: made-up runs, and what stands in a page."""
import html.parser
import json
import pathlib
import subprocess
import sys

RECORD = """# What Ekman ran
ekman: 1
components: {air: {}}
networks:
  "<net>": {component: air, training: {log: {csv: logs/training.csv}}}
output: {directory: /nowhere}
x-run:
  ekman: 0.1.0
  nodes: ["n1: 2 ranks", "n2: </script> & 1 rank"]
"""


class Tests:
    def __init__(self):
        self.wrong = []

    def expect(self, claim, holds, found=""):
        if not holds:
            self.wrong.append(f"{claim}\n--- found\n{found}")

    def finish(self):
        print("\n".join(self.wrong) if self.wrong else "all as it should be")
        sys.exit(1 if self.wrong else 0)


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60)


def write_log(directory, rows):
    """A run that was not profiled, but learned; the last row is cut."""
    (directory / "logs").mkdir(parents=True, exist_ok=True)
    (directory / "ekman-run.yaml").write_text(RECORD)
    lines = ['step,model_time,exchange,loss,"loss mse(""a, b"")",validation_loss,learning_rate,gradient_norm,samples_per_second']
    lines += [f"{n},{n},{n - 1},{1 / n},{1 / n},{2 / n if n % 10 == 0 else ''},0.001,0.5,1000.0" for n in range(1, rows + 1)]
    (directory / "logs/training.csv").write_bytes(("\r\n".join(lines) + f"\r\n{rows + 1},1").encode())


class Page(html.parser.HTMLParser):
    """Tags, addresses and inline scripts of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.data, self.attributes, self.text = {}, [], None, {}, ""
        self.where = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags[tag] = self.tags.get(tag, 0) + 1
        named = dict(attributes)
        if tag == "html":
            self.attributes = named
        self.addresses += [value for name, value in attributes if name in ("src", "href", "action", "srcset", "data")]
        self.where = named.get("id") if tag == "script" else tag

    def handle_endtag(self, tag):
        self.where = None

    def handle_data(self, data):
        if self.where == "data":
            self.data = json.loads(data)
        elif self.where not in ("style", None):
            self.text += data


def read(path):
    return Page(pathlib.Path(path).read_text())

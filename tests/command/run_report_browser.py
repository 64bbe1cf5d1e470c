"""Pages of `ekman report` in headless Chromium, opened from files with no network: charts are drawn, no script fails.

run_report_browser.py EKMAN WRITE_MADE_PROFILE CHROMIUM WORK_DIR; without Chromium it ends with 77.
"""
import pathlib
import shutil
import struct
import sys
import zlib

from report_pages import Page, Tests, run, write_log

ekman, write_made_profile, chromium, work = sys.argv[1], sys.argv[2], sys.argv[3], pathlib.Path(sys.argv[4])
if not shutil.which(chromium):
    print("skipped: there is no Chromium here (Debian: chromium)")
    sys.exit(77)
shutil.rmtree(work, ignore_errors=True)
tests = Tests()
expect = tests.expect


def browse(page, *options):
    return run(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
               "--host-resolver-rules=MAP * 0.0.0.0", f"--user-data-dir={work / 'browser'}", "--virtual-time-budget=5000", *options,
               page.resolve().as_uri())


def colours_of(png):
    """How many different rows of pixels a PNG has: one that is blank has one."""
    data, at, packed = png.read_bytes(), 8, b""
    width, height = struct.unpack(">II", data[16:24])
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        packed += data[at + 8:at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    rows = zlib.decompress(packed)
    size = len(rows) // height
    return width, height, len({rows[n * size:(n + 1) * size] for n in range(height)})


# What a reader does: goes to the last steps, and points at a lane of the timeline.
READER = """<script>
[...document.querySelectorAll("#timeline button")].find(button => button.textContent === "Last steps").click();
const lanes = document.querySelector("#timeline canvas"), box = lanes.getBoundingClientRect();
lanes.dispatchEvent(new MouseEvent("mousemove", {clientX: box.left + box.width / 2, clientY: box.bottom - 60}));
</script></body>"""


def check(kind, charts, *words, reader=""):
    directory = work / kind
    if kind == "learned":
        write_log(directory, 50)
    else:
        run(write_made_profile, directory, kind)
    run(ekman, "report", directory)
    path = directory / "report.html"
    if reader:
        path = directory / "read.html"
        path.write_text((directory / "report.html").read_text().replace("</body>", reader))
    shown = browse(path, "--dump-dom")
    page = Page(shown.stdout)
    found = page.attributes
    expect(f"{kind}: the page is put together", found.get("data-ready") == "yes", (found, shown.stderr[-2000:]))
    expect(f"{kind}: no script fails", "data-error" not in found, found)
    expect(f"{kind}: {charts} charts are drawn", found.get("data-charts") == str(charts) and page.tags.get("canvas") == charts, found)
    for word in words:
        expect(f"{kind}: the page has {word!r}", word in page.text, page.text)
    expect(f"{kind}: names make no elements", not page.tags.keys() & {"b", "img"}, page.tags)
    expect(f"{kind}: nothing is fetched", all(address.startswith("#") for address in page.addresses), page.addresses)


# Two charts of balance and one of course for each group, timeline, throughput.
check("plain", 8, 'atmosphere waits 5.00 ms of each 50.0 ms step (10 %) for network "heating"', "steps 196 to 200 of the model",
      "ML \u201cheating\u201d 1: wait \u201cheating\u201d, 42.0 ms, step 198", reader=READER)
check("hostile", 8, "</script><b>air waits 5.00 ms")
check("large", 8, "simulated, not measured", "268 ranks more are not drawn", "steps 1 to 5 of the model")
check("learned", 4, "This run was not profiled", "Loss of \u201c<net>\u201d", "n2: </script> & 1 rank")
picture = work / "plain.png"
browse(work / "plain/report.html", "--window-size=1200,2400", f"--screenshot={picture}")
width, height, rows = colours_of(picture)
expect("a screenshot shows it", (width, height) == (1200, 2400) and rows > 500, (width, height, rows))
tests.finish()

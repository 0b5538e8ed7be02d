"""The report in a real browser: no error, no request, the table sorts and filters, formulas take up space.

Skipped where no browser is found; the environment variable CGRO_BROWSER names one, with options if it needs any.
The browser is spoken to over the pipe of its debugging protocol, which needs nothing but the standard library, and
the page is not changed.
"""

import base64
import contextlib
import fcntl
import io
import json
import os
import select
import shlex
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from PIL import Image

from cgro_theory.commands.report import report_sections, run_report
from cgro_theory.theorems.catalogue import CARDS

RECORDED = Path(__file__).parent.parent / "verification" / "recorded"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
FOUND = next((name for name in map(shutil.which, NAMES) if name), "")
BROWSER = shlex.split(os.environ.get("CGRO_BROWSER", "")) or [FOUND]
PATIENCE = 60.0
pytestmark = pytest.mark.skipif(not BROWSER[0], reason="no browser; CGRO_BROWSER can name one")


class Browser:
    """One page of a headless browser; ``events`` are all that it reported so far."""

    def __init__(self, profile, width, height):
        self.events, self.rest, self.count, self.session = [], b"", 0, None
        (command_end, self.commands), (self.answers, answer_end) = os.pipe(), os.pipe()
        # Above 9, so that giving the browser its numbers 3 and 4 overwrites neither.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (command_end, answer_end)]
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe"]
        self.process = subprocess.Popen(
            [*BROWSER, *flags, f"--user-data-dir={profile}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            close_fds=False,
            preexec_fn=lambda: [os.dup2(end, number) for number, end in enumerate(ends, start=3)],
        )
        for end in (command_end, answer_end, *ends):
            os.close(end)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        shape = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **shape)

    def call(self, method, **parameters):
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        os.write(
            self.commands,
            json.dumps(message | ({"sessionId": self.session} if self.session else {})).encode() + b"\0",
        )
        answer = self.read(lambda found: found.get("id") == self.count)
        assert "error" not in answer, answer
        return answer["result"]

    def read(self, wanted):
        end = time.monotonic() + PATIENCE
        while True:
            while b"\0" in self.rest:
                text, _, self.rest = self.rest.partition(b"\0")
                found = json.loads(text)
                self.events.append(found)
                if wanted(found):
                    return found
            ready, _, _ = select.select([self.answers], [], [], max(end - time.monotonic(), 0.0))
            more = os.read(self.answers, 1 << 20) if ready else b""
            assert more, "the browser stopped answering"
            self.rest += more

    def visit(self, path):
        before = len(self.events)
        self.call("Page.navigate", url=path.as_uri())
        if not any(event.get("method") == "Page.loadEventFired" for event in self.events[before:]):
            self.read(lambda found: found.get("method") == "Page.loadEventFired")

    def run(self, script):
        """The value of a script's expression, promises awaited."""
        options = {"returnByValue": True, "awaitPromise": True, "userGesture": True}
        answer = self.call("Runtime.evaluate", expression=script, **options)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key):
        text = {"Enter": "\r", " ": " "}.get(key, "")
        code = {"Enter": 13, " ": 32, "Tab": 9}[key]
        shared = {"key": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **shared)
        self.call("Input.dispatchKeyEvent", type="keyUp", **shared)

    def of(self, method):
        return [event["params"] for event in self.events if event.get("method") == method]

    def close(self):
        with contextlib.suppress(OSError, AssertionError):
            self.call("Browser.close")
        self.process.kill()
        self.process.wait()
        for end in (self.commands, self.answers):
            os.close(end)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    out = tmp_path_factory.mktemp("page") / "report.html"
    run_report(RECORDED, out)
    return out


@pytest.fixture(scope="module", params=[(1280, 900), (390, 844)], ids=["desk", "phone"])
def page(request, path, tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("profile"), *request.param)
    try:
        browser.visit(path)
        yield browser
    finally:
        browser.close()


ROWS = 'Array.from(document.querySelectorAll("#verdict-table tbody tr"))'
LABEL = 'row.querySelector("a").hash.replace("#claim-", "")'
SHOWN = f"{ROWS}.filter((row) => row.offsetParent !== null).map((row) => {LABEL})"
COUNT = 'document.getElementById("filter-count").textContent'


def choose(page, **values):
    for name, value in {"text": "", "room": "", "status": "", **values}.items():
        page.run(
            f"""(() => {{
            const control = document.getElementById("filter-{name}");
            control.value = {json.dumps(value)};
            control.dispatchEvent(new Event("input", {{ bubbles: true }}));
            return control.value === {json.dumps(value)};
            }})()"""
        ) or pytest.fail(f"{name} cannot be {value}")
    return page.run(SHOWN)


def test_the_theorems_are_answered_on_the_first_screen(page):
    """Does theorem N hold, where, what is not shown: each answer's text ends within 1280 x 900.

    On a phone the first card does, and every one is as wide as the screen.
    """
    boxes = page.run(
        """Array.from(document.querySelectorAll(".card"), (card) => {
        const box = card.getBoundingClientRect(); return [box.bottom + scrollY, box.width, card.scrollWidth]; })"""
    )
    wide, high = page.run("[innerWidth, innerHeight]")
    assert len(boxes) == len(CARDS) == 3
    assert all(bottom < high for bottom, _, _ in boxes[: 3 if wide == 1280 else 1])
    assert all(inner <= width <= wide for _, width, inner in boxes)
    answers = page.run(
        """Array.from(document.querySelectorAll(".card"), (card) => [card.querySelector("h2").innerText,
        card.querySelector("p").innerText, Object.fromEntries(Array.from(card.querySelectorAll("dl > div"),
        (fact) => [fact.children[0].innerText, [fact.children[1].innerText.replaceAll("\\u00a0", " "),
        fact.getBoundingClientRect().bottom + scrollY]]))])"""
    )
    for card, (name, sentence, facts) in zip(CARDS, answers, strict=True):
        assert card.name in name
        assert "consistent" in name
        assert sentence.split()[:3] == card.sentence.split()[:3]
        assert facts["holds"][0].startswith("on all tried")
        assert any(sign in facts["where"][0] for sign in ("d = 10", "N = "))
        assert len(facts["not shown"][0]) > 40
        assert wide != 1280 or all(facts[each][1] < 900 for each in ("holds", "where", "not shown"))


def test_the_folded_page_is_short(page):
    wide, height = page.run("[innerWidth, document.documentElement.scrollHeight]")
    assert wide != 1280 or height <= 15_000


def test_the_contents_stay_in_view(page):
    page.run('document.getElementById("environment").scrollIntoView()')
    box = 'document.querySelector(".contents").getBoundingClientRect()'
    assert page.run(f"{box}.top") == 0
    assert page.run(f"{box}.bottom") > 20
    page.run("scrollTo(0, 0)")


def test_every_column_sorts_both_ways_by_the_keyboard(page):
    for column in range(8):
        heading = f'document.querySelectorAll("#verdict-table thead th")[{column}]'
        page.run(f'{heading}.querySelector("button").focus()')
        for direction, key in (("ascending", "Enter"), ("descending", " ")):
            page.press(key)
            assert page.run(f'{heading}.getAttribute("aria-sort")') == direction
            cell = f"row.cells[{column}]"
            keys = page.run(f"{ROWS}.map((row) => {cell}.dataset.sort ?? {cell}.textContent)")
            if column > 2:
                numbers = [float(key) for key in keys if key != ""]
                assert all(key == "" for key in keys[len(numbers) :]), "missing numbers stand last"
                assert numbers == sorted(numbers, reverse=direction == "descending")
            else:
                way = -1 if direction == "descending" else 1
                ordered = f"{json.dumps(keys)}.sort((a, b) => {way} * a.localeCompare(b))"
                assert keys == page.run(ordered)


def test_the_filters_choose_rows_and_say_how_many(page):
    claims = {claim.label: claim for section in report_sections() for claim in section.claims}
    everything = f"{len(claims)} of {len(claims)} claims"
    assert set(choose(page)) == set(claims)
    assert page.run(COUNT) == everything
    texts = {label: f"{label} {claim.statement} {claim.source}".lower() for label, claim in claims.items()}
    wanted = {label for label, text in texts.items() if "exponent" in text and "time" in text}
    assert set(choose(page, text="Exponent time")) == wanted
    assert page.run(COUNT) == f"{len(wanted)} of {len(claims)} claims"
    recorded = json.loads((RECORDED / "theorem_2.json").read_text(encoding="utf-8"))["claims"]
    wanted = {entry["label"] for entry in recorded if entry["outcome"] == "certified"}
    assert set(choose(page, room="theorem_2", status="certified")) == wanted
    papers = {label for label, claim in claims.items() if "paper" in claim.provenance_text.split("+")}
    page.run('document.getElementById("filter-paper").click()')
    assert set(choose(page)) == papers
    assert page.run(COUNT) == f"{len(papers)} of {len(claims)} claims"
    assert choose(page, text="no such claim") == []
    page.run('document.querySelector("#filters button").click()')
    page.run("new Promise((done) => setTimeout(done, 50))")
    assert page.run(COUNT) == everything


def test_formulas_and_pictures_are_drawn(page):
    page.run('document.querySelectorAll("details").forEach((each) => { each.open = true; })')
    sizes = page.run(
        """Array.from(document.querySelectorAll(".formula > math"), (formula) => {
        const box = formula.getBoundingClientRect(); return [box.width, box.height]; })"""
    )
    assert len(sizes) == sum(len(section.claims) for section in report_sections())
    assert all(width > 2 and height > 5 for width, height in sizes)
    widths = page.run("Promise.all(Array.from(document.images, (i) => i.decode().then(() => i.naturalWidth)))")
    figures = [
        json.loads(path.with_suffix(".json").read_text(encoding="utf-8")) for path in RECORDED.glob("*.png")
    ]
    assert len(widths) == sum(len(figure["panels"]) for figure in figures)
    assert all(width > 100 for width in widths)
    wide = page.run("innerWidth")
    shown = page.run("Array.from(document.images, (each) => each.getBoundingClientRect().width)")
    assert all(300 < width <= wide for width in shown), "as wide as a phone, or side by side"
    page.run('document.querySelectorAll("details").forEach((each) => { each.open = false; })')


def test_links_lead_to_their_claims_and_unfold_them(page):
    box = 'document.querySelector(".graph .node:not(.theorem)")'
    page.run(f"{box}.focus()")
    assert page.run('document.querySelectorAll(".graph .node.near").length') >= 1
    page.press("Enter")
    page.run("new Promise((done) => setTimeout(done, 100))")
    assert page.run('"#" + document.querySelector(":target").id') == page.run(f'{box}.getAttribute("href")')
    assert -1 <= page.run('document.querySelector(":target").getBoundingClientRect().top') < 900
    assert page.run('document.querySelector(":target .facts").offsetHeight') > 100


def test_without_a_script_the_page_is_whole(page, path):
    """No control that does nothing; the paper's claims can be chosen all the same; folds open by themselves."""
    papers = page.run('document.querySelectorAll("#verdict-table [data-paper]").length')
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    page.visit(path)
    page.call("Emulation.setScriptExecutionDisabled", value=False)
    assert page.run('Array.from(document.querySelectorAll(".needs-script")).every((x) => !x.offsetParent)')
    page.run('document.getElementById("filter-paper").click()')
    assert len(page.run(SHOWN)) == papers > 10
    page.run(
        'document.querySelector("#room-theorem_1 .claim").closest("details").querySelector("summary").click()'
    )
    assert page.run('document.querySelector("#room-theorem_1 .claim").offsetHeight') > 20
    page.visit(path)


def test_nothing_needs_sideways_scrolling(page):
    wide, room = page.run("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= room


def test_colours_follow_the_readers_preference(page):
    colours = set()
    for scheme in ("light", "dark"):
        page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        colours.add(page.run("getComputedStyle(document.body).backgroundColor"))
    page.call("Emulation.setEmulatedMedia", features=[])
    assert len(colours) == 2


def test_figures_follow_light_and_dark_and_print_is_light(page):
    """The first panel of the page, as it is seen: its corner has the page's colour."""
    seen = {}
    for scheme, media in (("light", "screen"), ("dark", "screen"), ("dark", "print")):
        page.call(
            "Emulation.setEmulatedMedia", media=media, features=[{"name": "prefers-color-scheme", "value": scheme}]
        )
        page.run('document.querySelector(".drawn img").scrollIntoView()')
        page.run("new Promise((done) => setTimeout(done, 200))")
        script = """(() => { const b = document.querySelector(".drawn img").getBoundingClientRect();
            return [b.left + 1, b.top + 60]; })()"""
        x, y = page.run(script)
        clip = {"x": x, "y": y, "width": 4, "height": 4, "scale": 1}
        shot = page.call("Page.captureScreenshot", format="png", clip=clip)
        with Image.open(io.BytesIO(base64.b64decode(shot["data"]))) as picture:
            seen[scheme, media] = picture.convert("RGB").getpixel((2, 2))
    page.call("Emulation.setEmulatedMedia", media="", features=[])
    assert list(seen.values()) == [(255, 255, 255), (22, 24, 27), (255, 255, 255)]


def test_printing_opens_everything_and_closes_it_again(page):
    assert len(page.call("Page.printToPDF", printBackground=True)["data"]) > 10**6
    closed = 'document.querySelectorAll("details:not([open])").length'
    before = page.run(closed)
    assert before > 0
    page.run('dispatchEvent(new Event("beforeprint"))')
    assert page.run(closed) == 0
    page.run('dispatchEvent(new Event("afterprint"))')
    assert page.run(closed) == before


def test_nothing_failed_and_nothing_was_requested(page, path):
    """Last, so that it sees what the tests above made the page do."""
    assert page.of("Runtime.exceptionThrown") == []
    assert page.of("Runtime.consoleAPICalled") == []
    assert page.of("Log.entryAdded") == []
    assert page.of("Network.loadingFailed") == []
    requested = {event["request"]["url"] for event in page.of("Network.requestWillBeSent")}
    assert {url for url in requested if not url.startswith("data:")} <= {path.as_uri()}

"""The report as one page of HTML: whole, self-contained, and safe whatever was imported (R48)."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from engine import ending, export
from engine.clock import HOUR
from engine.commands import drafts, launch
from engine.decide import HoldOrder
from engine.errors import BadInput
from engine.gateway.base import Outcome, Unknown
from engine.sample import fill
from store import callbacks, campaigns, database, listing
from store.errors import Missing
from store.types import Campaign, DraftFields, ListFilter, StatusUpdate
from tests import builders, chromium
from tests.clock import START, FakeClock
from tests.sending import Scripted, refused, started, takes_all, work

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=https://evil.example/x.png onerror=alert(1)>',
    "<style>@import url(https://evil.example/x.css)</style>",
    "</title><link rel=stylesheet href=//evil.example/x.css>",
    "\x1b[31mred\x07",
    "&lt;b&gt; <b>",
)
LOADS = ("script", "img", "link", "iframe", "object", "embed", "audio", "video", "source", "form", "base", "a", "image")
"""Elements that fetch something, or lead away."""


class Page(HTMLParser):
    """What stands on a page: its elements with their attributes, its text, and its sections by id."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.by_section: dict[str, list[str]] = {}
        self._section = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.elements.append((tag, found))
        self.open.append(tag)
        if tag == "section":
            self._section = found.get("id") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if data.strip() and "style" not in self.open:
            self.words.append(data.strip())
            self.by_section.setdefault(self._section, []).append(data.strip())

    def of(self, section: str) -> str:
        """The words of one section."""
        return " ".join(self.by_section.get(section, []))

    def named(self, tag: str, css: str = "") -> list[dict[str, str | None]]:
        """The elements with this tag and class."""
        return [
            found for name, found in self.elements if name == tag and css in [*(found.get("class") or "").split(), ""]
        ]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample account."""
    file = tmp_path_factory.mktemp("sample") / "sample.db"
    database.open_database(str(file), create=True)
    with database.session():
        fill(builders.context(FakeClock()))
    return file


@pytest.fixture
def opened(sample: Path) -> Iterator[None]:
    database.open_database(str(sample))
    with database.session():
        yield


def campaign(name: str) -> Campaign:
    (found,) = listing.ids(ListFilter(search=name))
    return campaigns.get(found)


def written(campaign_id: int, folder: Path, **options: int) -> tuple[str, Page]:
    file = folder / "report.html"
    export.write_html(campaign_id, file, builders.ZONE, START, **options)
    html = file.read_text(encoding="utf-8")
    return html, Page(html)


def test_R48_the_page_has_summary_funnel_timeline_errors_skips_and_recipients(opened: None, tmp_path: Path) -> None:
    one = campaign("Order updates")
    counters = one.progress
    _, page = written(one.id, tmp_path)
    assert "Order updates" in page.words and "Completed" in page.words
    assert f"{counters.sent:,} of {counters.audience - counters.skipped:,}" in " ".join(page.words)
    assert (
        f"audience 610 = sent {counters.sent} + failed {counters.failed} + pending 0 + skipped 10 + unknown 0: holds"
        in page.of("audience")
    )
    assert "delivered 570 of 592 96.3% read 360 of 570 63.2%" in page.of("funnel")
    assert "messages sent in every second, at most 8" in page.of("timeline")
    assert sum(int(n) for n in re.findall(r": (\d+) sent", page.of("timeline"))) == counters.sent
    assert "131049" in page.of("errors") and "Do not send again within 24 hours" in page.of("errors")
    assert "duplicate 3" in page.of("skips")
    rows = [found["class"] for found in page.named("tr") if (found.get("class") or "").startswith("r-")]
    assert len(rows) == 610
    assert Counter(rows)["r-read"] == counters.read
    assert "2026-11-22T10:00:00+05:30" in page.of("recipients")


def test_R40_the_root_cause_with_what_to_do_is_the_first_thing(opened: None, tmp_path: Path) -> None:
    html, page = written(campaign("Win-back 2019").id, tmp_path)
    assert page.words.index("What to do:") < page.words.index("Sent")
    assert html.index("The gateway refused every message.") < html.index('class="cards"')
    assert "nothing was sent" in page.of("timeline")


def test_R48_a_hold_and_what_is_unknown_are_told_and_the_hold_is_in_the_timeline(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = started(clock, tmp_path, 3)
    ending.hold(
        clock, campaign_id, HoldOrder("account_paused", "The account is locked", START + HOUR), builders.OPERATOR
    )
    clock.advance(10 * 60_000)
    file = tmp_path / "held.html"
    export.write_html(campaign_id, file, builders.ZONE, clock.now())
    page = Page(file.read_text(encoding="utf-8"))
    assert "On hold" in page.words and "On hold: The account is locked" in page.words
    assert len(page.named("rect", "hold")) == 1
    assert "still The account is locked" in page.of("timeline")


@pytest.mark.parametrize(
    "name", ["New year teaser", "Winter preview", "Renewal December", "Members' evening", "Flash Friday"]
)
def test_R48_every_status_has_a_page(name: str, opened: None, tmp_path: Path) -> None:
    _, page = written(campaign(name).id, tmp_path)
    assert name in page.words
    assert "holds" in page.of("audience")


def test_R48_the_page_loads_nothing_and_runs_nothing(opened: None, tmp_path: Path) -> None:
    html, page = written(campaign("Catalogue launch").id, tmp_path)
    assert {tag for tag, _ in page.elements} & set(LOADS) == set()
    attributes = {name for _, found in page.elements for name in found}
    assert {"src", "href", "style", "srcset", "action", "data", "poster", "xlink:href"} & attributes == set()
    assert [name for name in attributes if name.startswith("on")] == []
    style = html.split("<style>")[1].split("</style>")[0]
    assert "url(" not in style and "@import" not in style and "@font-face" not in style
    (policy,) = [
        found["content"] for found in page.named("meta") if found.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None and policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


@pytest.mark.parametrize("text", HOSTILE)
def test_R48_whatever_was_typed_or_imported_is_shown_literally(
    text: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = builders.draft(clock, tmp_path, [("A", text, "C"), ("B", builders.number(1), "C")], name=text)
    html, page = written(campaign_id, tmp_path)
    assert {tag for tag, _ in page.elements} & set(LOADS) == set()
    assert {tag for tag, _ in page.elements if tag == "style"} == {"style"}
    assert html.count("<style>") == 1 and html.count("<b>") == html.count("</b>")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f]", html)
    visible = text.replace("\x1b", "\u241b").replace("\x07", "\u2407")
    assert page.words.count(visible) == 2, "once as the name and once as the number"


def test_R48_of_many_recipients_the_page_lists_the_exceptions_and_says_so(opened: None, tmp_path: Path) -> None:
    one = campaign("Catalogue launch")
    counters = one.progress
    exceptions = counters.skipped + counters.failed + counters.unknown + counters.undelivered
    _, page = written(one.id, tmp_path, most=100)
    rows = [found["class"] for found in page.named("tr") if (found.get("class") or "").startswith("r-")]
    assert len(rows) == exceptions < 100
    assert set(rows) == {"r-skipped", "r-failed", "r-unknown", "r-undelivered"}
    assert "Those that did not simply go out" in page.of("recipients")
    assert f"The other {610 - exceptions} are in the CSV and XLSX exports" in page.of("recipients")
    _, page = written(one.id, tmp_path, most=5)
    assert len([found for found in page.named("tr") if (found.get("class") or "").startswith("r-")]) == 5
    assert "The first of those" in page.of("recipients") and "The other 605" in page.of("recipients")


def test_the_page_appears_whole_or_not_at_all(opened: None, tmp_path: Path) -> None:
    one = campaign("Order updates")
    with pytest.raises(BadInput) as caught:
        export.write_html(one.id, tmp_path / "missing" / "x.html", "UTC", START)
    assert caught.value.code == "unwritable_file"
    with pytest.raises(Missing):
        export.write_html(99, tmp_path / "x.html", "UTC", START)
    assert list(tmp_path.iterdir()) == []
    assert export.write(one.id, tmp_path / "X.HTML", "UTC", START) == 610
    assert [file.name for file in tmp_path.iterdir()] == ["X.HTML"]


def test_a_name_without_a_known_ending_is_refused(opened: None, tmp_path: Path) -> None:
    for name in ("report", "report.pdf", "report.csv.gz"):
        with pytest.raises(BadInput) as caught:
            export.write(campaign("Order updates").id, tmp_path / name, "UTC", START)
        assert caught.value.code == "unknown_format"
    assert list(tmp_path.iterdir()) == []


def test_a_draft_without_an_audience_has_a_page(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = drafts.create(builders.context(clock), DraftFields(""))
    html, page = written(campaign_id, tmp_path)
    assert "<h1>Untitled</h1>" in html
    assert "audience 0 = sent 0" in page.of("audience")
    assert page.of("recipients") == ""


# In a browser


def mixed(clock: FakeClock, folder: Path) -> int:
    """A finished campaign with every outcome and a name that tries to be more than that."""

    def outcome(to: str, n: int) -> Outcome:
        ends: dict[str, Outcome] = {"5": refused(131026), "7": Unknown("time-out")}
        return ends.get(to[-1]) or takes_all(to, n)

    rows = [("Customer", builders.number(i), f"C{i}") for i in range(8)]
    bad = ("X", '"><img src=http://127.0.0.1:9/x onerror=alert(1)>', "C")
    campaign_id = builders.draft(clock, folder, [*rows, bad], name="Sale <script>document.title='owned'</script>")
    launch.send_now(builders.context(clock), campaign_id)
    asyncio.run(work(clock, Scripted(outcome)))
    updates = [StatusUpdate(campaign_id, seq, f"w{seq}", "read", clock.now()) for seq in (1, 2, 3)]
    callbacks.apply([], updates, clock.now())
    return campaign_id


def test_R48_in_a_browser_texts_and_plots_are_there_and_no_request_leaves_the_page(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    export.write_html(mixed(clock, tmp_path), file, builders.ZONE, clock.now())
    with chromium.served(file) as page:
        dom = chromium.dump_dom(page.url, tmp_path / "profile")
        assert page.requests == ["/page"], "nothing else was asked for, not even an icon"
    parsed = Page(dom)
    assert [found for tag, found in parsed.elements if tag in LOADS] == []
    assert "<title>Sale &lt;script&gt;" in dom and "owned</title>" not in dom
    assert "75.0%" in parsed.words and "6 of 8" in parsed.words
    assert len(parsed.named("svg", "plot")) == 1
    assert len(parsed.named("rect", "sent")) >= 3
    assert "read 3 of" in " ".join(parsed.words)


def test_R48_the_page_is_drawn_in_light_and_in_dark(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    export.write_html(mixed(clock, tmp_path), file, builders.ZONE, clock.now())
    light, dark = (
        chromium.screenshot(file.as_uri(), tmp_path / f"profile-{dark}", tmp_path / f"{dark}.png", dark=dark)
        for dark in (False, True)
    )
    assert corner(light) > (0xE0,) * 3
    assert corner(dark) < (0x30,) * 3
    # The style's digest is the one the policy allows: without its style the page would be white in both.
    assert len(light) > 20_000 and len(dark) > 20_000


def corner(png: bytes) -> tuple[int, ...]:
    """The red, green and blue of a picture's first pixel."""
    assert png.startswith(b"\x89PNG")
    data, at = b"", 8
    while at < len(png):
        length, kind = int.from_bytes(png[at : at + 4]), png[at + 4 : at + 8]
        data += png[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    return tuple(zlib.decompress(data)[1:4])

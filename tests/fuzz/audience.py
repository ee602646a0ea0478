"""The audience reader under contact files nobody would make: read to their end or refused, never a crash, never a
memory without an end, and nothing half-made in the store.

Arbitrary bytes, text with the looks of a list in every encoding, real files with damaged places, workbooks with parts
that were changed, made up or packed to explode.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
import tracemalloc
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis
from hypothesis import strategies as st

from engine.audience import check, open_contacts
from engine.commands import drafts, optouts
from engine.errors import BadInput
from store import campaigns, database
from store import optouts as stored_optouts
from store.types import DraftFields
from tests import builders
from tests.bad_files import workbook
from tests.clock import FakeClock
from tests.store.invariants import check_invariants

DATA = Path(__file__).parent.parent / "data"
SEEDS = [DATA.joinpath(name).read_bytes()[:6_000] for name in ("messy.csv", "national.tsv", "clean.csv")]
SLACK = 4_000_000
"""Bytes that reading takes whatever the file, tables of the telephone library among them."""
TIMES = 200
"""So many times its size a file may take: each of its characters may be a cell of its own."""
ROUND = 200
"""Examples between two looks at the clock and at the invariants."""
ROOM_MIB = 2_048
"""What a run may take of the address space beyond what it has at its start; one file never needs so much."""
PEAK_MIB = 700
"""What one file may add to the memory: a workbook may unpack to 64 MiB of cells, which take more than their text."""
GROWTH_MIB = 64
"""What all files together may leave behind."""

NUMBERS = st.sampled_from(["+4915123252822", "09876543210", "9.19E+11", "+49 151", "٠١٢٣", "＋４９１５１", "1" * 40])
ODD = st.sampled_from(['"', '""', '"a', "\n", "\r", "\0", "", " ", "=1+1", "\ufeff", "x" * 40_000])
CELLS = st.one_of(NUMBERS, ODD, st.text(max_size=12))
HEADERS = st.sampled_from(["Phone", "Name", "mobile_no", "", "Phone (2)", "sep=;", "+4915123252822", "\x1b[31m", "ﷺ"])
ENCODINGS = (
    "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp1252", "latin-1", "shift_jis",
    "gb18030", "koi8-r", "cp037",
)  # fmt: skip


@st.composite
def almost_csv(draw: st.DrawFn) -> bytes:
    """Text with some of the looks of a contact file, in some encoding."""
    delimiter = draw(st.sampled_from([",", ";", "\t", "|", ", "]))
    end = draw(st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\x85"]))
    rows = [draw(st.lists(HEADERS, max_size=5)), *draw(st.lists(st.lists(CELLS, max_size=5), max_size=12))]
    text = end.join(delimiter.join(row) for row in rows)
    return text.encode(draw(st.sampled_from(ENCODINGS)), "replace")


@st.composite
def mutated(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A real file with some places changed, left out or said twice."""
    content = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        length = draw(st.integers(0, 40))
        kind = draw(st.sampled_from(["put", "cut", "again", "end"]))
        if kind == "put":
            content[at : at + length] = draw(st.binary(max_size=12))
        elif kind == "cut":
            del content[at : at + length]
        elif kind == "again":
            content[at:at] = content[at : at + length]
        else:
            del content[max(at, 1) :]
    return bytes(content)


def _parts(book: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(book)) as parts:
        return {name: parts.read(name) for name in parts.namelist()}


def _book() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        rows: list[list[object]] = [
            ["Name", "Phone", "When"],
            ["Asha", 4915123252822.0, "=A1"],
            ["Noor", "+4915123252823", True],
        ]
        return _parts(workbook(Path(folder) / "b.xlsx", Leads=rows, Notes=[["a"]]).read_bytes())


BOOK = _book()
SHEET = "xl/worksheets/sheet1.xml"


def packed(content: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A workbook of these parts."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", method) as parts:
        for name, data in content.items():
            parts.writestr(name, data)
    return out.getvalue()


@st.composite
def mutated_book(draw: st.DrawFn) -> bytes:
    """A workbook with a part that was changed, or the archive itself."""
    content = dict(BOOK)
    part = draw(st.sampled_from([name for name in BOOK if name.startswith("xl/") or name.startswith("[")]))
    if draw(st.booleans()):
        words = draw(st.sampled_from([b'r="B2"', b'r="2"', b'"s"', b"4915123252822", b"<v>", b"sheet1", b't="b"']))
        other = draw(st.sampled_from([b'r="XFD1048576"', b'r="0"', b'r="A0"', b"1e999", b"-1", b"<v/>", b"", b'"e"']))
        content[part] = content[part].replace(words, other)
    else:
        content[part] = draw(mutated([content[part]]))
    book = packed(content, draw(st.sampled_from([zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])))
    return draw(mutated([book])) if draw(st.integers(0, 3)) == 0 else book


_PLACES = ("A1", "B2", "A0", "XFD1048576", "XFE1", "A1048577", "AAAA1", "a1", "", "B2B", "C3:D9", "A99999999999")
_TYPES = ("", "s", "n", "b", "e", "d", "str", "inlineStr", "x")
_VALUES = (
    "0", "-1", "1e999", "nan", "46023", "-1e308", "2958466", "99999999", "4915123252822", "+4915123252822", "",
    "TRUE", "#N/A", "2026-01-02T03:04:05", "18446744073709551616", "&#0;", "&#x1F600;", "&lol;", "&amp;",
    "_x0000_", "]]>", "\u202e", "x" * 40_000,
)  # fmt: skip
_FORMULAS = ("", "<f/>", "<f>A1</f>", '<f t="shared" ref="A1:XFD1048576" si="0">A1</f>', '<f t="shared" si="9"/>')
_DIMENSIONS = ("", "A1", "A1:D9", "A1:XFD1048576", "XFD1048576:A1", "B", "A1:B2:C3")
_BEFORE = (
    "",
    "<!DOCTYPE a [<!ENTITY lol 'lol'>]>",
    '<?xml version="1.0" encoding="utf-16"?>',
    "<?x?>",
    "\ufeff",
    "<a/>",
)
_MERGES = ("", '<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>', "<mergeCells><mergeCell/></mergeCells>")


@st.composite
def made_up_sheet(draw: st.DrawFn) -> bytes:
    """A sheet with odd cells in odd places."""
    rows = []
    for _ in range(draw(st.integers(0, 6))):
        cells = []
        for _ in range(draw(st.integers(0, 5))):
            place, kind = draw(st.sampled_from(_PLACES)), draw(st.sampled_from(_TYPES))
            value, formula = draw(st.sampled_from(_VALUES)), draw(st.sampled_from(_FORMULAS))
            inner = f"<is><t>{value}</t></is>" if kind == "inlineStr" else f"{formula}<v>{value}</v>"
            style = draw(st.sampled_from(["", ' s="0"', ' s="1"', ' s="999999"', ' s="-1"']))
            at = f' r="{place}"' if place else ""
            cells.append(f"<c{at}{style}{f' t={chr(34)}{kind}{chr(34)}' if kind else ''}>{inner}</c>")
        number = draw(st.sampled_from(["", ' r="1"', ' r="2"', ' r="0"', ' r="1048576"', ' r="99999999999"', ' r="x"']))
        rows.append(f"<row{number}>{''.join(cells)}</row>")
    size, before = draw(st.sampled_from(_DIMENSIONS)), draw(st.sampled_from(_BEFORE))
    head = '<row r="1"><c r="A1" t="inlineStr"><is><t>Phone</t></is></c></row>' if draw(st.booleans()) else ""
    text = (
        f'{before}<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f"{f'<dimension ref={chr(34)}{size}{chr(34)}/>' if size else ''}<sheetData>{head}{''.join(rows)}</sheetData>"
        f"{draw(st.sampled_from(_MERGES))}</worksheet>"
    )
    return packed({**BOOK, SHEET: text.encode("utf-8")})


_HEAD = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
_END = b"</sheetData></worksheet>"


@st.composite
def bomb(draw: st.DrawFn) -> bytes:
    """A small workbook that is large when it is unpacked or loaded, or says that it is not."""
    size = draw(st.sampled_from([1 << 16, 1 << 22, 1 << 25, 1 << 26, 1 << 27]))
    kind = draw(st.sampled_from(["spaces", "cells", "rows", "text", "deep", "strings", "styles", "sheets", "lie"]))
    content = dict(BOOK)
    if kind == "spaces":
        content[SHEET] = _HEAD + b" " * size + _END
    elif kind == "cells":
        content[SHEET] = _HEAD + b"<row>" + b"<c><v>1</v></c>" * (size // 15) + b"</row>" + _END
    elif kind == "rows":
        content[SHEET] = _HEAD + b"<row><c><v>1</v></c></row>" * (size // 26) + _END
    elif kind == "text":
        content[SHEET] = _HEAD + b'<row><c t="inlineStr"><is><t>' + b"x" * size + b"</t></is></c></row>" + _END
    elif kind == "deep":
        content[SHEET] = _HEAD + b"<row>" * (size // 5)
    elif kind == "strings":
        content["xl/sharedStrings.xml"] = b"<sst>" + b"<si><t>a</t></si>" * (size // 17) + b"</sst>"
    elif kind == "styles":
        content["xl/styles.xml"] = b"<styleSheet><cellXfs>" + b"<xf/>" * (size // 5) + b"</cellXfs></styleSheet>"
    elif kind == "sheets":
        many = b"".join(b'<sheet name="S%d" sheetId="1" r:id="rId1"/>' % n for n in range(min(size, 1 << 20) // 40))
        content["xl/workbook.xml"] = content["xl/workbook.xml"].replace(b"</sheets>", many + b"</sheets>")
    book = bytearray(packed(content))
    if kind == "lie":
        # The directory at the end says that a part is small.
        at = book.rfind(SHEET.encode()) - 46 + 24
        book[at : at + 4] = draw(st.sampled_from([0, 1, 2**31, 2**32 - 1])).to_bytes(4, "little")
    return bytes(book)


class Case(NamedTuple):
    """A file, and how it is to be read."""

    name: str
    content: bytes
    options: dict[str, Any]

    def __repr__(self) -> str:
        content = self.content if len(self.content) < 2_000 else self.content[:2_000] + b"..."
        return f"Case({self.name!r}, {len(self.content)} bytes {content!r}, {self.options})"


_OPTIONS = st.sampled_from(
    [{}, {}, {}, {"country": "DE"}, {"number_column": "Phone"}, {"number_column": "Nobody"}, {"sheet": "Leads"}]
)
_WHOLE_BOOK = (DATA / "book.xlsx").read_bytes()


def cases() -> st.SearchStrategy[Case]:
    """What is read; bombs are rare, for each takes a second."""
    texts = st.one_of(st.binary(max_size=2_000), almost_csv(), mutated(SEEDS), _around(almost_csv()))
    real = _parts(_WHOLE_BOOK)
    books = st.one_of(mutated_book(), made_up_sheet(), mutated([_WHOLE_BOOK]), _one_part(real))
    return st.one_of(
        st.builds(Case, st.just("fuzz.csv"), texts, _OPTIONS),
        st.builds(Case, st.just("fuzz.xlsx"), books, _OPTIONS),
        st.builds(Case, st.just("fuzz.csv"), st.one_of(texts, books), _OPTIONS),
        st.integers(0, 19).flatmap(
            lambda n: st.builds(Case, st.just("bomb.xlsx"), bomb() if n == 0 else made_up_sheet(), _OPTIONS)
        ),
    )


@st.composite
def _around(draw: st.DrawFn, texts: st.SearchStrategy[bytes]) -> bytes:
    """Text with something in front of it or after it, as what goes wrong on the way adds it."""
    extra = draw(st.sampled_from([b"\0", b"\0" * 64, b"\xff\xfe", b"\xef\xbb\xbf", b"PK\x03\x04", b"\xff", b'"' * 99]))
    text = draw(texts)
    return extra + text if draw(st.booleans()) else text + extra


@st.composite
def _one_part(draw: st.DrawFn, content: dict[str, bytes]) -> bytes:
    part = draw(st.sampled_from(sorted(content)))
    return packed({**content, part: draw(mutated([content[part]]))})


def read(content: bytes, name: str, measured: bool = True, **options: Any) -> bool:
    """Whether it was read; then every one of its rows is valid or has one reason, and else the refusal is a whole one.

    `measured` has it fail for taking more memory than a file of its size may.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        if measured:
            tracemalloc.start()
        try:
            found = check(path, **options)
        except BadInput as error:
            whole_refusal(error)
            return False
        finally:
            if measured:
                peak = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
                assert peak < SLACK + TIMES * len(content)
        assert found.rows == found.valid + sum(found.skipped.values())
        rows = list(open_contacts(path, **options).rows())
        assert len(rows) == found.rows
        assert sum(row.skip is None for row in rows) == found.valid == len({r.phone for r in rows if r.skip is None})
        assert [row.line for row in rows] == sorted({row.line for row in rows})
        return True


def whole_refusal(error: BadInput) -> None:
    """A refusal has a code, a sentence and what to do, and none of them as long as a file."""
    assert error.code and error.message.endswith(".") and error.hint
    assert len(error.message) < 2_000 and len(error.hint) < 2_000, error.message


class Desk:
    """A database with a draft, into which every file is imported."""

    def __init__(self, clock: FakeClock, folder: Path) -> None:
        self._context = builders.context(clock)
        self._clock = clock
        self._path = folder
        self.campaign_id = builders.draft(clock, folder, 4)
        self.refused: Counter[str] = Counter()
        self.imported = 0
        self.peak_mib = self.most_mib = 0.0

    def take(self, case: Case) -> None:
        """Import a file: it becomes the draft's audience, or it is refused and nothing at all has changed."""
        path = self._path / case.name
        path.write_bytes(case.content)
        before = campaigns.get(self.campaign_id)
        stood = self._count()
        peak = _Peak()
        self._clock.advance(1)
        try:
            found = drafts.import_audience(self._context, self.campaign_id, before.version, path, **case.options)
        except BadInput as error:
            whole_refusal(error)
            self.refused[error.code] += 1
            self._refused_elsewhere(path, case)
            assert campaigns.get(self.campaign_id) == before
            assert self._count() == stood
        else:
            self.imported += 1
            after = campaigns.get(self.campaign_id).progress
            assert (after.audience, after.pending) == (found.rows, found.valid)
            assert self._count() == {**stood, "recipient": found.rows}
        added = peak.added_mib()
        self.peak_mib = max(self.peak_mib, added)
        self.most_mib = max(self.most_mib, peak.most_mib())
        assert added < PEAK_MIB, f"{added:.0f} MiB for a file of {len(case.content):,} bytes"

    def _refused_elsewhere(self, path: Path, case: Case) -> None:
        for attempt in (
            lambda: drafts.create_with_audience(self._context, DraftFields("Never made"), path, **case.options),
            lambda: optouts.import_file(self._context, path, **case.options),
        ):
            try:
                attempt()
            except BadInput as error:
                whole_refusal(error)
            else:
                raise AssertionError("refused as an audience and taken elsewhere")

    def _count(self) -> dict[str, int]:
        tables = ("campaign", "audience", "recipient")
        found = {name: int(database.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0]) for name in tables}
        return {**found, "optouts": len(stored_optouts.numbers())}


class _Peak:
    """How much one piece of work added to this process's memory at its most; 0 where the system does not tell."""

    def __init__(self) -> None:
        self._before = 0
        if sys.platform == "linux":
            # 5: start the high-water mark anew.
            Path("/proc/self/clear_refs").write_text("5")
            self._before = self._high()

    def added_mib(self) -> float:
        return (self._high() - self._before) / 1024 if sys.platform == "linux" else 0.0

    def most_mib(self) -> float:
        return self._high() / 1024 if sys.platform == "linux" else _resident_mib("VmHWM")

    def _high(self) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


@contextmanager
def desk(folder: Path) -> Iterator[Desk]:
    """A desk over a new database."""
    clock = FakeClock()
    database.open_database(str(folder / "fuzz.db"), create=True)
    try:
        with database.session():
            builders.account_with_sender(clock, folder)
            yield Desk(clock, folder)
    finally:
        database.close_database()


def run(seconds: float, seed: int = 1) -> dict[str, Any]:
    """Fuzz for so long. Raises what is found, with the example that shows it.

    What ends the whole process leaves its file behind: the last `fuzz.*` or `bomb.*` in the folder that is named first.
    """
    began, rounds, examples, before = time.monotonic(), 0, 0, 0.0
    limit = _resident_mib("VmSize") + ROOM_MIB
    resource.setrlimit(resource.RLIMIT_AS, (round(limit) << 20, resource.getrlimit(resource.RLIMIT_AS)[1]))
    with tempfile.TemporaryDirectory() as folder, desk(Path(folder)) as one:
        print(f"files are in {folder}", file=sys.stderr, flush=True)

        @hypothesis.settings(
            max_examples=ROUND, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck)
        )
        @hypothesis.given(case=cases())
        def takes(case: Case) -> None:
            nonlocal examples
            examples += 1
            one.take(case)

        while rounds < 2 or time.monotonic() - began < seconds:
            hypothesis.seed(seed + rounds)(takes)()
            rounds += 1
            check_invariants()
            if rounds == 2:
                before = _resident_mib("VmRSS")
        growth = _resident_mib("VmRSS") - before
        assert growth < GROWTH_MIB, f"{growth:.0f} MiB more after {rounds} rounds"
        return {
            "seconds": round(time.monotonic() - began, 1),
            "examples": examples,
            "imported": one.imported,
            "refused": dict(one.refused.most_common()),
            "peak_of_one_file_mib": round(one.peak_mib, 1),
            "growth_mib": round(growth, 1),
            "max_rss_mib": round(one.most_mib, 1),
        }


def _resident_mib(what: str) -> float:
    """`VmRSS`, `VmHWM` or `VmSize` of this process; elsewhere than on Linux the most it had so far."""
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    lines = Path(f"/proc/{os.getpid()}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(what)).split()[1]) / 1024

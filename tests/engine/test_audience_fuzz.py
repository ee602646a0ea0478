"""Contact files nobody would make: whatever the bytes are, they are read to their end or refused with a sentence."""

from __future__ import annotations

import tempfile
import tracemalloc
import zipfile
from io import BytesIO
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.audience import check, open_contacts
from engine.errors import BadInput
from tests.bad_files import workbook

DATA = Path(__file__).parent.parent / "data"
SEEDS = [DATA.joinpath(name).read_bytes()[:6_000] for name in ("messy.csv", "national.tsv", "clean.csv")]
SLACK = 4_000_000
"""Bytes that reading takes whatever the file, tables of the telephone library among them."""
TIMES = 200
"""So many times its size a file may take: each of its characters may be a cell of its own."""

NUMBERS = st.sampled_from(["+4915123252822", "09876543210", "9.19E+11", "+49 151", "٠١٢٣", "＋４９１５１", "1" * 40])
ODD = st.sampled_from(['"', '""', '"a', "\n", "\r", "", " ", "=1+1", "\ufeff"])
CELLS = st.one_of(NUMBERS, ODD, st.text(max_size=12))
HEADERS = st.sampled_from(["Phone", "Name", "mobile_no", "", "Phone (2)", "sep=;", "+4915123252822", "\x1b[31m", "ﷺ"])


@st.composite
def almost_csv(draw: st.DrawFn) -> bytes:
    """Text with some of the looks of a contact file, in some encoding."""
    delimiter = draw(st.sampled_from([",", ";", "\t", "|", ", "]))
    end = draw(st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\x85"]))
    rows = [draw(st.lists(HEADERS, max_size=5)), *draw(st.lists(st.lists(CELLS, max_size=5), max_size=12))]
    text = end.join(delimiter.join(row) for row in rows)
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]))
    return text.encode(encoding, "replace")


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


def _book() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        rows: list[list[object]] = [
            ["Name", "Phone", "When"],
            ["Asha", 4915123252822.0, "=A1"],
            ["Noor", "+4915123252823", True],
        ]
        path = workbook(Path(folder) / "b.xlsx", Leads=rows, Notes=[["a"]])
        with zipfile.ZipFile(path) as parts:
            return {name: parts.read(name) for name in parts.namelist()}


BOOK = _book()


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
    out = BytesIO()
    with zipfile.ZipFile(out, "w", draw(st.sampled_from([zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED]))) as parts:
        for name, data in content.items():
            parts.writestr(name, data)
    return draw(mutated([out.getvalue()])) if draw(st.integers(0, 3)) == 0 else out.getvalue()


def read(content: bytes, name: str, **options: str) -> None:
    """It is refused with a whole error, or every one of its rows is valid or has one reason."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        tracemalloc.start()
        try:
            found = check(path, **options)  # type: ignore[arg-type] # rejects is no text, and nobody gives it
        except BadInput as error:
            assert error.code and error.message.endswith(".") and error.hint
            return
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < SLACK + TIMES * len(content)
        assert found.rows == found.valid + sum(found.skipped.values())
        rows = list(open_contacts(path, **options).rows())
        assert len(rows) == found.rows
        assert sum(row.skip is None for row in rows) == found.valid == len({r.phone for r in rows if r.skip is None})
        assert [row.line for row in rows] == sorted({row.line for row in rows})


QUIET = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@QUIET
@given(st.binary(max_size=2_000))
def test_R33_any_bytes_are_read_or_refused(content: bytes) -> None:
    read(content, "any.csv")


@QUIET
@given(almost_csv(), st.sampled_from([{}, {"country": "DE"}, {"number_column": "Phone"}]))
def test_R35_any_text_is_read_row_by_row_or_refused(content: bytes, options: dict[str, str]) -> None:
    read(content, "almost.csv", **options)


@QUIET
@given(mutated(SEEDS))
def test_R35_a_damaged_list_is_read_row_by_row_or_refused(content: bytes) -> None:
    read(content, "damaged.csv")


@QUIET
@given(mutated_book(), st.sampled_from([{}, {"sheet": "Leads"}]))
def test_R33_a_damaged_workbook_is_read_or_refused(content: bytes, options: dict[str, str]) -> None:
    read(content, "damaged.xlsx", **options)

"""Contact files as tables of text (R33)."""

from __future__ import annotations

import codecs
import csv
import datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.audience.reader import LONGEST_CELL, Format, Record, tables
from engine.errors import BadInput


def read(path: Path, content: str | bytes) -> tuple[Format, list[Record]]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    (table,) = tables(path)
    return table.format, list(table.records())


def refused(path: Path, content: bytes) -> BadInput:
    with pytest.raises(BadInput) as caught:
        read(path, content)
    return caught.value


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "contacts.csv"


def workbook(path: Path, **sheets: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("delimiter", "text"),
    [
        (",", "Name,Phone\nAsha,1\n"),
        (";", "Name;Phone;Amount\nAsha;1;12,50\nNoor;2;3,00\n"),
        ("\t", "Name\tPhone\nAsha, Nair\t1\nNoor; x\t2\n"),
        ("|", "Name|Phone\nAsha|1\n"),
        (",", "Phone\n+49 151, home\n+49 152\n"),
        (",", 'Name,Phone\n"a;b;c",1\n"d;e;f",2\n'),
        (";", 'Name;Phone\n"a,b",1\n'),
        (";", "First, last;Phone\nAsha;1\nNoor;2\n"),
        (";", "sep=;\nPhone;Name, first\n1;x\n"),
    ],
)
def test_R33_the_delimiter_is_detected(file: Path, delimiter: str, text: str) -> None:
    form, records = read(file, text)
    assert form.delimiter == delimiter
    assert all(cell.find(delimiter) < 0 for cell in records[0][1])


@pytest.mark.parametrize(
    ("encoding", "bom", "told"),
    [
        ("utf-8", b"", "utf-8"),
        ("utf-8", codecs.BOM_UTF8, "utf-8-sig"),
        ("utf-16-le", codecs.BOM_UTF16_LE, "utf-16"),
        ("utf-16-be", codecs.BOM_UTF16_BE, "utf-16"),
        ("utf-32-le", codecs.BOM_UTF32_LE, "utf-32"),
        ("cp1252", b"", "cp1252"),
    ],
)
def test_R33_encoding_and_byte_order_mark_are_detected(file: Path, encoding: str, bom: bytes, told: str) -> None:
    form, records = read(file, bom + "Näme,Phone\nJosé – €,1\n".encode(encoding))
    assert form.encoding == told
    assert records == [(1, ["Näme", "Phone"]), (2, ["José – €", "1"])]
    assert bool(form.warnings) == (told == "cp1252")


def test_R33_the_encoding_is_that_of_the_whole_file_not_of_its_beginning(file: Path) -> None:
    form, records = read(file, b"Name,Phone\n" + b"Asha,1\n" * 200_000 + "José,2\n".encode("cp1252"))
    assert form.encoding == "cp1252"
    assert records[-1] == (200_002, ["José", "2"])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_R33_line_ends_of_every_kind(file: Path, end: str) -> None:
    _, records = read(file, end.join(["Name,Phone", "a,1", "", '"b' + end + 'c",2', "d,3", ""]))
    assert records == [(1, ["Name", "Phone"]), (2, ["a", "1"]), (4, ["b" + end + "c", "2"]), (6, ["d", "3"])]


def test_R33_line_ends_may_be_mixed(file: Path) -> None:
    _, records = read(file, "Name,Phone\r\na,1\nb,2\rc,3\r\r\nd,4")
    assert [cells[0] for _, cells in records] == ["Name", "a", "b", "c", "d"]


def test_R35_empty_lines_are_no_rows_but_lines_of_delimiters_are(file: Path) -> None:
    _, records = read(file, "\n\nName,Phone\n\na,1\n,\n \n\n")
    assert records == [(3, ["Name", "Phone"]), (5, ["a", "1"]), (6, ["", ""]), (7, [" "])]


def test_R35_a_stray_quotation_mark_costs_no_other_row(file: Path) -> None:
    _, records = read(file, 'Name,Phone\n"Asha,1\nNoor,2\n"Ravi "R" Rao",3\n"Zoe,4\n"Max",5\n"Eve,6')
    assert records == [
        (1, ["Name", "Phone"]),
        (2, ['"Asha', "1"]),
        (3, ["Noor", "2"]),
        (4, ['Ravi R" Rao"', "3"]),
        (5, ['"Zoe', "4"]),
        (6, ["Max", "5"]),
        (7, ['"Eve', "6"]),
    ]


def test_R35_a_mark_that_is_never_closed_costs_no_other_row_of_a_long_file(file: Path) -> None:
    _, records = read(file, 'Name,Phone\n"Asha,1\n' + "Noor,2\n" * 30_000)
    assert len(records) == 30_002
    assert records[1:3] == [(2, ['"Asha', "1"]), (3, ["Noor", "2"])]


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8), min_size=2, max_size=2),
        max_size=8,
    )
)
def test_R33_what_was_written_properly_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    path = tmp_path_factory.mktemp("given") / "x.csv"
    with path.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out, quoting=csv.QUOTE_ALL).writerows([["Name", "Phone"], *rows])
    (table,) = tables(path)
    assert table.format.delimiter == ","
    assert [cells for _, cells in table.records()] == [["Name", "Phone"], *rows]


@pytest.mark.parametrize("content", [b"", codecs.BOM_UTF8, b"\n \n\n", codecs.BOM_UTF16_LE])
def test_an_empty_file_is_refused(file: Path, content: bytes) -> None:
    assert refused(file, content).code == "empty_file"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"Name,Phone\nAsha\0,1\n", "nul_bytes"),
        (b"Jos\xe9," + b"x" * 3_000_000 + b"\0", "nul_bytes"),
        ("Name,Phone\nAsha,1\n".encode("utf-16-le")[:-1], "nul_bytes"),
        (b"\x7fELF\x02\x01\x01\0\0\0", "not_text"),
        (codecs.BOM_UTF16_LE + b"a\0b", "not_text"),
        (codecs.BOM_UTF8 + b"Name,Jos\xe9", "not_text"),
    ],
    ids=["in a cell", "far down", "half a character", "a program", "torn UTF-16", "torn UTF-8"],
)
def test_what_is_no_text_is_refused(file: Path, content: bytes, code: str) -> None:
    error = refused(file, content)
    assert error.code == code
    assert "UTF-8" in error.hint


def test_a_cell_longer_than_any_spreadsheet_holds_is_refused_by_its_line(file: Path) -> None:
    _, records = read(file, f"Name,Phone\n{'x' * LONGEST_CELL},1\n")
    assert len(records[1][1][0]) == LONGEST_CELL
    error = refused(file, f"Name,Phone\na,1\n{'x' * (LONGEST_CELL + 1)},1\n".encode())
    assert error.code == "cell_too_long"
    assert "Line 3" in error.message
    assert refused(file, b"Name,Phone\n" + b"x" * 200_000).code == "cell_too_long"


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        tables(tmp_path / "none.csv")
    assert caught.value.code == "unreadable_file"


def test_R33_cells_of_a_workbook_become_text(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "b.xlsx",
        Leads=[
            ["Phone", 4915123252822, 4915123252822.0, "+49151", 86.83, 0.1 + 0.2, -3],
            [
                datetime.date(2026, 1, 2),
                datetime.datetime(2026, 1, 2, 3, 4, 5),
                datetime.time(10, 0),
                True,
                None,
                "  x ",
                35.0,
            ],
        ],
    )
    (table,) = tables(path)
    assert table.format == Format("xlsx", sheet="Leads", sheets=("Leads",))
    assert list(table.records()) == [
        (1, ["Phone", "4915123252822", "4915123252822", "+49151", "86.83", "0.3", "-3"]),
        (2, ["2026-01-02", "2026-01-02 03:04:05", "10:00:00", "TRUE", "", "  x ", "35"]),
    ]


def test_R33_rows_of_a_sheet_keep_their_row_numbers(tmp_path: Path) -> None:
    path = workbook(tmp_path / "b.xlsx", A=[[], ["Name", "Phone"], ["a", "1"], [], ["b", "2"]])
    (table,) = tables(path)
    assert [row for row, _ in table.records()] == [2, 3, 5]
    assert [row for row, _ in table.records()] == [2, 3, 5]


def test_R33_empty_and_hidden_sheets_do_not_count(tmp_path: Path) -> None:
    path = workbook(tmp_path / "b.xlsx", Empty=[], Hidden=[["Phone"]], Leads=[["Phone"], ["1"]])
    book = openpyxl.load_workbook(path)
    book["Hidden"].sheet_state = "hidden"
    book.save(path)
    assert [table.format.sheet for table in tables(path)] == ["Leads"]


def test_a_workbook_without_anything_is_empty(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        tables(workbook(tmp_path / "b.xlsx", Empty=[]))
    assert caught.value.code == "empty_file"


@pytest.mark.parametrize("content", [b"PK\x03\x04 not really", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old"])
def test_what_is_no_readable_workbook_is_refused(file: Path, content: bytes) -> None:
    error = refused(file, content)
    assert error.code == "unreadable_workbook"
    assert ".xlsx" in error.hint

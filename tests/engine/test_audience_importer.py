"""From a contact file to audience rows (R33 to R36)."""

from __future__ import annotations

import csv
import hashlib
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from engine.audience import Contacts, check, open_contacts, write_rejects
from engine.errors import BadInput
from store.types import ContactRow, SkipReason
from tests.engine.test_audience_reader import workbook

DATA = Path(__file__).parent.parent / "data"
EXPECTED: dict[str, dict[str, Any]] = json.loads((DATA / "expected.json").read_text("utf-8"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "contacts.csv"


def contacts(path: Path, text: str, **options: str) -> Contacts:
    path.write_text(text, encoding="utf-8", newline="")
    return open_contacts(path, **options)


def options_of(name: str) -> dict[str, Any]:
    arguments = EXPECTED[name]["args"]
    pairs = zip(arguments[::2], arguments[1::2], strict=True)
    return {option.removeprefix("--").replace("-", "_"): value for option, value in pairs}


@pytest.mark.parametrize("name", EXPECTED)
def test_R35_contact_files_give_exactly_what_they_were_made_to(name: str) -> None:
    result = check(DATA / name, **options_of(name))
    expected = EXPECTED[name]
    assert result.rows == expected["rows"]
    assert result.valid == expected["valid"]
    assert {reason.value: count for reason, count in result.skipped.items()} == expected["skipped"]
    assert result.format.warnings == ()


@pytest.mark.parametrize("name", EXPECTED)
def test_R34_contact_files_give_exactly_the_numbers_they_were_made_of(name: str) -> None:
    rows = open_contacts(DATA / name, **options_of(name)).rows()
    numbers = sorted(f"+{row.phone}" for row in rows if row.skip is None)
    assert hashlib.sha256("\n".join(numbers).encode()).hexdigest() == EXPECTED[name]["valid_sha256"]


def test_R33_the_facts_of_a_file_are_told(file: Path) -> None:
    found = contacts(file, "Name;Mobile No.\nAsha;+4915123252822\n")
    assert (found.name, found.columns, found.number_column) == ("contacts.csv", ("Name", "Mobile No."), "Mobile No.")
    assert (found.format.kind, found.format.delimiter, found.format.encoding) == ("csv", ";", "utf-8")


def test_R35_every_row_comes_with_its_line_and_its_cells(file: Path) -> None:
    found = contacts(file, 'Name,Phone\nAsha,+4915123252822\n\n"two\nlines",\nNoor,x\n')
    assert list(found.rows()) == [
        ContactRow(2, ["Asha", "+4915123252822"], 4915123252822, "DE", None),
        ContactRow(4, ["two\nlines", ""], None, None, SkipReason.BLANK),
        ContactRow(6, ["Noor", "x"], None, None, SkipReason.INVALID_NUMBER),
    ]


def test_rows_can_be_read_again_from_the_start(file: Path) -> None:
    found = contacts(file, "Phone\n+4915123252822\n")
    assert list(found.rows()) == list(found.rows())
    assert len(list(found.rows())) == 1


def test_R36_the_first_valid_row_wins_whatever_the_spelling(file: Path) -> None:
    found = contacts(
        file, "Name,Phone\na,0151\nb,+49 151 23252822\nc,004915123252822\nd,+4915123252822\n", country="de"
    )
    assert found.country == "DE"
    assert [(row.line, row.skip) for row in found.rows()] == [
        (2, SkipReason.INVALID_NUMBER),
        (3, None),
        (4, SkipReason.DUPLICATE),
        (5, SkipReason.DUPLICATE),
    ]


def test_R36_duplicates_are_found_across_batches_and_order_is_kept(file: Path) -> None:
    numbers = [f"+491517{n % 3_000:07d}" for n in range(5_000)]
    rows = list(contacts(file, "Phone\n" + "\n".join(reversed(numbers)) + "\n").rows())
    assert [row.line for row in rows] == list(range(2, 5_002))
    assert [row.skip for row in rows] == [None] * 3_000 + [SkipReason.DUPLICATE] * 2_000
    assert [f"+{row.phone}" for row in rows] == numbers[::-1]


def test_R35_a_row_that_is_too_short_has_blank_cells(file: Path) -> None:
    rows = list(contacts(file, "Phone,Name,City\n+4915123252822,Asha\n+4915123252823\n").rows())
    assert [row.cells for row in rows] == [["+4915123252822", "Asha", ""], ["+4915123252823", "", ""]]
    assert [row.skip for row in rows] == [None, None]


def test_R35_blank_cells_beyond_the_header_do_no_harm(file: Path) -> None:
    (row,) = contacts(file, "Phone,Name\n+4915123252822,Asha,, ,\n").rows()
    assert row.skip is None
    assert row.cells == ["+4915123252822", "Asha"]


def test_R35_a_row_torn_by_a_delimiter_is_skipped_and_told(file: Path) -> None:
    found = contacts(file, "Phone,Name,Coupon\n+4915123252822,Nair, Asha,C1\n+4915123252822,Asha,C2\n")
    assert [row.skip for row in found.rows()] == [SkipReason.INVALID_NUMBER, None]
    result = check(file)
    assert (result.rows, result.valid) == (2, 1)
    assert "1 row has more cells" in result.format.warnings[0]


def test_a_header_without_rows_is_an_audience_of_none(file: Path) -> None:
    found = contacts(file, "Name,Phone\n")
    assert list(found.rows()) == []
    assert check(file).rows == 0


@pytest.mark.parametrize(
    ("text", "options", "code"),
    [
        ("Name,Kontakt\na,1\n", {}, "number_column_unclear"),
        ("Phone,Mobile\n1,2\n", {}, "number_column_unclear"),
        ("Name,Phone\na,1\n", {"number_column": "Tel"}, "no_such_column"),
        ("Name,Phone\na,1\n", {"country": "XX"}, "unknown_country"),
        ("+4915123252822,Asha\n", {}, "no_header"),
        (",".join(["x"] * 501), {}, "too_many_columns"),
        ("sep=;\n", {}, "empty_file"),
    ],
)
def test_R33_what_cannot_be_read_is_refused_before_any_row(
    file: Path, text: str, options: dict[str, str], code: str
) -> None:
    with pytest.raises(BadInput) as caught:
        contacts(file, text, **options)
    assert caught.value.code == code
    assert caught.value.hint


def test_R33_of_several_sheets_the_one_with_a_number_column_is_read(tmp_path: Path) -> None:
    path = workbook(tmp_path / "b.xlsx", Notes=[["a", "b"]], Leads=[["Name", "Phone"], ["Asha", 4915123252822]])
    found = open_contacts(path, country="DE")
    assert found.format.sheet == "Leads"
    assert [row.phone for row in found.rows()] == [4915123252822]


def test_R33_two_sheets_that_both_fit_are_not_guessed_between(tmp_path: Path) -> None:
    path = workbook(tmp_path / "b.xlsx", A=[["Phone"], ["1"]], B=[["Mobile"], ["2"]])
    with pytest.raises(BadInput) as caught:
        open_contacts(path)
    assert caught.value.code == "sheet_unclear"
    assert "A, B" in caught.value.message
    assert open_contacts(path, number_column="Mobile").format.sheet == "B"


def test_R33_no_fitting_sheet_is_refused_by_the_sheets_names(tmp_path: Path) -> None:
    path = workbook(tmp_path / "b.xlsx", A=[["x"], ["1"]], B=[["y"], ["2"]])
    for chosen, code in ((None, "number_column_unclear"), ("z", "no_such_column")):
        with pytest.raises(BadInput) as caught:
            open_contacts(path, number_column=chosen)
        assert caught.value.code == code
        assert "A, B" in caught.value.message


def test_R35_skipped_rows_are_exported_with_line_number_and_reason(file: Path, tmp_path: Path) -> None:
    contacts(file, "Name,Phone\nAsha,+4915123252822\nNoor,call me\n=HYPERLINK(1),+49 151 23252822\nZoe,\n")
    rejects = tmp_path / "rejects.csv"
    result = check(file, rejects=rejects)
    assert rejects.read_bytes().startswith(b"\xef\xbb\xbf")
    with rejects.open(encoding="utf-8-sig", newline="") as opened:
        assert list(csv.reader(opened)) == [
            ["line", "number as typed", "reason", "Name", "Phone"],
            ["3", "call me", "invalid_number", "Noor", "call me"],
            ["4", "+49 151 23252822", "duplicate", "'=HYPERLINK(1)", "+49 151 23252822"],
            ["5", "", "blank", "Zoe", ""],
        ]
    assert (result.rows, result.valid, sum(result.skipped.values())) == (4, 1, 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["contacts.csv", "rejects.csv"]


def test_R35_the_messy_file_s_rejects_are_all_there_and_hold_no_formula(tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    result = check(DATA / "messy.csv", number_column="Mobile No.", rejects=rejects)
    with rejects.open(encoding="utf-8-sig", newline="") as opened:
        rows = list(csv.reader(opened))[1:]
    assert len(rows) == sum(result.skipped.values()) == 837
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "@", "\t", "\r"))]
    assert [int(row[0]) for row in rows] == sorted({int(row[0]) for row in rows})


def test_rejects_never_overwrite_the_contact_file(file: Path) -> None:
    contacts(file, "Phone\nx\n")
    with pytest.raises(BadInput) as caught:
        check(file, rejects=file)
    assert caught.value.code == "rejects_is_source"
    assert file.read_text() == "Phone\nx\n"


def test_rejects_that_cannot_be_finished_leave_nothing_half_made(file: Path, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    rejects.write_text("of yesterday")
    contacts(file, f"Phone\nx\n{'y' * 40_000}\n")
    with pytest.raises(BadInput) as caught:
        check(file, rejects=rejects)
    assert caught.value.code == "cell_too_long"
    assert rejects.read_text() == "of yesterday"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["contacts.csv", "rejects.csv"]


def test_rejects_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        write_rejects(tmp_path / "none" / "r.csv", ["Phone"], "Phone", [])
    assert caught.value.code == "unwritable_file"


def test_rows_stream_instead_of_piling_up(file: Path) -> None:
    with file.open("w") as out:
        out.write("Name,Phone,Text\n")
        out.writelines(f"Customer {n},+491517{n:07d},{'x' * 200}\n" for n in range(30_000))
    found = open_contacts(file)
    tracemalloc.start()
    try:
        rows = sum(1 for _ in found.rows())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert rows == 30_000
    # The file is 7 MB; the numbers seen take 3, a batch 1.
    assert peak < 6_000_000

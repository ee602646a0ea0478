"""Contact files that cannot be used: each is told what it is and what to do, and leaves nothing half-made (R33)."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from engine.audience import check, open_contacts
from engine.commands import drafts, optouts
from engine.errors import BadInput
from store import audiences, audit, campaigns, database
from store import optouts as stored_optouts
from store.types import DraftFields, SkipReason
from tests import builders
from tests.bad_files import BAD, GOOD, MEGABYTE, Bad, parts, scattered, without_rights, workbook
from tests.clock import FakeClock
from tests.store.invariants import check_invariants


def refused(path: Path, **options: str) -> BadInput:
    with pytest.raises(BadInput) as caught:
        check(path, **options)  # type: ignore[arg-type] # rejects is no text, and nobody gives it
    return caught.value


def count(table: str) -> int:
    return int(database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_R33_each_kind_of_bad_file_has_its_own_error_with_what_to_do(bad: Bad, tmp_path: Path) -> None:
    path = tmp_path / bad.name
    bad.make(path)
    error = refused(path)
    assert error.code == bad.code
    assert bad.says in error.message
    assert error.message.endswith(".") and error.hint.endswith(".")
    assert len(error.message) < 400 and len(error.hint) < 400


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_R33_a_bad_file_changes_nothing_of_a_draft_and_makes_none(
    bad: Bad, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    context = builders.context(clock)
    campaign_id = builders.draft(clock, tmp_path, 4)
    before, events = campaigns.get(campaign_id), len(audit.events())
    path = tmp_path / bad.name
    bad.make(path)
    with pytest.raises(BadInput) as caught:
        drafts.import_audience(context, campaign_id, before.version, path)
    assert caught.value.code == bad.code
    with pytest.raises(BadInput):
        drafts.create_with_audience(context, DraftFields("Never made"), path)
    with pytest.raises(BadInput):
        optouts.import_file(context, path)
    assert campaigns.get(campaign_id) == before
    assert (count("campaign"), count("audience"), count("recipient")) == (1, 1, 4)
    assert not stored_optouts.numbers()
    assert len(audit.events()) == events
    check_invariants(campaign_id)


def test_R33_a_file_that_may_not_be_read_is_told_by_its_rights(tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    path.write_text(f"Phone\n{GOOD}\n", encoding="utf-8")
    with without_rights(path):
        error = refused(path)
    assert (error.code, "Permission denied" in error.message) == ("unreadable_file", True)
    assert "permissions" in error.hint


def test_R33_a_file_that_goes_away_before_its_rows_are_read_is_told(tmp_path: Path) -> None:
    path = builders.contacts_file(tmp_path, 3)
    contacts = open_contacts(path)
    path.unlink()
    with pytest.raises(BadInput) as caught:
        list(contacts.rows())
    assert (caught.value.code, "taken away" in caught.value.message) == ("file_changed", True)


@pytest.mark.parametrize("change", ["cut", "grown", "another", "another encoding"])
def test_R33_a_file_that_changes_while_it_is_read_leaves_nothing_half_made(
    change: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    context = builders.context(clock)
    path = builders.contacts_file(tmp_path, 3 * audiences.CHUNK, "long.csv")

    def meddle(rows: int) -> None:
        if change == "cut":
            os.truncate(path, 100_000)
        elif change == "grown":
            with path.open("a", encoding="utf-8") as file:
                file.write(f"More,{GOOD},C\n")
        elif change == "another":
            path.write_text("Name,Phone number,Coupon\n", encoding="utf-8")
        else:
            path.write_bytes(path.read_bytes()[:150_000] + b"Jos\xe9,1,2\n" * 9_000)

    with pytest.raises(BadInput) as caught:
        drafts.create_with_audience(context, DraftFields("Never made"), path, progress=meddle)
    assert caught.value.code == "file_changed"
    assert "Wait" in caught.value.hint
    assert (count("campaign"), count("audience"), count("recipient")) == (0, 0, 0)


def test_R33_a_bad_line_far_down_leaves_nothing_half_made(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    path = tmp_path / "late.csv"
    good = "".join(f"Asha,{builders.number(n)}\n" for n in range(5_000))
    path.write_text(f"Name,Phone\n{good}{MEGABYTE},{GOOD}\n", encoding="utf-8")
    with pytest.raises(BadInput, match="Line 5,002"):
        drafts.create_with_audience(builders.context(clock), DraftFields("Never made"), path)
    assert (count("campaign"), count("audience"), count("recipient")) == (0, 0, 0)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_R33_utf_16_without_its_mark_is_read_and_told(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    rows = "".join(f"आशा Ānanda {n},{builders.number(n)}\n" for n in range(20_000))
    path.write_bytes(f"Name,Phone\n{rows}".encode(encoding))
    found = check(path)
    assert (found.rows, found.valid, found.format.encoding) == (20_000, 20_000, encoding)
    assert "UTF-16" in found.format.warnings[0]
    assert next(iter(open_contacts(path).rows())).cells[0] == "आशा Ānanda 0"


def test_R33_a_single_zero_byte_is_no_utf_16(tmp_path: Path) -> None:
    path = tmp_path / "nul.csv"
    path.write_bytes(f"Name,Phone\n{'a,1' * 400}\n".encode() + b"\0")
    assert refused(path).code == "nul_bytes"


def test_R35_a_row_of_a_million_cells_is_one_skipped_row_and_is_not_kept_whole(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(f"Name,Phone\nAsha,{GOOD}{',x' * 1_000_000}\nNoor,+4915123252823{',' * 1_000_000}\n")
    first, second = open_contacts(path).rows()
    assert (first.skip, len(first.cells)) == (SkipReason.INVALID_NUMBER, 501)
    assert (second.skip, second.cells) == (None, ["Noor", "+4915123252823"])


def test_R33_a_list_of_a_hundred_thousand_takes_little_memory(tmp_path: Path) -> None:
    path = builders.contacts_file(tmp_path, 100_000)
    tracemalloc.start()
    try:
        assert check(path).valid == 100_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10 * path.stat().st_size


# Workbooks


def test_R33_a_sheet_is_chosen_by_its_name_in_any_spelling(tmp_path: Path) -> None:
    path = workbook(tmp_path / "b.xlsx", North=[["Phone"], [GOOD]], South=[["Mobile"], [GOOD], ["x"]])
    assert check(path, sheet="South").rows == 2
    assert check(path, sheet=" NORTH ").rows == 1
    error = refused(path, sheet="West")
    assert (error.code, error.hint) == ("no_such_sheet", "Its sheets are: North, South.")


def test_R33_the_only_sheet_that_fits_is_taken_and_told_with_the_others(tmp_path: Path) -> None:
    path = workbook(tmp_path / "b.xlsx", Notes=[["a"]], Leads=[["Phone"], [GOOD]])
    found = check(path).format
    assert (found.sheet, found.sheets) == ("Leads", ("Notes", "Leads"))


def test_R33_a_hidden_sheet_is_read_only_when_it_is_named(tmp_path: Path) -> None:
    path = workbook(tmp_path / "b.xlsx", Leads=[["Phone"], [GOOD]], Old=[["Phone"], [GOOD], [GOOD]])
    parts(path, {"xl/workbook.xml": _hide_second})
    assert check(path).format.sheets == ("Leads",)
    assert check(path, sheet="Old").rows == 2


def _hide_second(xml: bytes) -> bytes:
    first, second, rest = xml.partition(b'name="Old"')
    return first + second + rest.replace(b'state="visible"', b'state="hidden"', 1)


def test_R33_a_text_file_has_no_sheets(tmp_path: Path) -> None:
    error = refused(builders.contacts_file(tmp_path, 1), sheet="Leads")
    assert (error.code, error.hint) == ("no_such_sheet", "Leave out the sheet.")


def test_R33_a_column_is_looked_for_on_every_sheet(tmp_path: Path) -> None:
    path = workbook(tmp_path / "b.xlsx", A=[["x"]], B=[["Who", "Ring"], ["Asha", GOOD]])
    assert check(path, number_column="Ring").format.sheet == "B"
    error = refused(path, number_column="Call")
    assert (error.code, "Its sheets are: A, B." in error.message, "--sheet" in error.hint) == (
        "no_such_column", True, True,
    )  # fmt: skip


def test_R33_the_stored_value_of_a_formula_is_used(tmp_path: Path) -> None:
    path = workbook(tmp_path / "b.xlsx", Leads=[["Name", "Phone"], ["Asha", "=B9"], ["Noor", '=""&""']])
    parts(
        path,
        {
            "xl/worksheets/sheet1.xml": lambda xml: xml.replace(
                b'<c r="B2"><f>B9</f><v /></c>', f'<c r="B2" t="str"><f>B9</f><v>{GOOD}</v></c>'.encode()
            ).replace(b'<c r="B3"><f>', b'<c r="B3" t="str"><f>')
        },
    )
    found = check(path)
    assert (found.valid, found.skipped, found.format.warnings) == (1, {SkipReason.BLANK: 1}, ())


@pytest.mark.parametrize(("formulas", "words"), [(1, "Cell B2 holds a formula"), (3, "3 cells hold, B2 as the first")])
def test_R33_a_formula_without_a_value_is_blank_and_told(formulas: int, words: str, tmp_path: Path) -> None:
    rows = [["Asha", "=B9"] for _ in range(formulas)]
    path = workbook(tmp_path / "b.xlsx", Leads=[["Name", "Phone"], *rows, ["Noor", GOOD]])
    found = check(path)
    assert (found.valid, found.skipped) == (1, {SkipReason.BLANK: formulas})
    (warning,) = found.format.warnings
    assert words in warning
    assert "save it again" in warning


def test_a_sheet_that_would_fill_the_memory_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "b.xlsx"
    scattered(path)
    error = refused(path)
    assert error.code == "sheet_scattered"
    assert "4 filled cells" in error.message


def test_a_sheet_of_elements_that_are_never_closed_is_refused_before_they_fill_the_memory(tmp_path: Path) -> None:
    path = workbook(tmp_path / "b.xlsx", Leads=[["Name", "Phone"], ["Asha", GOOD]])
    parts(path, {"xl/worksheets/sheet1.xml": lambda xml: xml.replace(b"<row", b"<row>" * 1_000_000 + b"<row", 1)})
    error = refused(path)
    assert error.code == "unreadable_workbook"
    assert "stand within each other" in error.message


@pytest.mark.parametrize(
    ("part", "before", "after"),
    [
        ("xl/worksheets/sheet1.xml", b'r="B2"', b'r="B2x"'),
        ("xl/worksheets/sheet1.xml", b"<sheetData>", b"<sheetData><"),
        ("xl/worksheets/sheet1.xml", b"<worksheet", b"<!DOCTYPE a [<!ENTITY b 'c'>]><worksheet"),
        ("xl/workbook.xml", b"<sheets>", b"<sheets"),
        ("xl/_rels/workbook.xml.rels", b"sheet1.xml", b"sheet7.xml"),
        ("[Content_Types].xml", b"", b""),
    ],
)
def test_a_workbook_with_a_damaged_part_is_told_or_read_and_never_loaded_blindly(
    part: str, before: bytes, after: bytes, tmp_path: Path
) -> None:
    path = workbook(tmp_path / "b.xlsx", Leads=[["Name", "Phone"], ["Asha", GOOD]])
    parts(path, {part: lambda xml: xml.replace(before, after)})
    if before:
        assert refused(path).code == "unreadable_workbook"
    else:
        assert check(path).valid == 1

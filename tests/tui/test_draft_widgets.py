"""What the editor's own widgets show, and how paths are completed."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.content import Content

from engine.message import Preview
from engine.placeholders import Placeholder
from engine.preflight_facts import Check, Level
from store.types import Audience, Sender, Template
from tests.driver import Console
from tests.engine.test_template_states import WORDS
from tests.tui.harness import Harness
from tui.screens.draft_choices import problem_of, sender_label, template_label
from tui.screens.draft_skipped import reasons, result
from tui.widgets.fill_row import FillRow, options
from tui.widgets.path_input import PathInput, complete
from tui.widgets.plain_input import PlainInput
from tui.widgets.preflight import advice, in_one_line, list_lines, to_mend, words
from tui.widgets.preview import message_content

OK = Check("template", Level.OK, "template approved", field="template")
WARN = Check("audience", Level.WARN, "2 will get it, 1 rows are skipped", field="file")
BLOCK = Check("name_missing", Level.BLOCK, "the campaign has no name", "Give it one.", "name")


def texts(lines: list[Content]) -> list[str]:
    return [line.plain for line in lines]


# Preflight


def test_R22_every_check_has_its_sign_and_every_problem_its_field_and_advice() -> None:
    assert texts(list_lines([OK, WARN, BLOCK], ["goes tomorrow 10:00"], 60)) == [
        "✓ template approved",
        "! 2 will get it, 1 rows are skipped",
        "✗ the campaign has no name",
        "  Name: Give it one.",
        "",
        "  goes tomorrow 10:00",
    ]


def test_long_lines_hang_behind_their_sign() -> None:
    lines = texts(list_lines([BLOCK], [], 18))
    assert lines == ["✗ the campaign has", "  no name", "  Name: Give it", "  one."]


def test_the_one_line_counts_the_problems_and_names_the_first() -> None:
    assert in_one_line([OK]).plain == "✓ ready: nothing stands in its way"
    assert in_one_line([OK, WARN]).plain == "! ready, but 2 will get it, 1 rows are skipped"
    assert in_one_line([WARN, BLOCK]).plain == "✗ 1 problem: the campaign has no name"


def test_what_blocks_is_mended_before_what_warns() -> None:
    assert to_mend([OK, WARN, BLOCK]) == [BLOCK, WARN]


def test_advice_names_a_field_and_no_option_of_the_command_line() -> None:
    check = Check("unmapped_placeholder", Level.BLOCK, "no column", "Give it one, as in --map body.1=COLUMN.", "body.1")
    assert words(check) == "body.1 has no text yet"
    assert advice(check) == "body.1: Choose a column, or type a text."


def test_what_a_check_says_is_shown_literally() -> None:
    check = Check("x", Level.BLOCK, "template [red]a\x1b[31m is gone", "See [b]it.", "template")
    assert texts(list_lines([check], [], 80)) == ["✗ template [red]a␛[31m is gone", "  Template: See [b]it."]


# Preview


def test_the_message_is_shown_as_it_is_received_and_literally() -> None:
    preview = Preview("Hello [b]Asha", "line one\nline \x1b[2Jtwo", "Reply STOP", ("Shop", "[x]"))
    assert message_content(preview, ("It is too long.",)).plain.split("\n") == [
        "Hello [b]Asha",
        "line one",
        "line ␛[2Jtwo",
        "Reply STOP",
        "[ Shop ]  [ [x] ]",
        "! It is too long.",
    ]


def test_an_offer_and_the_cards_of_a_carousel_are_shown() -> None:
    cards = (Preview("[image: a.jpg]", "", "", ("Shop",)), Preview("", "Two", "", ()))
    preview = Preview("", "Look", "", (), "Sale · ends {{expires}}", cards, "[asks whether you may call]")
    assert message_content(preview).plain.split("\n") == [
        "Sale · ends {{expires}}",
        "Look",
        "[asks whether you may call]",
        "card 0",
        "│ [image: a.jpg]",
        "│ [ Shop ]",
        "card 1",
        "│ Two",
    ]


# Audience


def test_R35_the_result_gives_the_counts_and_every_reason_in_words() -> None:
    audience = Audience(1, "diwali.csv", ("Phone",), "Phone", None)
    skipped = {"duplicate": 9, "invalid_number": 28, "opted_out": 9}
    assert result(audience, 4_954, skipped) == "diwali.csv, 5,000 rows: 4,954 will get it, 46 skipped"
    assert reasons(skipped) == "invalid number 28, duplicate 9, opted out 9"
    assert result(audience, 1, {}) == "diwali.csv, 1 row: 1 will get it"


# Choices


def template(status: str, name: str = "season_sale", kind: str = "BODY") -> Template:
    return Template(1, name, "en_US", status, "MARKETING", "POSITIONAL", [{"type": kind, "text": "Hi"}], "GREEN", 0)


@pytest.mark.parametrize(("status", "words"), WORDS.items())
def test_R23_a_template_that_is_not_approved_shows_its_state_and_is_refused_with_it(status: str, words: str) -> None:
    stopped = template(status)
    assert template_label(stopped) == f"✗ season_sale  en_US  marketing  {words}"
    problem = problem_of(stopped)
    assert problem is not None
    assert (problem.code, problem.text) == ("template_unavailable", f"template season_sale:en_US is {words}")
    assert problem_of(template("APPROVED")) is None


def test_a_template_that_cannot_be_filled_is_refused_too() -> None:
    carousel = template("APPROVED", kind="CAROUSEL")
    assert template_label(carousel).startswith("✗")
    assert problem_of(carousel) is not None


def test_a_sender_shows_number_quality_and_rate_or_why_it_cannot_send() -> None:
    assert sender_label(Sender(1, 918040214021, "1", 80, "GREEN", "CONNECTED")) == (
        "+91 80 4021 4021  quality green  80/s"
    )
    assert sender_label(Sender(1, 918040214021, "1", 80, "GREEN", "FLAGGED")) == "+91 80 4021 4021  flagged  80/s"


def test_a_column_named_like_the_placeholder_comes_first_and_is_not_chosen_unasked() -> None:
    found = [value for _, value in options(("Phone", "First Name"), "", "first_name")]
    assert found == ["none", "fixed", "column First Name", "column Phone"]


def test_a_chosen_column_that_the_file_lacks_stays_and_says_so() -> None:
    label, value = options(("Phone",), "Coupon", "1")[-1]
    assert value == "column Coupon"
    assert label.plain == "column Coupon (not in the file)"


async def test_other_columns_keep_the_choice_and_the_text() -> None:
    harness = Harness()
    async with Console(harness, (80, 4)) as console:
        with harness._context():
            row = FillRow(Placeholder("body.1", "body", None, "1", "Asha"), ("Name",), "column", "Name", "there", 12)
        await harness.mount(row)
        row.set_columns(("Phone",))
        await console.expect("column Name (not in the file)", "there")
        assert row.source == ("column", "Name")


@pytest.mark.parametrize(
    ("text", "kept"),
    [("a\x1b[31mb", "a[31mb"), ("a\tb\r\nc", "a b c"), ("مرحبا\u200f ", "مرحبا\u200f "), ("\x9b2J\ud800", "2J")],
)
async def test_a_field_holds_nothing_a_terminal_would_obey(text: str, kept: str) -> None:
    field = PlainInput()
    async with Console(Harness(field), (80, 4)):
        field.value = text
        assert field.value == kept


# Paths


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    for name in ("diwali.csv", "december.xlsx", "notes.md", ".hidden.csv"):
        (tmp_path / name).write_text("", encoding="utf-8")
    (tmp_path / "deep").mkdir()
    (tmp_path / "zz\x1b[2J.csv").write_text("", encoding="utf-8")
    return tmp_path


def test_a_path_is_completed_to_a_contact_file_or_a_folder(lists: Path) -> None:
    assert complete(f"{lists}/di") == f"{lists}/diwali.csv"
    assert complete(f"{lists}/dee") == f"{lists}/deep/"
    assert complete(f"{lists}/d") == f"{lists}/december.xlsx"
    assert complete(f"{lists}/") == f"{lists}/december.xlsx"


@pytest.mark.parametrize("typed", ["", "notes", "zz", "diwali.csv", "no/such/folder/x", "~nobody-here/x", "a\0b"])
def test_nothing_is_offered_where_there_is_nothing(lists: Path, typed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(lists)
    assert complete(typed) is None


def test_the_home_folder_stays_a_tilde(lists: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(lists))
    assert complete("~/di") == "~/diwali.csv"


async def test_tab_completes_first_and_then_moves_on(lists: Path) -> None:
    first, second = PathInput(), PathInput()
    # As wide as a temporary folder's path may be long.
    async with Console(Harness(first, second), (300, 8)) as console:
        first.focus()
        await console.type(f"{lists}/di")
        await console.expect("diwali.csv")
        await console.press("tab")
        assert first.value == f"{lists}/diwali.csv"
        assert first.has_focus
        await console.press("tab")
        assert second.has_focus


async def test_tab_completes_what_was_typed_before_anything_was_suggested(lists: Path) -> None:
    first, second = PathInput(), PathInput()
    # As a folder that answers slowly leaves it.
    first.suggester = None
    async with Console(Harness(first, second), (300, 8)) as console:
        first.focus()
        await console.pilot.press(*f"{lists}/di", "tab")
        assert first.value == f"{lists}/diwali.csv"
        await console.pilot.press("tab")
        assert second.has_focus


async def test_tab_changes_no_path_that_is_whole_or_only_passed_by(lists: Path) -> None:
    (lists / "diwali.csv.csv").write_text("", encoding="utf-8")
    first, second = PathInput(), PathInput()
    async with Console(Harness(first, second), (300, 8)) as console:
        first.focus()
        await console.pilot.press(*f"{lists}/diwali.csv", "tab")
        assert (first.value, second.has_focus) == (f"{lists}/diwali.csv", True)
        first.value = f"{lists}/di"
        await console.press("shift+tab", "tab")
        assert (first.value, second.has_focus) == (f"{lists}/di", True)

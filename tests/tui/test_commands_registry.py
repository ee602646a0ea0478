"""The registry of commands, and the footer made from it."""

from __future__ import annotations

from collections import Counter

import pytest
from rich.cells import cell_len
from textual.binding import Binding

from engine.lifecycle import Action
from store.types import Status
from tests.driver import Console
from tests.tui.context import FakeContext, row
from tests.tui.harness import Harness, collector
from tui.command import FOOTER_LIMIT, Command, Entry, Scope, footer, reachable_key, refusal
from tui.commands import COMMANDS, bindings, commands_of, of
from tui.widgets.footer import Footer, lay_out

ALL = list(COMMANDS.values())
SCREENS = (Scope.CAMPAIGNS, Scope.REPORT, Scope.DRAFT, Scope.AUDIT, Scope.SERIES, Scope.OPT_OUTS)

# Backspace, tab, newline and enter on any terminal; screen and tmux; suspend.
TAKEN = {"ctrl+h", "ctrl+i", "ctrl+j", "ctrl+m", "ctrl+a", "ctrl+b", "ctrl+z"}


@pytest.mark.parametrize("command", ALL, ids=lambda command: command.id)
def test_every_command_has_keys_a_label_and_a_sentence(command: Command) -> None:
    assert command.keys
    assert 1 <= len(command.label.split()) <= 3
    assert command.help[0].isupper()
    assert command.help.endswith(".")
    assert not TAKEN & set(command.keys)


@pytest.mark.parametrize("scope", SCREENS)
def test_no_key_does_two_things_on_a_screen(scope: Scope) -> None:
    keys = Counter(key for command in commands_of(scope) for key in command.keys)
    assert [key for key, n in keys.items() if n > 1] == []


def test_forms_use_no_key_that_a_field_takes_as_text() -> None:
    assert [command.id for command in of(Scope.DRAFT) if any(len(key) == 1 for key in command.keys)] == []


def test_help_and_the_palette_can_be_reached_while_typing() -> None:
    assert reachable_key(COMMANDS["console.help"], typing=True) == "f1"
    assert reachable_key(COMMANDS["console.palette"], typing=True) == "ctrl+p"
    assert reachable_key(COMMANDS["console.help"]) == "?"


def test_while_typing_the_footer_offers_no_key_that_a_field_takes() -> None:
    entries = footer(commands_of(Scope.CAMPAIGNS), FakeContext(row(Status.DRAFT)), typing=True)
    assert [entry.key for entry in entries] == ["f1", "ctrl+p"]
    entries = footer(commands_of(Scope.REPORT), FakeContext(row(Status.COMPLETED)), typing=True)
    assert [entry.key for entry in entries] == ["esc", "tab", "f1", "ctrl+p"]


def test_there_is_more_than_one_way_out() -> None:
    keys = {key for command in commands_of(Scope.CAMPAIGNS) if command.action == "app.quit" for key in command.keys}
    assert keys == {"q", "ctrl+q"}


def test_a_binding_goes_through_the_gate_except_for_the_tables_own_keys() -> None:
    actions = {one.id: one.action for one in bindings(Scope.CAMPAIGNS, Scope.TABLE) if isinstance(one, Binding)}
    assert actions["campaign.cancel"] == "command('campaign.cancel')"
    assert actions["table.down"] == "move(1)"
    assert len(actions) == len(of(Scope.CAMPAIGNS, Scope.TABLE))


def test_the_tables_own_keys_write_nothing() -> None:
    assert not any(command.writes for command in of(Scope.TABLE))


@pytest.mark.parametrize("command", [one for one in ALL if one.writes], ids=lambda command: command.id)
@pytest.mark.parametrize("status", list(Status))
def test_read_only_refuses_everything_that_writes(command: Command, status: Status) -> None:
    why_not = refusal(command, FakeContext(row(status), read_only=True))
    assert why_not is not None
    assert why_not.code == "read_only"
    assert why_not.hint


@pytest.mark.parametrize("command", [one for one in ALL if not one.writes], ids=lambda command: command.id)
def test_read_only_keeps_what_only_reads(command: Command) -> None:
    assert refusal(command, FakeContext(row(Status.COMPLETED), read_only=True)) is None


def test_everything_the_engine_acts_on_writes() -> None:
    assert [command.id for command in ALL if command.act is not None and not command.writes] == []
    assert {command.act for command in ALL} >= set(Action)


def test_without_a_campaign_there_is_nothing_to_act_on() -> None:
    why_not = refusal(COMMANDS["campaign.cancel"], FakeContext())
    assert why_not is not None
    assert why_not.code == "not_now"
    assert refusal(COMMANDS["campaign.new"], FakeContext()) is None
    assert refusal(COMMANDS["campaign.cancel"], FakeContext(marked=2)) is None


@pytest.mark.parametrize(
    ("command", "status", "code"),
    [
        ("campaign.edit", Status.SCHEDULED, "not_editable"),
        ("campaign.delete", Status.IN_PROGRESS, "not_editable"),
        ("campaign.cancel", Status.COMPLETED, "illegal_transition"),
        ("campaign.resume", Status.IN_PROGRESS, "not_held"),
    ],
)
def test_R53_what_a_row_does_not_allow_says_why(command: str, status: Status, code: str) -> None:
    why_not = refusal(COMMANDS[command], FakeContext(row(status)))
    assert why_not is not None
    assert why_not.code == code
    assert why_not.message


def test_R14_cancelling_is_refused_within_five_minutes() -> None:
    assert refusal(COMMANDS["campaign.cancel"], FakeContext(row(Status.SCHEDULED, 5))) is None
    why_not = refusal(COMMANDS["campaign.cancel"], FakeContext(row(Status.SCHEDULED, 4)))
    assert why_not is not None
    assert why_not.code == "cancel_locked"


def shown(status: Status | None, minutes_ahead: int = 30, **changes: bool) -> list[Entry]:
    subject = None if status is None else row(status, minutes_ahead)
    return footer(commands_of(Scope.CAMPAIGNS), FakeContext(subject, **changes))


@pytest.mark.parametrize(
    ("status", "keys"),
    [
        (Status.DRAFT, ["enter", "n", "e", "S", "D", "d", "?", ":"]),
        (Status.SCHEDULED, ["enter", "n", "c", "b", "D", "t", "?", ":"]),
        (Status.IN_PROGRESS, ["enter", "n", "D", "x", "space", "/", "?", ":"]),
        (Status.COMPLETED, ["enter", "n", "D", "x", "space", "/", "?", ":"]),
    ],
)
def test_R53_the_footer_shows_the_keys_that_work_for_the_row(status: Status, keys: list[str]) -> None:
    entries = shown(status)
    assert [entry.key for entry in entries] == keys
    assert all(entry.why_not is None for entry in entries)


@pytest.mark.parametrize("status", [None, *Status])
@pytest.mark.parametrize("read_only", [False, True])
def test_the_footer_has_at_most_eight_entries_and_always_the_way_to_help(
    status: Status | None, read_only: bool
) -> None:
    entries = shown(status, read_only=read_only)
    assert len(entries) <= FOOTER_LIMIT
    assert [entry.key for entry in entries[-2:]] == ["?", ":"]


def test_what_does_not_work_gives_way_to_what_does_and_else_is_dimmed_with_its_reason() -> None:
    locked = shown(Status.SCHEDULED, 3)
    dimmed = {entry.key: entry.why_not for entry in locked if entry.why_not}
    assert [entry.key for entry in locked] == ["enter", "n", "c", "D", "space", "/", "?", ":"]
    assert "too late" in (dimmed["c"] or "")
    assert [entry.key for entry in shown(Status.DRAFT, read_only=True) if entry.why_not is None] == [
        "enter", "space", "/", "?", ":",
    ]  # fmt: skip


def marked(*fitting: str) -> list[Entry]:
    context = FakeContext(row(Status.SCHEDULED), marked=2)
    context.fitting = fitting
    return footer(commands_of(Scope.CAMPAIGNS), context)


def test_R54_with_marks_what_works_for_them_stands_first_and_the_rest_says_so() -> None:
    entries = marked("campaign.send", "campaign.delete", "campaign.duplicate")
    assert [entry.key for entry in entries] == ["S", "D", "d", "x", "c", "R", "?", ":"]
    assert {entry.key: entry.why_not for entry in entries if entry.why_not} == {
        "c": "None of the marked.", "R": "None of the marked.",
    }  # fmt: skip


def test_R53_a_locked_row_says_so_in_a_word_from_80_columns_on() -> None:
    locked = shown(Status.SCHEDULED, 3)
    assert text(80, locked) == " enter report  n new  c cancel (locked)  D duplicate  ? help  : commands"
    assert "c cancel (locked)" in text(120, locked)
    assert "c cancel (locked: within 5 minutes of its time a campaign cannot be cancelled)" in text(180, locked)
    assert "locked" not in text(79, locked)
    # What works needs no word, and loses no room.
    assert "space mark" in text(80, shown(Status.COMPLETED))


ENTRIES = [
    Entry("a", "enter", "report", None),
    Entry("b", "n", "new", None),
    Entry("c", "c", "cancel", "It is too late."),
    Entry("d", "?", "help", None, pinned=True),
]


def text(width: int, entries: list[Entry] = ENTRIES) -> str:
    line = ""
    for one in lay_out(entries, width):
        line += " " * (one.x - cell_len(line)) + one.text
    return line


def test_the_footer_says_why_an_entry_is_dimmed_where_there_is_room() -> None:
    assert text(100) == " enter report   n new   c cancel (It is too late)   ? help"
    assert text(40) == " enter report  n new  c cancel  ? help"


def test_a_narrow_footer_drops_what_is_not_pinned_from_the_end() -> None:
    assert text(30) == " enter report  n new  ? help"
    assert text(10) == " ? help"


async def test_the_footer_is_repainted_only_when_it_looks_different() -> None:
    line = Footer()
    async with Console(Harness(line), (100, 3)) as screen:
        line.show(ENTRIES)
        await screen.expect("enter report", "c cancel (It is too late)")
        drawn = line._drawn
        line.show(list(ENTRIES))
        await screen.pilot.pause()
        assert line._drawn is drawn
        line.show(ENTRIES[1:])
        await screen.expect_not("enter report")


async def test_a_click_on_the_footer_is_the_same_as_the_key() -> None:
    line = Footer()
    seen, hook = collector(Footer.Pressed)
    async with Console(Harness(line), (100, 3), hook) as screen:
        line.show(ENTRIES)
        await screen.click(Footer, (18, 0))
        await screen.click(Footer, (90, 0))
        assert [one.command_id for one in seen] == ["b"]


def test_what_an_engine_says_is_shown_literally() -> None:
    assert "␛[31m" in text(100, [Entry("a", "x", "export", "No \x1b[31m.")])

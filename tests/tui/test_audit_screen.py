"""The audit trail in the console, and what a role leaves of its keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from engine.roles import Role
from store import audit, database
from store.types import Actor, AuditEvent, Status
from tests.clock import START, FakeClock
from tests.driver import Console, check_text_snapshot
from tests.tui import scenes
from tests.tui.scenes import NARROW, WIDE, Desk, opened
from tui import audit_cells
from tui.screens.audit import AuditScreen
from tui.widgets.paged_table import PagedTable

SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "120x40"])


def trail(desk: Desk) -> list[AuditEvent]:
    with database.session():
        return audit.events()


async def signed_in(console: Console, desk: Desk) -> None:
    """That somebody came is kept after the first frame."""
    await opened(console)
    await console.until(lambda: trail(desk)[-1].action == "session.open", "the sign-in is kept")


async def shown(console: Console, *texts: str) -> AuditScreen:
    await console.expect("Audit trail", *texts)
    screen = console.app.screen
    assert isinstance(screen, AuditScreen)
    await console.until(lambda: screen._event is not None, "the newest event is read")
    return screen


def check(name: str, console: Console) -> None:
    width, height = console.app.size
    check_text_snapshot(f"{name}_{width}x{height}", console.screen)


@SIZES
async def test_R11_audit_full(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.sampled(tmp_path, clock)
    async with desk.console(size) as console:
        await signed_in(console, desk)
        await console.press("A")
        screen = await shown(console, "every campaign")
        cancelled = next(one for one in reversed(trail(desk)) if one.action == "campaign.cancel")
        assert screen.query_one(PagedTable).move_to_id(cancelled.id)
        await console.expect("- status: scheduled", "+ status: cancelled")
        check("audit_full", console)


@SIZES
async def test_R11_audit_without_a_match(tmp_path: Path, clock: FakeClock, size: tuple[int, int]) -> None:
    desk = scenes.sampled(tmp_path, clock)
    async with desk.console(size) as console:
        await signed_in(console, desk)
        await console.press("A")
        await shown(console)
        await console.press("/")
        await console.type("no such thing")
        await console.press("enter")
        await console.expect("No event has this text.")
        check("audit_empty", console)


async def test_R11_the_trail_of_one_campaign_from_its_report_and_back(tmp_path: Path, clock: FakeClock) -> None:
    desk = scenes.sampled(tmp_path, clock)
    campaign_id = desk.id_of("Flash Friday")
    async with desk.console() as console:
        screen = await opened(console)
        assert screen.query_one(PagedTable).move_to_id(campaign_id)
        await console.press("enter")
        await console.expect("Flash Friday", "1 all")
        await console.press("A")
        found = await shown(console, f"of campaign {campaign_id}")
        with database.session():
            assert list(found.query_one(PagedTable).window.ids) == list(audit.ids(campaign_id))
        await console.press("c")
        await console.expect("of every campaign")
        await console.press("escape")
        await console.expect("Report", "Flash Friday")


async def test_R11_the_trail_of_the_campaign_under_the_cursor_and_back(tmp_path: Path, clock: FakeClock) -> None:
    desk = scenes.sampled(tmp_path, clock)
    campaign_id = desk.id_of("Flash Friday")
    async with desk.console() as console:
        screen = await opened(console)
        assert screen.query_one(PagedTable).move_to_id(campaign_id)
        await console.press("a")
        await shown(console, f"of campaign {campaign_id}")
        await console.press("escape")
        back = await opened(console)
        assert back.subject is not None and back.subject.id == campaign_id


async def test_R11_events_are_found_by_text_and_esc_forgets_it(tmp_path: Path, clock: FakeClock) -> None:
    desk = scenes.sampled(tmp_path, clock)
    async with desk.console() as console:
        await signed_in(console, desk)
        n = len(trail(desk))
        await console.press("A")
        screen = await shown(console, f"{n} events")
        await console.press("/")
        assert isinstance(screen.focused, Input)
        await console.type("invoice 2041")
        await console.press("enter")
        await console.expect("1 event of every campaign, with “invoice 2041”", "credits.add")
        await console.press("escape")
        await console.expect(f"{n} events of every campaign")
        await console.press("escape")
        await console.expect("[All")


def happened(desk: Desk, action: str = "campaign.edit", n: int = 1) -> None:
    """Somebody else did something."""
    with database.session():
        for _ in range(n):
            audit.write(desk.clock.now(), Actor("bob", "elsewhere"), action, after={f"part {i}": i for i in range(40)})


async def test_R11_the_trail_follows_and_the_cursor_and_marks_stay_on_their_events(
    tmp_path: Path, clock: FakeClock
) -> None:
    desk = scenes.sampled(tmp_path, clock)
    async with desk.console() as console:
        await signed_in(console, desk)
        await console.press("A")
        screen = await shown(console)
        n, window = len(trail(desk)), screen.query_one(PagedTable).window
        await console.press("space")
        cursor, marks = window.cursor, set(window.marks)
        clock.advance(61_000)
        happened(desk)
        screen._poll()
        await console.expect(f"{n + 1} events", "today 14:31:01", "campaign.edit", "14:31 IST")
        assert (window.cursor, window.marks) == (cursor, marks) and window.cursor_index == 2
        assert screen._event is not None and screen._event.id == cursor


async def test_R11_a_trail_that_is_scrolled_stays_where_it_is_while_events_come(
    tmp_path: Path, clock: FakeClock
) -> None:
    desk = scenes.sampled(tmp_path, clock)
    happened(desk, n=60)
    async with desk.console() as console:
        await signed_in(console, desk)
        await console.press("A")
        screen = await shown(console)
        n, table = len(trail(desk)), screen.query_one(PagedTable)
        await console.press("G")
        await console.press("k", "k")
        height = table.window.cursor_index - round(table.scroll_y)
        cursor = table.window.cursor
        await console.until(lambda: screen._event is not None and screen._event.id == cursor, "it is read")
        happened(desk, n=3)
        screen._poll()
        await console.expect(f"{n + 3} events")
        assert table.window.cursor == cursor
        assert table.window.cursor_index - round(table.scroll_y) == height


async def test_R11_the_event_in_full_stays_scrolled_while_others_come(tmp_path: Path, clock: FakeClock) -> None:
    desk = scenes.empty(tmp_path, clock)
    happened(desk)
    async with desk.console() as console:
        await signed_in(console, desk)
        await console.press("A")
        screen = await shown(console)
        await console.press("j")
        await console.expect("at elsewhere")
        await console.press("tab", "pagedown")
        full = screen.query_one("#audit-event")
        await console.until(lambda: full.scroll_y > 0, "it is scrolled")
        happened(desk)
        screen._poll()
        await console.expect(f"{len(trail(desk))} events")
        assert full.scroll_y > 0


async def test_the_clock_of_the_trail_goes_on(tmp_path: Path, clock: FakeClock) -> None:
    desk = scenes.empty(tmp_path, clock)
    async with desk.console() as console:
        await signed_in(console, desk)
        await console.press("A")
        screen = await shown(console, "14:30 IST")
        clock.advance(60_000)
        screen._poll()
        await console.expect("14:31 IST")


def test_R11_an_event_is_dated_to_the_second_where_there_is_room() -> None:
    def when(at: int) -> str:
        event = AuditEvent(1, at, "bob", "", "campaign.edit", None, {}, {}, "")
        return audit_cells.cells(event, "Asia/Kolkata", START)[0].text

    assert when(START + 5_000) == "today 14:30:05"
    assert when(START - 24 * 3_600_000) == "yesterday 14:30:00"
    assert when(START - 400 * 24 * 3_600_000) == "19 Oct 2025 14:30"


async def test_R11_what_is_in_an_event_is_shown_literally(tmp_path: Path, clock: FakeClock) -> None:
    desk = scenes.empty(tmp_path, clock)
    with database.session():
        audit.write(
            clock.now(), Actor("[b]bob[/b]", "\x1b]0;owned\x07"), "campaign.edit", 1,
            before={"name": scenes.MARKUP}, after={"name": scenes.ESCAPES}, detail="[@click=app.quit]x[/]",
        )  # fmt: skip
    async with desk.console() as console:
        await opened(console)
        await console.press("A")
        screen = await shown(console)
        event = next(one for one in trail(desk) if one.actor == "[b]bob[/b]")
        assert screen.query_one(PagedTable).move_to_id(event.id)
        await console.expect("[b]bob[/b]", "- name: [b]Bold[/b]", "+ name: ␛[31mred", "[@click=app.quit]x[/]")
        assert "\x1b" not in console.screen


async def test_R11_a_session_is_in_the_trail_from_its_beginning_to_its_end(tmp_path: Path, clock: FakeClock) -> None:
    desk = scenes.empty(tmp_path, clock)
    async with desk.console(role=Role.MANAGER) as console:
        await signed_in(console, desk)
        clock.advance(60_000)
        await console.press("q")
        await console.until(lambda: trail(desk)[-1].action == "session.close", "the sign-out is kept")
    came, went = trail(desk)[-2:]
    assert (came.action, went.action) == ("session.open", "session.close")
    assert (came.actor, came.terminal, came.after) == ("asha", "test", {"role": "manager"})
    assert went.at - came.at == 60_000


async def test_R11_a_read_only_console_leaves_no_event(tmp_path: Path, clock: FakeClock) -> None:
    desk = scenes.empty(tmp_path, clock)
    before = trail(desk)
    async with desk.console(read_only=True) as console:
        await opened(console)
        await console.press("A")
        await shown(console, "READ-ONLY")
    database.open_database(desk.url)
    assert trail(desk) == before


# From RULES.md, R56: the key, the campaign it is tried on, who is the least that may, the action that is audited.
KEYS = [
    ("n", "Spring sale", Role.MANAGER, "campaign.create"),
    ("L", "Spring sale", Role.ADMIN, "account.limits"),
    ("e", "Spring sale", Role.MANAGER, "campaign.edit"),
    ("D", "Spring sale", Role.MANAGER, "campaign.duplicate"),
    ("S", "Spring sale", Role.MANAGER, "campaign.send"),
    ("c", "Later", Role.MANAGER, "campaign.cancel"),
    ("b", "Later", Role.MANAGER, "campaign.reopen"),
    ("t", "Later", Role.MANAGER, "campaign.reschedule"),
    ("d", "Spring sale", Role.ADMIN, "campaign.delete"),
]
LESS = {Role.MANAGER: (Role.AGENT,), Role.ADMIN: (Role.AGENT, Role.MANAGER)}
REFUSED = [(key, name, role, action) for key, name, least, action in KEYS for role in LESS[least]]


@pytest.mark.parametrize(("key", "name", "role", "action"), REFUSED)
async def test_R57_a_key_the_role_forbids_says_so_does_nothing_and_is_an_event(
    tmp_path: Path, clock: FakeClock, key: str, name: str, role: Role, action: str
) -> None:
    desk = scenes.empty(tmp_path, clock)
    desk.draft()
    desk.scheduled("Later")
    before = desk.rows()
    async with desk.console(WIDE, role=role) as console:
        screen = await opened(console)
        await console.expect(f"as {role.value}")
        assert screen.query_one(PagedTable).move_to_id(desk.id_of(name))
        await console.press(key)
        await console.expect(f"The role {role.value} may not do this")
        await console.until(lambda: trail(desk)[-1].action == f"{action}.refused", "the refusal is kept")
        assert console.app.screen is screen
    event = next(one for one in reversed(trail(desk)) if one.action == f"{action}.refused")
    assert (event.actor, event.after) == ("asha", {"code": "not_allowed"})
    # A new draft and the account's limits have nothing to do with the campaign under the cursor.
    assert event.campaign_id == (None if key in "nL" else desk.id_of(name))
    assert desk.rows() == before


async def test_R57_an_agent_reads_a_draft_but_cannot_save_it_and_loses_nothing(
    tmp_path: Path, clock: FakeClock
) -> None:
    desk = scenes.empty(tmp_path, clock)
    draft = desk.draft()
    async with desk.console(WIDE, role=Role.AGENT) as console:
        await opened(console)
        await console.press("enter")
        await console.expect("Draft  Spring sale", "10 will get it")
        await console.type(" more")
        await console.press("ctrl+s")
        await console.expect("The role agent may not do this", "more")
    assert desk.campaign(draft).name == "Spring sale"
    assert desk.campaign(draft).status is Status.DRAFT


async def test_R57_an_owner_sees_no_role_in_the_frame(tmp_path: Path, clock: FakeClock) -> None:
    async with scenes.empty(tmp_path, clock).console(WIDE) as console:
        await opened(console)
        await console.expect_not("as owner")

"""The draft editor as an operator uses it, on a real database."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from textual.widgets import Input, Select

from engine.clock import MINUTE
from engine.commands import drafts
from store import audit, campaigns, database
from store.types import DraftFields, Fill, Status
from tests import builders
from tests.clock import FakeClock
from tests.driver import Console, check_text_snapshot
from tests.tui.draft_scene import DATA, Scene, editor, told, wrong
from tui.screens.confirm import Confirm
from tui.screens.draft import DraftScreen
from tui.screens.draft_choice import Choice
from tui.screens.draft_choices import COUNTRY, FILE, NUMBER
from tui.screens.draft_panel import TEMPLATE
from tui.screens.draft_skipped import SkippedRows

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
ROWS = [
    ("Asha", builders.number(1), "C1"),
    ("", builders.number(2), "C2"),
    ("Bob", builders.number(1), "C3"),
    ("Cy", "call me", "C4"),
]


@pytest.fixture
def scene(tmp_path: Path, clock: FakeClock) -> Scene:
    return Scene.make(tmp_path, clock)


def focused(console: Console) -> str:
    """The field that has the focus, by the first word of its label."""
    widget = console.app.screen.focused
    while widget is not None and not (widget.id or "").startswith("f-"):
        if isinstance(widget.parent, type(None)):
            return ""
        widget = widget.parent  # type: ignore[assignment] # up to the screen, which has no id
    return "" if widget is None else (widget.id or "").removeprefix("f-")


async def fill_in(console: Console, screen: DraftScreen, name: str, text: str) -> None:
    """Go to a field and put a text there, as pasting does."""
    screen.panel.go_to(name)
    await console.pilot.pause()
    control = screen.panel.fields[name].field_control
    assert isinstance(control, Input)
    control.value = text
    await console.pilot.pause()


async def choose(console: Console, screen: DraftScreen, name: str, value: object) -> None:
    """Choose in a list, as clicking an option does."""
    control = screen.panel.fields[name].field_control
    assert isinstance(control, Select)
    control.value = value
    await console.pilot.pause()


async def dialog(console: Console, kind: type[object], scene: Scene) -> None:
    """Wait for a dialog and until it listens."""
    await console.until(lambda: isinstance(console.app.screen, kind), f"a {kind.__name__} opens")
    scene.clock.advance(300)


# A draft from nothing


async def test_a_new_draft_is_stored_by_saving_and_not_before(scene: Scene) -> None:
    async with scene.console() as console:
        await editor(console)
        await console.type("Diwali [b]early")
        await console.expect("Diwali [b]early *", "new, not saved yet")
        with database.session(), pytest.raises(Exception, match="no campaign 1"):
            campaigns.get(1)
        await console.press("ctrl+s")
        await told(console, "Saved “Diwali [b]early”.")
        await console.expect("saved   14:30 IST")
    assert scene.only_campaign().name == "Diwali [b]early"
    assert scene.only_campaign().status is Status.DRAFT


async def test_the_form_is_saved_whatever_is_missing_in_it(scene: Scene) -> None:
    async with scene.console() as console:
        await editor(console)
        await console.press("f2")
        await told(console, "Saved “Untitled”.")
    assert scene.only_campaign().template_id is None


async def test_the_only_sender_is_chosen_and_counts_as_no_change(scene: Scene) -> None:
    async with scene.console() as console:
        await editor(console)
        await console.expect("+91 80 4021 4021  80/s", "✗ no template chosen")
        assert " *" not in console.lines[0]
        await console.press("escape")
        await console.until(lambda: console.app.current_mode == "campaigns", "it leaves without a question")


async def test_R22_a_whole_journey_from_nothing_to_scheduled(scene: Scene) -> None:
    file = builders.contacts_file(scene.folder, ROWS)
    async with scene.console() as console:
        screen = await editor(console)
        await console.type("Diwali")
        await choose(console, screen, TEMPLATE, scene.template_id("greeting"))
        await fill_in(console, screen, FILE, str(file))
        await console.press("enter")
        await console.expect("contacts.csv, 4 rows: 2 will get it, 2 skipped")
        await console.expect("✗ body.1 has no text yet")
        # The placeholders' lines: the source by its list, the text by typing.
        screen.panel.go_to("body.1")
        await console.press("enter", "down", "down", "enter", "tab")
        await console.type("friend")
        await console.expect("Hello Asha, your coupon is {{2}} today.")
        await console.press("tab", "enter", "down", "enter", "tab")
        await console.type("XMAS")
        await console.expect("Hello Asha, your coupon is XMAS today.", "✓ every placeholder filled")
        await fill_in(console, screen, "when", "tomorrow 10:00")
        await console.expect("Tue 24 Nov 2026 10:00 IST, in 19 h 30 min", "can be cancelled until tomorrow 09:55")
        await console.press("ctrl+g")
        await dialog(console, Confirm, scene)
        await console.expect("Schedule “Diwali”?", "2 recipients, 2 credits of 41,250 free.", "tomorrow 09:55")
        await console.press("y")
        await console.until(lambda: console.app.current_mode == "campaigns", "back to the list")
        await told(
            console, "“Diwali” goes Tue 24 Nov 2026 10:00 IST, in 19 h 29 min; can be cancelled until tomorrow 09:55."
        )
    campaign = scene.only_campaign()
    assert campaign.status is Status.SCHEDULED
    assert campaign.fills == {"body.1": Fill(column="Name", fallback="friend"), "body.2": Fill(fixed="XMAS")}
    assert campaign.timezone == builders.ZONE


# Saving, leaving, conflicts


async def test_leaving_with_something_unsaved_asks_and_stays_by_default(scene: Scene) -> None:
    async with scene.console() as console:
        await editor(console)
        await console.type("Diwali")
        await console.press("escape")
        await dialog(console, Choice, scene)
        await console.expect("Leave the draft?", "[ Stay ]")
        await console.press("enter")
        await console.until(lambda: isinstance(console.app.screen, DraftScreen), "it stays")
        await console.expect("Diwali *")


async def test_leaving_can_save_or_discard(scene: Scene) -> None:
    async with scene.console() as console:
        await editor(console)
        await console.type("Diwali")
        await console.press("escape")
        await dialog(console, Choice, scene)
        await console.press("s")
        await console.until(lambda: console.app.current_mode == "campaigns", "saved and left")
        await editor(console, 1)
        await console.type(" early")
        await console.press("escape")
        await dialog(console, Choice, scene)
        await console.press("d")
        await console.until(lambda: console.app.current_mode == "campaigns", "left")
    assert scene.only_campaign().name == "Diwali"


async def test_the_dialog_is_deaf_to_keys_meant_for_the_form(scene: Scene) -> None:
    async with scene.console() as console:
        await editor(console)
        await console.type("Diwali")
        await console.press("escape")
        await console.until(lambda: isinstance(console.app.screen, Choice), "the dialog opens")
        await console.press("d")
        assert isinstance(console.app.screen, Choice)


def change(scene: Scene, campaign_id: int, name: str) -> None:
    """Somebody else saves the draft under another name."""
    with database.session():
        campaign = campaigns.get(campaign_id)
        drafts.edit(builders.context(scene.clock), campaign_id, campaign.version, DraftFields(name=name))


async def conflict(console: Console, scene: Scene, campaign_id: int) -> DraftScreen:
    screen = await editor(console, campaign_id)
    change(scene, campaign_id, "Theirs")
    await fill_in(console, screen, "name", "Mine")
    await console.press("ctrl+s")
    await dialog(console, Choice, scene)
    await console.expect("Somebody else changed this campaign a moment ago")
    return screen


async def test_a_conflict_keeps_what_was_typed_and_changes_nothing_by_default(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        await conflict(console, scene, campaign_id)
        await console.press("escape")
        await console.expect("Mine *")
    assert scene.campaign(campaign_id).name == "Theirs"


async def test_a_conflict_can_be_settled_for_mine(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        await conflict(console, scene, campaign_id)
        await console.press("o")
        await told(console, "Saved “Mine”.")
    assert scene.campaign(campaign_id).name == "Mine"


async def test_a_conflict_can_be_settled_for_theirs(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        await conflict(console, scene, campaign_id)
        await console.press("r")
        await console.until(lambda: not isinstance(console.app.screen, Choice), "answered")
        await console.expect("Draft  Theirs   ")


async def test_a_conflict_can_be_saved_as_a_new_draft_with_the_audience(scene: Scene) -> None:
    campaign_id = scene.draft(rows=3)
    async with scene.console() as console:
        screen = await conflict(console, scene, campaign_id)
        await console.press("n")
        await console.until(lambda: screen.draft.campaign_id != campaign_id, "another draft")
        new_id = screen.draft.campaign_id
        await console.expect("Draft  Mine   ")
    assert new_id is not None
    assert scene.campaign(new_id).name == "Mine"
    assert scene.campaign(new_id).progress.audience == 3
    assert scene.campaign(campaign_id).name == "Theirs"


async def test_the_time_typed_for_a_draft_is_there_again_when_it_is_opened_again(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "tomorrow 10:00")
        await console.press("escape")
        await console.until(lambda: console.app.current_mode == "campaigns", "left without a question")
        await editor(console, campaign_id)
        await console.expect("Tue 24 Nov 2026 10:00 IST")


# The contact file


async def test_R33_a_file_whose_number_column_is_unclear_asks_for_it(scene: Scene) -> None:
    file = scene.folder / "two.csv"
    file.write_text(f"Mobile,Phone\n{builders.number(1)},+4915170000002\n", encoding="utf-8")
    async with scene.console() as console:
        screen = await editor(console)
        await fill_in(console, screen, FILE, str(file))
        await console.press("enter")
        await wrong(console, screen, NUMBER, "Several columns may hold the numbers: Mobile, Phone. Choose it here.")
        await choose(console, screen, NUMBER, "Phone")
        await console.expect("two.csv, 1 row: 1 will get it")
    assert scene.only_campaign().audience is not None
    assert scene.only_campaign().audience.number_column == "Phone"  # type: ignore[union-attr] # asserted above


async def test_R34_the_country_completes_national_numbers(scene: Scene) -> None:
    async with scene.console() as console:
        screen = await editor(console)
        await fill_in(console, screen, FILE, str(DATA / "national.tsv"))
        await fill_in(console, screen, COUNTRY, "xx")
        await console.press("enter")
        await wrong(console, screen, COUNTRY, "There is no country 'xx'")
        await fill_in(console, screen, COUNTRY, "in")
        await console.press("tab", "tab")
        await console.expect("national.tsv, ", " will get it")
        audience = scene.only_campaign().audience
    assert audience is not None
    assert audience.country == "IN"


async def test_a_file_that_is_not_there_is_told_at_its_field(scene: Scene) -> None:
    async with scene.console() as console:
        screen = await editor(console)
        await fill_in(console, screen, FILE, "/no/such/contacts.csv")
        await console.press("enter")
        await wrong(console, screen, FILE, "/no/such/contacts.csv")


async def test_leaving_the_files_fields_reads_the_file_once(scene: Scene) -> None:
    file = builders.contacts_file(scene.folder, ROWS)
    async with scene.console() as console:
        screen = await editor(console)
        await fill_in(console, screen, FILE, str(file))
        await console.press("tab", "tab", "tab")
        await console.expect("4 rows: 2 will get it")
        await console.press("shift+tab", "tab")
    with database.session():
        imports = [event for event in audit.events(campaign_id=1) if event.action == "campaign.import"]
    assert len(imports) == 1


async def test_an_import_tells_how_far_it_is_and_esc_stops_it(scene: Scene) -> None:
    campaign_id = scene.draft(rows=3)
    file = builders.contacts_file(scene.folder, 20_000, "more.csv")
    gate = threading.Event()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        held = asyncio.create_task(screen.services.threads.write(gate.wait))
        await fill_in(console, screen, FILE, str(file))
        await console.press("enter")
        await console.expect("reading more.csv: 0 rows so far   esc stops")
        await console.press("escape")
        gate.set()
        await held
        await told(console, "Stopped. The audience is as it was before.")
        await console.expect("3 rows: 3 will get it")
    assert scene.campaign(campaign_id).progress.audience == 3


async def test_typing_goes_on_while_a_file_is_read(scene: Scene) -> None:
    campaign_id = scene.draft(rows=3)
    file = builders.contacts_file(scene.folder, 5, "five.csv")
    gate = threading.Event()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        held = asyncio.create_task(screen.services.threads.write(gate.wait))
        await fill_in(console, screen, FILE, str(file))
        await console.press("enter")
        await fill_in(console, screen, "name", "Typed meanwhile")
        await console.press("ctrl+g")
        await told(console, "The file is still being read. Press ctrl+g again when it is done.")
        gate.set()
        await held
        await console.expect("five.csv, 5 rows: 5 will get it", "Typed meanwhile *")
        await console.press("ctrl+s")
        await told(console, "Saved “Typed meanwhile”.")
    assert scene.campaign(campaign_id).progress.audience == 5
    assert scene.campaign(campaign_id).name == "Typed meanwhile"


async def test_saving_reads_a_file_that_was_typed_and_not_read_yet(scene: Scene) -> None:
    file = builders.contacts_file(scene.folder, ROWS)
    async with scene.console() as console:
        screen = await editor(console)
        await fill_in(console, screen, FILE, str(file))
        await console.press("ctrl+s")
        await told(console, "Saved “Untitled”.")
        await console.expect("4 rows: 2 will get it")
    assert scene.only_campaign().progress.audience == 4


async def test_R35_the_skipped_rows_are_listed_and_written_to_a_file(scene: Scene) -> None:
    campaign_id = scene.draft(ROWS)
    target = scene.folder / "skipped.csv"
    async with scene.console() as console:
        await editor(console, campaign_id)
        await console.expect("duplicate 1, invalid number 1   f9 shows them")
        await console.press("f9")
        await console.until(lambda: isinstance(console.app.screen, SkippedRows), "the list opens")
        await console.expect("call me", "invalid number", "duplicate")
        await console.press("ctrl+e")
        await console.until(lambda: bool(console.app.screen.query("#echo")), "asks for a file")
        console.app.screen.query_one(Input).value = str(target)
        await console.press("enter")
        await told(console, "Wrote 2 rows")
        await console.press("escape")
        await console.until(lambda: isinstance(console.app.screen, DraftScreen), "back in the form")
    lines = target.read_text("utf-8-sig").splitlines()
    assert lines[0] == "line,number as typed,reason,Name,Phone number,Coupon"
    assert [line.split(",")[0] for line in lines[1:]] == ["4", "5"]


# What will happen


async def test_the_preview_steps_through_those_who_would_get_it(scene: Scene) -> None:
    campaign_id = scene.draft(ROWS)
    async with scene.console() as console:
        await editor(console, campaign_id)
        await console.expect("1 of 2", "Hello Asha, your coupon is C1 today.")
        await console.press("f4")
        await console.expect("2 of 2", "Hello there, your coupon is C2 today.")
        await console.press("f4", "f3")
        await console.expect("1 of 2", "Hello Asha")


async def test_R37_counts_and_preview_follow_a_mapping_that_is_not_saved(scene: Scene) -> None:
    campaign_id = scene.draft(ROWS)
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        screen.panel.go_to("body.1")
        await console.press("end", "ctrl+u")
        await console.expect("1 will get it, 3 skipped", "a blank cell behind a", "1 of 1")
        await console.type("you")
        await console.expect("2 will get it, 2 skipped", "1 of 2")
    assert scene.campaign(campaign_id).fills["body.1"].fallback == "there"


async def test_f8_goes_from_problem_to_problem(scene: Scene) -> None:
    async with scene.console() as console:
        await editor(console)
        found = []
        for _ in range(5):
            await console.press("f8")
            found.append(focused(console))
        assert found == ["name", "template", "file", "when", "name"]


async def test_R23_a_template_that_is_not_approved_cannot_be_chosen(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        before = screen.panel.form.template_id
        await choose(console, screen, TEMPLATE, scene.template_id("weekend_offer"))
        await wrong(console, screen, TEMPLATE, "template weekend_offer:en_US is paused by WhatsApp for low quality.")
        assert screen.panel.form.template_id == before
        await console.expect("greeting  en_US  marketing")


async def test_a_template_is_found_by_typing_in_the_list(scene: Scene) -> None:
    async with scene.console() as console:
        screen = await editor(console)
        screen.panel.go_to("template")
        await console.press("enter")
        await console.type("season")
        await console.press("enter")
        await console.expect("season_sale  en_US  marketing", "Reply STOP to opt out")


async def test_another_template_keeps_the_lines_of_the_one_before(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await choose(console, screen, TEMPLATE, scene.template_id("season_sale"))
        await console.expect("header.1", "Reply STOP to opt out", "[ Call us ]")
        await choose(console, screen, TEMPLATE, scene.template_id("greeting"))
        await console.expect_not("header.1")
        await console.expect("✓ every placeholder filled")


async def test_R26_short_of_credits_blocks_and_says_how_many_are_missing(tmp_path: Path, clock: FakeClock) -> None:
    scene = Scene.make(tmp_path, clock, credits=4)
    campaign_id = scene.draft(rows=10)
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "tomorrow 10:00")
        await console.expect("✗ 10 credits needed, 4 free: 6 missing")
        await console.press("ctrl+g")
        await told(console, "It cannot go yet: 10 credits needed, 4 free: 6 missing.")
    assert scene.campaign(campaign_id).status is Status.DRAFT


# Launching


async def test_R12_a_past_time_cannot_be_confirmed(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "2026-11-23 14:00")
        await console.expect("! Mon 23 Nov 2026 14:00 IST is in the past")
        await console.press("ctrl+g")
        await told(console, "It cannot go yet: Mon 23 Nov 2026 14:00 IST is in the past")
        assert focused(console) == "when"
    assert scene.campaign(campaign_id).status is Status.DRAFT


async def test_R13_the_zone_typed_counts(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "2026-11-24 10:00")
        await fill_in(console, screen, "zone", "Europe/Berlin")
        await console.expect("Tue 24 Nov 2026 10:00 CET")
        await console.press("ctrl+g")
        await dialog(console, Confirm, scene)
        await console.press("y")
        await console.until(lambda: console.app.current_mode == "campaigns", "scheduled")
    campaign = scene.campaign(campaign_id)
    assert campaign.timezone == "Europe/Berlin"
    assert campaign.scheduled_at == 1_795_510_800_000


async def test_R16_the_dialog_says_that_it_is_locked_from_the_start(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "in 3 min")
        await console.press("ctrl+g")
        await dialog(console, Confirm, scene)
        await console.expect("LOCKED from the start: less than 5 minutes ahead")
        await console.press("y")
        await told(console, "LOCKED from the start: less than 5 minutes ahead, it cannot be cancelled")
    assert scene.campaign(campaign_id).status is Status.SCHEDULED


async def test_R18_not_yet_is_the_default_and_changes_nothing(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "tomorrow 10:00")
        await console.press("ctrl+g")
        await dialog(console, Confirm, scene)
        await console.press("enter")
        await console.until(lambda: isinstance(console.app.screen, DraftScreen), "back in the form")
        await console.expect("Tue 24 Nov 2026 10:00 IST")
    assert scene.campaign(campaign_id).status is Status.DRAFT


async def test_a_relative_time_is_scheduled_as_it_was_shown(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "in 30 min")
        asked_at = scene.clock.now()
        await console.press("ctrl+g")
        await dialog(console, Confirm, scene)
        scene.clock.advance(2 * MINUTE)
        await console.press("y")
        await console.until(lambda: console.app.current_mode == "campaigns", "scheduled")
    assert scene.campaign(campaign_id).scheduled_at == asked_at + 30 * MINUTE


async def test_R12_a_time_that_passes_while_the_dialog_is_open_cannot_be_confirmed(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "in 3 min")
        await console.press("ctrl+g")
        await dialog(console, Confirm, scene)
        scene.clock.advance(4 * MINUTE)
        await console.press("y")
        await console.expect("That time has passed.")
    assert scene.campaign(campaign_id).status is Status.DRAFT


async def test_what_somebody_else_changed_during_the_question_is_not_scheduled_unseen(scene: Scene) -> None:
    campaign_id = scene.draft()
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "tomorrow 10:00")
        await console.press("ctrl+g")
        await dialog(console, Confirm, scene)
        change(scene, campaign_id, "Theirs")
        await console.press("y")
        await told(console, "Somebody else changed this draft while you were asked")
    assert scene.campaign(campaign_id).status is Status.DRAFT


async def test_R17_sending_now_asks_for_the_number_of_recipients(scene: Scene) -> None:
    campaign_id = scene.draft(rows=3)
    async with scene.console() as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "now")
        await console.press("ctrl+g")
        await dialog(console, Confirm, scene)
        await console.expect("Sending now cannot be cancelled.", "Type 3 to confirm:")
        await console.type("4")
        await console.press("enter")
        await console.expect("4 is not 3; nothing was done.")
        assert scene.campaign(campaign_id).status is Status.DRAFT
        await console.press("ctrl+u")
        await console.type("3")
        await console.press("enter")
        await console.until(lambda: console.app.current_mode == "report", "its report opens")
    assert scene.campaign(campaign_id).status is Status.IN_PROGRESS


# Somebody may only look


async def test_a_read_only_console_shows_the_form_and_changes_nothing(scene: Scene) -> None:
    campaign_id = scene.draft()
    file = builders.contacts_file(scene.folder, 3, "other.csv")
    async with scene.console(read_only=True) as console:
        screen = await editor(console, campaign_id)
        await console.expect("READ-ONLY", "Hello Customer 0")
        await fill_in(console, screen, "name", "Other")
        for key in ("ctrl+s", "ctrl+g"):
            await console.press(key)
            await told(console, "This console is read-only.")
            console.app.clear_notifications()
        await fill_in(console, screen, FILE, str(file))
        await console.press("enter")
        await console.pilot.pause()
    assert scene.campaign(campaign_id).name == "Spring sale"
    assert scene.campaign(campaign_id).progress.audience == 10


# Looks


@SIZES
async def test_looks_empty(scene: Scene, size: tuple[int, int]) -> None:
    async with scene.console(size) as console:
        await editor(console)
        await console.expect("no time yet" if size[0] > 100 else "f6 all")
        check_text_snapshot(f"draft_empty_{size[0]}x{size[1]}", console.screen)


@SIZES
async def test_looks_full(scene: Scene, size: tuple[int, int]) -> None:
    campaign_id = scene.draft(ROWS)
    async with scene.console(size) as console:
        screen = await editor(console, campaign_id)
        await fill_in(console, screen, "when", "tomorrow 10:00")
        await console.expect("19 h 30 min", "f9 shows them")
        check_text_snapshot(f"draft_full_{size[0]}x{size[1]}", console.screen)


async def test_looks_flipped(scene: Scene) -> None:
    campaign_id = scene.draft(ROWS)
    async with scene.console((80, 24)) as console:
        await editor(console, campaign_id)
        await console.press("f6")
        await console.expect("Before it goes", "Hello Asha")
        check_text_snapshot("draft_flipped_80x24", console.screen)
        await console.press("escape")
        await console.expect("Zone")
        assert isinstance(console.app.screen, DraftScreen)


@SIZES
async def test_looks_with_errors(scene: Scene, size: tuple[int, int]) -> None:
    async with scene.console(size) as console:
        screen = await editor(console)
        await choose(console, screen, TEMPLATE, scene.template_id("greeting"))
        await fill_in(console, screen, "when", "2026-11-23 14:00")
        await fill_in(console, screen, FILE, "/no/such/contacts.csv")
        await console.press("enter")
        await console.expect("! /no/such/contacts.csv", "in the past")
        check_text_snapshot(f"draft_errors_{size[0]}x{size[1]}", console.screen)


@SIZES
async def test_looks_importing(scene: Scene, size: tuple[int, int]) -> None:
    campaign_id = scene.draft(ROWS)
    file = builders.contacts_file(scene.folder, 3, "more.csv")
    gate = threading.Event()
    async with scene.console(size) as console:
        screen = await editor(console, campaign_id)
        held = asyncio.create_task(screen.services.threads.write(gate.wait))
        await fill_in(console, screen, FILE, f"~/../../{file}")
        screen.panel.fields[FILE].set_value("~/lists/more.csv")
        await console.press("enter")
        await console.expect("rows so far")
        check_text_snapshot(f"draft_importing_{size[0]}x{size[1]}", console.screen)
        gate.set()
        await held
        await console.until(lambda: screen.importing is None, "it ends")

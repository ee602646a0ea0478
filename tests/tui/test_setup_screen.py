"""The first-run screen on a database that nobody has set up."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from textual.widgets import Input, Static

from engine.commands import setup as engine_setup
from store import account, audit, database
from store.types import Gateway
from tests import builders
from tests.clock import FakeClock
from tests.driver import Console
from tests.tui import scenes
from tests.tui.scenes import NARROW, Desk, paste
from tui.screens import setup
from tui.screens.campaigns import CampaignsScreen
from tui.screens.setup import SetupScreen


@pytest.fixture
def desk(tmp_path: Path, clock: FakeClock) -> Desk:
    return scenes.fresh(tmp_path, clock)


async def fill_in(console: Console, field: str, text: str) -> None:
    """Put a text into a field, as pasting does."""
    box = console.app.screen.query_one(f"#{field}", Input)
    box.focus()
    box.value = text
    await console.pilot.pause()


def has_account() -> bool:
    with database.session():
        return account.has_account()


async def test_three_answers_create_the_account_and_go_on_to_the_list(desk: Desk) -> None:
    async with desk.console(NARROW) as console:
        await console.expect("Welcome to sendoff", "acme.db is new.", "Company")
        await paste(console, "Acme [b]Retail")
        await console.press("tab", "ctrl+u")
        await paste(console, "Asia/Kolkata")
        await console.press("ctrl+s")
        await console.until(lambda: isinstance(console.app.screen, CampaignsScreen), "the list opens")
        await console.expect("No campaigns yet.", "Acme [b]Retail", "14:30 IST")
    with database.session():
        made = account.get_account()
        assert (made.name, made.timezone, made.gateway) == ("Acme [b]Retail", "Asia/Kolkata", Gateway.SIMULATOR)
        done = [(event.action, event.actor) for event in audit.events() if not event.action.startswith("session.")]
        assert done == [("account.set_up", "asha")]


async def test_the_machines_zone_is_proposed_and_the_company_may_stay_blank(desk: Desk) -> None:
    async with desk.console() as console:
        await console.expect("UTC")
        await console.press("f2")
        await console.expect("No campaigns yet.", "My company", "09:00 UTC")


async def test_R13_a_wrong_zone_is_told_while_it_is_typed_and_creates_nothing(desk: Desk) -> None:
    async with desk.console() as console:
        await console.expect("Welcome")
        await fill_in(console, "zone", "Asia/Calcuta")
        await console.expect("There is no time zone 'Asia/Calcuta'.", "Did you mean Asia/")
        console.app.screen.query_one("#company").focus()
        await console.press("ctrl+s")
        assert isinstance(console.app.screen, SetupScreen)
        assert not has_account()
        assert console.app.focused is console.app.screen.query_one("#zone")
        await fill_in(console, "zone", "Asia/Kolkata")
        await console.expect_not("There is no time zone")
        await console.press("ctrl+s")
        await console.expect("No campaigns yet.")


async def test_the_cloud_api_needs_its_account_id(desk: Desk) -> None:
    async with desk.console() as console:
        await console.expect("Welcome")
        await console.press("tab", "tab", "down", "enter", "ctrl+s")
        await console.expect("The Cloud API needs the WhatsApp Business Account id")
        assert console.app.focused is console.app.screen.query_one("#waba")
        assert not has_account()
        await console.type("1029384756")
        await console.press("ctrl+s")
        await console.expect("No campaigns yet.")
    with database.session():
        made = account.get_account()
    assert (made.gateway, made.waba_id) == (Gateway.CLOUD_API, "1029384756")


async def test_enter_goes_to_the_next_field_and_esc_leaves_nothing_behind(desk: Desk) -> None:
    async with desk.console() as console:
        await console.expect("Welcome")
        await console.type("Acme")
        await console.press("enter")
        assert console.app.focused is console.app.screen.query_one("#zone")
        await console.press("escape")
        await console.until(lambda: not console.app.is_running or console.app.return_code is not None, "it ends")
    assert not has_account()


async def test_a_database_that_is_set_up_opens_the_list_at_once(desk: Desk, tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "other").mkdir()
    other = scenes.empty(tmp_path / "other", clock)
    async with other.console() as console:
        await console.expect("No campaigns yet.")


@pytest.mark.parametrize(
    ("value", "zone"),
    [("Asia/Kolkata", "Asia/Kolkata"), (":Europe/Berlin", "Europe/Berlin"), ("Not/AZone", None), ("", None)],
)
def test_the_machines_zone(monkeypatch: pytest.MonkeyPatch, value: str, zone: str | None) -> None:
    monkeypatch.setenv("TZ", value)
    found = setup.machine_zone()
    assert found == zone if zone else found


async def test_a_company_of_ten_thousand_characters_and_escapes_is_shown_literally(desk: Desk) -> None:
    async with desk.console(NARROW) as console:
        await console.expect("Welcome")
        await fill_in(console, "company", scenes.ESCAPES + scenes.ENDLESS)
        await fill_in(console, "zone", "Asia/Kolkata")
        await console.press("ctrl+s")
        await console.expect("No campaigns yet.")
        for strip in console.app.screen._compositor.render_strips():
            assert not any(ord(character) < 32 for character in strip.text)


@pytest.mark.parametrize(
    ("down", "steps"),
    [
        (False, "sendoff sender add, sendoff template add FILE, sendoff credits add"),
        (True, "sendoff sender sync, sendoff template sync, sendoff credits add"),
    ],
)
async def test_what_comes_next_is_named_before_and_after(desk: Desk, down: bool, steps: str) -> None:
    app = desk.app()
    setattr(app, "run_test", partial(app.run_test, notifications=True))  # noqa: B010
    try:
        async with Console(app, NARROW) as console:
            await console.expect("Then, in a shell: sendoff sender add, sendoff template add FILE,")
            if down:
                await console.press("tab", "tab", "down", "enter")
                await fill_in(console, "waba", "1029384756")
            said = str(console.app.screen.query_one("#setup-next", Static).content)
            assert said == f"Then, in a shell: {steps}"
            await console.press("ctrl+s")
            await console.until(lambda: isinstance(app.screen, CampaignsScreen), "the list opens")
            assert [notice.message for notice in app._notifications] == [f"Next, in a shell: {steps}"]
    finally:
        app.services.threads.close()


@pytest.mark.parametrize(
    ("gateway", "sender", "template"),
    [
        (Gateway.SIMULATOR, "no sender yet: sendoff sender add", "no template yet: sendoff template add FILE"),
        (Gateway.CLOUD_API, "no sender yet: sendoff sender sync", "no template yet: sendoff template sync"),
    ],
)
async def test_a_form_without_templates_names_the_command_of_its_gateway(
    desk: Desk, clock: FakeClock, gateway: Gateway, sender: str, template: str
) -> None:
    with database.session():
        engine_setup.init(builders.context(clock), name="Acme", timezone="UTC", gateway=gateway, waba_id="1")
    async with desk.console() as console:
        await console.expect("No campaigns yet.")
        await console.press("n")
        await console.expect(sender, template)

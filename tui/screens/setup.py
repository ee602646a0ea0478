"""The first-run screen: where no database is set up yet, it asks for the zone and the gateway, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from textual.containers import VerticalGroup
from textual.widgets import Label, RadioButton, RadioSet, Static

from engine import zones
from engine.commands import setup
from engine.errors import BadInput
from engine.text import shown
from store.types import Gateway
from tui.first_steps import next_steps
from tui.screens.base import ConsoleScreen
from tui.widgets.plain_input import PlainInput

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.content import Content
    from textual.widgets import Input


def machine_zone() -> str:
    """The machine's time zone by name, as far as it tells; UTC otherwise."""
    named = os.environ.get("TZ", "").lstrip(":")
    linked = str(Path("/etc/localtime").resolve()).rpartition("zoneinfo/")[2]
    for candidate in (named, linked):
        try:
            zones.named(candidate)
        except BadInput:
            continue
        return candidate
    return "UTC"


_NEXT_S: Final = 30.0
"""What comes next stays long enough to be typed in another window."""


class _Choice(RadioButton):
    """Textual tells the chosen one by its colour alone; here the dot is there or not."""

    def render(self) -> Content:
        self.BUTTON_INNER = "●" if self.value else " "
        return super().render()


class SetupScreen(ConsoleScreen):
    """Create the account of a new database."""

    CSS_PATH = "setup.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("ctrl+s", "create", "Create"),
        ("f2", "create", "Create"),
        ("ctrl+q", "app.quit", "Quit"),
        ("escape", "app.quit", "Quit"),
    ]
    AUTO_FOCUS = "#company"

    def compose(self) -> ComposeResult:
        """The form."""
        with VerticalGroup(id="setup"):
            yield Static("Welcome to sendoff", id="setup-title", markup=False)
            yield Static(f"{self.services.database} is new. Three answers and it is ready.", markup=False)
            yield Label("Company", markup=False)
            yield PlainInput(placeholder="as you want to see it on the screen", id="company", compact=True)
            yield Label("Time zone: campaigns are scheduled and shown in it", markup=False)
            yield PlainInput(machine_zone(), id="zone", compact=True)
            yield Static("", id="setup-zone-error", classes="error", markup=False)
            yield Label("Messages are handed to", markup=False)
            with RadioSet(id="gateway", compact=True):
                yield _Choice("the simulator: nothing leaves this machine", value=True)
                yield _Choice("the WhatsApp Cloud API: real messages, needs SENDOFF_TOKEN")
            yield Label("WhatsApp Business Account id (Cloud API only)", markup=False)
            yield PlainInput(id="waba", compact=True)
            yield Static("", id="setup-error", classes="error", markup=False)
            yield Static("", id="setup-next", markup=False)
            yield Static("ctrl+s or f2 create   tab next field   esc quit", id="setup-keys", markup=False)

    def on_mount(self) -> None:
        """Say what comes after it."""
        self._show_next()

    def on_radio_set_changed(self) -> None:
        """What comes after it depends on the gateway."""
        self._show_next()

    @property
    def _gateway(self) -> Gateway:
        return Gateway.CLOUD_API if self.query_one(RadioSet).pressed_index == 1 else Gateway.SIMULATOR

    def _show_next(self) -> None:
        self.query_one("#setup-next", Static).update(f"Then, in a shell: {next_steps(self._gateway)}")

    def on_input_submitted(self) -> None:
        """Enter goes to the next field, and from the last one creates."""
        self.focus_next()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell about the zone while it is typed."""
        if event.input.id != "zone":
            return
        self._zone_is_known(event.value.strip())

    def _zone_is_known(self, name: str) -> bool:
        line = self.query_one("#setup-zone-error", Static)
        try:
            zones.named(name)
        except BadInput as error:
            line.update(shown(f"! {error.message} {error.hint}"))
            return False
        line.update("")
        return True

    async def action_create(self) -> None:
        """Create the account and go to the list; what is wrong is told, and nothing typed is lost."""
        gateway = self._gateway
        waba = self.query_one("#waba", PlainInput).value.strip()
        zone = self.query_one("#zone", PlainInput).value.strip()
        if not self._zone_is_known(zone):
            self.query_one("#zone").focus()
            return
        error_line = self.query_one("#setup-error", Static)
        if gateway is Gateway.CLOUD_API and not waba:
            error_line.update("! The Cloud API needs the WhatsApp Business Account id; it stands in WhatsApp Manager.")
            self.query_one("#waba").focus()
            return
        error_line.update("")
        name = self.query_one("#company", PlainInput).value.strip() or "My company"

        def create() -> bool:
            return setup.init(self.services.context, name=name, timezone=zone, gateway=gateway, waba_id=waba or None)

        if await self.doing(create) is not None:
            await self.console.open_list()
            self.notify(f"Next, in a shell: {next_steps(gateway)}", markup=False, timeout=_NEXT_S)

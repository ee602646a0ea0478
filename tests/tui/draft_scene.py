"""The draft editor on a real database, with a clock that stands still."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from textual.widgets import Input, Select

from engine.commands import drafts, setup
from store import account, campaigns, database
from store.types import Campaign, DraftFields
from tests import builders
from tests.clock import FakeClock
from tests.driver import Console
from tui.app import SendoffApp
from tui.screens.draft import DraftScreen

SEASON = {
    "name": "season_sale",
    "language": "en_US",
    "category": "MARKETING",
    "status": "APPROVED",
    "parameter_format": "POSITIONAL",
    "quality_score": {"score": "GREEN"},
    "components": [
        {"type": "HEADER", "format": "TEXT", "text": "Hello {{1}}", "example": {"header_text": ["Asha"]}},
        {
            "type": "BODY",
            "text": "Your coupon is {{1}}, valid until {{2}}.",
            "example": {"body_text": [["DW-2041", "Friday"]]},
        },
        {"type": "FOOTER", "text": "Reply STOP to opt out"},
        {"type": "BUTTONS", "buttons": [{"type": "PHONE_NUMBER", "text": "Call us", "phone_number": "+918040214021"}]},
    ],
}
PAUSED = {
    "name": "weekend_offer",
    "language": "en_US",
    "category": "MARKETING",
    "status": "PAUSED",
    "components": [{"type": "BODY", "text": "It is the weekend."}],
}
DATA = Path(__file__).parents[1] / "data"
ROWS = [
    ("Asha", builders.number(1), "C1"),
    ("", builders.number(2), "C2"),
    ("Bob", builders.number(1), "C3"),
    ("Cy", "call me", "C4"),
]
"""Two who would get it, a duplicate and a number that is none."""


@dataclass
class Scene:
    """A database file and the clock of everybody who uses it."""

    url: str
    folder: Path
    clock: FakeClock

    @classmethod
    def make(cls, folder: Path, clock: FakeClock, credits: int = 41_250) -> Scene:
        """An account with one sender and three templates, one of them paused."""
        url = str(folder / "console.db")
        database.open_database(url, create=True)
        with database.session():
            builders.account_with_sender(clock, folder, credits=credits, rate=80)
            for template in (SEASON, PAUSED):
                setup.add_templates(builders.context(clock), builders.template_file(folder, template))
        return cls(url, folder, clock)

    def draft(self, rows: int | Sequence[Sequence[str]] = 10, name: str = "Spring sale") -> int:
        """A stored draft that passes the preflight."""
        with database.session():
            return builders.draft(self.clock, self.folder, rows, name)

    def campaign(self, campaign_id: int) -> Campaign:
        """A campaign as it is stored now."""
        with database.session():
            return campaigns.get(campaign_id)

    def change(self, campaign_id: int, name: str) -> None:
        """Somebody else saves the draft under another name."""
        with database.session():
            version = campaigns.get(campaign_id).version
            drafts.edit(builders.context(self.clock), campaign_id, version, DraftFields(name=name))

    def only_campaign(self) -> Campaign:
        """The first campaign there is, as it is stored now."""
        return self.campaign(1)

    def template_id(self, name: str) -> int:
        """The id of a template."""
        with database.session():
            return account.find_templates(name)[0].id

    def app(self, read_only: bool = False) -> SendoffApp:
        """A console without a worker."""
        database.open_database(self.url, read_only=read_only)
        app = SendoffApp(self.url, clock=self.clock, actor=builders.OPERATOR, with_worker=False, read_only=read_only)
        # Notices belong to what an operator sees; Textual leaves them out in tests unless it is asked for them.
        setattr(app, "run_test", partial(app.run_test, notifications=True))  # noqa: B010
        return app

    def console(self, size: tuple[int, int] = (120, 40), read_only: bool = False) -> Console:
        """A console to be entered with `async with`."""
        return Console(self.app(read_only), size)


async def told(console: Console, text: str) -> None:
    """Wait for a notice; on the screen its lines are broken anywhere."""
    app = console.app

    def found() -> bool:
        return any(text in notice.message for notice in app._notifications)

    await console.until(found, f"a notice with {text!r}")


async def wrong(console: Console, screen: DraftScreen, field: str, text: str) -> None:
    """Wait until a field says what is wrong with it."""
    await console.until(lambda: text in screen.panel.fields[field].error, f"{field} says {text!r}")
    await console.expect("! ")


async def editor(console: Console, campaign_id: int | None = None) -> DraftScreen:
    """The draft editor on a draft, as soon as the right-hand side has its first answer."""
    app = console.app
    assert isinstance(app, SendoffApp)
    await console.until(lambda: app.current_mode == "campaigns", "the list is there")
    await app.open_draft(campaign_id)
    screen = app.screen
    assert isinstance(screen, DraftScreen)
    await console.until(lambda: screen.outlook is not None, "the editor has looked once")
    return screen


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

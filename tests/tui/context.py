"""A screen's side of the registry, for tests."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from engine.context import Context, forbidden
from engine.errors import EngineError
from engine.lifecycle import refusal as lifecycle_refusal
from engine.roles import EVERYTHING, Rights
from store.types import Actor, CampaignRow, Progress, Status
from tests.clock import START, FakeClock
from tui.command import Command

MINUTE = 60_000

DRAFT = CampaignRow(
    id=7,
    name="Renewal July",
    status=Status.DRAFT,
    status_reason=None,
    hold_reason=None,
    hold_until=None,
    sender=918040214021,
    template="renewal_notice",
    scheduled_at=None,
    edited_at=START,
    started_at=None,
    finished_at=None,
    send_now=False,
    price=1_204,
    progress=Progress(audience=1_204, pending=1_204),
)


def row(status: Status, minutes_ahead: int = 30, held: bool = False) -> CampaignRow:
    """A campaign of that status; a Scheduled one goes in so many minutes."""
    at = START + minutes_ahead * MINUTE if status is Status.SCHEDULED else None
    return replace(DRAFT, status=status, scheduled_at=at, hold_reason="paused" if held else None)


@dataclass
class FakeContext:
    """`tui.command.Context` with the engine's real rules and the clock at `START`."""

    subject: CampaignRow | None = None
    marked: int = 0
    read_only: bool = False

    rights: Rights = field(default=EVERYTHING, init=False)
    fitting: tuple[str, ...] = field(default=(), init=False)
    """With marks: the commands that some marked campaign allows."""

    def forbids(self, engine: str) -> EngineError | None:
        return forbidden(Context(FakeClock(), Actor("asha"), self.rights), engine)

    def fits_marked(self, command: Command) -> bool:
        return command.act is None or command.id in self.fitting

    def refuses(self, command: Command) -> EngineError | None:
        if command.act is None or self.subject is None or (self.marked and command.many):
            return None
        return lifecycle_refusal(
            command.act,
            self.subject.status,
            scheduled_at=self.subject.scheduled_at,
            now=START,
            held=self.subject.hold_reason is not None,
        )

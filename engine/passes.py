"""What one pass of a worker found: whether anything is left to do, and how it stands in words."""

from __future__ import annotations

from dataclasses import dataclass

from engine.text import counted


@dataclass(frozen=True, slots=True)
class Pass:
    """What one step found."""

    sending: int
    """Campaigns, and senders' test sends, being sent by this worker now."""
    waiting: int
    """Campaigns in progress that this worker does not send because another does, and test sends without an outcome."""
    due: int
    """Scheduled campaigns whose time has come and that were not started yet."""
    asking: int = 0
    """Questions about holds that the gateway has not answered yet."""

    @property
    def words(self) -> str:
        """How it stands, for a service manager's status."""
        if self.sending:
            return f"sending, {counted(self.sending, 'run')} under way"
        return "standing by, another worker sends" if self.waiting else "idle"

    @property
    def idle(self) -> bool:
        """Nothing is in progress but what is on hold, nothing is due, and nothing is being asked."""
        return not (self.sending or self.waiting or self.due or self.asking)

"""The standing of templates, numbers and the account: what befalls them while messages are sent.

Everything is decided by counts of accepted messages and by the clock, when a request asks; nothing runs beside. What
WhatsApp would tell by callback is announced with the time it is due, so it comes although nobody asks.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from engine.gateway.simulator import announcements
from engine.gateway.simulator.behaviour import DROPPED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.clock import Clock
    from engine.gateway.simulator.account import Account, Template
    from engine.gateway.simulator.announcements import Announcement
    from engine.gateway.simulator.scenario import Scenario, Trouble

PAUSED, DISABLED = DROPPED, 132016
RESTRICTED, UPGRADING = 131048, 131057
NO_PAYMENT = 131042
MARKETING_OFF = 131063
BLOCKED, LOCKED = 368, 131031
_OF_TEMPLATE = frozenset({132000, 132001, 132007, PAUSED, DISABLED, 132068, 132069})
_OF_NUMBER = frozenset({33, 130429, 131037, 131045, RESTRICTED, UPGRADING, 133010})
_BY_CALLBACK = frozenset({NO_PAYMENT})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a message that was taken, apart from its own fate."""

    held_s: float = 0.0
    """Seconds until it is decided whether it goes on."""
    code: int = 0
    """Reported failed with it, then and only then."""


FINE = Verdict()


class _Spell:
    """One trouble at one place: how near it is, and how long it lasts."""

    __slots__ = ("count", "end", "key", "times", "until")

    def __init__(self, key: str) -> None:
        self.key = key
        self.count = 0
        self.times = 0
        self.until = -inf
        self.end: Announcement | None = None


class _Pace:
    """How far the assessment of one template has come."""

    __slots__ = ("count", "decided_at", "pause")

    def __init__(self) -> None:
        self.count = 0
        self.decided_at = inf
        self.pause: Announcement | None = None


class Standing:
    """What may be sent now; `announce` posts an account-wide callback at its time."""

    def __init__(
        self, scenario: Scenario, account: Account, clock: Clock, announce: Callable[[Announcement], None]
    ) -> None:
        self._pacing = scenario.pacing
        self._troubles = scenario.trouble
        self._account = account
        self._clock = clock
        self._announce = announce
        self._spells: dict[tuple[int, str], _Spell] = {}
        self._paces: dict[str, _Pace] = {}
        self._pauses: Counter[str] = Counter()
        self._upgraded: dict[str, tuple[float, int]] = {}

    def refusal(self, sender: str, template: Template, marketing_api: bool = False) -> int:
        """The code that a message with this template from this number is refused with, or 0."""
        now = self._clock.steady()
        for trouble, spell in self._places(sender, template):
            if trouble.after == 0 and not spell.times:
                self._begin(trouble, spell, now)
            if now < spell.until and _is_told(trouble, "answer") and not _spared(trouble, template, marketing_api):
                return trouble.code
        pace = self._paces.get(template.key)
        return PAUSED if pace is not None and self._pacing.dropped and now >= pace.decided_at else 0

    def taken(self, sender: str, template: Template) -> Verdict:
        """Count a message that was taken and tell what becomes of it."""
        if not self._troubles and not self._pacing.after:
            return FINE
        now = self._clock.steady()
        code = 0
        for trouble, spell in self._places(sender, template):
            if now < spell.until:
                code = trouble.code if _is_told(trouble, "callback") else code
            elif trouble.after and spell.times < trouble.times:
                spell.count += 1
                if spell.count >= trouble.after:
                    self._begin(trouble, spell, now)
        return Verdict(code=code) if code else self._paced(template, now)

    def throughput(self, sender: str, usual: int) -> int:
        """Messages a second of a number, after an upgrade more than `usual`."""
        since, limit = self._upgraded.get(sender, (inf, 0))
        return limit if self._clock.steady() >= since else usual

    def template_status(self, template: Template) -> str:
        """The status as the list of templates shows it now."""
        now = self._clock.steady()
        for trouble, spell in self._places("", template):
            if now < spell.until and trouble.code in (PAUSED, DISABLED):
                return "PAUSED" if trouble.code == PAUSED else "DISABLED"
        pace = self._paces.get(template.key)
        dropped = pace is not None and self._pacing.dropped and now >= pace.decided_at
        return "PAUSED" if dropped else template.status

    def number_codes(self, sender: str) -> list[int]:
        """The codes that every message of a number is refused with now, account-wide ones included."""
        now = self._clock.steady()
        return [
            trouble.code
            for at, trouble in enumerate(self._troubles)
            for key in (sender, "")
            if _scope(trouble) == ("number" if key else "account")
            and (spell := self._spells.get((at, key))) is not None
            and now < spell.until
        ]

    def unpause(self, template: Template) -> bool:
        """End every pause of a template; false when there is none."""
        now, ended = self._clock.steady(), False
        for trouble, spell in self._places("", template):
            if trouble.code == PAUSED and now < spell.until:
                spell.until, ended = now, True
                if spell.end is not None:
                    spell.end.cancelled = True
        pace = self._paces.get(template.key)
        if pace is not None and self._pacing.dropped and now >= pace.decided_at:
            # What was un-paused is looked at again from the start.
            del self._paces[template.key]
            ended = True
        if ended:
            self._announce(announcements.template_status(template, "APPROVED", now, "UNPAUSE"))
        return ended

    def _paced(self, template: Template, now: float) -> Verdict:
        if not self._pacing.after or template.quality == "GREEN":
            return FINE
        pace = self._paces.setdefault(template.key, _Pace())
        if now >= pace.decided_at:
            return FINE
        pace.count += 1
        if pace.count <= self._pacing.after:
            return FINE
        if pace.decided_at == inf:
            pace.decided_at = now + self._pacing.held_ms / 1000.0
            if self._pacing.dropped:
                self._announce(
                    announcements.template_status(template, "PAUSED", pace.decided_at, "RATE_LIMITING_PAUSE")
                )
        return Verdict(pace.decided_at - now, PAUSED if self._pacing.dropped else 0)

    def _places(self, sender: str, template: Template) -> Iterator[tuple[Trouble, _Spell]]:
        for at, trouble in enumerate(self._troubles):
            scope = _scope(trouble)
            key = template.key if scope == "template" else sender if scope == "number" else ""
            spell = self._spells.get((at, key))
            if spell is None:
                spell = self._spells[at, key] = _Spell(key)
            yield trouble, spell

    def _begin(self, trouble: Trouble, spell: _Spell, now: float) -> None:
        spell.count = 0
        spell.times += 1
        spell.until = now + trouble.lasts_ms / 1000.0 if trouble.lasts_ms else inf
        if trouble.code == UPGRADING and trouble.throughput:
            self._upgraded[spell.key] = (spell.until, trouble.throughput)
        begin, spell.end = self._told(trouble, spell, now)
        for announcement in (begin, spell.end):
            if announcement is not None:
                self._announce(announcement)

    def _told(self, trouble: Trouble, spell: _Spell, now: float) -> tuple[Announcement | None, Announcement | None]:
        """What WhatsApp tells of the beginning and the end."""
        code, until = trouble.code, spell.until
        ends = until != inf
        if _scope(trouble) == "template" and code in (PAUSED, DISABLED):
            template = self._account.template_of(spell.key)
            if code == DISABLED:
                event = title = "DISABLED"
            else:
                self._pauses[spell.key] += 1
                event, title = "PAUSED", "FIRST_PAUSE" if self._pauses[spell.key] == 1 else "SECOND_PAUSE"
            return announcements.template_status(template, event, now, title), (
                announcements.template_status(template, "APPROVED", until, "UNPAUSE") if ends else None
            )
        if _scope(trouble) == "number" and code in (RESTRICTED, UPGRADING):
            shown = self._account.display_number(spell.key)
            if code == UPGRADING:
                return None, announcements.number(shown, "THROUGHPUT_UPGRADE", until) if ends else None
            return announcements.number(shown, "FLAGGED", now), (
                announcements.number(shown, "UNFLAGGED", until) if ends else None
            )
        if _scope(trouble) == "account" and code in (BLOCKED, LOCKED):
            expires = self._clock.now() // 1000 + round(until - now) if ends else None
            return announcements.restriction(now, expires), (announcements.reinstated(until) if ends else None)
        return None, None


def _scope(trouble: Trouble) -> str:
    if trouble.scope:
        return trouble.scope
    return "template" if trouble.code in _OF_TEMPLATE else "number" if trouble.code in _OF_NUMBER else "account"


def _is_told(trouble: Trouble, way: str) -> bool:
    return way == (trouble.by or ("callback" if trouble.code in _BY_CALLBACK else "answer"))


def _spared(trouble: Trouble, template: Template, marketing_api: bool) -> bool:
    """Marketing that is switched off on `/messages` goes over the other endpoint, and the rest is not meant."""
    return trouble.code == MARKETING_OFF and (marketing_api or template.category != "MARKETING")

"""Whether a number, a template or the account can send, as the gateway's `health_status` says. Pure.

Only what is said of messages counts: Meta reports calls in the same answer, and its own example calls a whole BLOCKED
whose every part can send. A word that is not known blocks nothing and is shown as it came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from engine.text import shown


class State(StrEnum):
    """How the gateway sees a node."""

    AVAILABLE = "AVAILABLE"
    LIMITED = "LIMITED"
    BLOCKED = "BLOCKED"
    UNKNOWN = "UNKNOWN"


_NAMES: Final = {
    "PHONE_NUMBER": "the number",
    "MESSAGE_TEMPLATE": "the template",
    "WABA": "the WhatsApp Business Account",
    "BUSINESS": "the business",
    "APP": "the app",
}
_WORSE: Final = (State.AVAILABLE, State.UNKNOWN, State.LIMITED, State.BLOCKED)


@dataclass(frozen=True, slots=True)
class Health:
    """What was said of one or several nodes."""

    state: State
    reasons: tuple[str, ...] = ()
    """Sentences: who cannot send, and why."""
    advice: tuple[str, ...] = ()
    """The gateway's possible solutions."""

    @property
    def text(self) -> str:
        """Every reason, in one line."""
        return "; ".join(self.reasons)

    @property
    def said(self) -> str:
        """Every reason and what the gateway advises, in one line."""
        return " ".join(filter(None, (self.text, *self.advice)))


def read(answer: object) -> Health:
    """Read `health_status`; anything that is none is `UNKNOWN`."""
    if not isinstance(answer, Mapping):
        return Health(State.UNKNOWN)
    entities = answer.get("entities")
    parts = [_entity(one) for one in entities if isinstance(one, Mapping)] if isinstance(entities, list) else []
    overall = _state(answer.get("can_send_message"))
    if not parts:
        reasons = () if overall is State.AVAILABLE else (f"WhatsApp says {_said(answer)} and nothing more",)
        return Health(overall, reasons)
    worst = together(parts)
    if overall is State.BLOCKED and worst.state is State.AVAILABLE:
        # Of the calls, then: each part by itself can send.
        return Health(State.AVAILABLE)
    return worst


def together(parts: Iterable[Health]) -> Health:
    """Several answers as one: the worst state with every reason, each once."""
    found = list(parts)
    return Health(
        max((one.state for one in found), key=_WORSE.index, default=State.UNKNOWN),
        tuple(dict.fromkeys(reason for one in found for reason in one.reasons)),
        tuple(dict.fromkeys(advice for one in found for advice in one.advice)),
    )


def _entity(entity: Mapping[str, object]) -> Health:
    state = _state(entity.get("can_send_message"))
    if state is State.AVAILABLE:
        # Its errors are about something else.
        return Health(state)
    kind = entity.get("entity_type")
    name = _NAMES.get(kind, shown(kind.lower().replace("_", " "))) if isinstance(kind, str) else "something"
    errors = entity.get("errors")
    listed = [one for one in errors if isinstance(one, Mapping)] if isinstance(errors, list) else []
    told = [_text(one.get("error_description")) for one in listed]
    information = entity.get("additional_info")
    told += [_text(one) for one in information] if isinstance(information, list) else []
    words = " ".join(one for one in told if one)
    reason = f"{name} is {state.value.lower()}" if state is not State.UNKNOWN else f"{name}: {_said(entity)}"
    return Health(
        state,
        (f"{reason}: {words}" if words else reason,),
        tuple(text for one in listed if (text := _text(one.get("possible_solution")))),
    )


def _said(entity: Mapping[str, object]) -> str:
    value = entity.get("can_send_message")
    return shown(value) if isinstance(value, str) and value else "nothing"


def _state(value: object) -> State:
    return State(value) if isinstance(value, str) and value in list(State) else State.UNKNOWN


def _text(value: object) -> str:
    return shown(value.strip()) if isinstance(value, str) else ""

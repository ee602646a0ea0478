"""What a command of the console is, when it works, and how it looks in the footer.

A command says what it is called and where it works. Whether a rule or a role allows it the engine decides
(`Context.refuses`, `Context.forbids`), and the screen does it (`Command.action`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from textual.binding import Binding

from engine.errors import EngineError, Refused

if TYPE_CHECKING:
    from engine.lifecycle import Action
    from store.types import CampaignRow, Status

FOOTER_LIMIT = 8


class Scope(StrEnum):
    """Where a command works."""

    EVERYWHERE = "everywhere"
    TABLE = "table"
    CAMPAIGNS = "campaigns"
    DRAFT = "draft"
    REPORT = "report"
    AUDIT = "audit"
    SERIES = "series"
    OPT_OUTS = "opt-outs"


class Context(Protocol):
    """What a screen tells about itself, so that commands can be offered, dimmed or refused."""

    @property
    def read_only(self) -> bool:
        """Whether the console was opened with `--read-only`."""
        ...

    @property
    def subject(self) -> CampaignRow | None:
        """The campaign a command would act on."""
        ...

    @property
    def marked(self) -> int:
        """How many campaigns are marked; with any, a command acts on them."""
        ...

    def forbids(self, engine: str) -> EngineError | None:
        """Why the operator's role does not allow a command of the engine."""
        ...

    def refuses(self, command: Command) -> EngineError | None:
        """What the engine would answer to `command.act` now: the rule that forbids it."""
        ...

    def fits_marked(self, command: Command) -> bool:
        """Whether some marked campaign, as far as is known, would let it be done."""
        ...


When = Callable[[Context], str | None]
"""`None` when the command works, else the sentence that says why not."""


def always(context: Context) -> str | None:
    """Nothing is needed."""
    return None


def on_campaign(context: Context) -> str | None:
    """There has to be a campaign under the cursor."""
    return "There is no campaign under the cursor." if context.subject is None else None


def on_campaigns(context: Context) -> str | None:
    """There has to be a campaign to act on: marked, or under the cursor."""
    return None if context.marked else on_campaign(context)


@dataclass(frozen=True, slots=True)
class Command:
    """One thing a key does."""

    id: str
    keys: tuple[str, ...]
    """As Textual names them, the one to show first."""
    label: str
    """One or two words for the footer."""
    help: str
    """One sentence."""
    scope: Scope
    group: str
    """The heading it stands under in the help screen."""
    action: str
    """A Textual action of the screen, or of the table for `Scope.TABLE`."""
    writes: bool = False
    """Refused in a read-only console."""
    when: When = always
    engine: str = ""
    """The engine's command it leads to, whose permission it needs; empty where it only shows something."""
    act: Action | None = None
    """What the engine is asked about before it is offered."""
    footer: int = 0
    """Its place in the footer; 0 keeps it out."""
    pinned: bool = False
    """Always in the footer, at its end."""
    many: bool = False
    """With marks it acts on all marked campaigns, and its dialog says of each why not."""
    shown_for: frozenset[Status] | None = None
    """The statuses for which the footer offers it; `None` is all."""


def refusal(command: Command, context: Context) -> EngineError | None:
    """Why a command does not work now; `None` when it does.

    Codes: `not_allowed` (the role), `read_only`, `not_now` (nothing to act on), and those of the engine.
    """
    not_allowed = context.forbids(command.engine) if command.engine else None
    if not_allowed is not None:
        return not_allowed
    if command.writes and context.read_only:
        return Refused("read_only", "This console is read-only.", "Open it without --read-only to change something.")
    reason = command.when(context)
    if reason is not None:
        return Refused("not_now", reason)
    return context.refuses(command)


def binding(command: Command) -> Binding:
    """Textual's binding for a command.

    A screen's goes through `action_command`, the one gate; the table's own keys change nothing and go to the table.
    """
    action = command.action if command.scope is Scope.TABLE else f"command({command.id!r})"
    return Binding(",".join(command.keys), action, command.label, show=False, tooltip=command.help, id=command.id)


_KEY_WORDS = {"escape": "esc", "pagedown": "pgdn", "pageup": "pgup"}


def key_word(key: str) -> str:
    """A key as people know it."""
    return _KEY_WORDS.get(key, key)


_TAKEN_BY_FIELDS = frozenset({"enter", "space"})


def _works_while_typing(command: Command) -> bool:
    return any(len(key) > 1 and key not in _TAKEN_BY_FIELDS for key in command.keys)


def reachable_key(command: Command, typing: bool = False) -> str:
    """The key to show; while somebody is `typing` one that is no character to type."""
    keys = [key for key in command.keys if not typing or len(key) > 1] or command.keys
    return key_word(keys[0])


_IN_A_WORD = {"cancel_locked": "locked"}


def _of_no_use(command: Command, context: Context) -> EngineError | None:
    """With marks its dialog would say of each why not."""
    if not context.marked or not command.many or context.fits_marked(command):
        return None
    return Refused("not_now", "None of the marked.")


@dataclass(frozen=True, slots=True)
class Entry:
    """One command as the footer shows it."""

    id: str
    key: str
    label: str
    why_not: str | None
    """Set: it is dimmed, and pressing it says this."""
    pinned: bool = False
    brief: str = ""
    """Why not in a word, which is worth more than the entries that are of the least use."""


def footer(commands: Sequence[Command], context: Context, typing: bool = False) -> list[Entry]:
    """At most eight of the commands for the footer, the pinned ones last.

    Of the others those that fit the campaign's status are taken, the ones that work now before the rest; they stand in
    their own order, so that the line changes as little as possible from row to row. With marks those are offered that
    act on many, first the ones that some marked campaign allows. While somebody is `typing` only those whose key a
    field does not take as text.
    """
    status = context.subject.status if context.subject is not None else None
    offered = sorted(
        (
            one
            for one in commands
            if one.footer
            and (one.many or one.pinned if context.marked else one.shown_for is None or status in one.shown_for)
        ),
        key=lambda one: one.footer,
    )
    if typing:
        offered = [one for one in offered if _works_while_typing(one)]
    refusals = {one.id: refusal(one, context) or _of_no_use(one, context) for one in offered}
    if context.marked:
        offered.sort(key=lambda one: refusals[one.id] is not None)
    pinned = [one for one in offered if one.pinned]
    rest = [one for one in offered if not one.pinned]
    chosen = sorted(rest, key=lambda one: refusals[one.id] is not None)[: FOOTER_LIMIT - len(pinned)]
    shown = [*(one for one in rest if one in chosen), *pinned]
    return [_entry(one, refusals[one.id], typing) for one in shown]


def _entry(command: Command, why_not: EngineError | None, typing: bool) -> Entry:
    message, brief = (None, "") if why_not is None else (why_not.message, _IN_A_WORD.get(why_not.code, ""))
    return Entry(command.id, reachable_key(command, typing), command.label, message, command.pinned, brief)

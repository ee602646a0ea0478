"""How the registry declares a command: in a line or two, what follows from the rest left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from engine.lifecycle import Action
from tui.command import Command, Scope, When, always

if TYPE_CHECKING:
    from store.types import Status

_ENGINE: Final[Mapping[Action | None, str]] = {
    Action.EDIT: "campaign.edit",
    Action.DELETE: "campaign.delete",
    Action.DUPLICATE: "campaign.duplicate",
    Action.SCHEDULE: "campaign.schedule",
    Action.SEND_NOW: "campaign.send",
    Action.CANCEL: "campaign.cancel",
    Action.REOPEN: "campaign.reopen",
    Action.RESCHEDULE: "campaign.reschedule",
    Action.RESUME: "campaign.resume",
}
"""The engine's command behind each action; every action that works has one."""


def declare(
    scope: Scope,
    group: str,
    id: str,
    keys: str,
    label: str,
    help: str,
    action: str | None = None,
    *,
    act: Action | None = None,
    engine: str = "",
    writes: bool | None = None,
    when: When = always,
    footer: int = 0,
    pinned: bool = False,
    many: bool = False,
    only: Iterable[Status] | None = None,
) -> Command:
    """A command; its action is the last part of its id, and what the engine acts on writes, unless said otherwise."""
    return Command(
        id,
        tuple(keys.split()),
        label,
        help,
        scope,
        group,
        action or id.partition(".")[2],
        writes=act is not None if writes is None else writes,
        when=when,
        engine=engine or _ENGINE.get(act, ""),
        act=act,
        footer=footer,
        pinned=pinned,
        many=many,
        shown_for=None if only is None else frozenset(only),
    )

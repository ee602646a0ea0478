"""Roles and what each may do (R56): pure tables.

An operator has one role, a role has permissions, and every command of the engine needs one permission.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Role(StrEnum):
    """Who somebody is to the account, the least first."""

    AGENT = "agent"
    MANAGER = "manager"
    ADMIN = "admin"
    OWNER = "owner"


class Permission(StrEnum):
    """What a role may do."""

    READ = "read"
    """See campaigns, reports and the audit trail."""
    CREATE = "create"
    """Make, fill and edit drafts and series, and try them out with test sends."""
    SCHEDULE = "schedule"
    """Give a campaign or a series its time, and another one."""
    SEND = "send"
    """Send, let a run go on, decide what became of what is unknown, run a worker."""
    CANCEL = "cancel"
    """Cancel what is scheduled or take it back to draft; pause and end a series."""
    DELETE = "delete"
    """Delete drafts and bring them back."""
    OPT_OUTS = "opt_outs"
    """Keep the list of people who want no messages."""
    SETTINGS = "settings"
    """Senders, templates, prices, the account and its limits, back-ups."""
    CREDITS = "credits"
    """Add credits."""
    ROLES = "roles"
    """Whatever nobody else may."""


_MANAGER: Final = frozenset(
    (Permission.READ, Permission.CREATE, Permission.SCHEDULE, Permission.SEND, Permission.CANCEL)
)
_ADMIN: Final = _MANAGER | {Permission.DELETE, Permission.OPT_OUTS, Permission.SETTINGS}

DEFAULTS: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.AGENT: frozenset((Permission.READ,)),
    Role.MANAGER: _MANAGER,
    Role.ADMIN: _ADMIN,
    Role.OWNER: frozenset(Permission),
}
"""What each role may do where the configuration does not say otherwise."""

NEEDS: Final[Mapping[str, Permission]] = {
    "session.open": Permission.READ,
    "session.close": Permission.READ,
    "campaign.create": Permission.CREATE,
    "campaign.edit": Permission.CREATE,
    "campaign.import": Permission.CREATE,
    "campaign.duplicate": Permission.CREATE,
    "campaign.test_send": Permission.CREATE,
    "campaign.test_withdraw": Permission.CREATE,
    "campaign.schedule": Permission.SCHEDULE,
    "campaign.reschedule": Permission.SCHEDULE,
    "campaign.send": Permission.SEND,
    "campaign.resume": Permission.SEND,
    "campaign.settle": Permission.SEND,
    "worker.start": Permission.SEND,
    "callbacks.start": Permission.SEND,
    "callbacks.import": Permission.SEND,
    "campaign.cancel": Permission.CANCEL,
    "campaign.reopen": Permission.CANCEL,
    "campaign.delete": Permission.DELETE,
    "campaign.restore": Permission.DELETE,
    "series.create": Permission.SCHEDULE,
    "series.edit": Permission.SCHEDULE,
    "series.resume": Permission.SCHEDULE,
    "series.pause": Permission.CANCEL,
    "series.end": Permission.CANCEL,
    "optout.add": Permission.OPT_OUTS,
    "optout.remove": Permission.OPT_OUTS,
    "optout.import": Permission.OPT_OUTS,
    "optout.export": Permission.OPT_OUTS,
    "account.set_up": Permission.SETTINGS,
    "account.limits": Permission.SETTINGS,
    "sender.add": Permission.SETTINGS,
    "template.add": Permission.SETTINGS,
    "template.sync": Permission.SETTINGS,
    "prices.import": Permission.SETTINGS,
    "sender.sync": Permission.SETTINGS,
    "media.upload": Permission.CREATE,
    "gateway.set": Permission.SETTINGS,
    "campaign.reroute": Permission.SEND,
    "backup.make": Permission.SETTINGS,
    # It takes the place of the ledger and of the audit trail, and so of everything that binds the others.
    "backup.restore": Permission.ROLES,
    "credits.add": Permission.CREDITS,
}
"""The permission that each command of the engine needs, by the action it is audited as."""


def needed(action: str) -> Permission:
    """The permission an action needs; one that is not in the table is left to those who may do everything."""
    return NEEDS.get(action, Permission.ROLES)


@dataclass(frozen=True, slots=True)
class Rights:
    """A person's role with what it may do here; without a role nothing."""

    role: Role | None
    permissions: frozenset[Permission]

    def allows(self, permission: Permission) -> bool:
        """Whether the role has the permission."""
        return permission in self.permissions


def allows(role: Role | None, permission: Permission) -> bool:
    """Whether a role has a permission where the configuration does not say otherwise."""
    return role is not None and permission in DEFAULTS[role]


def rights(role: Role | None, table: Mapping[Role, frozenset[Permission]] = DEFAULTS) -> Rights:
    """A role's rights by a table."""
    return Rights(role, frozenset() if role is None else table.get(role, DEFAULTS[role]))


EVERYTHING: Final = rights(Role.OWNER)
"""The rights of an owner."""

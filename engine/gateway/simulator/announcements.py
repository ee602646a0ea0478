"""What WhatsApp tells by callback of templates, numbers and the account, in its own shape."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.gateway.simulator.account import Template

_WHY = {
    "FIRST_PAUSE": "This message template was paused because its quality is low.",
    "SECOND_PAUSE": "This message template was paused again because its quality is low.",
    "RATE_LIMITING_PAUSE": "Messages with this template were held back and dropped because of early feedback.",
    "UNPAUSE": "This message template was unpaused and can be sent again.",
    "DISABLED": "This message template was disabled because its quality was low again and again.",
}


@dataclass(slots=True)
class Announcement:
    """One change of an account webhook, due at a steady time."""

    due: float
    name: str
    """The webhook field."""
    value: dict[str, Any] = field(default_factory=dict)
    cancelled: bool = False

    def change(self) -> dict[str, Any]:
        """As it stands in the list of changes."""
        return {"field": self.name, "value": self.value}


def template_status(template: Template, event: str, due: float, title: str = "") -> Announcement:
    """A template's new status; ids are numbers here, and the language is written with a hyphen."""
    value: dict[str, Any] = {
        "event": event,
        "message_template_id": int(template.id),
        "message_template_name": template.name,
        "message_template_language": template.language.replace("_", "-"),
        "message_template_category": template.category,
        "reason": "NONE",
    }
    if title:
        value["other_info"] = {"title": title, "description": _WHY[title]}
    return Announcement(due, "message_template_status_update", value)


def number(display_phone_number: str, event: str, due: float) -> Announcement:
    """A number's quality or throughput."""
    limit = "TIER_UNLIMITED" if event == "THROUGHPUT_UPGRADE" else "TIER_250"
    value = {"display_phone_number": display_phone_number, "event": event, "current_limit": limit}
    return Announcement(due, "phone_number_quality_update", value)


def restriction(due: float, expires: int | None) -> Announcement:
    """The account may not write to people first; `expires` in epoch seconds."""
    info: dict[str, Any] = {"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING"}
    if expires is not None:
        info["expiration"] = expires
    return Announcement(due, "account_update", {"event": "ACCOUNT_RESTRICTION", "restriction_info": [info]})


def reinstated(due: float) -> Announcement:
    """The account may send again; its ban date is a text in words at WhatsApp, and left out here."""
    return Announcement(
        due, "account_update", {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "REINSTATE"}}
    )

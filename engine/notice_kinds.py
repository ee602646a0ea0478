"""The kinds of notice that WhatsApp sends about templates, senders and the account, with what each of them says.

`at` is UTC epoch milliseconds everywhere.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias


class TemplateStatus(NamedTuple):
    """A template was approved, rejected, paused, disabled..."""

    at: int
    account: str
    """The WhatsApp Business Account's id."""
    name: str
    language: str
    status: str
    """As the templates' list has it: APPROVED, PAUSED, ..."""
    why: str


class TemplateQuality(NamedTuple):
    """A template's quality rating changed."""

    at: int
    account: str
    name: str
    language: str
    quality: str


class TemplateContent(NamedTuple):
    """A template was edited."""

    at: int
    account: str
    name: str
    language: str


class TemplateCategory(NamedTuple):
    """A template's category changed, or is going to."""

    at: int
    account: str
    name: str
    language: str
    category: str
    planned: str
    """The category it will have; empty when nothing is planned."""
    planned_at: int | None


class AccountChange(NamedTuple):
    """Something happened to the account itself."""

    at: int
    account: str
    event: str
    words: str
    holds: bool
    """Whether it stops the sending of campaigns."""
    until: int | None
    """When it ends by itself, where that is known."""
    utility_only: bool = False
    """Only messages of utility templates are concerned."""


class AccountAlert(NamedTuple):
    """A warning about the account, a number or the business."""

    at: int
    kind: str
    words: str


class AccountReview(NamedTuple):
    """How the review of the account ended."""

    at: int
    decision: str


class Capability(NamedTuple):
    """What the business may do now."""

    at: int
    quota: int | None
    """People messaged within 24 hours, `wire_words.UNLIMITED`; `None` when it does not say."""


class NumberQuality(NamedTuple):
    """A sender's throughput, flag or messaging limit changed."""

    at: int
    number: int | None
    event: str
    quota: int | None
    """As in `Capability`."""


class NumberName(NamedTuple):
    """How the review of a sender's display name ended."""

    at: int
    number: int | None
    words: str


class Security(NamedTuple):
    """Somebody changed or asked for a sender's PIN."""

    at: int
    number: int | None
    event: str
    who: str


class GatewayError(NamedTuple):
    """An error that belongs to no message."""

    at: int
    phone_number_id: str
    code: int | None
    words: str


class Written(NamedTuple):
    """Somebody wrote; only a STOP or a START among it changes anything (`engine.inbound`)."""

    at: int
    kind: str


class Unheard(NamedTuple):
    """Something this program knows nothing of."""

    what: str


Notice: TypeAlias = (
    TemplateStatus
    | TemplateQuality
    | TemplateContent
    | TemplateCategory
    | AccountChange
    | AccountAlert
    | AccountReview
    | Capability
    | NumberQuality
    | NumberName
    | Security
    | GatewayError
    | Written
    | Unheard
)

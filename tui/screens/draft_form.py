"""What stands in the draft form, as one value: what it saves, and whether anything in it is not saved yet. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from store.types import ORDINARY, Audience, Campaign, DraftFields, Endpoint, Fill, OverQuota, Route, Status


class Source(StrEnum):
    """Where a placeholder's text comes from."""

    NONE = "none"
    """Not chosen; a text typed beside it stands in every message."""
    FIXED = "fixed"
    COLUMN = "column"


@dataclass(frozen=True, slots=True)
class FillText:
    """One placeholder's line of the form; both texts are kept, so that changing the source loses neither."""

    source: Source = Source.NONE
    column: str = ""
    fixed: str = ""
    fallback: str = ""

    @classmethod
    def of(cls, fill: Fill) -> FillText:
        """The line for a stored fill; a fixed text goes before a column, as it does in the message."""
        source = Source.FIXED if fill.fixed else Source.NONE if fill.column is None else Source.COLUMN
        return cls(source, fill.column or "", fill.fixed or "", fill.fallback or "")

    @property
    def text(self) -> str:
        """What stands in the line's field: the text itself, or the fallback for blank cells."""
        return self.fixed if self.source is Source.FIXED else self.fallback

    def with_text(self, text: str) -> FillText:
        """The line with another text in its field."""
        return replace(self, fixed=text) if self.source is Source.FIXED else replace(self, fallback=text)

    @property
    def fill(self) -> Fill | None:
        """What is stored; `None` when nothing was said."""
        if self.source is Source.FIXED:
            fill = Fill(fixed=self.fixed or None)
        else:
            column = self.column if self.source is Source.COLUMN else None
            fill = Fill(column=column or None, fallback=self.fallback or None)
        return None if fill == Fill() else fill


@dataclass(frozen=True, slots=True)
class FileChoice:
    """Which contact file to read, and how."""

    path: str = ""
    country: str = ""
    """Two letters, or empty."""
    number_column: str | None = None
    """`None` lets it be recognised."""
    sheet: str | None = None
    """Of a workbook; `None` takes the only one that fits."""


@dataclass(frozen=True, slots=True)
class Form:
    """Everything an operator can type, as it stands there."""

    name: str = ""
    sender_id: int | None = None
    template_id: int | None = None
    fills: Mapping[str, FillText] = field(default_factory=dict)
    """Also those of templates that were chosen before, in case they are chosen again."""
    file: FileChoice = FileChoice()
    when: str = ""
    zone: str = ""
    over_quota: OverQuota = OverQuota.FAIL
    grace: int = 60
    route: Route = ORDINARY

    @classmethod
    def of(cls, campaign: Campaign, when: str, zone: str) -> Form:
        """A stored draft; of its audience the file's name is known but not where it was."""
        audience = campaign.audience
        return cls(
            name=campaign.name,
            sender_id=campaign.sender_id,
            template_id=campaign.template_id,
            fills={key: FillText.of(fill) for key, fill in campaign.fills.items()},
            file=FileChoice(country=(audience.country or "") if audience is not None else ""),
            when=when,
            zone=zone,
            over_quota=campaign.over_quota,
            grace=campaign.grace,
            route=campaign.route,
        )

    def fields(self, keys: Iterable[str]) -> DraftFields:
        """What is saved; `keys` are the placeholders of the template chosen."""
        texts = {key: self.fills[key] for key in keys if key in self.fills}
        return DraftFields(
            name=self.name.strip(),
            sender_id=self.sender_id,
            template_id=self.template_id,
            fills={key: fill for key, text in texts.items() if (fill := text.fill) is not None},
            over_quota=self.over_quota,
            grace=self.grace,
            route=self.route,
        )

    def with_endpoint(self, endpoint: Endpoint) -> Form:
        """The form with another endpoint; what only the one for marketing knows goes with it."""
        if endpoint is self.route.endpoint:
            return self
        return replace(self, route=Route(endpoint))

    def with_fill(self, key: str, text: FillText) -> Form:
        """The form with another line for one placeholder."""
        return replace(self, fills={**self.fills, key: text})


_EMPTY = DraftFields(name="")


@dataclass(frozen=True, slots=True)
class OpenDraft:
    """The draft behind the form, as it was last read or written."""

    campaign_id: int | None = None
    """`None` for a new one: nothing of it is stored."""
    version: int = 0
    status: Status = Status.DRAFT
    saved: DraftFields = _EMPTY
    read: FileChoice = FileChoice()
    """The file that its audience came from, as the form said it then."""
    audience: Audience | None = None

    @classmethod
    def of(cls, campaign: Campaign, form: Form, keys: Iterable[str]) -> OpenDraft:
        """A stored draft with the form that shows it."""
        return cls(campaign.id, campaign.version, campaign.status, form.fields(keys), form.file, campaign.audience)

    def taken(self, form: Form, keys: Iterable[str]) -> OpenDraft:
        """The same with the form as it stands taken for saved: the operator gave up what is not."""
        return replace(self, saved=form.fields(keys), read=form.file)

    def unsaved(self, form: Form, keys: Iterable[str]) -> bool:
        """Whether saving would change anything."""
        return self.campaign_id is None or form.fields(keys) != self.saved

    def unread(self, form: Form) -> bool:
        """Whether the file, or how to read it, is another one than the audience came from."""
        return form.file != self.read and (bool(form.file.path) or self.audience is not None)

    def changed(self, form: Form, keys: Iterable[str]) -> bool:
        """Whether leaving would lose something; a new draft without a word in it is no loss."""
        return form.fields(keys) != self.saved or self.unread(form)

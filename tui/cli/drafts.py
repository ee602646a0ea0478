"""Drafts: create, edit, delete, duplicate."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from engine import audience, placeholders, resolution
from engine.commands import drafts, duplicating
from engine.errors import BadInput
from engine.text import counted
from store import campaigns, tallies
from store.types import (
    ORDINARY,
    Campaign,
    DraftFields,
    Endpoint,
    OverQuota,
    ProductPolicy,
    RecipientState,
    Route,
    Status,
)
from tui.cli import choose
from tui.cli.fills import fills
from tui.cli.telling import campaign_json, named, sentence, tell

if TYPE_CHECKING:
    from argparse import Namespace

    from engine.commands.importing import Imported
    from tui.cli.session import Session

SHOWN_EVERY = 10_000


def create(options: Namespace, session: Session) -> int:
    """Make a Draft with its audience; nothing stays behind when something of it cannot be used."""
    contacts = _contacts(options)
    template = choose.template(options.template)
    fields = DraftFields(
        name=_name(options.name),
        sender_id=choose.sender(options.sender).id,
        template_id=template.id,
        fills=fills(options, {}, template, contacts.columns),
        over_quota=OverQuota(options.over_quota or OverQuota.FAIL),
        grace=60 if options.grace is None else options.grace,
        route=_route(options, ORDINARY),
    )
    campaign_id, imported = drafts.create_with_audience(
        session.context,
        fields,
        options.audience,
        country=options.country,
        number_column=options.number_column,
        sheet=options.sheet,
        progress=_progress(session),
    )
    _tell_import(session, imported)
    _answer_with_id(session, campaign_id)
    return 0


def edit(options: Namespace, session: Session) -> int:
    """Change what is given of a Draft, and nothing else."""
    campaign = campaigns.get(options.id)
    if campaign.status is not Status.DRAFT:
        # Refused, with its audit event, before anything of the arguments is found fault with.
        drafts.edit(session.context, campaign.id, campaign.version, drafts.fields_of(campaign))
    _check_something_to_change(options)
    contacts = None if options.audience is None else _contacts(options)
    columns = contacts.columns if contacts else campaign.audience.columns if campaign.audience else None
    before = drafts.fields_of(campaign)
    template = resolution.template_of(campaign)
    if options.template is not None:
        template = choose.template(options.template)
    fields = replace(
        before,
        name=before.name if options.name is None else _name(options.name),
        sender_id=before.sender_id if options.sender is None else choose.sender(options.sender).id,
        template_id=None if template is None else template.id,
        fills=fills(options, before.fills, template, columns),
        over_quota=before.over_quota if options.over_quota is None else OverQuota(options.over_quota),
        grace=before.grace if options.grace is None else options.grace,
        route=_route(options, before.route),
    )
    # The import comes first: of the two it is the one that may yet fail, and then nothing has changed.
    if contacts is not None:
        _import(options, session, campaign)
        campaign = campaigns.get(options.id)
    if fields != before or contacts is None:
        campaign = drafts.edit(session.context, campaign.id, campaign.version, fields)
    _describe(session, campaign)
    tell(session, campaign, f"{named(campaign)} is saved.")
    return 0


def delete(options: Namespace, session: Session) -> int:
    """Delete a Draft."""
    campaign = campaigns.get(options.id)
    what = f"{named(campaign)} with its {campaign.progress.audience:,} audience rows"
    require_yes(options, f"This deletes {what}.")
    drafts.delete(session.context, options.id)
    if session.output.as_json:
        session.output.document({"id": options.id, "deleted": True})
    else:
        session.output.say(sentence(f"{what} is deleted."))
    return 0


def restore(options: Namespace, session: Session) -> int:
    """Bring a deleted Draft back."""
    campaign = drafts.restore(session.context, options.id)
    tell(session, campaign, f"{named(campaign)} is a Draft again.")
    return 0


def duplicate(options: Namespace, session: Session) -> int:
    """Make a new Draft of any campaign."""
    copy_id = duplicating.duplicate(session.context, options.id, options.only)
    states = {"failed": RecipientState.FAILED, "unread": RecipientState.SENT}
    if options.only in states:
        rest = duplicating.resting(options.id, session.context.clock.now())
        if n := sum(state is states[options.only] for state in rest.values()):
            session.output.note(
                f"{counted(n, 'recipient')} left out: WhatsApp withheld the message less than 24 h ago. Offered later."
            )
    _answer_with_id(session, copy_id)
    return 0


def require_yes(options: Namespace, what_happens: str) -> None:
    """Let a command pass that was confirmed. Raises `BadInput` otherwise."""
    if not options.yes:
        raise BadInput("not_confirmed", what_happens, "If that is what you want, add --yes.")


def _contacts(options: Namespace) -> audience.Contacts:
    return audience.open_contacts(
        options.audience, country=options.country, number_column=options.number_column, sheet=options.sheet
    )


def _name(text: str) -> str:
    if not text.strip():
        raise BadInput("name_missing", "The name is empty.", "Give the campaign a name by which you will find it.")
    return text.strip()


_POLICIES = {"fallback": ProductPolicy.FALLBACK, "strict": ProductPolicy.STRICT}
_ROUTE = ("endpoint", "product_policy", "activity_sharing")


def _route(options: Namespace, before: Route) -> Route:
    """The route with what is given of it; what only the marketing endpoint knows goes with it."""
    route = before
    if options.endpoint is not None:
        route = route._replace(endpoint=Endpoint(options.endpoint))
    if options.product_policy is not None:
        route = route._replace(product_policy=_POLICIES[options.product_policy])
    if options.activity_sharing is not None:
        route = route._replace(activity_sharing=options.activity_sharing == "yes")
    if route.endpoint is Endpoint.MARKETING:
        return route
    if options.product_policy is not None or options.activity_sharing is not None:
        raise BadInput(
            "usage",
            "--product-policy and --activity-sharing are for the endpoint marketing_messages.",
            "Give --endpoint marketing_messages as well.",
        )
    return Route(route.endpoint)


def _check_something_to_change(options: Namespace) -> None:
    given = [
        value
        for name, value in vars(options).items()
        if name
        in ("name", "template", "sender", "audience", "map", "fixed", "fallback", "over_quota", "grace", *_ROUTE)
    ]
    how = (options.country, options.number_column, options.sheet)
    if options.audience is None and any(value is not None for value in how):
        raise BadInput(
            "usage", "--country, --number-column and --sheet say how a file is read.", "Give --audience as well."
        )
    if all(value is None or value == [] for value in given):
        raise BadInput("usage", "Nothing to change was given.", "See `sendoff campaign edit --help`.")


def _import(options: Namespace, session: Session, campaign: Campaign) -> None:
    imported = drafts.import_audience(
        session.context,
        campaign.id,
        campaign.version,
        options.audience,
        country=options.country,
        number_column=options.number_column,
        sheet=options.sheet,
        progress=_progress(session),
    )
    _tell_import(session, imported)


def _tell_import(session: Session, imported: Imported) -> None:
    """What a person should know of how the file was read."""
    if _watched(session) and imported.rows >= SHOWN_EVERY:
        print(file=sys.stderr)
    form = imported.format
    if form.sheet is not None and len(form.sheets) > 1:
        session.output.note(f"Read from sheet {form.sheet}; --sheet chooses another.")
    for warning in form.warnings:
        session.output.note(f"Mind: {warning}")


def _progress(session: Session) -> Callable[[int], None]:
    """What tells a person at a terminal how far a long import is."""
    if not _watched(session):
        return lambda rows: None

    def tell_rows(rows: int) -> None:
        if rows >= SHOWN_EVERY:
            print(f"\r{rows:,} rows read", end="", file=sys.stderr, flush=True)

    return tell_rows


def _watched(session: Session) -> bool:
    return not session.output.as_json and sys.stderr.isatty()


def _answer_with_id(session: Session, campaign_id: int) -> None:
    campaign = campaigns.get(campaign_id)
    _describe(session, campaign)
    if session.output.as_json:
        session.output.document(campaign_json(session, campaign))
    else:
        # Alone on standard output, so that a script can keep it.
        session.output.say(f"{campaign_id}")


def _describe(session: Session, campaign: Campaign) -> None:
    """What a person should know about a Draft at once, beside its id."""
    counters = campaign.progress
    skips = ", ".join(
        f"{reason.replace('_', ' ')} {n:,}" for reason, n in tallies.of(campaign.id, tallies.SKIP).items()
    )
    skipped = f", {counters.skipped:,} skipped ({skips})" if counters.skipped else ""
    session.output.note(
        f"{sentence(named(campaign))}: {counters.audience:,} rows, {counters.pending:,} will get it{skipped}"
    )
    template = resolution.template_of(campaign)
    if template is None:
        return
    known = placeholders.used(template.components, template.parameter_format, campaign.fills)
    columns = () if campaign.audience is None else campaign.audience.columns
    for problem in placeholders.unmapped(known, campaign.fills, columns):
        session.output.note(f"{problem.message} {problem.hint}")

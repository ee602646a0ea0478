"""Drafts: create, edit, give an audience, delete, restore."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine import audience, expiry, lifecycle, preflight, preflight_reading, resolution
from engine.commands.importing import Imported, Rows, audit_import, read_in
from engine.context import Context, command
from engine.errors import BadInput, Refused
from engine.lifecycle import Action
from store import account, audiences, audit, campaigns, database, deleted
from store.codec import dump_fills, load
from store.types import Campaign, DraftFields

if TYPE_CHECKING:
    from pathlib import Path

UNTITLED = "Untitled"


def template_name(fields: DraftFields) -> str | None:
    """What the chosen template is called. Raises `Missing` for one that there is not."""
    return None if fields.template_id is None else account.get_template(fields.template_id).name


def _check(fields: DraftFields) -> None:
    """Raises `BadInput` for a grace below zero, `Missing` for a sender that there is not."""
    if fields.grace < 0:
        raise BadInput("bad_grace", f"A grace of {fields.grace} minutes is not possible.", "Give 0 minutes or more.")
    if fields.sender_id is not None:
        account.get_sender(fields.sender_id)


def _refuse_template(chosen: int | None, before: int | None) -> None:
    """Refuse to choose a template that cannot be sent (R23); one that a draft has already stays, whatever it became."""
    if chosen is None or chosen == before:
        return
    problem = preflight.template_problem(account.get_template(chosen))
    if problem is not None:
        raise Refused(problem.code, f"{problem.text[:1].upper()}{problem.text[1:].rstrip('.')}.", problem.advice)


def _audited(fields: DraftFields) -> dict[str, object]:
    return {
        "name": fields.name,
        "sender": fields.sender_id,
        "template": fields.template_id,
        "fills": load(dump_fills(fields.fills)),
        "over_quota": fields.over_quota.value,
        "grace": fields.grace,
        "endpoint": fields.route.endpoint.value,
    }


def fields_of(campaign: Campaign) -> DraftFields:
    """What an operator can set, as a campaign has it."""
    return DraftFields(
        name=campaign.name,
        sender_id=campaign.sender_id,
        template_id=campaign.template_id,
        fills=campaign.fills,
        over_quota=campaign.over_quota,
        grace=campaign.grace,
        route=campaign.route,
    )


def create(context: Context, fields: DraftFields) -> int:
    """Add a Draft, however incomplete, and answer its id."""
    with command(context, "campaign.create"), database.transaction():
        _check(fields)
        _refuse_template(fields.template_id, None)
        return _create(context, fields, context.clock.now())


def create_with_audience(
    context: Context,
    fields: DraftFields,
    file: Path,
    *,
    country: str | None = None,
    number_column: str | None = None,
    sheet: str | None = None,
    progress: Callable[[int], None] = lambda rows: None,
) -> tuple[int, Imported]:
    """Add a Draft with the audience of a contact file, or, when that cannot be read to its end, nothing at all.

    Answers the Draft's id; otherwise as `import_audience`.
    """
    with command(context, "campaign.create"):
        _check(fields)
        _refuse_template(fields.template_id, None)
        contacts = audience.open_contacts(file, country=country, number_column=number_column, sheet=sheet)

        def attach(rows: Rows) -> int:
            now = context.clock.now()
            campaign_id = _create(context, fields, now)
            version = campaigns.get(campaign_id).version
            if not audiences.attach(campaign_id, version, rows.audience_id, rows.skipped, rows.countries, now):
                raise _changed(campaign_id)
            audit_import(context, campaign_id, contacts, rows, now)
            return campaign_id

        campaign_id, imported = read_in(context, contacts, progress, attach)
        database.analyze()
        bring_up_to_date(campaign_id, context.clock.now())
        return campaign_id, imported


def _create(context: Context, fields: DraftFields, now: int) -> int:
    campaign_id = campaigns.create(fields, template_name(fields), context.actor.name, now)
    audit.write(now, context.actor, "campaign.create", campaign_id, after=_audited(fields))
    return campaign_id


def edit(context: Context, campaign_id: int, version: int, fields: DraftFields) -> Campaign:
    """Save a Draft's fields; refused when somebody else changed it since `version` was read (nothing is lost then)."""
    with command(context, "campaign.edit", campaign_id):
        before = campaigns.get(campaign_id)
        _refuse(Action.EDIT, before, context.clock.now())
        _check(fields)
        _refuse_template(fields.template_id, before.template_id)
        with database.transaction():
            now = context.clock.now()
            if not campaigns.edit(campaign_id, version, fields, template_name(fields), now):
                raise _changed(campaign_id)
            audit.write(
                now,
                context.actor,
                "campaign.edit",
                campaign_id,
                before=_audited(fields_of(before)),
                after=_audited(fields),
            )
        bring_up_to_date(campaign_id, context.clock.now())
        return campaigns.get(campaign_id)


def import_audience(
    context: Context,
    campaign_id: int,
    version: int,
    file: Path,
    *,
    country: str | None = None,
    number_column: str | None = None,
    sheet: str | None = None,
    progress: Callable[[int], None] = lambda rows: None,
) -> Imported:
    """Read a contact file into a Draft; the old audience stays until the new one is whole (R33-R37).

    `progress` is called with the rows read so far. Raises `BadInput` when the file cannot be read, and changes
    nothing then.
    """
    with command(context, "campaign.import", campaign_id):
        campaign = campaigns.get(campaign_id)
        _refuse(Action.EDIT, campaign, context.clock.now())
        contacts = audience.open_contacts(file, country=country, number_column=number_column, sheet=sheet)

        def attach(rows: Rows) -> int:
            now = context.clock.now()
            if not audiences.attach(campaign_id, version, rows.audience_id, rows.skipped, rows.countries, now):
                raise _changed(campaign_id)
            audit_import(context, campaign_id, contacts, rows, now)
            return campaign_id

        _, imported = read_in(context, contacts, progress, attach)
        if campaign.audience is not None:
            audiences.drop_audience(campaign.audience.id)
        database.analyze()
        bring_up_to_date(campaign_id, context.clock.now())
        return imported


def delete(context: Context, campaign_id: int, seen: int | None = None) -> None:
    """Delete a Draft; it can be restored for a while.

    `seen` is the version that the operator agreed to: another one stays (`changed_meanwhile`).
    """
    with command(context, "campaign.delete", campaign_id):
        campaign = campaigns.get(campaign_id)
        _refuse(Action.DELETE, campaign, context.clock.now())
        with database.transaction():
            now = context.clock.now()
            as_seen = seen is None or campaigns.status(campaign_id)[1] == seen
            if not as_seen or not campaigns.delete(campaign_id, now):
                raise _changed(campaign_id)
            audit.write(now, context.actor, "campaign.delete", campaign_id, before=_audited(fields_of(campaign)))
            expiry.take_back_tests(campaign_id, now, context.actor)


def restore(context: Context, campaign_id: int) -> Campaign:
    """Bring a deleted Draft back, within 7 days, whoever or whatever deleted it (R10)."""
    with command(context, "campaign.restore", campaign_id):
        with database.transaction():
            now = context.clock.now()
            if not deleted.restore(campaign_id, now - expiry.RESTORABLE_MS, now):
                raise _not_deleted(campaign_id)
            audit.write(now, context.actor, "campaign.restore", campaign_id)
        # Opt-outs may have come in between.
        bring_up_to_date(campaign_id, context.clock.now())
        return campaigns.get(campaign_id)


def _not_deleted(campaign_id: int) -> Refused:
    # Raises `Missing` for one that was purged, or never was.
    campaigns.get(campaign_id)
    return Refused("not_deleted", "This campaign is not deleted.", "There is nothing to restore.")


def bring_up_to_date(campaign_id: int, now: int) -> None:
    """After any change of a draft: which rows would get it, and what that would cost."""
    resolution.resolve(campaign_id, now)
    campaigns.set_price(campaign_id, preflight.run(preflight_reading.facts_of(campaigns.get(campaign_id))).price)


def _refuse(action: Action, campaign: Campaign, now: int) -> None:
    refusal = lifecycle.refusal(
        action, campaign.status, scheduled_at=campaign.scheduled_at, now=now, locked=campaign.locked
    )
    if refusal is not None:
        raise refusal


def _changed(campaign_id: int) -> Refused:
    now = campaigns.status(campaign_id)[0]
    return Refused(
        "changed_meanwhile",
        f"Somebody else changed this campaign a moment ago; it is {now.value.replace('_', ' ')} now.",
        "Open it again to see their change, then repeat yours.",
    )

"""What stands between a draft and its launch: every problem at once, each with what to do (R22).

Pure: `engine.preflight_reading` reads what it looks at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine import placeholders, preflight_credits, preflight_media, pricing, routes, templates
from engine.health import State
from engine.preflight_facts import ENDPOINT, OVER_QUOTA, Check, Facts, Level
from engine.remote_senders import USABLE
from engine.text import counted
from store.types import Endpoint, OverQuota

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.row_refusals import RowRefusals
    from store.types import Sender, Template


@dataclass(frozen=True, slots=True)
class Preflight:
    """The checks, the price, and whether the launch may go on."""

    checks: tuple[Check, ...]
    price: int
    prices: Mapping[str, int]
    valid: int

    @property
    def blocking(self) -> tuple[Check, ...]:
        """The checks that forbid the launch."""
        return tuple(check for check in self.checks if check.level is Level.BLOCK)


def run(facts: Facts) -> Preflight:
    """Check everything and work out the price. Pure."""
    table = preflight_credits.table_of(facts)
    price = pricing.total(table, facts.countries)
    found = [
        *_name(facts),
        *_sender(facts),
        *_template(facts),
        *_route(facts),
        *_health(facts),
        *_placeholders(facts),
        *preflight_media.checks(facts),
        *_values(facts),
        *_audience(facts),
        *preflight_credits.checks(facts, table, price),
        *_quota(facts),
    ]
    return Preflight(tuple(found), price, table, facts.valid)


def _name(facts: Facts) -> list[Check]:
    if facts.name.strip():
        return []
    return [Check("name_missing", Level.BLOCK, "the campaign has no name", "Give it one.", "name")]


def _sender(facts: Facts) -> list[Check]:
    problem = sender_problem(facts.sender)
    return [] if problem is None else [problem]


def sender_problem(sender: Sender | None) -> Check | None:
    """Why this sender cannot send now, if so."""
    if sender is None:
        return Check("sender_missing", Level.BLOCK, "no sender chosen", "Choose the number to send from.", "sender")
    if sender.status not in USABLE:
        return Check(
            "sender_unavailable",
            Level.BLOCK,
            f"the sender is {sender.status.lower()}",
            "Choose another number, or see WhatsApp Manager for why.",
            "sender",
        )
    return None


def template_problem(template: Template | None) -> Check | None:
    """Why this template cannot be sent now, if so (R23)."""
    if template is None:
        return Check("template_missing", Level.BLOCK, "no template chosen", "Choose an approved template.", "template")
    if template.status != "APPROVED":
        return Check(
            "template_unavailable",
            Level.BLOCK,
            f"template {template.ref} is {templates.status_words(template.status)}",
            "Choose an approved template, or wait until WhatsApp approves it.",
            "template",
        )
    reason = templates.sendable(template)
    if reason is not None:
        return Check("template_unsupported", Level.BLOCK, reason, "Choose another template.", "template")
    return None


def _template(facts: Facts) -> list[Check]:
    problem = template_problem(facts.template) or _changed_since(facts)
    return [problem or Check("template", Level.OK, "template approved", field="template")]


def _changed_since(facts: Facts) -> Check | None:
    """R24: what was scheduled is not sent with another content."""
    if facts.template is None or facts.frozen is None:
        return None
    if templates.content(facts.template) == templates.content(facts.frozen):
        return None
    return Check(
        "template_changed",
        Level.BLOCK,
        f"template {facts.template.ref} is not what it was when the campaign was scheduled",
        "Take it back to Draft, look at its preview, and schedule it again.",
        "template",
    )


def _route(facts: Facts) -> list[Check]:
    unfit = None if facts.template is None else routes.unfit(facts.route.endpoint, facts.template.category)
    if unfit is None:
        # The ordinary way needs no word.
        by_marketing = facts.template is not None and facts.route.endpoint is Endpoint.MARKETING
        return [Check("endpoint", Level.OK, f"goes by {routes.words(facts.route)}", field=ENDPOINT)] * by_marketing
    return [
        Check(
            "endpoint_unfit",
            Level.BLOCK,
            unfit,
            "Choose a marketing template, or the other endpoint: sendoff campaign edit ID --endpoint messages.",
            ENDPOINT,
        )
    ]


def _health(facts: Facts) -> list[Check]:
    if facts.sender is None or facts.template is None:
        return []
    if facts.health is None:
        if not facts.asked:
            return []
        text, advice = "WhatsApp was not asked whether it can be sent", ""
        if facts.no_token is not None:
            # The worker may have one where it runs, so that this is no reason against the launch.
            text, advice = f"{text}. Here: {facts.no_token.message}", facts.no_token.hint
        return [Check("health_not_asked", Level.WARN, text, advice, "sender")]
    if facts.health.state is State.AVAILABLE:
        return [Check("health", Level.OK, "WhatsApp says that it can be sent", field="sender")]
    text = facts.health.text or "WhatsApp does not say whether it can be sent"
    advice = " ".join(facts.health.advice) or "See WhatsApp Manager for why."
    if facts.health.state not in (State.LIMITED, State.UNKNOWN):
        return [Check("health_blocked", Level.BLOCK, text, advice, "sender")]
    return [Check("health_limited", Level.WARN, text, advice, "sender")]


def _placeholders(facts: Facts) -> list[Check]:
    if facts.template is None:
        return []
    found = placeholders.used(facts.template.components, facts.template.parameter_format, facts.fills)
    problems = placeholders.unmapped(found, facts.fills, facts.columns or ())
    if problems:
        return [_placeholder(problem) for problem in problems]
    if not found:
        return [Check("placeholders", Level.OK, "the template has no placeholders")]
    text = "every placeholder filled"
    if facts.fallbacks:
        text += f"; {counted(facts.fallbacks, 'row')} use{'s' if facts.fallbacks == 1 else ''} a fallback"
    return [Check("placeholders", Level.OK, text)]


def _placeholder(problem: placeholders.Problem) -> Check:
    if problem.code == "unreadable_value":
        return Check("unreadable_value", Level.BLOCK, problem.message, problem.hint, problem.key)
    return Check("unmapped_placeholder", Level.BLOCK, problem.message, problem.hint, problem.key)


def _values(facts: Facts) -> list[Check]:
    advice = "Every message would be refused: change the fixed text."
    found = [
        Check("values_refused", Level.BLOCK, problem[:1].lower() + problem[1:].removesuffix("."), advice)
        for problem in facts.refused
    ]
    if facts.refused_rows is not None:
        found.append(_refused_rows(facts.refused_rows))
    by_marketing = facts.route.endpoint is Endpoint.MARKETING
    if facts.template is not None and templates.only_by_marketing(facts.template.components) and not by_marketing:
        text = "an animated header goes only through the endpoint for marketing messages"
        found.append(Check("gif_header", Level.WARN, text, "Choose that endpoint for the campaign.", ENDPOINT))
    return found


def _refused_rows(found: RowRefusals) -> Check:
    problem = found.problem[:1].lower() + found.problem[1:].removesuffix(".")
    which = f"line {found.line:,}" if found.rows == 1 else f"the first in line {found.line:,}"
    return Check(
        "rows_refused",
        Level.WARN,
        f"WhatsApp would refuse {counted(found.rows, 'row')}, {which}: {problem}",
        "They would fail and cost nothing. Correct the file and choose it again to reach them.",
        "file",
    )


def _audience(facts: Facts) -> list[Check]:
    if facts.columns is None:
        return [Check("audience_missing", Level.BLOCK, "no audience yet", "Choose a contact file.", "file")]
    skipped = sum(facts.skipped.values())
    if facts.valid == 0:
        return [
            Check(
                "no_valid_recipients",
                Level.BLOCK,
                f"nobody would get it: all {skipped:,} rows are skipped",
                "Look at the reasons and choose another file, country or number column.",
                "file",
            )
        ]
    if skipped:
        return [
            Check(
                "audience",
                Level.WARN,
                f"{facts.valid:,} will get it, {counted(skipped, 'row')} {'is' if skipped == 1 else 'are'} skipped",
                field="file",
            )
        ]
    return [Check("audience", Level.OK, f"{facts.valid:,} will get it", field="file")]


def _quota(facts: Facts) -> list[Check]:
    """A warning, never a block: what goes beyond it fails or waits, as the campaign says."""
    if facts.quota is None or not facts.valid:
        return []
    needed = facts.valid - facts.quota.repeats
    beyond = needed - facts.quota.left
    left = f"quota: {facts.quota.left:,} left now"
    if beyond <= 0:
        return [Check("quota", Level.OK, f"{left}, {needed:,} needed", field=OVER_QUOTA)]
    fails = facts.quota.over is OverQuota.FAIL
    advice = "Let it wait for the quota to refill" if fails else "It goes on hold until the quota refills, at most 72 h"
    return [
        Check(
            "quota_exceeded",
            Level.WARN,
            f"{left}, {beyond:,} would {facts.quota.over.value}",
            f"{advice}, or choose a smaller audience. Counted again when it runs.",
            OVER_QUOTA,
        )
    ]

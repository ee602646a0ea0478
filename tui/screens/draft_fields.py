"""Which fields the draft form has, and how what stands in one of them becomes the form's value and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from textual.widgets import Select

from engine.preflight_facts import ENDPOINT, OVER_QUOTA, Check, Level
from store.types import Endpoint, OverQuota, ProductPolicy
from tui.screens.draft_choices import COUNTRY, FILE, NUMBER, SHEET
from tui.screens.draft_timing import WHEN, ZONE
from tui.widgets.field import Field, choice
from tui.widgets.path_input import PathInput
from tui.widgets.plain_input import PlainInput

if TYPE_CHECKING:
    from tui.screens.draft_form import Form

NAME: Final = "name"
SENDER: Final = "sender"
TEMPLATE: Final = "template"
_OVER: Final = (
    (OverQuota.FAIL.value, "fail the rest"),
    (OverQuota.WAIT.value, "wait until the quota refills"),
)
POLICY: Final = "policy"
ACTIVITY: Final = "activity"
_ENDPOINTS: Final = (
    (Endpoint.MESSAGES.value, "messages, the ordinary one"),
    (Endpoint.MARKETING.value, "marketing_messages, for marketing only"),
)
_UNSAID: Final = "unsaid"
"""Left to WhatsApp."""
_POLICIES: Final = (
    (_UNSAID, "as WhatsApp does by itself"),
    (ProductPolicy.FALLBACK.value, "by messages instead"),
    (ProductPolicy.STRICT.value, "not at all: it fails"),
)
_ACTIVITIES: Final = ((_UNSAID, "as WhatsApp does by itself"), ("yes", "shared"), ("no", "not shared"))
_SHARED: Final = {_UNSAID: None, "yes": True, "no": False}
OF_ROUTE: Final = (ENDPOINT, POLICY, ACTIVITY)
OF_FILE: Final = (FILE, SHEET, COUNTRY, NUMBER)


def form_fields() -> dict[str, Field]:
    """A new field for each part of the form, by name; one for a sheet is hidden until there are several."""
    fields = {
        # It has the focus when the form opens: with its text chosen, the first letter would replace the name.
        NAME: Field(
            "Name", PlainInput(placeholder="what the campaign is called here", select_on_focus=False), id="f-name"
        ),
        SENDER: Field("Sender", Select[int]([], prompt="choose the number to send from"), id="f-sender"),
        TEMPLATE: Field("Template", Select[int]([], prompt="choose an approved template"), id="f-template"),
        ENDPOINT: Field("Endpoint", _of(_ENDPOINTS), id=f"f-{ENDPOINT}"),
        POLICY: Field("If refused", _of(_POLICIES), id=f"f-{POLICY}"),
        ACTIVITY: Field("Activity", _of(_ACTIVITIES), id=f"f-{ACTIVITY}"),
        FILE: Field("File", PathInput(), id="f-file"),
        SHEET: Field("Sheet", Select[str]([], prompt="choose the sheet with the contacts"), id="f-sheet"),
        COUNTRY: Field(
            "Country",
            PlainInput(placeholder="optional, two letters, for numbers without a +", max_length=20),
            id="f-country",
        ),
        NUMBER: Field("Numbers in", Select[str]([], prompt="recognise the column"), id="f-number"),
        WHEN: Field("Time", PlainInput(placeholder="tomorrow 10:00, Fri 09:00, in 30 min, or now"), id="f-when"),
        ZONE: Field("Zone", PlainInput(), id="f-zone"),
        OVER_QUOTA: Field("Over quota", _of(_OVER), id=f"f-{OVER_QUOTA}"),
    }
    fields[SHEET].display = False
    return fields


def file_check(fields: Mapping[str, Field]) -> Check | None:
    """A contact file that was typed and cannot be read, as a line of the preflight; `None` when nothing is wrong."""
    for name in OF_FILE:
        if fields[name].error:
            return Check(
                "unreadable_file", Level.BLOCK, fields[name].error.rstrip("."), "Put right what is there.", name
            )
    return None


def with_value(form: Form, name: str, value: object) -> Form:
    """The form with another value in one of its fields, as the field gives it."""
    text = value if isinstance(value, str) else ""
    number = value if isinstance(value, int) else None
    file = form.file
    match name:
        case "name":
            return replace(form, name=text)
        case "sender":
            return replace(form, sender_id=number)
        case "template":
            return replace(form, template_id=number)
        case "file":
            # Another workbook has other sheets.
            return replace(form, file=replace(file, path=text.strip(), sheet=None))
        case "sheet":
            return replace(form, file=replace(file, sheet=text or None))
        case "country":
            return replace(form, file=replace(file, country=text.strip()))
        case "number":
            return replace(form, file=replace(file, number_column=text or None))
        case "when":
            return replace(form, when=text)
        case "endpoint":
            return form.with_endpoint(Endpoint(text))
        case "policy":
            policy = None if text == _UNSAID else ProductPolicy(text)
            return replace(form, route=form.route._replace(product_policy=policy))
        case "activity":
            return replace(form, route=form.route._replace(activity_sharing=_SHARED[text]))
        case "over_quota":
            return replace(form, over_quota=OverQuota(text))
        case _:
            return replace(form, zone=text)


def _of(options: Sequence[tuple[str, str]]) -> Select[str]:
    """A choice that is always made: each value with its words."""
    return Select[str]([choice(words, value) for value, words in options], allow_blank=False)


def route_values(form: Form) -> dict[str, str]:
    """What stands in the fields of the route."""
    route = form.route
    sharing = next(word for word, shared in _SHARED.items() if shared is route.activity_sharing)
    policy = _UNSAID if route.product_policy is None else route.product_policy.value
    return {ENDPOINT: route.endpoint.value, POLICY: policy, ACTIVITY: sharing}

"""Nothing among Meta's examples is passed over: every entry of the contract's files is read, made, or told why not.

Sends and definitions are in `test_meta_messages`, callbacks in `test_callback_examples`, answers in
`test_contract_answers`; here is what is left, and the proof that it is all.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine import remote_templates
from engine.gateway.answers import read_answer
from engine.gateway.base import Accepted
from engine.preview import preview
from engine.template_reading import parse
from engine.templates import sendable
from tests.engine.test_callback_examples import EXPECTED as CALLBACKS
from tests.engine.test_callback_examples import examples
from tests.engine.test_contract_answers import ANSWERS, ERRORS, OPENAPI, SENDS
from tests.engine.test_meta_messages import CREATIONS, DOCS, MADE
from tests.engine.test_meta_messages import SENDS as SENT

CONTRACT = Path(__file__).parents[1] / "data" / "contract"
ENTRIES: dict[str, Any] = {
    f"{page.rpartition('/')[2]}/{at}": one["value"]
    for page, found in DOCS.items()
    if isinstance(found, list)
    for at, one in enumerate(found)
}
READ_ELSEWHERE = [*(body for _, body in ERRORS.values()), *ANSWERS.values(), *examples().values()]

TAKEN = {name: one for name, one in ENTRIES.items() if "messages" in one and "contacts" in one and "entry" not in one}
"""Answers to a send."""
MADE_THERE = {name: one for name, one in ENTRIES.items() if set(one) == {"id", "status", "category"}}
"""Answers to the making of a template."""
PARTS = {name: one for name, one in ENTRIES.items() if name.startswith("components/") and "type" in one}
PARTS = {name: one for name, one in PARTS.items() if name not in CREATIONS and "parameters" not in one}
"""Components and buttons of a definition, each by itself."""
PARAMETERS = {
    "components/5": "a part of a send with placeholders in place of its values; components/6 is the same with values",
    "components/6": "a part of a send: the location header is made in test_meta_messages",
    "media-card-carousel-templates/1": "a parameter of media-card-carousel-templates/3, which is made whole",
    "media-card-carousel-templates/2": "a parameter of media-card-carousel-templates/3, which is made whole",
}
NOT_OURS = {
    "template-management/2": "edits a template: templates are made and edited in WhatsApp Manager",
    "template-management/4": "edits a template: templates are made and edited in WhatsApp Manager",
    "phone-numbers/1": "sets a number's PIN: numbers are registered in WhatsApp Manager",
    "phone-numbers/4": "sets a number's identity check: not a campaign's",
    "business-scoped-user-ids/0": "asks for a business's username: not a campaign's",
    "business-scoped-user-ids/1": "answers the asking for a username, which is never asked for",
    "business-scoped-user-ids/2": "answers the asking for a username, which is never asked for",
}


def test_every_entry_of_the_pages_is_read_or_made_or_has_its_reason() -> None:
    known = {*SENT, *CREATIONS, *TAKEN, *MADE_THERE, *PARTS, *PARAMETERS, *NOT_OURS}
    left = [name for name, one in ENTRIES.items() if name not in known and one not in READ_ELSEWHERE]
    assert left == []
    assert len(ENTRIES) == 136


def test_every_group_of_the_openapi_file_is_read() -> None:
    made = {"send_template_requests", "marketing_requests", "create_template_requests", "list_templates"}
    read = {"send_responses", "marketing_responses", "get_phone_number", "list_phone_numbers", "message_history"}
    assert set(OPENAPI) == {"source", "inbound_webhooks", *made, *read}
    for group in ("send_template_requests", "marketing_requests"):
        assert {f"{group}/{title}" for title in OPENAPI[group]} <= MADE.keys()
    assert len(SENDS) == len(OPENAPI["send_responses"]) + len(OPENAPI["marketing_responses"])
    assert {f"openapi: {title}" for title in OPENAPI["inbound_webhooks"]} <= CALLBACKS.keys()
    for edge in ("get_phone_number", "list_phone_numbers", "message_history"):
        bodies = [body for found in OPENAPI[edge].values() for body in found.values()]
        assert [body for body in bodies if body not in READ_ELSEWHERE] == []


def test_every_file_of_the_contract_is_read() -> None:
    """The pages are kept a second time, by what they are: callbacks, answers and templates."""
    assert {file.name for file in CONTRACT.iterdir()} == {
        "error-codes.json",
        "meta-docs-answers.json",
        "meta-docs-examples.json",
        "meta-docs-templates.json",
        "meta-docs-webhooks.json",
        "meta-openapi-examples.json",
    }
    assert examples().keys() == CALLBACKS.keys()


@pytest.mark.parametrize("name", TAKEN)
def test_every_answer_to_a_send_on_the_pages(name: str) -> None:
    outcome = read_answer(200, {}, json.dumps(TAKEN[name]).encode())
    assert outcome == Accepted(TAKEN[name]["messages"][0]["id"])


@pytest.mark.parametrize("name", MADE_THERE)
def test_an_answer_to_what_is_never_asked_is_kept_out_and_counted(name: str) -> None:
    """No campaign makes templates; among a list of templates it would be one that cannot be read."""
    assert remote_templates.plan([], [MADE_THERE[name]]).unreadable == 1


@pytest.mark.parametrize("name", PARTS)
def test_every_part_of_a_definition_is_read_and_seen(name: str) -> None:
    part = PARTS[name]
    is_button = part["type"] in ("COPY_CODE", "PHONE_NUMBER", "QUICK_REPLY", "URL")
    kind = "BUTTONS" if is_button else part["type"].upper()
    parts = [{"type": "BUTTONS", "buttons": [part]} if is_button else part]
    if kind != "BODY":
        parts.append({"type": "BODY", "text": "Hello."})
    named = "{{1}}" not in json.dumps(part) and "{{" in json.dumps(part)
    spec = parse(
        {
            "name": "parts",
            "language": "en_US",
            "category": "MARKETING",
            "parameter_format": "NAMED" if named else "POSITIONAL",
            "components": parts,
        }
    )
    shown = preview(spec.components, {})
    assert {"HEADER": shown.header, "BODY": shown.body, "FOOTER": shown.footer, "BUTTONS": all(shown.buttons)}[kind]
    # The placeholder of a format is no format that can be filled.
    assert (sendable(spec) is None) == (part.get("format") != "<FORMAT>")

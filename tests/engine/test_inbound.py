"""What people write back, as Meta's own examples and odd bodies have it (R38)."""

from __future__ import annotations

from typing import Any

import pytest

from engine.inbound import replies_in
from engine.reply_words import shipped
from store.types import Reply
from tests.clock import START

SECOND = 1_749_416_383
WRITER = 16505551234


def document(**value: Any) -> dict[str, Any]:
    """A callback in Meta's envelope."""
    metadata = {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"}
    change = {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}
    return {"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": [change]}]}


def message(kind: str, part: object, **more: Any) -> dict[str, Any]:
    base = {"from": str(WRITER), "id": "wamid.HBgL", "timestamp": str(SECOND), "type": kind, kind: part}
    return document(contacts=[{"profile": {"name": "Sheena"}, "wa_id": str(WRITER)}], messages=[{**base, **more}])


def text(body: object, **more: Any) -> dict[str, Any]:
    return message("text", {"body": body}, **more)


def found(one: dict[str, Any]) -> list[Reply]:
    return replies_in(one, START, shipped())


def preference(value: str, **more: Any) -> dict[str, Any]:
    told = {"wa_id": str(WRITER), "detail": "x", "category": "marketing_messages", "value": value, "timestamp": SECOND}
    return document(contacts=[{"wa_id": str(WRITER)}], user_preferences=[{**told, **more}])


@pytest.mark.parametrize(
    "one",
    [
        text("Stop"),
        message("button", {"payload": "Unsubscribe", "text": "Unsubscribe"}),
        message("button", {"payload": "STOP", "text": "No thanks"}),
        message("interactive", {"type": "button_reply", "button_reply": {"id": "cancel-button", "title": "Cancel"}}),
        message("interactive", {"type": "list_reply", "list_reply": {"id": "stop", "title": "No more"}}),
    ],
    ids=["text", "quick reply", "its payload", "button", "list"],
)  # fmt: skip
def test_R38_texts_taps_and_choices_are_replies(one: dict[str, Any]) -> None:
    (reply,) = found(one)
    assert (reply.phone, reply.at, reply.stop, reply.origin) == (WRITER, SECOND * 1000, True, "reply: STOP")
    assert reply.message_id == "wamid.HBgL"
    assert reply.said


def test_R38_a_start_opts_in() -> None:
    assert found(text("START")) == [Reply(WRITER, SECOND * 1000, False, "reply: START", "START", "wamid.HBgL")]


@pytest.mark.parametrize(("value", "stop", "origin"), [("stop", True, "STOP"), ("resume", False, "START")])
def test_R38_the_choice_in_whatsapps_own_settings_counts(value: str, stop: bool, origin: str) -> None:
    assert found(preference(value)) == [Reply(WRITER, SECOND * 1000, stop, f"WhatsApp settings: {origin}")]


@pytest.mark.parametrize(
    "one",
    [
        text("Does it come in another color?"),
        text("please don't stop"),
        text(None),
        text(["stop"]),
        text("stop", **{"from": None}),
        text("stop", **{"from": "US.13491208655302741918"}),
        text("stop", **{"from": "1" * 16}),
        text("stop", type="image"),
        text("stop", type=None),
        text("stop", type=["text"]),
        message("button", "stop"),
        message("interactive", {"type": "button_reply", "button_reply": "stop"}),
        message("reaction", {"message_id": "wamid.x", "emoji": "🛑"}),
        message("image", {"caption": "stop"}),
        preference("signup"),
        preference("stop", category="utility_messages"),
        preference("stop", wa_id=7),
        document(messages="stop", user_preferences={"value": "stop"}),
        document(statuses=[{"id": "wamid.1", "status": "read"}]),
        {"entry": [{"changes": [{"value": ["stop"]}]}]},
        {},
    ],
)
def test_R38_everything_else_is_passed_over(one: dict[str, Any]) -> None:
    assert found(one) == []


def test_R38_a_button_that_says_one_thing_and_carries_another_is_a_stop() -> None:
    (reply,) = found(message("button", {"payload": "stop", "text": "start"}))
    assert reply.stop


def test_R38_a_stop_without_a_readable_time_counts_from_when_it_came() -> None:
    (reply,) = found(text("stop", timestamp="yesterday"))
    assert reply.at == START


@pytest.mark.parametrize(
    ("wa_id", "numbers"),
    [
        ("919876543210", [919876543210]),
        ("+919876543210", [919876543210]),
        ("5215512345678", [525512345678]),
        ("556281234567", [5562981234567]),
        ("5562981234567", [5562981234567]),
        ("5491123456789", [5491123456789, 541123456789]),
        ("99912345678", [99912345678]),
    ],
)
def test_R38_an_id_of_whatsapp_is_the_number_as_contact_files_have_it(wa_id: str, numbers: list[int]) -> None:
    assert [reply.phone for reply in found(text("stop", **{"from": wa_id}))] == numbers


def test_R38_what_somebody_wrote_is_kept_as_it_can_be_shown() -> None:
    (reply,) = found(text("\x1bstop\ud800", id="wamid.\udfff"))
    assert reply.said == "␛stop\ufffd"
    assert reply.message_id == "wamid.\ufffd"

"""The account, its senders and its templates."""

from __future__ import annotations

from dataclasses import replace

import pytest

from store import account, database
from store.errors import Missing
from store.types import Account, Gateway, Sender
from tests.clock import START
from tests.store.scene import COMPONENTS

ACME = Account("Acme", "Asia/Kolkata", Gateway.CLOUD_API, "https://graph.example", "42", 250, START)


def put(name: str = "welcome", language: str = "en", status: str = "APPROVED", now: int = START) -> int:
    return account.put_template(
        name,
        language,
        status=status,
        category="UTILITY",
        parameter_format="NAMED",
        components=COMPONENTS,
        quality="GREEN",
        now=now,
    )


def test_an_account_comes_back_as_it_was_written(db: str) -> None:
    assert not account.has_account()
    with pytest.raises(Missing):
        account.get_account()
    account.create_account(ACME)
    assert account.has_account()
    assert account.get_account() == ACME


def test_fields_of_the_account_can_be_changed(db: str) -> None:
    account.create_account(ACME)
    account.update_account()
    account.update_account(timezone="Europe/Berlin", quota=None)
    assert account.get_account() == replace(ACME, timezone="Europe/Berlin", quota=None)


def test_a_sender_comes_back_with_what_whatsapp_has_not_said_yet(db: str) -> None:
    sender_id = account.add_sender(918040214021, "1001", 80, START)
    assert sender_id is not None
    assert account.get_sender(sender_id) == Sender(sender_id, 918040214021, "1001", 80, "UNKNOWN", "CONNECTED")
    with pytest.raises(Missing):
        account.get_sender(sender_id + 1)


@pytest.mark.parametrize(("number", "phone_number_id"), [(918040214021, "1002"), (918040214022, "1001")])
def test_a_number_or_its_id_is_a_sender_once(db: str, number: int, phone_number_id: str) -> None:
    account.add_sender(918040214021, "1001", 80, START)
    with database.transaction():
        assert account.add_sender(number, phone_number_id, 80, START) is None
        assert account.add_sender(1, "1", 80, START) is not None, "the transaction around it goes on"
    assert [one.number for one in account.senders()] == [918040214021, 1]


def test_a_template_comes_back_as_it_was_written(db: str) -> None:
    template = account.get_template(put())
    assert (template.name, template.language, template.ref) == ("welcome", "en", "welcome:en")
    assert (template.status, template.category, template.parameter_format) == ("APPROVED", "UTILITY", "NAMED")
    assert list(template.components) == COMPONENTS
    assert (template.quality, template.updated_at) == ("GREEN", START)
    with pytest.raises(Missing):
        account.get_template(template.id + 1)


def test_a_template_put_again_is_renewed_under_its_id(db: str) -> None:
    first, other = put(), put(language="de")
    assert put(status="PAUSED", now=START + 1) == first
    assert (account.get_template(first).status, account.get_template(first).updated_at) == ("PAUSED", START + 1)
    assert account.get_template(other).status == "APPROVED"


def test_templates_are_found_by_name_and_language(db: str) -> None:
    for name, language in (("welcome", "hi"), ("bye", "en"), ("welcome", "en")):
        put(name, language)
    assert [one.ref for one in account.templates()] == ["bye:en", "welcome:en", "welcome:hi"]
    assert [one.ref for one in account.find_templates("welcome")] == ["welcome:en", "welcome:hi"]
    assert [one.ref for one in account.find_templates("welcome", "hi")] == ["welcome:hi"]
    assert account.find_templates("welcome", "fr") == []

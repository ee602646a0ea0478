"""`sendoff template sync` and `sendoff sender sync`, through HTTP."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from store import account, audit, database
from tests.cli import Here
from tests.clock import FakeClock
from tests.graph_server import TOKEN, WABA, Answer, GraphServer, graph_server
from tests.tui.cli_scene import GREETING, SENDER, set_up

BODY = {"type": "BODY", "text": "Hello {{1}}, your coupon is {{2}}."}


def item(name: str, **changes: Any) -> dict[str, Any]:
    made = {"id": f"id-{name}", "name": name, "language": "en_US", "status": "APPROVED", "category": "MARKETING"}
    return {**made, "components": [BODY], **changes}


@pytest.fixture
def graph() -> Iterator[GraphServer]:
    with graph_server() as server:
        yield server


@pytest.fixture
def sendoff(tmp_path: Path, clock: FakeClock, graph: GraphServer, monkeypatch: pytest.MonkeyPatch) -> Here:
    monkeypatch.setenv("SENDOFF_TOKEN", TOKEN)
    here = Here(tmp_path / "here.db", clock)
    set_up(here, tmp_path)
    assert here("gateway", "set", "--gateway", "cloud-api", "--base-url", graph.url, "--waba-id", WABA).status == 0
    return here


def stored(here: Here) -> dict[str, str]:
    return {f"{one['name']}:{one['language']}": one["status"] for one in here.json("template", "list")}


def test_R23_a_sync_adds_renews_and_marks_what_is_gone(sendoff: Here, graph: GraphServer) -> None:
    before = stored(sendoff)
    graph.lists["message_templates"] = [item("greeting", status="PAUSED"), item("fresh"), item("odd", status="HEXED")]
    graph.page = 2
    done = sendoff.json("template", "sync")
    assert [one["template"] for one in done["added"]] == ["fresh:en_US", "odd:en_US"]
    assert done["changed"] == [
        {"template": "greeting:en_US", "fields": ["remote_id", "status"], "what": "status APPROVED -> PAUSED"}
    ]
    assert done["deleted"] == [] and done["only_here"] == ["greeting:de", "order:en_US", "paused_one:en_US"]
    assert stored(sendoff) == before | {"greeting:en_US": "PAUSED", "fresh:en_US": "APPROVED", "odd:en_US": "HEXED"}
    graph.lists["message_templates"] = [item("greeting"), item("fresh")]
    again = sendoff.json("template", "sync")
    assert again["deleted"] == ["odd:en_US"] and again["unchanged"] == 1
    assert stored(sendoff)["odd:en_US"] == "DELETED"
    assert sendoff.json("template", "sync")["deleted"] == [], "told once"


def test_a_sync_is_told_in_sentences(sendoff: Here, graph: GraphServer) -> None:
    graph.lists["message_templates"] = [item("fresh"), {"value": 1}]
    said = sendoff("template", "sync")
    assert said.status == 0 and said.err == ""
    lines = said.out.splitlines()
    assert lines[0] == "1 new template, 0 changed, 0 as before."
    assert lines[1] == "new      fresh:en_US, approved"
    assert lines[2].startswith("Only here, from a file, and unknown to WhatsApp: greeting:de,")
    assert lines[3] == "1 entry of the list could not be read."


def test_R11_a_sync_leaves_an_audit_event(sendoff: Here, graph: GraphServer) -> None:
    graph.lists["message_templates"] = [item("fresh")]
    sendoff.json("template", "sync")
    event = sendoff.json("audit")[-1]
    assert event["action"] == "template.sync"
    assert event["after"]["added"] == 1
    assert event["after"]["templates"] == {"fresh:en_US": "new, APPROVED"}


def test_a_sync_that_breaks_off_changes_nothing(sendoff: Here, graph: GraphServer) -> None:
    graph.lists["message_templates"] = [item("a"), item("b")]
    graph.page = 1
    before = stored(sendoff)
    # The second page is refused: half a list must not be taken for the whole of it.
    first = graph._page(graph.lists["message_templates"], {"limit": "1"})
    graph.instead["message_templates"] = [Answer(200, first), Answer(400, {"error": {"code": 80007, "message": "m"}})]
    assert sendoff.refused("template", "sync") == (75, "gateway_busy")
    assert stored(sendoff) == before


def test_what_a_sync_needs_is_said(sendoff: Here, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SENDOFF_TOKEN")
    assert sendoff.refused("template", "sync")[1] == "no_token"
    fresh = Here(tmp_path / "fresh.db", sendoff.clock)
    set_up(fresh, tmp_path)
    assert fresh.refused("sender", "sync")[1] == "no_gateway_address"
    monkeypatch.setenv("SENDOFF_TOKEN", TOKEN)
    assert fresh("gateway", "set", "--gateway", "cloud-api").status == 0
    assert fresh.refused("sender", "sync")[1] == "no_waba_id"
    assert "WhatsApp Manager" in fresh("sender", "sync").err
    # The simulator is in nobody's WhatsApp Manager.
    at_simulator = ("gateway", "set", "--gateway", "simulator", "--base-url", "http://127.0.0.1:8080")
    assert fresh(*at_simulator).status == 0
    assert fresh.refused("template", "sync")[1] == "no_waba_id"
    said = fresh("template", "sync").err
    assert "WhatsApp Manager" not in said
    assert "The simulator takes any number" in said
    assert "sendoff gateway set --waba-id 1" in said


def number(i: int, **changes: Any) -> dict[str, Any]:
    made = {"id": str(1001 + i), "display_phone_number": f"+91 80402 1402{1 + i}", "verified_name": "Acme"}
    return {**made, "status": "CONNECTED", "quality_rating": "GREEN", "throughput": {"level": "STANDARD"}, **changes}


def test_senders_are_added_and_renewed_and_the_limit_becomes_the_quota(sendoff: Here, graph: GraphServer) -> None:
    limit = {"whatsapp_business_manager_messaging_limit": "TIER_10K"}
    graph.lists["phone_numbers"] = [number(0, quality_rating="RED", **limit), number(1, throughput={"level": "HIGH"})]
    done = sendoff.json("sender", "sync")
    assert done["added"] == [{"number": "+918040214022", "rate": 1000}]
    # 1,000 a second was typed at the set-up; the level says 80.
    assert done["changed"][0]["number"] == SENDER
    assert done["changed"][0]["fields"] == ["name", "quality", "rate", "throughput"]
    assert done["limit"] == "TIER_10K"
    listed = {one["number"]: one for one in sendoff.json("sender", "list")}
    assert (listed[SENDER]["rate"], listed[SENDER]["quality"], listed[SENDER]["name"]) == (80, "RED", "Acme")
    database.open_database(str(sendoff.database))
    with database.session():
        assert account.get_account().quota == 10_000
        assert [event.action for event in audit.events(None)][-2:] == ["sender.sync", "account.limits"]
    said = sendoff("sender", "sync")
    assert said.out.splitlines() == [
        "0 new senders, 0 changed, 2 as before.",
        "Messaging limit: 10,000 people in 24 hours.",
    ]


def test_a_limit_nobody_knows_leaves_the_quota(sendoff: Here, graph: GraphServer) -> None:
    graph.lists["phone_numbers"] = [number(0, whatsapp_business_manager_messaging_limit="TIER_GALAXY")]
    said = sendoff("sender", "sync").out.splitlines()
    assert said[-1] == "The messaging limit TIER_GALAXY is not known to this program; the quota stays as it was."


def test_R57_an_agent_may_not_sync(sendoff: Here, graph: GraphServer, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[roles]\n{getpass.getuser()} = "agent"\n', encoding="utf-8")
    assert sendoff.refused("--config", config, "template", "sync")[1] == "not_allowed"
    assert graph.requests == [], "nothing was asked"


def test_the_greeting_is_the_file_s() -> None:
    assert GREETING["components"] == [BODY]

"""`sendoff gateway`, `sendoff media`, and the endpoint of a campaign on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.commands import launch
from engine.decide import HoldOrder
from engine.ending import hold
from engine.starting import WORKER
from store import campaigns, database
from store.types import Endpoint
from tests import builders
from tests.cli import Here
from tests.clock import FakeClock
from tests.graph_server import TOKEN, WABA, GraphServer, graph_server
from tests.tui.cli_scene import MAPPED, SENDER, draft, set_up

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 100


@pytest.fixture
def graph() -> Iterator[GraphServer]:
    with graph_server() as server:
        yield server


@pytest.fixture
def sendoff(tmp_path: Path, clock: FakeClock) -> Here:
    here = Here(tmp_path / "here.db", clock)
    set_up(here, tmp_path)
    return here


def test_the_gateway_is_shown_with_the_end_of_the_token(sendoff: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDOFF_TOKEN", TOKEN)
    assert sendoff.json("gateway", "show") == {
        "gateway": "simulator",
        "base_url": None,
        "api_version": "v24.0",
        "waba_id": None,
        "token": None,
        "proxy": None,
        "ca_bundle": None,
        "connect_timeout": 5.0,
        "timeout": 30.0,
    }
    done = sendoff.json("gateway", "set", "--gateway", "cloud-api", "--api-version", "v26.0", "--waba-id", WABA)
    assert (done["base_url"], done["api_version"], done["waba_id"]) == ("https://graph.facebook.com", "v26.0", WABA)
    assert done["token"] == "...9876"
    said = sendoff("gateway", "show").out
    assert "...9876" in said and TOKEN not in said
    assert sendoff.json("audit")[-1]["after"]["api_version"] == "v26.0"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), "usage"),
        (("--api-version", "24"), "bad_api_version"),
        (("--base-url", "graph.facebook.com"), "base_url_invalid"),
        (("--base-url", "https://user:pass@x.example"), "base_url_invalid"),
        (("--waba-id", "1/2"), "bad_waba_id"),
    ],
)
def test_what_cannot_be_used_changes_nothing(sendoff: Here, arguments: tuple[str, ...], code: str) -> None:
    before = sendoff.json("gateway", "show")
    assert sendoff.refused("gateway", "set", *arguments) == (2, code)
    assert sendoff.json("gateway", "show") == before


def test_the_machine_s_way_stands_in_the_configuration(sendoff: Here, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        '[gateway]\nproxy = "http://me:secret@proxy.example:3128"\nca_bundle = "/etc/ca.pem"\ntimeout = 60\n',
        encoding="utf-8",
    )
    shown = sendoff.json("--config", config, "gateway", "show")
    assert shown["proxy"] == "http://proxy.example:3128"
    assert (shown["ca_bundle"], shown["timeout"]) == ("/etc/ca.pem", 60.0)
    assert "secret" not in sendoff("--config", config, "gateway", "show").out


@pytest.mark.parametrize(
    "text", ["gateway = 1", "[gateway]\nproxi = 1", "[gateway]\ntimeout = 0", '[gateway]\nproxy = "ftp://u:hush@x"']
)
def test_a_configuration_that_cannot_be_used_is_refused(sendoff: Here, tmp_path: Path, text: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text(text, encoding="utf-8")
    answer = sendoff("--config", config, "gateway", "show", "--json")
    assert (answer.status, answer.error["code"]) == (2, "bad_config")
    assert "hush" not in answer.err


def test_a_file_is_uploaded_and_listed(
    sendoff: Here, graph: GraphServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENDOFF_TOKEN", TOKEN)
    sendoff.json("gateway", "set", "--gateway", "cloud-api", "--base-url", graph.url)
    file = tmp_path / "offer.png"
    file.write_bytes(PNG)
    answer = sendoff("media", "upload", file)
    assert (answer.status, answer.out) == (0, "media-1\n")
    assert "offer.png is uploaded and can be used until 2026-12-2" in answer.err
    assert "--fixed header.media_id=media-1" in answer.err
    (listed,) = sendoff.json("media", "list")
    assert (listed["media_id"], listed["file"], listed["type"], listed["size"]) == (
        "media-1", "offer.png", "image/png", len(PNG),
    )  # fmt: skip
    assert graph.requests[0].path == "/v24.0/1001/media"
    assert "media-1" in sendoff("media", "list").out
    graph.refuse("media", 131053)
    assert sendoff.refused("media", "upload", file)[1] == "gateway_refused"
    assert len(sendoff.json("media", "list")) == 1
    file.write_bytes(b"text")
    assert sendoff.refused("media", "upload", file) == (2, "media_type")


def test_with_several_senders_an_upload_needs_one(sendoff: Here, tmp_path: Path) -> None:
    sendoff("sender", "add", "+918061747780", "--phone-number-id", "1002")
    assert sendoff.refused("media", "upload", tmp_path / "x.png")[1] == "usage"


def test_a_draft_has_an_endpoint(sendoff: Here, tmp_path: Path) -> None:
    made = draft(sendoff, tmp_path, *MAPPED, "--endpoint", "marketing_messages", "--product-policy", "strict")
    shown = sendoff.json("campaign", "show", made)
    assert (shown["endpoint"], shown["product_policy"], shown["activity_sharing"]) == (
        "marketing_messages", "STRICT", None,
    )  # fmt: skip
    sendoff.json("campaign", "edit", made, "--activity-sharing", "no")
    assert "marketing_messages, what it cannot take fails, activity not shared" in sendoff("campaign", "show", made).out
    sendoff.json("campaign", "edit", made, "--endpoint", "messages")
    back = sendoff.json("campaign", "show", made)
    assert (back["endpoint"], back["product_policy"], back["activity_sharing"]) == ("messages", None, None)
    assert sendoff.refused("campaign", "edit", made, "--product-policy", "strict") == (2, "usage")


def test_a_held_run_is_resumed_by_the_other_endpoint(sendoff: Here, tmp_path: Path, clock: FakeClock) -> None:
    made = draft(sendoff, tmp_path)
    assert sendoff.refused("campaign", "resume", made, "--endpoint", "marketing_messages") == (3, "not_held")
    database.open_database(str(sendoff.database))
    with database.session():
        launch.send_now(builders.context(clock), made)
        hold(clock, made, HoldOrder("other_endpoint", "marketing is off (131063)"), WORKER)
    assert sendoff("campaign", "resume", made, "--endpoint", "marketing_messages").status == 0
    with database.session():
        on = campaigns.get(made)
        assert on.hold is None and on.route.endpoint is Endpoint.MARKETING
    assert sendoff.json("campaign", "show", made)["endpoint"] == "marketing_messages"
    assert sendoff.json("sender", "list")[0]["number"] == SENDER


LIMITED = {"entity_type": "WABA", "can_send_message": "LIMITED", "additional_info": ["Verify the business."]}
BLOCKED = {"entity_type": "PHONE_NUMBER", "can_send_message": "BLOCKED"}


def test_R45_a_resume_asks_the_gateway_first_and_tells_what_it_says(
    sendoff: Here, tmp_path: Path, clock: FakeClock, graph: GraphServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENDOFF_TOKEN", TOKEN)
    made = draft(sendoff, tmp_path)
    sendoff("gateway", "set", "--gateway", "cloud-api", "--base-url", graph.url, "--waba-id", WABA)
    database.open_database(str(sendoff.database))
    with database.session():
        launch.send_now(builders.context(clock), made)
        hold(clock, made, HoldOrder("account_paused", "the account is restricted (131031)"), WORKER)
    graph.nodes["1001"] = {"health_status": {"can_send_message": "BLOCKED", "entities": [BLOCKED]}}
    assert sendoff.refused("campaign", "resume", made) == (3, "health_blocked")
    assert len(graph.requests) == 1
    # Mended at once: an answer of a moment ago does not count for a resume.
    clock.advance(6_000)
    graph.nodes["1001"] = {"health_status": {"can_send_message": "LIMITED", "entities": [LIMITED]}}
    said = sendoff("campaign", "resume", made)
    assert said.status == 0 and "WhatsApp says: the WhatsApp Business Account is limited: Verify" in said.out
    assert len(graph.requests) == 2

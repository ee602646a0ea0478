"""Files for headers: what WhatsApp takes, how an upload is used, and how long it lives."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import media, message, placeholders, preflight, preflight_reading
from engine.clock import DAY
from engine.commands import drafts, launch, setup, uploads
from engine.errors import BadInput, Refused
from engine.gateway.cloud_api import CloudApi
from engine.gateway.graph import Graph
from engine.placeholders import MEDIA, MEDIA_ID, Filler, unmapped
from engine.preflight_facts import Level
from store import account, campaigns
from store import media as store
from store.types import DraftFields, Fill, Gateway, Status
from tests import builders
from tests.clock import FakeClock
from tests.graph_server import TOKEN, Answer, GraphServer, graph_server
from tests.sending import actions, work

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 100
PICTURE = [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Hello"}]


@pytest.mark.parametrize(
    ("name", "content", "kind", "mime"),
    [
        ("a.jpg", b"\xff\xd8\xff\xe0", "image", "image/jpeg"),
        ("a.JPEG", b"\xff\xd8\xff\xe0", "image", "image/jpeg"),
        ("a.png", PNG, "image", "image/png"),
        ("a.mp4", b"\0\0\0\x18ftypmp42", "video", "video/mp4"),
        ("a.3gp", b"\0\0\0\x18ftyp3gp4", "video", "video/3gpp"),
        ("a.pdf", b"%PDF-1.7", "document", "application/pdf"),
        ("a.txt", b"x", "document", "text/plain"),
    ],
)
def test_what_whatsapp_takes(tmp_path: Path, name: str, content: bytes, kind: str, mime: str) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    assert media.checked(file) == media.File(file, kind, mime, len(content))


@pytest.mark.parametrize(
    ("name", "size", "code"),
    [
        ("a.gif", 5, "media_type"),
        ("a", 5, "media_type"),
        ("a.webp", 5, "media_type"),
        ("a.png", 0, "media_size"),
        ("a.png", (5 << 20) + 1, "media_size"),
        ("a.mp4", (16 << 20) + 1, "media_size"),
        ("a.pdf", (100 << 20) + 1, "media_size"),
        ("a.png", 5 << 20, "media_type"),
        ("a.pdf", 3, "media_type"),
    ],
)
def test_what_it_does_not_take_is_said_before(tmp_path: Path, name: str, size: int, code: str) -> None:
    file = tmp_path / name
    with file.open("wb") as handle:
        handle.truncate(size)
    with pytest.raises(BadInput) as caught:
        media.checked(file)
    assert caught.value.code == code and caught.value.hint


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        media.checked(tmp_path / "none.png")
    assert caught.value.code == "unreadable_file"


@pytest.mark.parametrize(
    ("days", "at_days", "problem"),
    [
        (29.9, None, ""),
        (30, None, "expired"),
        (1, 29, "expires"),
        (1, 28.9, ""),
        (None, 31, "expires"),
        (None, None, ""),
    ],
)
def test_an_upload_lives_30_days(days: float | None, at_days: float | None, problem: str) -> None:
    now = None if days is None else round(days * DAY)
    start = 0 if now is None else now
    assert media.problem(0, now, None if at_days is None else start + round(at_days * DAY)) == problem


KNOWN = placeholders.placeholders(PICTURE, "POSITIONAL")


@pytest.mark.parametrize(
    ("fills", "wire", "shown"),
    [
        (
            {MEDIA: Fill(fixed="https://x.example/a.png")},
            {"link": "https://x.example/a.png"},
            "https://x.example/a.png",
        ),
        ({MEDIA_ID: Fill(fixed="987")}, {"id": "987"}, "uploaded file 987"),
        (
            {MEDIA: Fill(fixed="https://x.example/a.png"), MEDIA_ID: Fill(fixed="987")},
            {"id": "987"},
            "uploaded file 987",
        ),
        ({MEDIA_ID: Fill(column="Id")}, {"id": "55"}, "uploaded file 55"),
    ],
)
def test_a_header_is_filled_by_link_or_by_upload(fills: dict[str, Fill], wire: dict[str, str], shown: str) -> None:
    assert unmapped(KNOWN, fills, ["Id"]) == []
    values = Filler(KNOWN, fills, ["Id"]).fill(["55"])
    assert values is not None
    body = message.payload("t", "en", PICTURE, "POSITIONAL", values, 1, "1.1.1")
    assert body["template"]["components"][0] == {"type": "header", "parameters": [{"type": "image", "image": wire}]}
    assert message.preview(PICTURE, values).header == f"[image: {shown}]"
    assert message.problems(PICTURE, values) == []


def test_R37_a_header_with_neither_is_a_hole() -> None:
    assert [problem.key for problem in unmapped(KNOWN, {}, [])] == [MEDIA]
    assert Filler(KNOWN, {}, []).fill([]) is None
    # A blank cell for the id is no picture either.
    assert Filler(KNOWN, {MEDIA_ID: Fill(column="Id")}, ["Id"]).fill([""]) is None


def test_an_odd_id_is_told() -> None:
    assert len(message.problems(PICTURE, {MEDIA_ID: "12 34"})) == 1


@pytest.fixture
def graph() -> Iterator[GraphServer]:
    with graph_server() as server:
        yield server


@pytest.fixture
def here(db: str, clock: FakeClock, tmp_path: Path, graph: GraphServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An account at the server with a template that has a picture; the picture."""
    monkeypatch.setenv("SENDOFF_TOKEN", TOKEN)
    context = builders.context(clock)
    builders.account_with_sender(clock, tmp_path)
    setup.add_templates(context, builders.template_file(tmp_path, name="greeting", components=PICTURE))
    setup.set_gateway(context, gateway=Gateway.CLOUD_API, base_url=graph.url)
    picture = tmp_path / "offer.png"
    picture.write_bytes(PNG)
    return picture


def uploaded(clock: FakeClock, picture: Path) -> str:
    context = builders.context(clock)
    ready = uploads.begin(context, picture, account.senders()[0])

    async def run() -> str:
        async with Graph(ready.link) as client:
            return await client.upload(ready.sender.phone_number_id, ready.file.path, ready.file.mime)

    return uploads.finish(context, ready, asyncio.run(run())).media_id


def draft(clock: FakeClock, folder: Path, media_id: str) -> int:
    context = builders.context(clock)
    fills = {MEDIA_ID: Fill(fixed=media_id)}
    fields = DraftFields("Picture", account.senders()[0].id, account.templates()[0].id, fills)
    campaign_id = drafts.create(context, fields)
    drafts.import_audience(context, campaign_id, campaigns.get(campaign_id).version, builders.contacts_file(folder, 2))
    return campaign_id


def checks(campaign_id: int, now: int) -> dict[str, Any]:
    found = preflight.run(preflight_reading.facts_of(campaigns.get(campaign_id), now)).checks
    return {check.code: check.level for check in found if check.code.startswith("media")}


def test_an_upload_is_sent_by_its_id(here: Path, clock: FakeClock, tmp_path: Path, graph: GraphServer) -> None:
    media_id = uploaded(clock, here)
    assert graph.requests[0].form["file"] == PNG
    campaign_id = draft(clock, tmp_path, media_id)
    assert checks(campaign_id, clock.now()) == {}
    launch.send_now(builders.context(clock), campaign_id)
    graph.instead["messages"] = [Answer(200, {"messages": [{"id": f"wamid.{i}"}]}) for i in range(2)]

    async def run() -> None:
        async with CloudApi(graph.url, TOKEN) as client:
            await work(clock, client)

    asyncio.run(run())
    assert campaigns.get(campaign_id).status is Status.COMPLETED
    sent = [json.loads(one.body) for one in graph.requests if one.path.endswith("/messages")]
    assert [one["template"]["components"][0]["parameters"][0]["image"] for one in sent] == [{"id": media_id}] * 2
    assert "media.upload" in actions()


def test_R22_an_upload_that_is_gone_blocks_and_one_that_will_be_warns(
    here: Path, clock: FakeClock, tmp_path: Path
) -> None:
    media_id = uploaded(clock, here)
    campaign_id = draft(clock, tmp_path, media_id)
    launch.schedule_at(builders.context(clock), campaign_id, "in 29 days")
    assert checks(campaign_id, clock.now()) == {}
    launch.reschedule(builders.context(clock), campaign_id, "in 31 days")
    assert checks(campaign_id, clock.now()) == {"media_expires": Level.WARN}
    launch.reopen(builders.context(clock), campaign_id)
    clock.advance(30 * DAY)
    assert checks(campaign_id, clock.now()) == {"media_expired": Level.BLOCK}
    with pytest.raises(Refused) as caught:
        launch.send_now(builders.context(clock), campaign_id)
    assert caught.value.code == "media_expired"


def test_an_id_from_elsewhere_warns(here: Path, clock: FakeClock, tmp_path: Path) -> None:
    assert checks(draft(clock, tmp_path, "4711"), clock.now()) == {"media_unknown": Level.WARN}


def test_an_upload_of_another_sender_warns(here: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = draft(clock, tmp_path, uploaded(clock, here))
    account.change_sender(account.senders()[0].id, {"phone_number_id": "999"})
    assert checks(campaign_id, clock.now()) == {"media_of_another": Level.WARN}


CARD = [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Look"}]
CAROUSEL = [{"type": "BODY", "text": "Hello"}, {"type": "CAROUSEL", "cards": [{"components": CARD}] * 3}]


def in_cards(clock: FakeClock, folder: Path, *media_ids: str) -> int:
    """A draft whose cards are filled with these uploads."""
    context = builders.context(clock)
    setup.add_templates(context, builders.template_file(folder, name="cards", components=CAROUSEL))
    template = account.find_templates("cards")[0]
    fills = {f"card.{i}.{MEDIA_ID}": Fill(fixed=media_id) for i, media_id in enumerate(media_ids)}
    campaign_id = drafts.create(context, DraftFields("Cards", account.senders()[0].id, template.id, fills))
    drafts.import_audience(context, campaign_id, campaigns.get(campaign_id).version, builders.contacts_file(folder, 2))
    return campaign_id


def said(campaign_id: int, now: int) -> list[tuple[str, str, str]]:
    found = preflight.run(preflight_reading.facts_of(campaigns.get(campaign_id), now)).checks
    return [(check.code, check.text, check.field) for check in found if check.code.startswith("media")]


def test_R22_uploads_in_the_cards_of_a_carousel_are_looked_at_too(here: Path, clock: FakeClock, tmp_path: Path) -> None:
    old = uploaded(clock, here)
    clock.advance(30 * DAY)
    campaign_id = in_cards(clock, tmp_path, old, uploaded(clock, here), old)
    gone = "the file of cards 0, 2 offer.png was uploaded more than 30 days ago and is gone"
    assert said(campaign_id, clock.now()) == [("media_expired", gone, "card.0.header.media_id")]
    with pytest.raises(Refused) as caught:
        launch.send_now(builders.context(clock), campaign_id)
    assert caught.value.code == "media_expired"


def test_ids_from_elsewhere_in_cards_are_one_warning(here: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = in_cards(clock, tmp_path, "4711", uploaded(clock, here), "4712")
    text = "the files of cards 0, 2 were not uploaded from here, so nobody knows how long they can be used"
    assert said(campaign_id, clock.now()) == [("media_unknown", text, "card.0.header.media_id")]
    one = in_cards(clock, tmp_path, uploaded(clock, here), "4711", uploaded(clock, here))
    text = "the file of card 1 was not uploaded from here, so nobody knows how long it can be used"
    assert said(one, clock.now()) == [("media_unknown", text, "card.1.header.media_id")]


def test_a_file_that_is_not_taken_is_not_uploaded(here: Path, clock: FakeClock, graph: GraphServer) -> None:
    here.write_bytes(b"no picture")
    with pytest.raises(BadInput):
        uploaded(clock, here)
    assert graph.requests == [] and store.newest() == []

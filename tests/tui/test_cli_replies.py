"""The worker's own process goes by the words of the configuration file (R38)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from store import callbacks, database
from tests.builders import number
from tests.cli import Cli
from tests.clock import START
from tests.tui import cli_scene


def body(who: str, said: str) -> str:
    message = {"from": who.removeprefix("+"), "id": "wamid.1", "timestamp": str(START // 1000), "type": "text"}
    value = {"messages": [{**message, "text": {"body": said}}]}
    return json.dumps({"entry": [{"changes": [{"field": "messages", "value": value}]}]})


@pytest.mark.parametrize("sender", [("worker", "--until-idle"), ("test-send", 1, number(9))])
def test_R38_whoever_sends_takes_the_words_from_the_configuration(sender: tuple[object, ...], tmp_path: Path) -> None:
    sendoff = Cli(tmp_path / "cli.db")
    cli_scene.set_up(sendoff, tmp_path)
    config = tmp_path / "config.toml"
    config.write_text('[replies]\nstop = ["Genug"]\n', encoding="utf-8")
    database.open_database(str(sendoff.database))
    with database.session():
        for i, said in enumerate(("genug!", "Unsubscribe", "enough")):
            callbacks.keep(body(number(i), said), START)
    if sender[0] == "test-send":
        assert cli_scene.draft(sendoff, tmp_path) == 1
    assert sendoff("--config", config, *sender).status == 0
    listed = sendoff.json("optout", "list")
    assert {entry["number"] for entry in listed} == {number(0), number(1)}
    assert {entry["origin"] for entry in listed} == {"reply: STOP"}
    told = [event for event in sendoff.json("audit") if event["action"] == "optout.stop"]
    assert sorted(event["after"]["said"] for event in told) == ["Unsubscribe", "genug!"]

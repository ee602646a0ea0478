"""Scenarios: the shipped ones, and those out of files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.errors import BadInput
from engine.gateway.simulator.scenario import Delay, Pair, Scenario, Trouble
from engine.gateway.simulator.scenario_file import description, load, shipped
from engine.gateway.simulator.scenario_file import parse as parse_scenario
from tests.simulating import ROOT


def test_the_shipped_scenarios_load() -> None:
    assert {"friendly", "perfect", "rough"} <= set(shipped())
    assert load("perfect") == Scenario()
    assert load().delivered == 0.95
    assert all(isinstance(load(name), Scenario) for name in shipped())


def test_a_scenario_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("throughput = 80\nlatency_ms = {median = 5}\n[retry]\n130429 = 0.5\n")
    assert load(str(file)) == Scenario(throughput=80, latency_ms=Delay(5), retry={130429: 0.5})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("latencyms = 3", "latencyms"),
        ("throughput = 1.5", "whole number"),
        ("read = 1.2", "between 0 and 1"),
        ("read = -0.1", "not negative"),
        ("read = true", "must be a number"),
        ("read = nan", "must be a number"),
        ("latency_ms = 60", "median and spread"),
        ("latency_ms = {mean = 60}", "median and spread"),
        ("rejected = 0.5", "error code to share"),
        ("[rejected]\nmany = 0.5", "error code to share"),
        ("[rejected]\n131026 = 0.7\n131000 = 0.7", "between 0 and 1"),
        ("delivered = 0.9\n[undelivered]\n131026 = 0.2", "between 0 and 1"),
        ("lost_answer = 0.6\nhttp_500 = 0.6", "between 0 and 1"),
        ("= 3", "not valid TOML"),
        ("read = 1e13", "no more than"),
        ("wa_id_differs = 1", "true or false"),
        ("pair = 6", "table with every_ms and burst"),
        ("[pair]\nburst = 0", "at least 1"),
        ("[portfolio]\nby = 3", "must be text"),
        ('[portfolio]\nby = "post"', "answer, callback"),
        ("redirect_http_status = 200", "3xx"),
        ("trouble = 3", "list of tables"),
        ("[[trouble]]\ncode = 131048", "lacks after"),
        ("[[trouble]]\ncode = 131048\nafter = 1\nwhen = 2", "when"),
        ("[[trouble]]\ncode = 131048\nafter = 1\ntimes = 2", "only with after and lasts_ms"),
        ('[[trouble]]\ncode = 131048\nafter = 1\nscope = "world"', "template, number, account"),
        ('[[trouble]]\ncode = 131048\nafter = 1\nby = "mail"', "answer, callback"),
    ],
)
def test_a_scenario_with_a_mistake_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        parse_scenario(text, "mine.toml")
    assert caught.value.code == "scenario_invalid"
    assert caught.value.hint


def test_a_scenario_that_does_not_exist_names_the_shipped_ones() -> None:
    with pytest.raises(BadInput) as caught:
        load("freindly")
    assert "friendly" in caught.value.hint


def test_a_scenario_may_be_json() -> None:
    text = json.dumps({"pair": {"every_ms": 6000}, "trouble": [{"code": 131048, "after": 3}], "retry": {"2": 0.5}})
    assert parse_scenario(text, "mine.json") == Scenario(
        pair=Pair(every_ms=6000), trouble=(Trouble(131048, after=3),), retry={2: 0.5}
    )
    for broken in ("[]", "{", "7"):
        with pytest.raises(BadInput) as caught:
            parse_scenario(broken, "mine.json")
        assert caught.value.code == "scenario_invalid"


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_scenario_says_what_it_is_about(name: str) -> None:
    assert 40 < len(description(name)) <= 120
    readme = (ROOT / "README.md").read_text("utf-8")
    assert f"| `{name}` |" in readme


def test_ten_scenarios_and_more_ship() -> None:
    names = {"slow", "throttled", "quality-pause", "held", "token-expires", "silent", "storm", "nastiest"}
    assert names <= set(shipped())
    assert len(shipped()) >= 10

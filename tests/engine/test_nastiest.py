"""A run through the nastiest shipped scenario: every recipient ends in a true state, by the simulator's own log."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from engine.commands import launch
from engine.gateway.simulator.scenario import Scenario
from engine.gateway.simulator.scenario_file import load
from store import database
from store.types import RecipientState, SkipReason, Status
from tests import builders, quick_time
from tests.sending import rows
from tests.truth import Story, check_truth, sent_to_the_end

SENDER = {"id": "1000001", "display_phone_number": "+91 80402 14021", "verified_name": "Acme"}


def contacts(n: int) -> list[tuple[str, str, str]]:
    """So many good contacts, Brazilian and Mexican ones among them, and a few bad ones between them."""
    listed = []
    for i in range(n):
        number = (
            f"+55119{i + 10**7:08d}"
            if i % 20 == 7
            else f"+5255{i + 2 * 10**7:08d}"
            if i % 20 == 13
            else builders.number(i)
        )
        listed.append((f"Customer {i}", number, f"C{i:06d}"))
        if i % 400 == 399:
            listed += [("Twice", number, "C"), ("Nobody", "", "C"), ("Hole", builders.number(n + i), "")]
    return listed


def account_file(folder: Path) -> Path:
    """What the simulator knows: the template and the number that campaigns are sent with."""
    file = folder / "account.json"
    file.write_text(json.dumps({"templates": [builders.GREETING], "phone_numbers": [SENDER]}), encoding="utf-8")
    return file


def shrunk(scenario: Scenario, by: int) -> Scenario:
    """The scenario with its troubles so many times sooner, for a campaign that is so many times smaller."""
    return replace(scenario, trouble=tuple(replace(one, after=one.after // by) for one in scenario.trouble))


def story_of(n: int, scenario: Scenario, seed: int, folder: Path) -> Story:
    """Send to so many people until all is over."""
    clock = quick_time.LoopClock()
    database.open_database(str(folder / "nastiest.db"), create=True)
    try:
        with database.session():
            builders.account_with_sender(clock, folder)
            campaign_id = builders.draft(clock, folder, contacts(n))
            launch.send_now(builders.context(clock), campaign_id)
            began = clock.now()
            sending = sent_to_the_end(clock, campaign_id, scenario, seed=seed, account=account_file(folder))
            story = quick_time.run(clock, sending)
            check_truth(story, scenario, seed)
            print(json.dumps({**figures(story), "virtual_minutes": round((clock.now() - began) / 60_000, 1)}))
            return story
    finally:
        database.close_database()

"""Roles and the audit trail on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.operators import operator
from tests.cli import Here
from tests.clock import FakeClock
from tests.tui import cli_scene

ME = operator().name


class Desk:
    """An account, and its command line as somebody with a role."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.folder = folder
        self.sendoff = Here(folder / "roles.db", clock)
        cli_scene.set_up(self.sendoff, folder)
        self.draft = cli_scene.draft(self.sendoff, folder)

    def be(self, role: str | None) -> str:
        """A configuration in which this user has the role, or none."""
        file = self.folder / "config.toml"
        file.write_text(f'[roles]\n"{ME if role else "somebody else"}" = "{role or "owner"}"\n', encoding="utf-8")
        file.chmod(0o600)
        return str(file)


@pytest.fixture
def desk(tmp_path: Path, clock: FakeClock) -> Desk:
    return Desk(tmp_path, clock)


WORKERS = [("worker.start", role) for role in ("manager", "admin", "owner")]
# From RULES.md, R56: the arguments, the least role that may, and the action that is audited.
LEAST = {"agent": 0, "manager": 1, "admin": 2, "owner": 3}
ASKED = [
    ("campaign list", "agent", ""),
    ("campaign show ID", "agent", ""),
    ("campaign report ID", "agent", ""),
    ("credits show", "agent", ""),
    ("audit", "agent", ""),
    ("campaign edit ID --name Other", "manager", "campaign.edit"),
    ("campaign duplicate ID", "manager", "campaign.duplicate"),
    ("campaign send ID --yes", "manager", "campaign.send"),
    ("campaign schedule ID --at 2030-01-01T10:00+00:00", "manager", "campaign.schedule"),
    ("worker --once", "manager", "worker.start"),
    ("campaign delete ID --yes", "admin", "campaign.delete"),
    ("sender add +918061747780 --phone-number-id 77", "admin", "sender.add"),
    ("init --timezone Asia/Kolkata", "admin", "account.set_up"),
    ("credits add 5", "owner", "credits.add"),
]


# That a worker starts for those who may is proved where workers are.
EVERY = [(*asked, role) for asked in ASKED for role in LEAST if (asked[2], role) not in WORKERS]


@pytest.mark.parametrize(("line", "least", "action", "role"), EVERY)
def test_R57_the_command_line_refuses_what_the_role_forbids(
    desk: Desk, line: str, least: str, action: str, role: str
) -> None:
    arguments = [str(desk.draft) if word == "ID" else word for word in line.split()]
    answer = desk.sendoff("--config", desk.be(role), *arguments, "--json")
    if LEAST[role] >= LEAST[least]:
        assert answer.status == 0, answer.err
        return
    assert (answer.status, answer.out) == (5, "")
    assert answer.error["code"] == "not_allowed"
    assert answer.error["hint"]
    last = desk.sendoff.json("audit", "--limit", 1)[0]
    assert (last["action"], last["actor"], last["after"]) == (f"{action}.refused", ME, {"code": "not_allowed"})


@pytest.mark.parametrize("line", [line for line, _, _ in ASKED])
def test_R56_who_has_no_role_may_not_even_look(desk: Desk, line: str) -> None:
    arguments = [str(desk.draft) if word == "ID" else word for word in line.split()]
    answer = desk.sendoff("--config", desk.be(None), *arguments)
    assert (answer.status, answer.out) == (5, "")
    assert f"{ME} has no role here." in answer.err
    assert desk.sendoff.json("audit", "--limit", 1)[0]["action"] == "session.open.refused"


def test_R56_who_has_no_role_is_refused_where_nothing_can_be_written_too(desk: Desk) -> None:
    before = desk.sendoff.json("audit")
    answer = desk.sendoff("--config", desk.be(None), "--read-only", "campaign", "list", "--json")
    assert (answer.status, answer.error["code"]) == (5, "not_allowed")
    assert desk.sendoff.json("audit") == before


def test_R56_roles_that_others_could_have_written_are_refused(desk: Desk) -> None:
    file = desk.be("owner")
    Path(file).chmod(0o666)
    answer = desk.sendoff("--config", file, "campaign", "list", "--json")
    assert (answer.status, answer.error["code"]) == (5, "untrusted_config")
    last = desk.sendoff.json("audit", "--limit", 1)[0]
    assert (last["action"], last["after"]) == ("session.open.refused", {"code": "untrusted_config"})


def test_R11_the_audit_trail_is_told_by_campaign_time_and_person(desk: Desk, clock: FakeClock) -> None:
    everything = desk.sendoff.json("audit")
    assert [event["action"] for event in everything][-2:] == ["campaign.create", "campaign.import"]
    clock.advance(3_600_000)
    assert desk.sendoff("campaign", "edit", desk.draft, "--name", "Renamed").status == 0
    of_it = desk.sendoff.json("audit", "--campaign", desk.draft)
    assert {event["campaign"] for event in of_it} == {desk.draft}
    edit = of_it[-1]
    assert (edit["action"], edit["actor"], edit["terminal"]) == ("campaign.edit", ME, operator().terminal)
    assert edit["before"]["name"] == "Spring sale" and edit["after"]["name"] == "Renamed"
    assert desk.sendoff.json("audit", "--since", edit["at"]) == [edit]
    assert desk.sendoff.json("audit", "--actor", "nobody") == []
    assert desk.sendoff.json("audit", "--actor", ME, "--limit", 1) == [edit]


def test_R11_the_audit_trail_for_people_says_before_and_after_literally(desk: Desk) -> None:
    assert desk.sendoff("campaign", "edit", desk.draft, "--name", "[b]x[/b]\x1b[31m").status == 0
    out = desk.sendoff("audit", "--campaign", desk.draft).out
    assert "name: Spring sale -> [b]x[/b]␛[31m" in out
    assert "\x1b" not in out
    assert desk.sendoff("audit", "--actor", "nobody").out == "No event matches.\n"


def test_R11_setting_up_again_says_what_was_before(desk: Desk) -> None:
    assert desk.sendoff("init", "--timezone", "Europe/Berlin").status == 0
    event = desk.sendoff.json("audit", "--limit", 1)[0]
    assert (event["before"]["timezone"], event["after"]["timezone"]) == ("Asia/Kolkata", "Europe/Berlin")

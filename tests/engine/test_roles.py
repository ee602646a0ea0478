"""Who may do what: the tables, and every command under every role."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import engine
import engine.commands
from engine.context import Context, command
from engine.errors import NotAllowed
from engine.roles import DEFAULTS, NEEDS, Permission, Role, allows, needed, rights
from store import audit
from store.types import Actor
from tests.clock import START, FakeClock

ROOT = Path(engine.__file__).parent.parent
COMMANDS = sorted(Path(engine.commands.__file__).parent.glob("*.py"))
ACTION = re.compile(r"(account|campaign|credits|message|optout|price|prices|sender|series|template|backup)\.[a-z_]+")

# From RULES.md, R56: who is the least that may do it.
WHO = {
    "agent": ("session.open", "session.close"),
    "manager": (
        "campaign.create", "campaign.edit", "campaign.import", "campaign.duplicate", "campaign.test_send",
        "campaign.schedule", "campaign.reschedule", "campaign.send", "campaign.resume", "campaign.settle",
        "campaign.cancel", "campaign.reopen", "worker.start",
        "series.create", "series.edit", "series.pause", "series.resume", "series.end",
    ),
    "admin": (
        "campaign.delete", "campaign.restore", "optout.add", "optout.remove", "optout.import", "optout.export",
        "account.set_up", "sender.add", "template.add", "template.sync",
    ),
    "owner": ("credits.add",),
}  # fmt: skip
ORDER = ("agent", "manager", "admin", "owner")
EVERY = [
    (action, role, ORDER.index(role) >= ORDER.index(least))
    for least, actions in WHO.items()
    for action in actions
    for role in ORDER
]


@pytest.mark.parametrize(("action", "role", "may"), EVERY)
def test_R56_R57_every_command_under_every_role(db: Path, clock: FakeClock, action: str, role: str, may: bool) -> None:
    context = Context(clock, Actor("bela", "/dev/pts/4"), rights(Role(role)))
    done = []
    if may:
        with command(context, action, 7):
            done.append(action)
        assert done == [action]
        assert audit.events() == []
        return
    with pytest.raises(NotAllowed) as refused, command(context, action, 7):
        done.append(action)
    assert done == []
    assert refused.value.code == "not_allowed"
    assert role in refused.value.message and needed(action).value in refused.value.message
    (event,) = audit.events()
    assert (event.action, event.actor, event.terminal, event.at) == (f"{action}.refused", "bela", "/dev/pts/4", START)
    assert (event.campaign_id, event.after) == (7, {"code": "not_allowed"})


@pytest.mark.parametrize("action", sorted(NEEDS))
def test_R56_without_a_role_nothing_is_allowed(db: Path, clock: FakeClock, action: str) -> None:
    context = Context(clock, Actor("mallory"), rights(None))
    with pytest.raises(NotAllowed, match="mallory has no role"), command(context, action):
        pytest.fail("it was let through")
    assert [event.action for event in audit.events()] == [f"{action}.refused"]


def test_R57_every_command_of_the_engine_is_in_the_table() -> None:
    """A command whose name is missing would be the owner's alone, and nobody would have decided that."""
    used = {
        node.value
        for file in COMMANDS
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and ACTION.fullmatch(node.value)
    }
    assert used
    assert used - set(NEEDS) == set()


def test_R57_a_command_names_its_action_where_the_test_above_sees_it() -> None:
    """`command(context, "family.verb")`: a literal in the table, or a variable filled from the module's literals."""
    found = 0
    for file in COMMANDS:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "command":
                found += 1
                action = node.args[1]
                assert isinstance(action, ast.Name) or (isinstance(action, ast.Constant) and action.value in NEEDS)
    assert found > 10


def test_R57_an_action_that_is_not_in_the_table_is_the_owners_alone() -> None:
    assert [role for role in Role if allows(role, needed("campaign.explode"))] == [Role.OWNER]


def test_R57_whoever_opens_a_database_for_a_person_says_what_that_person_may_do() -> None:
    """`Context` gives everything where nothing is said; the product always says."""
    made = []
    for package in ("engine", "tui"):
        for file in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Context":
                    made.append((file.name, len(node.args) + len(node.keywords)))
    assert made
    assert [one for one in made if one[1] != 3] == []


def test_R56_the_roles_one_above_the_other() -> None:
    assert DEFAULTS[Role.AGENT] < DEFAULTS[Role.MANAGER] < DEFAULTS[Role.ADMIN] < DEFAULTS[Role.OWNER]
    assert DEFAULTS[Role.AGENT] == {Permission.READ}
    assert DEFAULTS[Role.OWNER] - DEFAULTS[Role.ADMIN] == {Permission.CREDITS, Permission.ROLES}
    assert not any(allows(None, permission) for permission in Permission)


def test_R56_a_configured_role_has_what_is_configured_and_nothing_else() -> None:
    table = {**DEFAULTS, Role.AGENT: frozenset((Permission.READ, Permission.OPT_OUTS))}
    assert rights(Role.AGENT, table).allows(Permission.OPT_OUTS)
    assert not rights(Role.AGENT, table).allows(Permission.CREATE)
    assert rights(Role.MANAGER, table).permissions == DEFAULTS[Role.MANAGER]

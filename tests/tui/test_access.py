"""Which role somebody has: by the configuration, else by whose database it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.errors import BadInput, NotAllowed
from engine.roles import DEFAULTS, EVERYTHING, Permission, Role
from store import database
from tui.access import decide, owner_of, rights_here

OWNER, OTHER = 4001, 4002
ME = os.getuid()
"""Whoever runs the tests: a file made here belongs to that user."""


def config(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return file


def test_R56_without_a_configuration_the_databases_owner_is_owner_and_everyone_else_has_no_role() -> None:
    assert decide(None, "asha", OWNER, OWNER) == EVERYTHING
    for uid in (OTHER, 0):
        assert decide(None, "asha", uid, OWNER).role is None
        assert not decide(None, "asha", uid, OWNER).allows(Permission.READ)
    # PostgreSQL, where the login does not own the database.
    assert decide(None, "asha", OTHER, None).role is None


def test_R56_a_configuration_without_roles_changes_nothing(tmp_path: Path) -> None:
    file = config(tmp_path, 'database = "/somewhere/else.db"\n', 0o666)
    assert decide(file, "asha", OWNER, OWNER) == EVERYTHING
    assert decide(file, "asha", OTHER, OWNER).role is None


def test_R56_with_roles_only_what_they_say_counts(tmp_path: Path) -> None:
    file = config(tmp_path, '[roles]\nasha = "owner"\nbela = "manager"\ncaro = "agent"\n')
    for name, role in (("asha", Role.OWNER), ("bela", Role.MANAGER), ("caro", Role.AGENT)):
        for uid in (ME, OTHER):
            found = decide(file, name, uid, ME)
            assert found.role is role
            assert found.permissions == DEFAULTS[role]
    # Also the database's owner.
    assert decide(file, "dora", ME, ME).role is None


def test_R56_the_configuration_may_change_what_a_role_may_do(tmp_path: Path) -> None:
    file = config(tmp_path, '[roles]\ncaro = "agent"\nbela = "manager"\n[permissions]\nagent = ["read", "opt_outs"]\n')
    assert decide(file, "caro", OTHER, ME).permissions == {Permission.READ, Permission.OPT_OUTS}
    assert decide(file, "bela", OTHER, ME).permissions == DEFAULTS[Role.MANAGER]


def test_R56_permissions_alone_leave_the_roles_as_they_are(tmp_path: Path) -> None:
    file = config(tmp_path, '[permissions]\nowner = ["read"]\n')
    found = decide(file, "asha", ME, ME)
    assert found.role is Role.OWNER
    assert found.permissions == {Permission.READ}
    assert decide(file, "bela", OTHER, ME).role is None


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o660])
def test_R56_roles_from_a_file_that_others_can_write_are_refused(tmp_path: Path, mode: int) -> None:
    file = config(tmp_path, '[roles]\nasha = "owner"\n', mode)
    with pytest.raises(NotAllowed, match="others than its owner can write") as refused:
        decide(file, "asha", ME, ME)
    assert refused.value.code == "untrusted_config"
    assert "chmod go-w" in refused.value.hint


@pytest.mark.skipif(ME == 0, reason="a file of root's is trusted")
def test_R56_nobody_grants_himself_a_role_with_a_file_of_his_own(tmp_path: Path) -> None:
    own = config(tmp_path, '[roles]\nmallory = "owner"\n')
    with pytest.raises(NotAllowed, match="belongs to"):
        decide(own, "mallory", ME, OTHER)


@pytest.mark.skipif(ME != 0, reason="only root can give a file away")
def test_R56_nobody_grants_himself_a_role_with_a_file_he_was_given(tmp_path: Path) -> None:
    own = config(tmp_path, '[roles]\nmallory = "owner"\n')
    os.chown(own, OTHER, OTHER)
    for owner in (OWNER, None):
        with pytest.raises(NotAllowed, match=f"belongs to uid {OTHER}"):
            decide(own, "mallory", OTHER, owner)
    # The same file counts where it is the database owner's.
    assert decide(own, "mallory", OWNER, OTHER).role is Role.OWNER


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('roles = "owner"\n', "roles is no table"),
        ('[roles]\nasha = "boss"\n', "'boss' is no role"),
        ("[roles]\nasha = 1\n", "1 is no role"),
        ('[permissions]\nboss = ["read"]\n', "'boss' is no role"),
        ('[permissions]\nagent = "read"\n', "the permissions of 'agent' are no list"),
        ('[permissions]\nagent = ["read", "fly"]\n', "'fly' is no permission"),
        ("permissions = 3\n", "permissions is no table"),
    ],
)
def test_R56_roles_that_cannot_be_read_are_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(BadInput) as bad:
        decide(config(tmp_path, text), "asha", ME, ME)
    assert bad.value.code == "bad_config"
    assert told in bad.value.message


def test_R56_the_owner_of_a_sqlite_database_is_whose_file_it_is(tmp_path: Path) -> None:
    file = tmp_path / "own.db"
    database.open_database(str(file), create=True)
    assert owner_of(str(file), OTHER) == ME
    assert rights_here(str(file), None, "asha") == EVERYTHING
    named = config(tmp_path, '[roles]\ncaro = "agent"\n')
    assert rights_here(str(file), str(named), "caro").role is Role.AGENT

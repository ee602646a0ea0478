"""Who sits at a session."""

from __future__ import annotations

import os
import subprocess
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from engine.operators import fingerprint, place, ssh_keys, user_name

KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
# What ssh-keygen -lf says of it (github.com's published ed25519 host key).
PRINT = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"


def test_R55_a_key_is_named_as_ssh_keygen_names_it(tmp_path: Path) -> None:
    assert fingerprint(KEY) == PRINT
    exposed = tmp_path / "auth"
    exposed.write_text(f"publickey ssh-ed25519 {KEY}\n", encoding="ascii")
    environment = {"SSH_CONNECTION": "203.0.113.7 50522 198.51.100.1 22", "SSH_USER_AUTH": str(exposed)}
    assert place("/dev/pts/3", environment) == f"/dev/pts/3 from 203.0.113.7 with key {PRINT}"


def test_R55_every_key_of_a_session_is_told(tmp_path: Path) -> None:
    other = b64encode(b"another").decode()
    exposed = tmp_path / "auth"
    exposed.write_text(
        f"password\npublickey ssh-ed25519 {KEY}\nkeyboard-interactive/pam\npublickey ssh-rsa {other} comment\n",
        encoding="ascii",
    )
    second = f"SHA256:{b64encode(sha256(b'another').digest()).decode().rstrip('=')}"
    assert ssh_keys(str(exposed)) == [PRINT, second]


def test_R55_a_certificate_is_told_by_its_type(tmp_path: Path) -> None:
    exposed = tmp_path / "auth"
    exposed.write_text(f"publickey ssh-ed25519-cert-v01@openssh.com {KEY}\n", encoding="ascii")
    assert ssh_keys(str(exposed)) == ["ssh-ed25519-cert-v01@openssh.com"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"publickey",
        b"publickey ssh-ed25519",
        b"publickey ssh-ed25519 ",
        b"publickey ssh-ed25519 not*base64",
        b"publickey ssh-ed25519 AAAAC",
        b"publickey ssh-ed25519 \xff\xfe\x00",
        b"\x00" * 200_000,
        b"password",
    ],
)
def test_R55_a_file_that_says_something_else_tells_no_key(tmp_path: Path, content: bytes) -> None:
    exposed = tmp_path / "auth"
    exposed.write_bytes(content)
    assert ssh_keys(str(exposed)) == []


def test_R55_a_file_that_cannot_be_read_tells_no_key(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in ("", "no\0name", str(tmp_path), str(tmp_path / "none"), str(tmp_path / "pipe"), "/dev/zero"):
        assert ssh_keys(path) == []


def test_R55_a_key_is_only_told_with_its_client(tmp_path: Path) -> None:
    exposed = tmp_path / "auth"
    exposed.write_text(f"publickey ssh-ed25519 {KEY}\n", encoding="ascii")
    # A session that was opened on the machine itself may have inherited the variable.
    assert place("/dev/pts/3", {"SSH_USER_AUTH": str(exposed)}) == "/dev/pts/3"


def test_R55_the_user_is_the_one_that_the_machine_knows() -> None:
    assert user_name(0) == "root"
    name = subprocess.run(["id", "-un"], capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    assert user_name(os.getuid()) == name
    assert user_name(3_999_999_999) == "uid 3999999999"

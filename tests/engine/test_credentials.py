"""Where secrets come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import credentials
from engine.errors import BadInput

NAMES = ("SENDOFF_TOKEN", "SENDOFF_APP_SECRET", "SENDOFF_VERIFY_TOKEN")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "secrets.toml"
    found.write_text('token = "from the file"\napp_secret = "two"\nverify_token = "three"\n', encoding="utf-8")
    found.chmod(0o600)
    return found


def test_every_secret_is_found_in_the_file(file: Path) -> None:
    assert [credentials.secret(name, file) for name in NAMES] == ["from the file", "two", "three"]


def test_the_environment_comes_first(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(credentials.TOKEN, "from the environment")
    assert credentials.secret(credentials.TOKEN, file) == "from the environment"
    monkeypatch.setenv(credentials.TOKEN, "")
    assert credentials.secret(credentials.TOKEN, file) == "from the file"


def test_without_a_file_there_is_none(tmp_path: Path) -> None:
    assert credentials.secret(credentials.TOKEN, tmp_path / "none.toml") is None


def test_a_secret_that_the_file_lacks_is_none(file: Path) -> None:
    file.write_text("", encoding="utf-8")
    assert credentials.secret(credentials.TOKEN, file) is None


def test_the_usual_file_is_beside_the_configuration() -> None:
    assert credentials.secrets_file().parts[-2:] == ("sendoff", "secrets.toml")
    assert credentials.secret(credentials.TOKEN) is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610, 0o666])
def test_a_file_that_others_can_read_is_refused_with_what_to_do(mode: int, file: Path) -> None:
    file.chmod(mode)
    with pytest.raises(BadInput) as bad:
        credentials.secret(credentials.TOKEN, file)
    assert bad.value.code == "secrets_readable" and "chmod 600" in bad.value.hint


@pytest.mark.parametrize("text", [b"token = from-the-file\n", b'token = "\xff"\n', b"token"])
def test_a_file_that_is_not_toml_is_refused_and_not_quoted(text: bytes, file: Path) -> None:
    file.write_bytes(text)
    with pytest.raises(BadInput) as bad:
        credentials.secret(credentials.TOKEN, file)
    assert bad.value.code == "secrets_unreadable" and "token = " in bad.value.hint
    assert "from-the-file" not in bad.value.message


def test_a_file_that_cannot_be_read_is_told_in_a_sentence(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The tests may run as root, whom no file mode stops.
    def denied(self: Path, encoding: str) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", denied)
    with pytest.raises(BadInput) as bad:
        credentials.secret(credentials.TOKEN, file)
    assert (bad.value.code, "Permission denied" in bad.value.message) == ("secrets_unreadable", True)

"""README's first campaign, word for word, by somebody who has nothing yet."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.cli import ROOT, TIMEOUT_S


def test_the_first_campaign_can_be_followed_word_for_word(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"^## A first campaign\n.*?^```\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    assert block is not None
    home, programs = tmp_path / "home", tmp_path / "bin"
    home.mkdir()
    programs.mkdir()
    sendoff = programs / "sendoff"
    sendoff.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tui "$@"\n')
    sendoff.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "SENDOFF_"))}
    path = f"{programs}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-c", block[1]],
        cwd=ROOT,
        env={**kept, "HOME": str(home), "PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr
    assert "Next: sendoff sender add, sendoff template add FILE, sendoff credits add" in done.stdout
    assert "4 rows: 3 valid, 1 skipped" in done.stdout
    assert "audience 4 = skipped 1 + pending 0 + sent 3 + failed 0 + unknown 0" in done.stdout

"""The release of this program, as pyproject.toml has it; asking the installed package takes four times as long."""

from __future__ import annotations

VERSION = "0.1.0"

"""`python -m tests.fuzz NAME [--minutes M] [--seed N]`: fuzz one thing for so long; what is found is a traceback."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path


def names() -> list[str]:
    """What can be fuzzed."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def main() -> int:
    """Run it and print what it did as one JSON document; a finding is a traceback with the example that shows it."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", allow_abbrev=False)
    parser.add_argument("name", choices=names())
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    done = importlib.import_module(f"tests.fuzz.{options.name}").run(60 * options.minutes, options.seed)
    print(json.dumps({"name": options.name, **done}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

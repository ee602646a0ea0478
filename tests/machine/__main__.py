"""The machine for hours: `python -m tests.machine [--examples N] [--seed S]`, or `make soak`."""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from pathlib import Path

from tests.machine.running import hollow, run

EVERY = 250


def main() -> int:
    """Run it; the exit status is 1 when a rule was broken."""
    parser = argparse.ArgumentParser(prog="tests.machine", description=__doc__)
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    parser.add_argument("--no-shrink", action="store_true", help="fail at once, not with the shortest way there")
    arguments = parser.parse_args()
    print(f"{arguments.examples} examples, seed {arguments.seed}", flush=True)
    began = time.monotonic()

    def tell(n: int) -> None:
        if n % EVERY == 0:
            print(f"{n:9,} examples begun, {time.monotonic() - began:.0f} s", flush=True)

    with tempfile.TemporaryDirectory(prefix="sendoff-machine-") as folder:
        try:
            met = run(Path(folder), arguments.examples, arguments.seed, shrink=not arguments.no_shrink, told=tell)
        finally:
            print(f"{time.monotonic() - began:.0f} s, seed {arguments.seed}", flush=True)
    for what, n in sorted(met.items()):
        print(f"{n:9,}  {what}")
    missed = hollow(met)
    if missed:
        print(f"not come across: {', '.join(missed)}", file=sys.stderr)
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())

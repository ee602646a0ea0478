"""Random faults for hours: `python -m tests.faults [--minutes N] [--seed S]`, or `make soak-faults`."""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.soak import Soak


def main() -> int:
    """Run it; the exit status is 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="tests.faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    arguments = parser.parse_args()
    print(f"{arguments.minutes:g} minutes, seed {arguments.seed}", flush=True)
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="sendoff-faults-"))
    soak = Soak(folder, arguments.seed)
    soak.run_for(arguments.minutes * 60, lambda line: print(line, flush=True))
    print(f"\n{time.monotonic() - began:.0f} s, seed {arguments.seed}; what they left is in {folder}")
    for what, n in sorted(soak.met.items()):
        print(f"{n:9,}  {what}")
    print(f"{len(soak.violations):9,}  violations")
    for violation in soak.violations:
        print(violation, file=sys.stderr)
    return int(bool(soak.violations))


if __name__ == "__main__":
    sys.exit(main())

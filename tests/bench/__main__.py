"""`python -m tests.bench [NAME...]`: run the benchmarks and print one JSON document a line."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path


def names() -> list[str]:
    """The benchmarks there are, without the `bench_`."""
    return sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))


def main(wanted: list[str]) -> int:
    """Run the named benchmarks, or all; exit status 2 for a name that is none."""
    known = names()
    unknown = [name for name in wanted if name not in known]
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; there are: {', '.join(known) or 'none'}", file=sys.stderr)
        return 2
    for name in wanted or known:
        document = importlib.import_module(f"tests.bench.bench_{name}").main()
        print(json.dumps(document), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

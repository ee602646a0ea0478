"""What every benchmark needs: repeat, measure another process, and put the baseline beside the figure."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# A child started from a large parent is charged with the parent's memory: on Linux the peak survives `exec`. So a bare
# interpreter of about 10 MiB starts the command and reads its usage.
_LAUNCHER = """
import json, os, sys, time
out = int(sys.argv[1])
os.set_inheritable(out, False)
began = time.perf_counter()
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(pid, 0)
took = time.perf_counter() - began
with open(out, "w") as stream:
    json.dump([os.waitstatus_to_exitcode(status), took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss], stream)
"""

SENDOFF = [sys.executable, "-c", "import sys; from tui.cli import main; sys.exit(main())"]
"""What the installed `sendoff` script does."""


@dataclass(frozen=True)
class Usage:
    """What one run of a command took.

    `peak_rss_mib` is never below the 10 MiB of a bare interpreter; `returncode` is negative when a signal ended it.
    """

    returncode: int
    wall_s: float
    cpu_s: float
    peak_rss_mib: float
    stdout: bytes
    stderr: bytes


def best_of(fn: Callable[[], object], n: int) -> float:
    """Seconds of the fastest of `n` calls: the one that other work on the machine disturbed least."""
    if n < 1:
        raise ValueError("best_of needs at least one call")
    times = []
    for _ in range(n):
        began = time.perf_counter()
        fn()
        times.append(time.perf_counter() - began)
    return min(times)


def run_measured(
    argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: str | None = None, timeout_s: float = 300
) -> Usage:
    """Run a command to its end and measure it; POSIX only.

    Raises:
        subprocess.TimeoutExpired: after `timeout_s`; the command and all it started are ended.
        FileNotFoundError: there is no such command.
    """
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(writer), *argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=None if env is None else dict(env),
        cwd=cwd,
        pass_fds=(writer,),
        start_new_session=True,
    )
    os.close(writer)
    with open(reader) as result:  # noqa: PTH123 (a file descriptor)
        try:
            stdout, stderr = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
        line = result.read()
    if not line:
        raise FileNotFoundError(f"{argv[0]} could not be started: {stderr.decode(errors='replace').strip()}")
    returncode, wall_s, cpu_s, peak = json.loads(line)
    # Linux counts in KiB, macOS in bytes.
    peak_rss_mib = peak / 1024 if sys.platform != "darwin" else peak / 1024**2
    return Usage(returncode, wall_s, cpu_s, peak_rss_mib, stdout, stderr)


def compiled(folder: str) -> dict[str, str]:
    """An environment in which the first run keeps its bytecode, in `folder`, for the others.

    Installing a program compiles it; a checkout that is used with PYTHONDONTWRITEBYTECODE is compiled every time.
    """
    return {**os.environ, "PYTHONPYCACHEPREFIX": f"{folder}/bytecode", "PYTHONDONTWRITEBYTECODE": ""}


def report(
    name: str, figures: Mapping[str, Any], baseline: Mapping[str, Any], ratio: Mapping[str, float]
) -> dict[str, Any]:
    """The document of one benchmark.

    Args:
        name: what was measured.
        figures: what the product did; the unit ends the key (`start_ms`, `rss_mib`, `rows_per_s`).
        baseline: the yardstick, measured in the same run on the same machine.
        ratio: figure over baseline, for each budget that is one.
    """
    return {
        "name": name,
        "figures": dict(figures),
        "baseline": dict(baseline),
        "ratio": {key: round(value, 3) for key, value in ratio.items()},
        "machine": {
            "python": platform.python_version(),
            "system": platform.system(),
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            # A figure taken on a busy machine should be read as such.
            "load_1m": round(os.getloadavg()[0], 2),
        },
    }

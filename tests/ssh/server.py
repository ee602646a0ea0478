"""A real sshd on loopback that logs this user in by key, with README's lines for a locked-down account."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.processes import wait_until
from tests.terminal import Terminal

ROOT = Path(__file__).parents[2]
SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/sbin")
CLIENT = shutil.which("ssh")
TIMEOUT_S = 60

# What an administrator might have set elsewhere; README's lines have to hold against it. StrictModes: folders of tests
# lie below /tmp, which everybody can write to. HOME: nothing of the home of whoever runs the tests is read or written.
_SERVER = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
AcceptEnv *
AllowTcpForwarding yes
X11Forwarding yes
PermitUserRC yes
LogLevel VERBOSE
Subsystem sftp internal-sftp
SetEnv HOME={home}
"""


def lines(first: str) -> str:
    """The block of README that begins with these words."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
    found = [block for block in blocks if block.startswith(first)]
    assert len(found) == 1, f"README has {len(found)} blocks that begin with {first!r}"
    return str(found[0])


def fingerprint(key: Path) -> str:
    """A key's fingerprint, by ssh-keygen."""
    return subprocess.run(["ssh-keygen", "-lf", key], capture_output=True, text=True, check=True).stdout.split()[1]


def below(pid: int) -> dict[int, str]:
    """The processes that a process started, and what those started, with their names."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                name, _, rest = (entry / "stat").read_text().partition("(")[2].rpartition(")")
            except OSError:
                continue
            parents[int(entry.name)] = int(rest.split()[1]), name
    found: dict[int, str] = {}
    while new := {one: name for one, (parent, name) in parents.items() if parent in (pid, *found) and one not in found}:
        found |= new
    return found


@dataclass
class Server:
    """The sshd, its folder, and the sessions opened with it."""

    folder: Path
    port: int
    process: subprocess.Popen[str]
    files: Path
    """The only folder that the console may use."""
    terminals: list[Terminal] = field(default_factory=list)

    @property
    def key(self) -> Path:
        """The private key that may log in."""
        return self.folder / "key"

    @property
    def fingerprint(self) -> str:
        """The fingerprint of that key."""
        return fingerprint(self.key)

    def command(self, *words: str, options: tuple[str, ...] = ()) -> list[str]:
        """The command line of a client that asks for `words`, for nothing without."""
        assert CLIENT is not None
        known = f"UserKnownHostsFile={self.folder}/known_hosts"
        quiet = ("-o", known, "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR")
        return [
            CLIENT, "-F", "none", "-p", str(self.port), "-i", str(self.key), *quiet, *options,
            f"{getpass.getuser()}@127.0.0.1", *words,
        ]  # fmt: skip

    def open(self, *options: str) -> Terminal:
        """A console over SSH on a terminal of its own."""
        terminal = Terminal(self.command(options=("-tt", *options)), columns=120, rows=40)
        self.terminals.append(terminal)
        return terminal

    def ask(self, *words: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Ask for a command, without a terminal of the client's own."""
        return subprocess.run(
            self.command(*words, options=options),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S,
        )  # fmt: skip

    def sessions(self) -> dict[int, str]:
        """Every process of every session that is open, with its name."""
        return below(self.process.pid)

    def said(self) -> str:
        """The server's log."""
        return (self.folder / "sshd.log").read_text("utf-8", "replace")

    def stop(self) -> None:
        """End the clients, wait for what they started, end the server."""
        for terminal in self.terminals:
            with terminal:
                pass
        wait_until(lambda: not self.sessions(), lambda: f"the end of {self.sessions()}")
        self.process.terminate()
        self.process.wait(TIMEOUT_S)


def start(folder: Path, config: str, accept_everything: bool = False) -> Server:
    """Start a server; `config` is the console's configuration file.

    `accept_everything` leaves out README's `AcceptEnv`, so that the client may send whatever it likes.
    """
    assert SSHD is not None
    folder.mkdir(mode=0o700)
    files, home, keys = folder / "files", folder / "home", folder / "keys"
    for one in (files, home):
        one.mkdir(mode=0o700)
    _install(folder / "opt")
    (folder / "config.toml").write_text(config, "utf-8")
    (folder / "config.toml").chmod(0o644)
    for name in ("host_key", "key", "other_key"):
        _keygen(folder / name)
    public = (folder / "key.pub").read_text().split()
    keys.write_text(lines("restrict,pty ").replace("ssh-ed25519 AAAA...", " ".join(public[:2])))
    if os.getuid() == 0:
        # Where sshd keeps nothing, on purpose; a service manager makes it.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    port = _free_port()
    public = (folder / "host_key.pub").read_text().split()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {' '.join(public[:2])}\n")
    server = _SERVER.format(port=port, folder=folder, home=home)
    (folder / "sshd_config").write_text(server + _account(folder, accept_everything))
    with (folder / "sshd.log").open("w") as log:
        process = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "sshd_config"], stderr=log, text=True)
    found = Server(folder, port, process, files)
    wait_until(lambda: "Server listening" in found.said() or process.poll() is not None, found.said)
    assert process.poll() is None, found.said()
    return found


def _account(folder: Path, accept_everything: bool) -> str:
    """README's block, for this user and in this folder."""
    block = lines("Match User ")
    for documented, here in {
        "Match User sendoff": f"Match User {getpass.getuser()}",
        "/etc/ssh/authorized_keys/sendoff": f"{folder}/keys",
        "/opt/sendoff/": f"{folder}/opt/",
        "/etc/sendoff/config.toml": f"{folder}/config.toml",
        "/srv/sendoff/files": f"{folder}/files",
    }.items():
        assert block.count(documented) == 1, documented
        block = block.replace(documented, here)
    if accept_everything:
        assert block.count("    AcceptEnv ") == 1
        block = re.sub("^    AcceptEnv .*\n", "", block, flags=re.MULTILINE)
    return block


def _install(folder: Path) -> None:
    """An environment with this source tree and the libraries of the one that runs the tests."""
    venv.create(folder, symlinks=True, with_pip=False)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    # Only a path: what the other environment has installed of sendoff itself may be another tree.
    (packages / "here.pth").write_text(f"{ROOT}\n{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    python = folder / "bin" / "python"
    where = subprocess.run([python, "-I", "-c", "import tui; print(tui.__file__)"], capture_output=True, text=True)
    assert where.stdout.strip() == str(ROOT / "tui" / "__init__.py"), where


def _keygen(file: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", file.name, "-f", file], check=True)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def why_not() -> str | None:
    """Why no server can be started here."""
    if SSHD is None or CLIENT is None or shutil.which("ssh-keygen") is None:
        return "needs sshd, ssh and ssh-keygen (apt-get install openssh-server)"
    if sys.platform != "linux":
        return "looks into /proc"
    return None

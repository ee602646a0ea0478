"""What every command that uses a database works with: the open database, the operator, the account's zone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from engine.clock import Clock, SystemClock
from engine.errors import GONE, BadInput, Busy, EngineError, NotFound, Refused
from store import account, database
from store.errors import Missing, NoDatabase, NoDriver, SchemaTooNew, StoreBusy, StoreFailed, StoreGone, UnsafeFolder
from tui import access, paths
from tui.output import Output

if TYPE_CHECKING:
    from argparse import Namespace

    from engine.context import Context
    from tui.cli.console import Options


class Session(NamedTuple):
    """One command's surroundings; the database is open and this thread is connected."""

    url: str
    read_only: bool
    context: Context
    output: Output
    config: str | None = None
    """The configuration file that the command line names."""

    @property
    def now(self) -> int:
        """UTC epoch milliseconds."""
        return self.context.clock.now()

    @property
    def zone(self) -> str:
        """The time zone of the account."""
        return account.get_account().timezone


@contextmanager
def opened(options: Namespace, clock: Clock | None = None) -> Iterator[Session]:
    """Open the database that the options name, and turn what the store says into sentences and exit statuses.

    Raises `NotFound` with `no_database` where nothing was set up yet, `NotAllowed` for somebody without a role,
    `BadInput`, `Busy`, `EngineError`.
    """
    create = options.command.database == "create"
    with translated():
        url = database_url(options)
        with openable(url):
            database.open_database(url, create=create, read_only=options.read_only)
        context = access.admit(url, options.config, clock or SystemClock())
        with database.session(), database.translated():
            if not create and not account.has_account():
                raise _nothing_set_up(f"The database {url} was not set up yet.")
            yield Session(url, options.read_only, context, Output(options.json), options.config)


@contextmanager
def looking(options: Namespace, clock: Clock | None = None) -> Iterator[Session]:
    """Open the database that the options name only to look at it, as it is: its schema may be of any release.

    Nothing is written, not even that somebody was refused. Raises what `opened` raises but for an old or new schema.
    """
    with translated():
        url = database_url(options)
        with openable(url):
            database.open_as_it_is(url)
        context = access.look(url, options.config, clock or SystemClock())
        with database.session(), database.translated():
            yield Session(url, True, context, Output(options.json), options.config)


@contextmanager
def openable(url: str) -> Iterator[None]:
    """Tell in a sentence what the system says of the database's file."""
    try:
        yield
    except OSError as error:
        raise BadInput(
            "bad_database",
            f"The database {url} cannot be opened: {error.strerror or error}.",
            "Check the path and its permissions.",
        ) from error


def database_url(options: Options) -> str:
    """The address of the database by the options, the environment and the configuration."""
    return paths.database_url(options.database, paths.load_config(options.config))


@contextmanager
def translated() -> Iterator[None]:
    """Turn the store's errors into the engine's, which have a code and an exit status."""
    try:
        yield
    except NoDatabase as error:
        raise _nothing_set_up(str(error)) from error
    except NoDriver as error:
        raise BadInput("bad_database", str(error), "Give a SQLite file.") from error
    except UnsafeFolder as error:
        hint = f"Take that right away: chmod go-w {error.folder}"
        raise Refused("folder_not_private", str(error), hint) from error
    except SchemaTooNew as error:
        raise EngineError("schema_too_new", str(error)) from error
    except StoreBusy as error:
        raise Busy("busy", str(error), "Try again in a moment.") from error
    except StoreGone as error:
        raise NotFound("database_gone", str(error), GONE) from error
    except StoreFailed as error:
        raise EngineError(
            "store_failed", str(error), "Check the file, its folder, the permissions of both and free disk space."
        ) from error
    except Missing as error:
        raise NotFound("not_found", f"There is {error}.", "See `sendoff campaign list` for what there is.") from error


def _nothing_set_up(message: str) -> NotFound:
    return NotFound("no_database", message, "Make it with `sendoff init`, or look around with `sendoff demo`.")

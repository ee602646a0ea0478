"""The arguments of the commands that set up and run: account, senders, templates, credits, contact files, processes."""

from __future__ import annotations

import argparse

from tui.cli.campaign_arguments import campaign
from tui.cli.parser_parts import add_command, add_group, path, whole
from tui.cli.series_arguments import series

# Not from typing: see tui.cli.parser_parts.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.cli.parser_parts import Subparsers


def _init(commands: Subparsers, text: str) -> None:
    parser = add_command(commands, "init", "setup:init", text, writes=True, database="create")
    parser.add_argument("--name", help="what the account is called in the console")
    parser.add_argument("--timezone", metavar="ZONE", help="an IANA name such as Asia/Kolkata; default: this machine's")
    parser.add_argument("--gateway", choices=("simulator", "cloud-api"), help="default: simulator")
    parser.add_argument("--base-url", metavar="URL", help="another address of the gateway")
    parser.add_argument("--waba-id", metavar="ID", help="the WhatsApp Business Account's id")


def _gateway(commands: Subparsers, text: str) -> None:
    group = add_group(commands, "gateway", text)
    add_command(group, "show", "gateway:show", "show address, version, account, token's end and this machine's way")
    change = add_command(group, "set", "gateway:change", "change what is given", writes=True)
    change.add_argument("--gateway", choices=("simulator", "cloud-api"))
    change.add_argument("--base-url", metavar="URL", help='its address; "" is the usual one')
    change.add_argument(
        "--api-version", metavar="V", help='the Cloud API\'s version, such as v24.0; "" is the usual one'
    )
    change.add_argument("--waba-id", metavar="ID", help="the WhatsApp Business Account's id")


def _sender(commands: Subparsers, text: str) -> None:
    group = add_group(commands, "sender", text)
    add = add_command(group, "add", "setup:add_sender", "add a business phone number", writes=True)
    add.add_argument("number", metavar="NUMBER", help="with + and country code")
    add.add_argument("--phone-number-id", metavar="ID", required=True, help="its id in WhatsApp Manager")
    add.add_argument("--rate", type=whole(1, 1000), metavar="N", help="messages a second it may send; default: 80")
    add_command(group, "list", "setup:list_senders", "list the senders")
    add_command(group, "sync", "sync:senders", "add and renew senders as WhatsApp knows them", writes=True)


def _template(commands: Subparsers, text: str) -> None:
    group = add_group(commands, "template", text)
    add = add_command(group, "add", "setup:add_templates", "add or renew the templates in a file", writes=True)
    add.add_argument("file", type=path, metavar="FILE.json", help="in the Cloud API's message_templates shape")
    add_command(group, "list", "setup:list_templates", "list the templates")
    add_command(group, "sync", "sync:templates", "add and renew templates as WhatsApp knows them", writes=True)
    show = add_command(group, "show", "setup:show_template", "show a template with its placeholders")
    show.add_argument("template", metavar="NAME[:LANG]")


def _media(commands: Subparsers, text: str) -> None:
    group = add_group(commands, "media", text)
    upload = add_command(group, "upload", "media:upload", "upload a file and print its media id", writes=True)
    upload.add_argument("file", type=path, metavar="FILE", help="jpeg, png, mp4, 3gp, pdf or an office document")
    upload.add_argument("--sender", metavar="S", help="a sender's number; needed where there are several")
    listing = add_command(group, "list", "media:show_list", "list the uploads, the newest first")
    listing.add_argument("--limit", type=whole(1), metavar="N", help="only the newest N")


def _credits(commands: Subparsers, text: str) -> None:
    group = add_group(commands, "credits", text)
    add = add_command(group, "add", "credits:add", "top up the free balance", writes=True)
    add.add_argument("amount", type=whole(1, 10**15), metavar="N")
    add.add_argument("--note", default="", metavar="T", help="kept with the entry in the ledger")
    add_command(group, "show", "credits:show", "show what is free, reserved and spent")
    ledger = add_command(group, "ledger", "credits:show_ledger", "list the movements, oldest first")
    ledger.add_argument("--limit", type=whole(1), metavar="N", help="only the newest N")


def _prices(commands: Subparsers, text: str) -> None:
    group = add_group(commands, "prices", text)
    adding = add_command(group, "import", "prices:import_file", "replace the price list by a file's", writes=True)
    adding.add_argument("file", type=path, metavar="FILE.csv", help="columns: category, country, media, credits")
    add_command(group, "list", "prices:show_list", "list the prices")


def _audience(commands: Subparsers, text: str) -> None:
    group = add_group(commands, "audience", text)
    check = add_command(
        group, "check", "audience:check", "read a contact file as an import would, and keep nothing", database=None
    )
    check.add_argument("file", type=path, metavar="FILE", help="CSV or XLSX")
    check.add_argument("--country", metavar="CC", help="two letters: completes national numbers")
    check.add_argument("--number-column", metavar="C", help="the column with the numbers")
    check.add_argument("--sheet", metavar="NAME", help="the sheet of a workbook")
    check.add_argument("--rejects", type=path, metavar="FILE.csv", help="write the skipped rows here")


def _audit(commands: Subparsers, text: str) -> None:
    parser = add_command(commands, "audit", "audit:show_audit", text)
    parser.add_argument("--campaign", type=whole(1), metavar="ID", help="only of this campaign")
    parser.add_argument("--since", metavar="D", help="from this date or time on")
    parser.add_argument("--actor", metavar="A", help="only of this person")
    parser.add_argument("--limit", type=whole(1), default=1000, metavar="N", help="only the newest N; default: 1000")


def _doctor(commands: Subparsers, text: str) -> None:
    add_command(commands, "doctor", "doctor:doctor", text, database="look")


def _backup(commands: Subparsers, text: str) -> None:
    parser = add_command(commands, "backup", "backups:backup", text, writes=True)
    parser.add_argument("file", type=path, metavar="FILE")
    parser.add_argument("--force", action="store_true", help="replace the file if it exists")


def _restore(commands: Subparsers, text: str) -> None:
    parser = add_command(commands, "restore", "backups:restore", text, writes=True, database="replace")
    parser.add_argument("file", type=path, metavar="FILE", help="what `sendoff backup` made")
    parser.add_argument("--yes", action="store_true", help="yes, replace the database")


def _optout(commands: Subparsers, text: str) -> None:
    group = add_group(commands, "optout", text)
    for name, words in (("add", "opt numbers out"), ("remove", "let numbers get campaigns again")):
        parser = add_command(group, name, f"optouts:{name}", words, writes=True)
        parser.add_argument("numbers", metavar="NUMBER", nargs="+", help="with + and country code")
    listing = add_command(group, "list", "optouts:show_list", "list the opted-out numbers, the newest first")
    listing.add_argument("--search", default="", metavar="T", help="part of a number")
    listing.add_argument("--limit", type=whole(1), metavar="N", help="only the newest N")
    adding = add_command(group, "import", "optouts:import_file", "opt out every number of a file", writes=True)
    adding.add_argument("file", type=path, metavar="FILE", help="CSV or XLSX, an export of this list too")
    adding.add_argument("--country", metavar="CC", help="two letters: completes national numbers")
    adding.add_argument("--number-column", metavar="C", help="the column with the numbers")
    adding.add_argument("--sheet", metavar="NAME", help="the sheet of a workbook")
    export = add_command(group, "export", "optouts:export", "write the list as CSV", writes=True)
    export.add_argument("file", type=path, metavar="FILE.csv")


def _limits(commands: Subparsers, text: str) -> None:
    group = add_group(commands, "limits", text)
    add_command(group, "show", "limits:show", "show the limits, and how much of the quota is used")
    change = add_command(group, "set", "limits:change", "set the limits that are named", writes=True)
    quota = change.add_mutually_exclusive_group()
    quota.add_argument("--quota", metavar="N|unlimited", help="different people messaged within 24 hours")
    quota.add_argument("--tier", metavar="250|2K|10K|100K|unlimited", help="the quota by WhatsApp's name for it")
    cap = change.add_mutually_exclusive_group()
    cap.add_argument(
        "--frequency-cap", type=whole(1), metavar="N", help="marketing messages to a number within --frequency-days"
    )
    cap.add_argument("--no-frequency-cap", action="store_true", help="any number of them")
    change.add_argument("--frequency-days", type=whole(1), metavar="D", help="days that the frequency cap looks back")
    change.add_argument("--countries", metavar="CC,CC|all", help="two letters each: where messages may go")


def _test_send(commands: Subparsers, text: str) -> None:
    parser = add_command(commands, "test-send", "testsend:run", text, writes=True)
    parser.add_argument("id", type=whole(1), metavar="ID", help="of the campaign, whatever its status")
    parser.add_argument("numbers", metavar="NUMBER", nargs="+", help="1 to 5, with + and country code")
    parser.add_argument(
        "--row", type=whole(1), metavar="LINE", help="take this line's values; default: the first valid row's"
    )
    parser.add_argument(
        "--wait", type=whole(0, 3600), default=30, metavar="SECONDS",
        help="how long to wait for the outcomes, 0 not at all; default: 30",
    )  # fmt: skip


def _demo(commands: Subparsers, text: str) -> None:
    add_command(commands, "demo", "processes:demo", text, database=None)


def _worker(commands: Subparsers, text: str) -> None:
    parser = add_command(commands, "worker", "processes:worker", text, writes=True)
    parser.add_argument("--until-idle", action="store_true", help="end when no run is in progress and nothing is due")
    parser.add_argument("--once", action="store_true", help="end when what is due now was sent")
    # How the console runs its own worker: it ends with the pipe to its standard input.
    parser.add_argument("--parent", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--role", choices=("console", "service"), default="service", help=argparse.SUPPRESS)


def _callbacks(commands: Subparsers, text: str) -> None:
    parser = add_command(commands, "callbacks", "callbacks:listen", text, writes=True)
    parser.add_argument("--listen", metavar="HOST:PORT", help="where to listen, behind a proxy that ends TLS")
    group = parser.add_subparsers(title="commands", metavar="COMMAND")
    adding = add_command(group, "import", "callbacks:import_file", "take in the callbacks of a file", writes=True)
    adding.add_argument("file", type=path, metavar="FILE", help="one JSON body a line, or an array of them")


def _simulate(commands: Subparsers, text: str) -> None:
    parser = add_command(commands, "simulate", "processes:simulate", text, database=None)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--listen", metavar="HOST:PORT", help="where to listen, on this machine only")
    what.add_argument("--list", action="store_true", help="list the scenarios that come with the program")
    parser.add_argument("--seed", type=whole(0), default=0, metavar="N", help="the same seed has the same outcomes")
    parser.add_argument("--scenario", metavar="NAME|FILE", help="one that --list names, or a TOML or JSON file")
    parser.add_argument("--account", type=path, metavar="FILE", help="JSON or TOML with templates and phone_numbers")
    parser.add_argument("--log", type=path, metavar="FILE", help="append one line for every accepted message")


FILL: dict[str, Callable[[Subparsers, str], None]] = {
    "optout": _optout,
    "demo": _demo,
    "init": _init,
    "gateway": _gateway,
    "sender": _sender,
    "template": _template,
    "media": _media,
    "credits": _credits,
    "limits": _limits,
    "prices": _prices,
    "audience": _audience,
    "campaign": campaign,
    "test-send": _test_send,
    "series": series,
    "audit": _audit,
    "doctor": _doctor,
    "backup": _backup,
    "restore": _restore,
    "worker": _worker,
    "callbacks": _callbacks,
    "simulate": _simulate,
}

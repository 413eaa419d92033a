"""`phtlab audit`: verify, export, show and witness audit logs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from phtlab.cli.station.folder import DirectoryOption, PassphraseOption, identity_of, station_at
from phtlab.cli.station.person import ByOption, person
from phtlab.cli.terminal.output import JsonOption, err, out, print_json, print_next_steps

if TYPE_CHECKING:
    from phtlab.governance.audit.chain import Entry
    from phtlab.governance.audit.chain_check import Verified
    from phtlab.governance.audit.export import Export
    from phtlab.governance.audit.last_seen import LastSeenHead
    from phtlab.lab.client.lab import Lab
    from phtlab.train.documents.roster import Roster

app = typer.Typer(
    help="Read and verify an audit log: central's, a station's or an exported log.",
    no_args_is_help=True,
)

ExportArgument = Annotated[
    Path | None,
    typer.Argument(
        help="An export of 'phtlab audit export', read offline. Default without --directory: "
        "central's log.",
        metavar="EXPORT",
    ),
]
StationOption = Annotated[
    Path | None,
    typer.Option("--directory", "-C", help="A station's folder: that station's log."),
]
OfflineOption = Annotated[
    bool,
    typer.Option(
        "--offline",
        help="With --directory: do not contact central and open no key. Central's copies of what "
        "the station signed are then not checked.",
    ),
]


@app.command()
def verify(
    export: ExportArgument = None,
    directory: StationOption = None,
    offline: OfflineOption = False,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Verify that no entry of a log is missing, moved or changed, as far as anyone signed it."""
    verified = _verified(export, directory, offline, passphrase_file)
    if as_json:
        print_json({**verified.model_dump(mode="json"), "witnessed": verified.witnessed})
    else:
        _print_verified(verified, of_export=export is not None)


@app.command("export")
def export_(
    target: Annotated[
        Path,
        typer.Argument(help="A new folder, or a new file that ends in .zip.", metavar="TARGET"),
    ],
    directory: StationOption = None,
    offline: OfflineOption = False,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Export a log with its checkpoints and the roster, so that anyone can verify it offline."""
    if directory is None:
        export = _of_central(_lab())
    else:
        export = _of_station(directory, offline, passphrase_file)
    export.write(target)
    what = f"{len(export.lines)} entries and {len(export.checkpoints)} checkpoints"
    err.print(f"Wrote {what} of the log of {export.log} to {target}.", markup=False)
    print_next_steps(f"phtlab audit verify {target}")


@app.command()
def show(
    export: ExportArgument = None,
    directory: StationOption = None,
    actor: Annotated[str, typer.Option(help="Entries by this person or station.")] = "",
    action: Annotated[
        str, typer.Option(help="Entries with this action, such as approved or stop-ended.")
    ] = "",
    subject: Annotated[
        str, typer.Option(help="Entries about this subject, or the first characters of its name.")
    ] = "",
    digest: Annotated[
        str, typer.Option(help="Entries with this digest, or its first characters.")
    ] = "",
    since: Annotated[str, typer.Option(help="Entries from this date or time on, in UTC.")] = "",
    until: Annotated[str, typer.Option(help="Entries up to this date or time, in UTC.")] = "",
    last: Annotated[
        int, typer.Option(min=1, help="Maximum number of entries; the newest are shown.")
    ] = 50,
    as_json: JsonOption = False,
) -> None:
    """Show entries, newest last. Nothing is verified: see 'phtlab audit verify'."""
    from collections import deque

    from phtlab.governance.audit.filter import EntryFilter

    entry_filter = EntryFilter.of(
        actor=actor, action=action, subject=subject, digest=digest, since=since, until=until
    )
    entries = _entries(export, directory)
    found = deque((entry for entry in entries if entry_filter.matches(entry)), maxlen=last)
    if as_json:
        print_json(list(found))
    elif found:
        _print_entries(found)
    else:
        err.print("The log has no such entry.")


@app.command()
def witness(as_json: JsonOption = False) -> None:
    """Verify central's log and sign how far you saw it, so that later changes are detected."""
    from datetime import UTC, datetime

    from phtlab.governance.audit.chain import Checkpoint
    from phtlab.governance.audit.last_seen import LastSeenHead
    from phtlab.wire.central.audit import review_checkpoints

    lab = _lab()
    roster = lab.refresh().roster
    log = _central_log(roster)
    last = _seen(log)
    (number, digest), serial, _ = review_checkpoints(lab.central.audit, log, roster, last)
    now = datetime.now(UTC)
    checkpoint = Checkpoint(
        log=log,
        number=number,
        head=digest,
        witness=lab.name,
        roster_version=roster.version,
        at=now,
    )
    lab.central.audit.put_checkpoint(checkpoint.sign(lab.identity))
    LastSeenHead(log=log, number=number, digest=digest, at=now, serial=serial).write(_seen_file())
    if as_json:
        print_json(checkpoint)
        return
    new = number - (last.number if last else 0)
    out.print(f"You signed the log of {log} as far as entry {number}; {new} new.", markup=False)


@app.command()
def accept(
    reason: Annotated[str, typer.Option(help="The officers' explanation; recorded in the log.")],
    directory: DirectoryOption = None,
    by: ByOption = None,
) -> None:
    """Watch central's log again after the officers explained why it lacks entries.

    Use it, for example, after central was restored from a backup. The station's own log keeps what
    the station saw before.
    """
    from phtlab.station.context.station_context import StationContext
    from phtlab.station.health.audit import accept_central

    alarm = accept_central(StationContext(*station_at(directory)), by=person(by), reason=reason)
    out.print(f"The log of {alarm.log} is watched anew, from how it is now.", markup=False)


def _verified(
    export: Path | None, directory: Path | None, offline: bool, passphrase_file: Path | None
) -> Verified:
    from phtlab.governance.audit.chain_check import verify_log
    from phtlab.governance.audit.export import Export
    from phtlab.station.audit.export import verify_own_log
    from phtlab.station.settings.folder import StationFolder

    _require_one_source(export, directory)
    if directory is not None:
        read = _of_station(directory, offline, passphrase_file)
        return verify_own_log(StationFolder(directory), read)
    before = None
    if export is not None:
        read = Export.read(export)
    else:
        lab = _lab()
        read = _of_central(lab)
        seen = _seen(read.log)
        before = seen.by(lab.name, read.roster.version) if seen else None
    return verify_log(read.log, read.entries(), read.checkpoints, read.roster, before)


def _entries(export: Path | None, directory: Path | None) -> Iterable[Entry]:
    from phtlab.governance.audit.export import Export
    from phtlab.station.audit.log import Log
    from phtlab.wire.central.audit import entries_of

    _require_one_source(export, directory)
    if export is not None:
        return Export.read(export).entries()
    if directory is not None:
        folder, settings = station_at(directory)
        return Log(folder.audit, settings.name).entries()
    return entries_of(_lab().central.audit)


def _require_one_source(export: Path | None, directory: Path | None) -> None:
    if export is not None and directory is not None:
        raise typer.BadParameter("Give an export or --directory, not both.")


def _lab() -> Lab:
    import phtlab

    return phtlab.connect()


def _of_central(lab: Lab) -> Export:
    from phtlab.governance.audit.export import Export
    from phtlab.wire.central.audit import entries_of

    roster = lab.refresh().roster
    log, audit = _central_log(roster), lab.central.audit
    # Fetch checkpoints before entries: each checkpoint's entry is then among the lines.
    signed = tuple(view.envelope for view in audit.checkpoints(log))
    lines = tuple(entry.to_line() for entry in entries_of(audit))
    return Export(log, lines, signed, roster)


def _of_station(directory: Path, offline: bool, passphrase_file: Path | None) -> Export:
    from phtlab.station.audit.export import export_own_log
    from phtlab.station.context.bootstrap import require_central, trust_of
    from phtlab.wire.central.client import CentralClient

    folder, settings = station_at(directory)
    identity = None if offline else identity_of(folder, settings, passphrase_file)
    url = require_central(folder, settings)
    with CentralClient(url, identity, consortium=lambda: trust.consortium) as central:
        trust = trust_of(folder, central)
        if offline:
            return export_own_log(folder, settings.name, trust.cached().roster, ())
        signed = [view.envelope for view in central.audit.checkpoints(settings.name)]
        return export_own_log(folder, settings.name, trust.refresh().roster, signed)


def _central_log(roster: Roster) -> str:
    from phtlab.governance.audit.chain import log_of_central

    return log_of_central(roster.consortium)


def _seen_file() -> Path:
    from phtlab.user_settings import UserSettings

    return UserSettings.load().trust / "audit-seen.json"


def _seen(log: str) -> LastSeenHead | None:
    """Return the head of `log` that the last 'phtlab audit witness' saw, or None."""
    from phtlab.governance.audit.last_seen import LastSeenHead

    seen = LastSeenHead.read(_seen_file())
    return seen if seen is not None and seen.log == log else None


def _print_verified(verified: Verified, *, of_export: bool) -> None:
    sentence = "The log of {} holds as far as entry {}."
    out.print(sentence.format(verified.log, verified.number), markup=False)
    if verified.witnesses:
        table = Table(box=None, pad_edge=False)
        for heading in ("signed by", "times", "as far as", "at"):
            table.add_column(
                heading, justify="right" if heading in ("times", "as far as") else "left"
            )
        for witness in verified.witnesses:
            count, number = str(witness.checkpoints), str(witness.number)
            table.add_row(Text(witness.witness), count, number, f"{witness.at:%Y-%m-%d %H:%M} UTC")
        out.print(table)
    for loss in verified.losses:
        out.print(
            f"Entries {loss.lost} were lost: {loss.actor} restored the station, as entry "
            f"{loss.number} of {loss.at:%Y-%m-%d %H:%M} UTC says.",
            markup=False,
        )
    if behind := verified.number - verified.witnessed:
        out.print(f"Nobody has signed the last {behind} yet.")
    if verified.doubtful:
        out.print(
            f"{verified.doubtful} checkpoints are signed by nobody that the roster believes; they "
            "were not counted."
        )
    if of_export:
        out.print(
            f"Signatures were checked with the roster in the export, version "
            f"{verified.roster_version}. Compare its digest with an officer's:\n"
            f"  {verified.roster_digest}",
            markup=False,
        )


def _print_entries(entries: Iterable[Entry]) -> None:
    rows = [("entry", "at (UTC)", "by", "what", "of", "digest", "details")]
    for entry in entries:
        details = "  ".join(f"{key}: {text}" for key, text in entry.details.items())
        moment, subject = f"{entry.at:%Y-%m-%d %H:%M}", _short(entry.subject)
        digest = _short(entry.digest or "")
        rows.append(
            (str(entry.number), moment, entry.actor, entry.action, subject, digest, details)
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, *row in rows:
        # One line per entry, however wide: a pipe has no width, and a terminal wraps lines itself.
        cells = (cell.ljust(width) for cell, width in zip(row, widths[1:], strict=True))
        out.print(f"{number.rjust(widths[0])}  {'  '.join(cells).rstrip()}", markup=False)


def _short(text: str) -> str:
    """Shorten a digest to 12 characters, which 'show --digest' accepts; other text stays whole."""
    return text.removeprefix("sha256:")[:12] if text.startswith("sha256:") else text

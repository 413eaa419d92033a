"""`phtlab station backup`, `restore`, `compare`, `accept-loss` and `disregard`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phtlab.cli.station.folder import DirectoryOption, PassphraseOption, identity_of, station_at
from phtlab.cli.station.person import ByOption, person
from phtlab.cli.terminal.named_file import content_of
from phtlab.cli.terminal.output import JsonOption, err, out, print_json, print_next_steps
from phtlab.cli.terminal.passphrase import read_passphrase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from phtlab.station.backup.comparison import RestoreLoss
    from phtlab.train.crypto.age import AgeIdentity, Recipient

VARIABLE = "PHTLAB_BACKUP_PASSPHRASE"
BackupPassphraseOption = Annotated[
    Path | None,
    typer.Option(
        "--backup-passphrase-file",
        help=f"File to read the backup's own passphrase from. Default: {VARIABLE}, else a prompt.",
    ),
]


def backup(
    file: Annotated[Path, typer.Argument(help="The backup to write, such as cleveland.age.")],
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to",
            help="Encrypt the backup for this age recipient (age1pq1…), such as a key in a safe; "
            "may be repeated. Default: under a passphrase.",
        ),
    ] = None,
    by: ByOption = None,
    directory: DirectoryOption = None,
    backup_passphrase_file: BackupPassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Back up what cannot be recreated of a station to one encrypted file, even while it runs."""
    from phtlab.station.backup.archive import back_up
    from phtlab.station.context.station_context import StationContext

    folder, settings = station_at(directory)
    recipients = _recipients(to, backup_passphrase_file)
    index = back_up(StationContext(folder, settings), file, recipients, by=person(by))
    if as_json:
        print_json({**index.model_dump(mode="json"), "file": str(file.absolute())})
        return
    err.print(
        f"Wrote {file}: {settings.name} with {index.stops} stops and {index.entries} entries of "
        "its audit log. The data are not in it. Keep it, and what opens it, elsewhere.",
        markup=False,
    )
    print_next_steps(
        f"phtlab station restore {file} NEW-FOLDER", first="to see that it can be restored:"
    )


def restore(
    file: Annotated[Path, typer.Argument(help="The backup.")],
    directory: Annotated[Path, typer.Argument(help="A folder that does not exist yet.")],
    key: Annotated[
        Path | None,
        typer.Option(
            help="The key file for whose key the backup was encrypted (--to). Default: a "
            "passphrase."
        ),
    ] = None,
    by: ByOption = None,
    passphrase_file: PassphraseOption = None,
    backup_passphrase_file: BackupPassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Restore a station from its backup. It runs only after 'phtlab station compare'."""
    from phtlab.station.backup.restore import COMPARE
    from phtlab.station.backup.restore import restore as restore_station

    with file.open("rb") as source:
        identities = _identities(key, passphrase_file, backup_passphrase_file)
        station, index = restore_station(source, directory, identities, by=person(by))
    if as_json:
        print_json({**index.model_dump(mode="json"), "directory": str(station.folder.path)})
        return
    err.print(
        f"Restored {station.name} as it was on {index.at:%Y-%m-%d %H:%M} UTC into {directory}. It "
        "follows no order that was issued before now: it cannot know which it has followed. End "
        "the old station first, if it still runs: both have the same key.",
        markup=False,
    )
    print_next_steps(f"{COMPARE} -C {directory}", f"phtlab station check -C {directory}")


def compare(
    without_central: Annotated[
        bool,
        typer.Option(
            "--without-central",
            help="Central is lost permanently: end all open stops, and take over nothing.",
        ),
    ] = False,
    by: ByOption = None,
    directory: DirectoryOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare a restored station with what central knows of it, and report what was lost."""
    from phtlab.station.backup.comparison import compare as compare_station
    from phtlab.station.context.station_context import StationContext

    folder, settings = station_at(directory)
    lost = compare_station(
        StationContext(folder, settings),
        identity_of(folder, settings, passphrase_file),
        by=person(by),
        query_central=not without_central,
    )
    if as_json:
        print_json(
            {
                "still_runs": lost.still_runs,
                "entries_lost": lost.entries,
                "seen_by": lost.seen_by,
                "approvals": lost.approvals,
                "revocations": lost.revocations,
                "clock_ahead": lost.clock_ahead,
                "records": lost.records,
                "journeys": lost.journeys,
                "ended": lost.ended,
                "forgotten": lost.forgotten,
                "standing": lost.active_approvals,
            }
        )
        return
    for line in loss_lines(lost):
        out.print(line, markup=False)
    option = "" if directory is None else f" -C {directory}"
    print_next_steps(
        f"phtlab station check{option}",
        f"phtlab station resume{option}",
        f"phtlab station run{option}",
        first="take back what should not stand again (phtlab station revoke). Then:",
    )


def accept_loss(
    datasets: Annotated[list[str], typer.Argument(help="Data sets, as 'compare' named them.")],
    reason: Annotated[
        str, typer.Option(help="The reason why the data sets may be counted again; logged.")
    ],
    by: ByOption = None,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop holding outputs with person counts although a restored station lost earlier releases."""
    from phtlab.station.backup.lost_history import accept_loss as accept
    from phtlab.station.context.station_context import StationContext

    folder, settings = station_at(directory)
    forgotten = accept(StationContext(folder, settings), datasets, by=person(by), reason=reason)
    if as_json:
        print_json({"datasets": sorted(datasets), "since": forgotten.since.isoformat()})
        return
    out.print(
        f"Outputs of {', '.join(sorted(datasets))} are held against what is known to have left; "
        f"not against what left after {forgotten.since:%Y-%m-%d %H:%M} UTC and was forgotten.",
        markup=False,
    )


def disregard(
    journey: Annotated[
        str, typer.Argument(help="The journey, or the first characters of its digest.")
    ],
    reason: Annotated[
        str,
        typer.Option(help="The reason why the outputs of the journey disclose nothing; logged."),
    ],
    by: ByOption = None,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop comparing outputs with what left in a journey, for example one with made-up counts."""
    from phtlab.station.context.station_context import StationContext
    from phtlab.station.release.disregarded import disregard as put_aside

    station = StationContext(*station_at(directory))
    stop = station.stops.find(journey)
    journeys = put_aside(station, stop, by=person(by), reason=reason)
    if as_json:
        print_json({"journeys": list(journeys)})
        return
    same = ", ".join(journey[7:19] for journey in journeys if journey != stop.journey)
    out.print(
        f"Outputs are not held any more against what left with journey {stop.hex[:12]}"
        + (f", nor with {same}, which let the same leave." if same else "."),
        markup=False,
    )


def loss_lines(lost: RestoreLoss) -> list[str]:
    """Return what was lost, in sentences."""
    lines = []
    if lost.still_runs:
        lines.append(
            "A station of this name and key has asked central for work since this one was "
            "restored: the old one still runs. End it first, or both follow the same orders."
        )
    if lost.clock_ahead:
        lines.append(
            "Central's clock is more than a day ahead of this machine's: one of them is wrong. "
            "Orders that are issued until a day from now are refused, as they may have been "
            "followed before. Set the clock right, or tell central's operator."
        )
    if lost.entries:
        lines.append(
            f"{lost.entries} entries of the audit log are lost, which {lost.seen_by} has seen."
        )
    for journeys, what in (
        (lost.records, "had ended: the signed record is here again"),
        (
            lost.journeys,
            "ran here after the backup, and central has this station's record of it. What left "
            "with it is not known here",
        ),
        (lost.ended, "had not ended in the backup: it ends as station-restored"),
    ):
        lines += [f"Journey {journey[7:19]} {what}." for journey in journeys]
    lines += [
        f"Approval {digest[7:19]} was given after the backup, and does not stand: approve again."
        for digest in lost.approvals
    ]
    lines += [
        f"Approval {digest[7:19]} was revoked after the backup." for digest in lost.revocations
    ]
    lines += [f"Approval {digest[7:19]} stands again." for digest in lost.active_approvals]
    if lost.forgotten:
        lines.append(
            f"What has left of {', '.join(lost.forgotten)} is not all known: outputs that count "
            "people wait for a person, until 'phtlab station accept-loss' says otherwise."
        )
    if not lost.queried_central:
        lines.append("Central was not asked: what was approved or revoked since is not known.")
    return lines or ["Nothing was lost that central knows of."]


def _recipients(to: list[str] | None, passphrase_file: Path | None) -> Sequence[Recipient]:
    from phtlab.train.crypto.age import HybridRecipient, ScryptRecipient

    if to:
        return [HybridRecipient.parse(text) for text in to]
    passphrase = read_passphrase("the backup", passphrase_file, confirm=True, variable=VARIABLE)
    return [ScryptRecipient(passphrase)]


def _identities(
    key: Path | None, passphrase_file: Path | None, backup_passphrase_file: Path | None
) -> Sequence[AgeIdentity]:
    from phtlab.files.key_file import decode_key
    from phtlab.train.crypto.age import ScryptIdentity

    if key is not None:
        passphrase = read_passphrase(f"the key {key}", passphrase_file)
        return [decode_key(content_of(key, "the key file"), passphrase).age]
    passphrase = read_passphrase("the backup", backup_passphrase_file, variable=VARIABLE)
    return [ScryptIdentity(passphrase)]

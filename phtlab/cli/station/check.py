"""`phtlab station check`: run the self-test on demand."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phtlab.cli.station.folder import DirectoryOption, PassphraseOption, identity_of, station_at
from phtlab.cli.station.person import person
from phtlab.cli.terminal.output import JsonOption, err, out, print_json
from phtlab.clock import utc_now
from phtlab.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from phtlab.station.executor.contract import CheckResult

_MARKS = {"ok": "[green]ok  [/]", "warning": "[yellow]warn[/]", "broken": "[red]FAIL[/]"}


def check(
    directory: DirectoryOption = None,
    deep: Annotated[
        bool,
        typer.Option(
            "--deep",
            help="Also run a test train here, from building its image to opening its results.",
        ),
    ] = False,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Test everything that the station needs, and show how to repair what is missing."""
    results = []
    for result in _found(directory, passphrase_file, deep):
        results.append(result)
        if not as_json:
            _print(result)
    if as_json:
        print_json(
            [
                {
                    "name": r.name,
                    "ok": r.ok,
                    "state": r.state,
                    "sentence": r.sentence,
                    "advice": r.advice,
                }
                for r in results
            ]
        )
    if not all(result.ok for result in results):
        raise typer.Exit(8)


def _found(
    directory: Path | None, passphrase_file: Path | None, deep: bool
) -> Iterator[CheckResult]:
    from phtlab.station.context.self_test_result import keep_report, last_report, report_of
    from phtlab.station.context.station_context import (
        StationContext,
    )
    from phtlab.station.daemon.log import warnings_to_stderr
    from phtlab.station.executor.contract import CheckResult
    from phtlab.station.executor.unfinished_trial import note_trial
    from phtlab.station.health.checks import check_station
    from phtlab.station.health.self_test import find_problems
    from phtlab.station.settings.folder import StationFolder
    from phtlab.station.settings.settings import station_directory

    try:
        folder, settings = station_at(directory)
    except SettingsError as error:
        StationFolder(station_directory(directory)).require()
        yield CheckResult("configuration", False, error.message, error.hint)
        return
    results = []
    opened = cache(lambda: identity_of(folder, settings, passphrase_file))
    if deep:
        warnings_to_stderr()
        log = StationContext(folder, settings).audit
        found = find_problems(folder, settings, opened, log, by=person(None))
    else:
        found = check_station(folder, settings, opened)
    for result in found:
        results.append(result)
        yield result
    if all(result.ok for result in results if result.name == "key"):
        # Keep no report if the key was not opened: the test was incomplete.
        try:
            before = None if deep else last_report(folder)
            keep_report(folder, report_of(settings, results, utc_now(), before))
            note_trial(folder, results, utc_now())
        except OSError as error:
            err.print(f"What was found is not kept in {folder.path}: {error.strerror}.")


def _print(result: CheckResult) -> None:
    out.print(_MARKS[result.state], end=" ")
    out.print(f"{result.name}: {result.sentence}", markup=False)
    if result.state != "ok" and result.advice:
        out.print(f"     repair: {result.advice}", markup=False)

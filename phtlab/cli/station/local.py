"""`phtlab station local`: run a notebook of the operator's own; nothing leaves the station."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phtlab.cli.station.folder import DirectoryOption, PassphraseOption, identity_of, station_at
from phtlab.cli.station.person import ByOption, person
from phtlab.cli.terminal.output import JsonOption, err, out, print_json
from phtlab.errors import DataSetError, RunError

if TYPE_CHECKING:
    from phtlab.notebook import Analysis
    from phtlab.station.health.local_train import LocalRun, Made
    from phtlab.train.documents.roster import KernelImage


def local(
    notebook: Annotated[Path, typer.Argument(help="The notebook.", metavar="NOTEBOOK")],
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            "--dataset",
            help="A data set that the notebook may read; may be repeated. Default: the data sets "
            "that its cells name.",
        ),
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="NAME=VALUE; may be repeated.")
    ] = None,
    twin: Annotated[
        bool, typer.Option("--twin", help="Run on the synthetic twins instead of the data.")
    ] = False,
    by: ByOption = None,
    directory: DirectoryOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run your own NOTEBOOK as a train runs: sandbox, airlock, seal. Nothing leaves the station."""
    from phtlab.cli.dispatch import typed_values
    from phtlab.notebook import read_analysis
    from phtlab.station.context.station_context import StationContext
    from phtlab.station.daemon.log import warnings_to_stderr
    from phtlab.station.health.local_train import LocalFolder, run_local

    warnings_to_stderr()
    folder, settings = station_at(directory)
    analysis = read_analysis(notebook)
    analysis.require_sound()
    _require_named(analysis, dataset)
    values = typed_values(parameter or [], analysis.parameters.schema)
    identity = identity_of(folder, settings, passphrase_file)
    run = run_local(
        LocalFolder.in_(folder),
        settings.model_copy(update={"twin": settings.twin or twin}),
        identity,
        lambda kernel: made_on(analysis, kernel),
        by=person(by),
        language=analysis.language,
        parameters=values,
        log=StationContext(folder, settings).audit,
        report=_quietly if as_json else _print_state,
    )
    _show(run, as_json)


def _print_state(state: str) -> None:
    err.print(f"{state} …", markup=False)


def _quietly(state: str) -> None:
    """Report nothing, for --json."""


def made_on(analysis: Analysis, kernel: KernelImage) -> Made:
    """Return the manifest and the files of `analysis` on `kernel`, as for any train."""
    from phtlab.lab.train_preparation import layer_files, train_manifest
    from phtlab.train.documents.manifest import KernelRef

    on = KernelRef(name=kernel.name, language=kernel.language, digest=kernel.digest)
    manifest = train_manifest(analysis, on)
    return manifest, layer_files(analysis, manifest)


def unpacked(run: LocalRun) -> Path | None:
    """Unpack the run's results and return their folder; None if nothing left the airlock."""
    from phtlab.files.cargo_archive import unpack

    if run.archive is None:
        return None
    station = run.archive.with_name("results")
    station.mkdir(mode=0o700)
    unpack(run.archive, station, run.manifest.outputs)
    run.archive.unlink()
    return station


def _require_named(analysis: Analysis, allowed: list[str] | None) -> None:
    others = [] if allowed is None else sorted(set(analysis.datasets) - set(allowed))
    if others:
        raise DataSetError(
            f"{analysis.name} also reads {', '.join(others)}, which --dataset does not name.",
            "Name it too, or change the notebook.",
        )


def _show(run: LocalRun, as_json: bool) -> None:
    record, results = run.record, unpacked(run)
    summary: dict[str, Any] = {
        "local": True,
        "journey": record.journey,
        "outcome": record.outcome,
        "code": record.code,
        "sentence": record.sentence,
        "outputs": [output.model_dump(mode="json") for output in record.outputs],
        "rounds": record.rounds.count if record.rounds else None,
        "results": str(results) if results else None,
        "operator": str(run.stop.operator),
    }
    if as_json:
        print_json(summary)
    else:
        err.print(f"A local train, {record.outcome}: nothing of it left the station.", markup=False)
        if record.rounds is not None:
            err.print(
                "It is one of rounds, of which the first was computed. Combine cells run in the "
                "researcher's kernel: run all cells of the notebook there to try them.",
                markup=False,
            )
        for output in record.outputs:
            out.print(f"{output.name}  {output.verdict}  {output.sentence}".rstrip(), markup=False)
        if results:
            out.print(f"results   {results}", markup=False)
        out.print(f"run       {run.stop.operator}", markup=False)
    if record.outcome != "departed":
        raise RunError(
            f"It did not end well: {record.sentence}",
            f"The whole notebook, with its error, is in {run.stop.operator}.",
            code=record.code or None,
        )

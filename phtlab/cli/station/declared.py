"""`phtlab station dataset` and `policy`: the station's data sets and its policy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from phtlab.cli.station.folder import DirectoryOption, station_at
from phtlab.cli.station.policy_trial import put_policy, try_policy
from phtlab.cli.terminal.named_file import content_of
from phtlab.cli.terminal.output import JsonOption, err, out, print_json
from phtlab.errors import DataSetError

dataset_app = typer.Typer(help="Declare the station's data sets.", no_args_is_help=True)
policy_app = typer.Typer(help="Show, try and change the station's policy.", no_args_is_help=True)
policy_app.command("try")(try_policy)
policy_app.command("put")(put_policy)


@dataset_app.command("add")
def dataset_add(
    name: Annotated[str, typer.Argument(help="The name by which analyses read the data set.")],
    schema: Annotated[
        Path, typer.Option(help="TOML file that declares its columns; see docs/station.md.")
    ],
    path: Annotated[
        Path | None,
        typer.Argument(
            help="A CSV or Parquet file, or a folder. Not needed at a twin station, which "
            "generates the data."
        ),
    ] = None,
    directory: DirectoryOption = None,
) -> None:
    """Declare a data set, check it against its schema, and make its synthetic twin."""
    from phtlab.station.data.datasets import add_dataset, readable_in_sandbox

    folder, settings = station_at(directory)
    folder.create()
    if path is None and not settings.twin:
        raise DataSetError(
            f"Where is the data set '{name}'?",
            f"Name its file or folder: phtlab station dataset add {name} PATH --schema {schema}",
        )
    dataset = add_dataset(folder, name, path, content_of(schema, "the data set's schema"))
    columns, rows = len(dataset.schema.columns), dataset.schema.twin_rows
    err.print(
        f"Declared '{name}' ({dataset.format}, {columns} columns) and made its twin of {rows} "
        "synthetic rows.",
        markup=False,
    )
    if not settings.twin and not readable_in_sandbox(dataset.path):
        err.print(
            f"The sandbox's user cannot read it yet: chmod -R o+rX {dataset.path}", markup=False
        )


@dataset_app.command("list")
def dataset_list(directory: DirectoryOption = None, as_json: JsonOption = False) -> None:
    """List the declared data sets."""
    from phtlab.station.data.datasets import load_datasets

    folder, _ = station_at(directory)
    datasets = load_datasets(folder)
    if as_json:
        print_json(
            [
                {
                    "name": d.name,
                    "path": str(d.path),
                    "format": d.format,
                    "title": d.schema.title,
                    "columns": len(d.schema.columns),
                    "publish_rows": d.schema.publish_rows,
                    "schema": d.schema.digest,
                }
                for d in datasets.values()
            ]
        )
        return
    table = Table("name", "format", "columns", "path", box=None)
    for dataset in datasets.values():
        table.add_row(
            dataset.name, dataset.format, str(len(dataset.schema.columns)), str(dataset.path)
        )
    out.print(table)


@dataset_app.command("twin")
def dataset_twin(
    name: Annotated[str, typer.Argument(help="The data set.")],
    directory: DirectoryOption = None,
) -> None:
    """Make a data set's synthetic twin again from its schema."""
    from phtlab.station.data.datasets import load_datasets, twin_of

    folder, _ = station_at(directory)
    declared = load_datasets(folder)
    if name not in declared:
        raise DataSetError(
            f"There is no data set '{name}' here.", "'phtlab station dataset list' shows which are."
        )
    err.print(f"Made {twin_of(folder, declared[name]).path}.", markup=False)


@dataset_app.command("remove")
def dataset_remove(
    name: Annotated[str, typer.Argument(help="Which.")], directory: DirectoryOption = None
) -> None:
    """Remove a data set's declaration and twin. The data stay where they are."""
    from phtlab.station.data.datasets import remove_dataset

    folder, _ = station_at(directory)
    remove_dataset(folder, name)
    err.print(f"Forgot '{name}'.", markup=False)


@policy_app.command("show")
def policy_show(directory: DirectoryOption = None, as_json: JsonOption = False) -> None:
    """Show the policy as the station reads it, with every default filled in."""
    from phtlab.station.policy.policy import described, load_policy

    folder, _ = station_at(directory)
    report = described(load_policy(folder.policy))
    if as_json:
        print_json(report)
        return
    for part, value in report.items():
        if not isinstance(value, dict):
            out.print(f"{part} = {value}", markup=False)
            continue
        for key, entry in value.items():
            out.print(f"{part}.{key} = {entry}", markup=False)

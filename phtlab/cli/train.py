"""`phtlab train`: check a notebook, build a train, show its content."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from phtlab.cli.terminal.output import JsonOption, err, out, print_json

app = typer.Typer(help="Turn a notebook into a train.", no_args_is_help=True)

Notebook = Annotated[Path, typer.Argument(help="The notebook.", metavar="NOTEBOOK")]
Kernel = Annotated[
    str | None,
    typer.Option(
        help="A kernel image's name in the catalogue. Default: the kernel image of the notebook's "
        "language."
    ),
]


@app.command()
def check(notebook: Notebook, as_json: JsonOption = False) -> None:
    """Check NOTEBOOK: roles, parameters, outputs, names. Needs no connection."""
    from phtlab.lab.client.train import parameter_line
    from phtlab.notebook import read_analysis

    analysis = read_analysis(notebook)
    if as_json:
        print_json(
            {
                "name": analysis.name,
                "language": analysis.language,
                "parameters": analysis.parameters.schema,
                "outputs": [
                    {"name": o.name, "kind": o.kind, "counts": o.counts} for o in analysis.outputs
                ],
                "datasets": analysis.datasets,
                "findings": [
                    {
                        "code": f.code,
                        "severity": f.severity,
                        "cell": f.cell,
                        "line": f.line,
                        "message": f.message,
                        "fix": f.fix and f.fix.title,
                    }
                    for f in analysis.findings
                ],
            }
        )
    else:
        roles = ", ".join(
            f"{count} {role}" for role, count in _roles(c.role for c in analysis.cells).items()
        )
        out.print(f"[bold]{analysis.name}[/] ({analysis.language}): {roles}")
        properties = analysis.parameters.schema.get("properties", {})
        for name in analysis.datasets:
            out.print(f"  data set   {name}", markup=False)
        for name, schema in properties.items():
            out.print(f"  parameter  {parameter_line(name, schema)}", markup=False)
        for output in analysis.outputs:
            out.print(f"  output     {output.name} ({output.kind})", markup=False)
        for finding in analysis.findings:
            colour = "red" if finding.severity == "error" else "yellow"
            out.print(f"[{colour}]{finding.severity}[/] {finding.code}: ", end="")
            out.print(finding.message, markup=False)
            if finding.fix is not None:
                title = finding.fix.title
                out.print(f"  {title[0].lower()}{title[1:].replace(' ', ': ', 1)}", markup=False)
    if analysis.errors:
        raise typer.Exit(3)
    if not as_json:
        err.print("[green]✓[/] can become a train")


@app.command()
def build(
    notebook: Notebook,
    kernel: Kernel = None,
    kernel_folder: Annotated[
        Path | None,
        typer.Option(
            help="Build offline on a kernel image that 'phtlab kernel build --out' wrote."
        ),
    ] = None,
    directory: Annotated[
        Path | None,
        typer.Option("--out", help="Folder to write layer, configuration and manifest to."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compose the train's image from NOTEBOOK and print its digest, which is the same anywhere."""
    from phtlab.lab.train_preparation import compose_offline

    if kernel_folder is not None:
        image, name = compose_offline(notebook, kernel_folder)
    else:
        import phtlab

        train = phtlab.connect().train(notebook, kernel=kernel)
        image, name = train.image, train.name
    if directory is not None:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "layer.tar").write_bytes(image.layer)
        (directory / "config.json").write_bytes(image.config)
        (directory / "manifest.json").write_bytes(image.manifest)
    if as_json:
        print_json({"name": name, "digest": image.digest, "layer_bytes": len(image.layer)})
    else:
        out.print(f"{name} {image.digest}")


@app.command()
def show(notebook: Notebook, kernel: Kernel = None, as_json: JsonOption = False) -> None:
    """Show what a station is asked to run: manifest, parameters, outputs, files."""
    import phtlab

    train = phtlab.connect().train(notebook, kernel=kernel)
    if as_json:
        print_json({"digest": train.digest, "manifest": train.manifest})
    else:
        out.print(repr(train), markup=False)


def _roles(roles: object) -> dict[str, int]:
    counts: dict[str, int] = {}
    for role in roles:  # type: ignore[attr-defined]
        counts[role] = counts.get(role, 0) + 1
    return counts

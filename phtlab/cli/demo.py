"""`phtlab demo`: a consortium on one machine, and a journey through its hospitals."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.padding import Padding
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from phtlab.cli.terminal.output import JsonOption, err, out, print_json

if TYPE_CHECKING:
    from phtlab.demo.showcase import Showcase
    from phtlab.demo.world import World
    from phtlab.wire.api.journeys import JourneyView


def demo(
    directory: Annotated[
        Path, typer.Option(help="The demonstration's folder; created on the first run.")
    ] = Path("phtlab-demo"),
    keep: Annotated[
        bool,
        typer.Option(
            "--keep", help="Keep the services running, and print how to continue by hand."
        ),
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Create everything again from the beginning.")
    ] = False,
    stop: Annotated[
        bool, typer.Option("--stop", help="Stop the services that --keep left running.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Start four hospitals on this machine, dispatch a notebook, open and plot its results."""
    from phtlab.demo.world import World

    world = World(directory.absolute())
    if stop:
        world.stop()
        err.print("The demonstration's services are stopped.")
        return
    steps = Steps()
    try:
        showcase = run(world, steps, fresh)
    except BaseException:
        world.stop()
        raise
    if as_json:
        print_json(
            {
                "finding": showcase.finding.to_dict("records"),
                "model": showcase.model.reset_index().to_dict("records"),
                "largest_relative_difference": showcase.difference,
                "html": showcase.html,
                "png": showcase.png,
                "seconds": steps.seconds,
            }
        )
    else:
        print_finding(showcase)
    if keep:
        print_next_commands(world)
    else:
        world.stop()
        if not as_json:
            err.print(
                "[dim]Everything was stopped. To go on by hand:[/] "
                f"phtlab demo --directory {directory} --keep"
            )


def run(world: World, steps: Steps, fresh: bool) -> Showcase:
    """Run the whole demonstration, with a progress line for each step."""
    from phtlab.demo.heart import HOSPITALS
    from phtlab.demo.kernel_ahead import kernel_ahead
    from phtlab.demo.showcase import NOTEBOOK, conclude, connected
    from phtlab.demo.world import CONSORTIUM, OFFICERS, RESEARCHER, SIGNERS
    from phtlab.share import share

    with ExitStack() as meanwhile:
        if fresh or not world.founded:
            meanwhile.enter_context(kernel_ahead())
            with steps.step(
                f"Consortium [b]{CONSORTIUM}[/] founded: {len(OFFICERS)} officers, {SIGNERS} sign; "
                f"{len(HOSPITALS)} hospitals, a twin station"
            ) as report:
                world.found(report)
        with steps.step("Registry, central, kernel image, stations are up") as report:
            world.start(report)
    with steps.step("Notebook checked, train built") as report:
        report("checking the notebook, composing the image")
        lab = connected(world)
        train = lab.train(share(NOTEBOOK))
        report(f"{train.name} {train.digest}")
    steps.note(f"{train.name} {train.digest[:19]}…, parameters and outputs declared")
    with steps.step("Dry run on the synthetic twin") as report:
        report("the same image, sandbox and airlock, made-up data")
        dry = lab.dispatch(train, stations=lab.twin_stations())
        _run_journey(dry, steps)
        dry.results()
    with steps.step(
        f"Journey to {len(HOSPITALS)} hospitals, in a sealed sandbox at each"
    ) as report:
        report(f"signed by {RESEARCHER}")
        journey = lab.dispatch(train, stations=tuple(HOSPITALS))
        _run_journey(journey, steps)
    with steps.step("Results verified against the roster, opened with the researcher's key"):
        opened = journey.results()
    for released in opened.values():
        for verdict in released.record.outputs:
            if verdict.verdict != "released":
                steps.note(f"{released.station} withheld: {verdict.name}. {verdict.sentence}")
    with steps.step("The notebook's aggregate cells put them together") as report:
        report("running them in a kernel of this machine")
        return conclude(world, journey)


class Steps:
    """Progress: a spinner for the running step, a line with its seconds for each finished step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._live: Live | None = None
        self._title = ""
        self._doing = ""
        self._stops: Table | None = None

    @contextmanager
    def step(self, title: str) -> Iterator[Any]:
        """Show `title` until its block ends; yield the function that reports what is being done."""
        begun = time.perf_counter()
        self._title, self._doing, self._stops = title, "", None
        with Live(console=err, refresh_per_second=10, transient=True) as live:
            self._live = live
            self._show()
            yield self._report
        took = time.perf_counter() - begun
        self.seconds[Text.from_markup(title).plain] = round(took, 2)
        err.print(f"[green]✓[/] {title} [dim]{took:.1f} s[/]")
        if self._stops is not None:
            err.print(Padding(self._stops, (0, 0, 0, 2)))

    def note(self, text: str) -> None:
        """Print a remark below the last line."""
        err.print(Text(f"  {text}", style="dim"))

    def stops(self, table: Table) -> None:
        """Show the stops of a journey; they remain below the line of the finished step."""
        self._stops = table
        self._show()

    def _report(self, doing: str) -> None:
        self._doing = doing
        self._show()

    def _show(self) -> None:
        if self._live is None:
            return
        line = Text.from_markup(f"{self._title} [dim]{self._doing}[/]")
        parts: list[Any] = [Spinner("dots", line)]
        if self._stops is not None:
            parts.append(Padding(self._stops, (0, 0, 0, 2)))
        self._live.update(Group(*parts))


def _run_journey(journey: Any, steps: Steps) -> None:
    from phtlab.errors import JourneyError
    from phtlab.lab.display.journey_text import describe, short
    from phtlab.lab.display.progress import route_table

    def show(view: JourneyView) -> None:
        steps.stops(route_table(view))

    journey.wait(600, on_change=show)
    bad = [stop for stop in journey.stops if stop.state != "departed"]
    if bad:
        outcomes = "; ".join(f"{stop.station} {describe(stop)}" for stop in bad)
        raise JourneyError(f"Journey {short(journey.id)} did not end well: {outcomes}")


def print_finding(showcase: Showcase) -> None:
    """Print the pooled finding as a table, and the federated model and the files in sentences."""
    by_variable = showcase.finding.set_index(["variable", "disease"])
    table = Table(title="What the four hospitals know together", title_justify="left", box=None)
    table.add_column("")
    for heading in ("without disease", "with disease"):
        table.add_column(heading, justify="right")
    for variable in dict.fromkeys(showcase.finding["variable"]):
        cells = [_mean(by_variable, variable, disease) for disease in ("no", "yes")]
        table.add_row(variable, *cells)
    out.print()
    out.print(table)
    out.print("[dim]mean ± standard deviation, n in brackets; cells of fewer than 10 stay home[/]")
    line = showcase.model.loc["disease"]
    out.print()
    out.print(
        f"At the same age, disease costs [b]{-line['coefficient']:.1f}[/] beats/min of peak heart "
        f"rate (95% interval {-line['ci_high']:.1f} to {-line['ci_low']:.1f}), by a regression "
        "fitted without any row leaving a hospital.",
        soft_wrap=not out.is_terminal,
    )
    out.print(
        "Against the pooled computation on the same rows, the largest relative difference of any "
        f"figure is [b]{showcase.difference:.0e}[/].",
        soft_wrap=not out.is_terminal,
    )
    out.print()
    out.print(f"report  {showcase.html}\nplot    {showcase.png}")


def _mean(finding: Any, variable: str, disease: str) -> str:
    if (variable, disease) not in finding.index:
        return "-"
    row = finding.loc[(variable, disease)]
    spread = "" if row["sd"] != row["sd"] else f" ± {row['sd']:.1f}"
    return f"{row['mean']:.1f}{spread} ({int(row['n'])})"


def print_next_commands(world: World) -> None:
    """Print what to type next, as the services stay up."""
    err.print("\nEverything stays up. In this shell you are the researcher after")
    for name, value in world.environment.items():
        argument = f"$(cat {world.directory / 'passphrase'})" if name.endswith("PHRASE") else value
        out.print(f"  export {name}={argument}", markup=False)
    err.print("and then, for instance,")
    out.print("  phtlab journey list")
    out.print("  phtlab dispatch notebooks/heart_disease.ipynb -p min_age=50 --wait")
    out.print("  phtlab journey results --out results")
    out.print(f"  phtlab station status -C {world.station_folder('cleveland')}")
    err.print("When you are done:")
    out.print(f"  phtlab demo --directory {world.directory} --stop")

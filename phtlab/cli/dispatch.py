"""`phtlab dispatch`: sign an order and dispatch a train to stations."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from phtlab.cli.terminal.output import JsonOption, err, out, print_json, print_next_steps
from phtlab.errors import ParameterError


def dispatch(
    notebook: Annotated[Path, typer.Argument(help="The notebook.", metavar="NOTEBOOK")],
    station: Annotated[
        list[str] | None,
        typer.Option(
            "--station",
            "-s",
            help="A station; may be repeated. A sequential train visits them in this order. "
            "Default: all, in the roster's order.",
        ),
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="NAME=VALUE; may be repeated.")
    ] = None,
    recipient: Annotated[
        list[str] | None,
        typer.Option(
            "--recipient", help="A further member who can open the results; may be repeated."
        ),
    ] = None,
    kernel: Annotated[str | None, typer.Option(help="A kernel image's name.")] = None,
    days: Annotated[float, typer.Option(help="Days until the order expires.")] = 7.0,
    proposal: Annotated[
        str | None,
        typer.Option(
            help="Dispatch under this proposal, given by the first characters of its name. Default "
            "stations: all that the proposal names."
        ),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(min=1, help="Of a train of rounds: how many at most. Default: 50."),
    ] = None,
    quorum: Annotated[
        int | None,
        typer.Option(min=1, help="Stations that each round needs. Default: all."),
    ] = None,
    deadline: Annotated[
        int | None,
        typer.Option(min=1, help="Seconds that a round waits for the others. Default: an hour."),
    ] = None,
    aggregator: Annotated[
        str | None,
        typer.Option(
            help="The member that combines the rounds, while no kernel runs. Default: the one that "
            "the proposal names, else whoever waits for the journey.",
            metavar="NAME",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Dispatch to the twin station only.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until the journey has ended.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Turn NOTEBOOK into a train, sign an order, and dispatch it to stations."""
    import phtlab
    from phtlab.lab.rounds.ordered import DEFAULT_DEADLINE

    lab = phtlab.connect()
    train = lab.train(notebook, kernel=kernel)
    values = typed_values(parameter or [], train.parameters)
    stations = lab.twin_stations() if dry_run else (station or "all")
    journey = lab.dispatch(
        train,
        stations=stations,
        parameters=values,
        recipients=recipient or (),
        lifetime=timedelta(days=days),
        proposal=proposal,
        rounds=rounds,
        quorum=quorum,
        deadline=deadline or DEFAULT_DEADLINE,
        aggregator=aggregator,
    )
    for answer in journey.answers:
        if answer.answer != "allows":
            err.print(f"! {answer.sentence}", markup=False)
    from phtlab.cli.journey import finish
    from phtlab.lab.display.journey_text import short
    from phtlab.lab.display.route_order import ARROW, route_order, stop_name

    if wait:
        finish(journey, as_json)
    elif as_json:
        print_json(journey.view)
    else:
        between = f" {ARROW} " if route_order(journey.view).is_sequential else ", "
        names = between.join(stop_name(journey.view, stop) for stop in journey.stops)
        err.print(f"Sent {train.name} to {names}. Its journey:", markup=False)
        out.print(short(journey.id))
        print_next_steps(f"phtlab journey wait {short(journey.id)}")


def typed_values(pairs: list[str], schema: dict[str, Any]) -> dict[str, Any]:
    """Convert `NAME=VALUE` texts to the types that the schema declares.

    Names and bounds are not checked: `dispatch` validates them against the schema later.
    Raises ParameterError for a text without `=`, or a value that is not of its type.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise ParameterError(
                f"'{pair}' is not of the form NAME=VALUE, as in --parameter min_age=40.",
                code="parameter-form",
            )
        values[name] = _typed(text, schema.get("properties", {}).get(name, {}).get("type"), name)
    return values


def _typed(text: str, kind: str | None, name: str) -> Any:
    try:
        if kind == "integer":
            return int(text)
        if kind == "number":
            return float(text)
    except ValueError:
        raise ParameterError(
            f"Parameter '{name}' is of type {kind}; '{text}' is not.", code="parameter-type"
        ) from None
    if kind == "boolean":
        if text.lower() not in {"true", "false"}:
            raise ParameterError(
                f"Parameter '{name}' is true or false; '{text}' is neither.", code="parameter-type"
            )
        return text.lower() == "true"
    return text

"""`phtlab station policy try` and `put`: try a new policy on past journeys, and put it in force."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from phtlab.cli.station.folder import DirectoryOption, station_at
from phtlab.cli.station.person import ByOption, person
from phtlab.cli.terminal.named_file import content_of
from phtlab.cli.terminal.output import JsonOption, err, out, print_json, print_next_steps
from phtlab.errors import PolicyError

if TYPE_CHECKING:
    from phtlab.station.policy.policy import Decision

FileArgument = Annotated[Path, typer.Argument(help="The new policy, as TOML.")]
_WORDS = {"admit": "starts", "hold": "waits for a person", "refuse": "is refused"}


def try_policy(
    file: FileArgument, directory: DirectoryOption = None, as_json: JsonOption = False
) -> None:
    """Show what a new policy would have done with the journeys that came here; writes nothing."""
    from phtlab.station.context.station_context import StationContext
    from phtlab.station.pipeline.policy_trial import try_policy

    station = StationContext(*station_at(directory))
    found = try_policy(station, _text(file))
    if as_json:
        print_json(
            [
                {
                    "journey": f"sha256:{journey.journey}",
                    "name": journey.name,
                    "researcher": journey.researcher,
                    "risk": journey.risk,
                    "route": journey.route.as_json(),
                    "before": _decision_json(journey.before),
                    "after": _decision_json(journey.after),
                    "outputs": {
                        change.name: change.after.verdict for change in journey.airlock.changes
                    },
                    "outputs_replayed": journey.airlock.replayed,
                    "outputs_not_kept": journey.airlock.lost,
                    "changes": journey.changes,
                }
                for journey in found.journeys
            ]
        )
        return
    err.print(
        f"{len(found.changed)} of {len(found.journeys)} journeys that came here would have gone "
        "otherwise.",
        markup=False,
    )
    if found.outputs or found.lost:
        err.print(
            f"The airlock was tried on the counts of {found.outputs} outputs that left; of "
            f"{found.lost} this is not known, as nothing is kept of them here that it would judge.",
            markup=False,
        )
    if found.changed:
        headings = ("journey", "train", "researcher", "risk", "in force", "new", "outputs")
        table = Table(*headings, box=None)
        for journey in found.changed:
            before = _WORDS[journey.before.verdict] if journey.before else "unknown"
            after = f"{_WORDS[journey.after.verdict]} {journey.after.code}".rstrip()
            outputs = "\n".join(change.sentence for change in journey.airlock.changes)
            route = journey.route.forecast
            cells = (
                journey.journey[:12],
                f"{journey.name} ({route})" if route else journey.name,
                journey.researcher,
                journey.risk,
                before,
                after,
                outputs,
            )
            table.add_row(*map(Text, cells))
        out.print(table)
    print_next_steps(f"phtlab station policy put {file}")


def put_policy(file: FileArgument, by: ByOption = None, directory: DirectoryOption = None) -> None:
    """Put a new policy in force from the next order on, and record it in the audit log."""
    from phtlab.station.context.station_context import StationContext
    from phtlab.station.pipeline.policy_trial import current_text, named, put_in_force

    station = StationContext(*station_at(directory))
    instead_of = named(current_text(station))
    policy = put_in_force(station, _text(file), by=person(by), instead_of=instead_of)
    err.print(
        f"In force at {station.name} from the next order on: mode {policy.mode}.", markup=False
    )


def _text(file: Path) -> str:
    try:
        return content_of(file, "the new policy").decode()
    except UnicodeDecodeError:
        raise PolicyError(f"{file} is not UTF-8 text.", code="policy-invalid") from None


def _decision_json(decision: Decision | None) -> dict[str, str] | None:
    if decision is None:
        return None
    return {"verdict": decision.verdict, "code": decision.code, "sentence": decision.sentence}

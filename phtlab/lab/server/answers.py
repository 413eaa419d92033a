"""Answers of the server extension from what the workspace knows.

Names, titles and sentences are others' words: they go out as printable text of bounded length.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from phtlab.errors import PhtlabError
from phtlab.lab.client.dispatch_history import notebook_of
from phtlab.lab.display.journey_text import short
from phtlab.lab.display.rounds_map import rounds_map
from phtlab.lab.display.route_map import MAX_SENTENCE, MAX_TITLE, middle
from phtlab.lab.display.route_order import is_resumable, route_order, stop_text
from phtlab.lab.display.stop_cost import stop_cost
from phtlab.lab.keys.key_files import KeyFile
from phtlab.lab.server import api
from phtlab.lab.server.refusals import readable
from phtlab.lab.workspace.workspace import Workspace
from phtlab.train.crypto.identity import Member
from phtlab.train.documents.envelope import peek
from phtlab.train.documents.record import FINAL_STATES, CellError
from phtlab.train.documents.roster import KernelImage
from phtlab.user_settings import keys_directory
from phtlab.version import VERSION
from phtlab.wire.api.journeys import Column, DataSetDescription, JourneyView, StationView, StopView

# Gives the path of a file as Lab has it, None for one that Lab does not show.
Named = Callable[[Path], str | None]

MAX_WORDS: Final = 200
MAX_ORDER_BYTES: Final = 64 * 1024
MAX_COLUMNS: Final = 500
MAX_CATEGORIES: Final = 200

_READERS: Final = {
    "hub": "The administrators of this hub can copy the key file, and read the open key in this "
    "server's memory. The file alone is worth as much as its passphrase.",
    "computer": "Whoever can read your files on this computer can copy the key file; it is worth "
    "as much as its passphrase. While it is unlocked, programs that you run here can read it.",
}


def words(text: str, length: int = MAX_WORDS) -> str:
    return middle(text, length)


def status_answer(workspace: Workspace) -> api.Status:
    snapshot, trouble = workspace.snapshot, workspace.trouble
    fingerprint = workspace.root_fingerprint
    problem = trouble and api.Problem(
        code=trouble.code, message=readable(trouble.message), hint=readable(trouble.hint)
    )
    return api.Status(
        version=VERSION,
        place=workspace.place,
        user=workspace.user,
        reads=snapshot.reads,
        dry_runs=bool(workspace.twin_names),
        central=api.CentralConnection(
            url=workspace.central_url,
            state=snapshot.central,
            consortium=snapshot.roster.consortium if snapshot.roster else None,
            sentence=readable(snapshot.sentence),
        ),
        root=api.PinnedRoot(fingerprint=fingerprint) if fingerprint else None,
        key=_current_key(workspace),
        problem=problem,
    )


def _current_key(workspace: Workspace) -> api.CurrentKey:
    """The key of this workspace, also where the profile cannot be read."""
    readers = _READERS[workspace.place]
    try:
        keys, current = workspace.keys, workspace.keys.current()
        return api.CurrentKey(
            state=keys.state,
            name=current.name if current else None,
            path=str(keys.path or keys_directory()),
            fingerprint=current.fingerprint if current else None,
            member=workspace.is_member,
            readers=readers,
        )
    except PhtlabError:
        return api.CurrentKey(
            state="none",
            name=None,
            path=str(keys_directory()),
            fingerprint=None,
            member=None,
            readers=readers,
        )


def key_answer(key: KeyFile) -> api.Key:
    return api.Key(
        name=words(key.name),
        path=str(key.path),
        current=key.current,
        fingerprint=key.fingerprint,
        created=key.created,
    )


def stations_answer(workspace: Workspace) -> list[api.Station]:
    twins = workspace.twin_names
    return [_station(station, station.name in twins) for station in workspace.stations]


def _station(station: StationView, twin: bool) -> api.Station:
    return api.Station(
        name=station.name,
        organisation=words(station.organisation),
        online=station.online,
        last_seen=station.last_seen,
        paused=words(station.paused, MAX_SENTENCE),
        twin=twin,
        version=words(station.version, 40),
        running=station.running,
        waiting=station.waiting,
        datasets=[_data_set(data) for data in station.datasets],
    )


def _data_set(data: DataSetDescription) -> api.DataSet:
    return api.DataSet(
        name=words(data.name),
        title=words(data.title, MAX_TITLE),
        description=words(data.description, MAX_SENTENCE),
        rows=data.rows,
        rows_rounded_to=data.rows_rounded_to,
        columns=[_column(column) for column in data.columns[:MAX_COLUMNS]],
        has_twin=data.twin_digest is not None,
    )


def _column(column: Column) -> api.Column:
    categories = column.categories
    return api.Column(
        name=words(column.name),
        type=column.type,
        description=words(column.description, MAX_SENTENCE),
        unit=words(column.unit, 40),
        categories=None
        if categories is None
        else [words(category) for category in categories[:MAX_CATEGORIES]],
        minimum=column.minimum,
        maximum=column.maximum,
    )


def kernel_answer(kernel: KernelImage) -> api.Kernel:
    return api.Kernel(
        name=words(kernel.name), language=words(kernel.language), digest=kernel.digest
    )


def member_answer(member: Member) -> api.Member:
    return api.Member(
        name=member.name, organisation=words(member.organisation), roles=list(member.roles)
    )


def journeys_answer(workspace: Workspace, named: Named) -> list[api.Journey]:
    """Journeys, the newest first."""
    return [journey_answer(workspace, view, named) for view in workspace.journeys()]


def journey_answer(workspace: Workspace, view: JourneyView, named: Named) -> api.Journey:
    """A journey. Its order is read for display; `results` is what verifies it."""
    order, twins, sent = _order(view), workspace.twin_names, notebook_of(view.id)
    route = route_order(view)
    parameters, recipients = order.get("parameters"), order.get("recipients")
    return api.Journey(
        id=view.id,
        short=short(view.id),
        train=view.train,
        train_name=words(view.train_name, MAX_TITLE),
        researcher=view.researcher,
        mine=view.researcher == workspace.own_name,
        twin=bool(view.stops) and all(stop.station in twins for stop in view.stops),
        submitted=view.submitted,
        expires=view.expires,
        removed=view.removed,
        done=view.done,
        cancelled=view.cancelled,
        route=words(route.route),
        continues=route.continues and words(route.continues),
        continued_by=view.continued_by,
        resumable=is_resumable(view),
        parameters=parameters if isinstance(parameters, dict) else None,
        recipients=_names(recipients),
        notebook=named(sent) if sent else None,
        rounds=rounds_map(view, workspace.reports(view.id)),
        stops=[_stop(view, stop) for stop in view.stops],
    )


def _names(listed: object) -> list[str]:
    names = listed if isinstance(listed, list) else []
    return [words(name) for name in names[:64] if isinstance(name, str)]


def _order(view: JourneyView) -> dict[str, Any]:
    """The order whose digest is the journey's id, which is how it was sent; else nothing."""
    try:
        if view.order.digest != view.id:
            return {}
        order = peek(view.order).predicate
        return order if len(json.dumps(order, allow_nan=False)) <= MAX_ORDER_BYTES else {}
    except (PhtlabError, ValueError):
        return {}


def _stop(view: JourneyView, stop: StopView) -> api.Stop:
    final = stop.state in FINAL_STATES
    return api.Stop(
        station=stop.station,
        number=stop.number,
        state=stop.state,
        words=words(stop_text(view, stop), MAX_SENTENCE),
        final=final,
        contradicted=stop.contradicted,
        code=words(stop.code, 80),
        sentence=words(stop.sentence, MAX_SENTENCE),
        error=error_answer(stop.error),
        cell=stop.cell,
        cells=stop.cells,
        updated=stop.updated,
        # Of what runs, the browser counts for itself.
        seconds=stop_cost(stop, {}, stop.updated).seconds if final else None,
        combines=stop.station == route_order(view).aggregator,
    )


def error_answer(error: CellError | None) -> api.CellError | None:
    if error is None:
        return None
    message = error.message and words(error.message, MAX_SENTENCE)
    return api.CellError(type=error.type, cell=error.cell, line=error.line, message=message)

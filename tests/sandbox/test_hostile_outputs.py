"""What hostile code leaves in the output volume, and what the airlock makes of it.

The train of inside/hostile_outputs.py runs in the sandbox of a real station; what is
looked at is its signed record, its cargo as the researcher opens it, and all that central got.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import httpx
import pyarrow.parquet
import pytest

from phtlab.train.documents.manifest import Output
from phtlab.train.documents.record import OutputVerdict, StopRecord
from phtlab.wire.api.journeys import Offer
from tests.evidence import Evidence
from tests.limits import LIMIT
from tests.sandbox.conftest import Open
from tests.sandbox.probe_run import INSIDE, failures
from tests.sandbox.probe_table import title
from tests.station.real_world import opened_cargo, travel
from tests.station.station_world import COUNTS, World

pytestmark = pytest.mark.engine

CANARY = "MUSTER"
POLICY = """\
mode = "auto"
[limits]
memory = "1 GiB"
output = "80 MiB"
[airlock]
significant_digits = 4
max_rows = 1000
[airlock.tables]
uncounted = "pass"
"""
# By probe: each output's name, its declared kind, and the rule that refuses it.
NOT_A_FILE: Final = "output-not-a-file"
REFUSED: Final[Mapping[int, Mapping[str, tuple[str, str]]]] = {
    37: dict.fromkeys(("link_data", "link_host", "link_up", "link_self"), ("table", NOT_A_FILE))
    | {"hard": ("table", NOT_A_FILE)},
    38: dict.fromkeys(("pipe", "sock", "folder", "pipe_index"), ("table", NOT_A_FILE)),
    40: {
        "zip_table": ("table", "json"),
        "zip_scalar": ("scalar", "json"),
        "xz_model": ("model", "model-form"),
        "png_bomb": ("figure", "figure-form"),
    },
    41: {
        "sparse": ("table", "output-too-large"),
        "deep": ("table", "json"),
        "nan": ("table", "json"),
        "digits": ("table", "json"),
        "parts": ("table", "json"),
        "twice": ("scalar", "json"),
    },
    42: {"script": ("scalar", "scalar-form"), "svg": ("figure", "figure-form")},
    43: {"escapes": ("table", "free-text"), "bidi": ("table", "free-text")},
    44: {
        "pickled": ("model", "model-form"),
        "npy": ("model", "model-form"),
        "joblib": ("table", "json"),
    },
    45: {"formula": ("table", "free-text")},
    49: {"rows": ("table", "rows")},
}
RELEASED: Final = {"counts": "table", "bits": "table"}


@dataclass
class Left:
    """What a stop leaves for the world: its record, its cargo, and all that went to central."""

    record: StopRecord
    told: str
    files: dict[str, bytes] = field(default_factory=dict)
    members: list[tarfile.TarInfo] = field(default_factory=list)
    repositories: set[str] = field(default_factory=set)
    manifests: str = ""
    operator: str = ""

    @property
    def verdicts(self) -> dict[str, OutputVerdict]:
        return {verdict.name: verdict for verdict in self.record.outputs}


def repositories(registry: str) -> set[str]:
    return set(
        httpx.get(f"{registry}/v2/_catalog", params={"n": 1000}, timeout=LIMIT).json()[
            "repositories"
        ]
    )


def left_by(world: World, offer: Offer, registry: str) -> Left:
    before = repositories(registry)
    record = travel(world, offer)
    central = world.central
    told = [central.updates, central.profiles, [record.body for record in central.records]]
    stop = world.stop(offer)
    assert (stop.operator / "executed.ipynb").exists(), record
    left = Left(record, repr(told), repositories=repositories(registry) - before)
    executed = json.loads((stop.operator / "executed.ipynb").read_bytes())
    left.operator = json.dumps(executed)
    if record.outcome == "departed":
        with opened_cargo(world, offer, record) as tar:
            left.members = tar.getmembers()
            for member in left.members:
                content = tar.extractfile(member)
                assert content is not None
                left.files[member.name] = content.read()
        for repository in left.repositories:
            tags = httpx.get(f"{registry}/v2/{repository}/tags/list", timeout=LIMIT).json()
            accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
            found = [
                httpx.get(
                    f"{registry}/v2/{repository}/manifests/{tag}", headers=accept, timeout=LIMIT
                ).text
                for tag in tags["tags"] or ()
            ]
            left.manifests += repr((tags, found))
    else:
        left.operator += repr(failures(executed))
    return left


@pytest.fixture(scope="module")
def left(open_world: Open, open_registry: str) -> Left:
    outputs = [
        Output(name=name, kind=kind)  # type: ignore[arg-type]
        for group in REFUSED.values()
        for name, (kind, _) in group.items()
    ]
    outputs += [Output(name="counts", kind="table", counts="n"), Output(name="bits", kind="table")]
    with open_world(women=25, men=31) as world:
        world.folder.policy.write_text(POLICY)
        (world.root / "secret").write_text(CANARY)
        source = (INSIDE / "hostile_outputs.py").read_text("utf-8")
        train = world.train(source, outputs=tuple(outputs), datasets=("heart",))
        found = left_by(world, world.offer(train), open_registry)
    assert found.record.outcome == "departed", (found.record, found.operator[-2000:])
    return found


@pytest.mark.parametrize("number", REFUSED, ids=title)
def test_the_airlock_refuses_it_by_a_rule_and_quotes_nothing(
    left: Left, evidence: Evidence, number: int
) -> None:
    for name, (_, rule) in REFUSED[number].items():
        verdict = left.verdicts[name]
        assert (verdict.verdict, verdict.rule) == ("refused", rule), verdict
    rules = sorted({rule for _, rule in REFUSED[number].values()})
    if number not in (42, 43, 49):  # these have more to show, below
        outcome = f"refused: {', '.join(rules)}"
        evidence("probes", probe=title(number), runtime_class="runc", outcome=outcome)


def test_only_what_was_declared_and_is_sound_leaves(left: Left) -> None:
    released = {v.name: v.kind for v in left.record.outputs if v.verdict == "released"}
    assert released == RELEASED
    assert set(left.files) == {"cargo.json", "counts.parquet", "bits.parquet"}


def test_what_was_displayed_and_printed_stays_with_the_operator(
    left: Left, evidence: Evidence
) -> None:
    assert "<script>" in left.operator
    for leaving in (left.told, left.manifests, *map(repr, left.files.values())):
        for word in ("<script", "alert(", "<svg", "192.0.2.1", "\x1b", "\\x1b", "\\u001b"):
            assert word not in leaving
    evidence("probes", probe=title(42), runtime_class="runc", outcome="stays at the station")


def test_nothing_around_an_output_leaves_with_it(left: Left, evidence: Evidence) -> None:
    """Its index, its times, further files, progress, cell metadata: all is written afresh."""
    assert CANARY in left.operator
    for leaving in (left.told, left.manifests, *map(repr, left.files.values())):
        assert CANARY not in leaving
    assert {member.mtime for member in left.members} == {0}
    assert {(m.uid, m.gid, m.uname, m.gname, m.mode) for m in left.members} == {
        (0, 0, "", "", 0o600)
    }
    evidence("probes", probe=title(47), runtime_class="runc", outcome="rebuilt from nothing")


def test_the_station_puts_nothing_into_the_registry_but_this_cargo(
    left: Left, evidence: Evidence
) -> None:
    """So that no image, label, tag or parameter of a next train can come from a run."""
    (repository,) = left.repositories
    assert repository == f"cargo/{left.record.journey.removeprefix('sha256:')}/cleveland"
    assert CANARY not in left.manifests
    assert (
        '"config":{"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61ca'
        in (left.manifests)
    )
    outcome = "no train is made at a station; only sealed cargo is pushed"
    evidence("probes", probe=title(48), runtime_class="runc", outcome=outcome)


def test_low_bits_are_rounded_off_and_rows_are_bounded(left: Left, evidence: Evidence) -> None:
    """Not prevented: what the declared numbers say, a run may choose within these bounds."""
    table = pyarrow.parquet.read_table(io.BytesIO(left.files["bits.parquet"]))
    assert table.column("c").to_pylist() == [0.1235, 1235000.0]
    assert table.schema.metadata is None
    outcome = "bounded: 4 significant digits, 1000 rows (settings), all bytes, a person's release"
    evidence("probes", probe=title(49), runtime_class="runc", outcome=outcome)


def test_the_record_says_whole_seconds_and_no_memory_or_exit_code(
    left: Left, evidence: Evidence
) -> None:
    """Not prevented: a run may last longer to say something, by whole seconds."""
    record = left.record
    assert record.started is not None
    assert record.started.microsecond == record.finished.microsecond == 0
    assert record.finished - record.started < timedelta(minutes=5)
    assert set(StopRecord.model_fields) == {
        *("journey", "train", "station", "stop", "previous", "outcome", "code", "sentence"),
        *("error", "outputs", "datasets", "received", "cargos", "rounds", "roster_version"),
        *("started", "finished", "forecasts"),
    }
    assert record.forecasts is None, "of a dry run only"
    outcome = "bounded: whole seconds and one of the known outcomes"
    evidence("probes", probe=title(50), runtime_class="runc", outcome=outcome)


NAMES = r"""
import os
os.makedirs("/phtlab/out/outputs", exist_ok=True)
open("/phtlab/out/outputs/counts.json\n\x1b[2J", "w").close()
for name in ("\u202egnp.MUSTER", "\x1b]0;MUSTER\x07", "-rf MUSTER", "MUSTER\n", "M" * 255):
    open(os.path.join("/phtlab/out/outputs", name), "w").close()
for name in ("..", "../up", "/etc/absolute"):
    try:
        open(os.path.join("/phtlab/out/outputs", name), "w").close()
    except OSError:
        pass
"""


def test_a_name_that_is_not_declared_lets_nothing_leave_and_is_not_told(
    open_world: Open, open_registry: str, evidence: Evidence
) -> None:
    with open_world() as world:
        source = COUNTS + NAMES
        found = left_by(world, world.offer(world.train(source)), open_registry)
    assert (found.record.outcome, found.record.code) == ("failed", "output-undeclared")
    assert found.repositories == set()
    for word in ("MUSTER", "\x1b", "\\x1b", "\\u001b", "202e", "M" * 255):
        assert word not in found.told
    outcome = "the stop fails: output-undeclared; the names are not told"
    evidence("probes", probe=title(39), runtime_class="runc", outcome=outcome)


@pytest.mark.parametrize("kind", ["ValueError", 'type("\\x1b[2J MUSTER", (ValueError,), {})'])
def test_of_an_exception_its_class_and_place_leave_and_no_row(
    open_world: Open, open_registry: str, evidence: Evidence, kind: str
) -> None:
    source = f"""
import phtlab
heart = phtlab.dataset("heart")
MUSTER_1931 = heart.age.sum()
raise {kind}("\\x1b[2J" + str(heart.iloc[0]) + "MUSTER")
"""
    with open_world() as world:
        train = world.train(source, outputs=(), datasets=("heart",))
        found = left_by(world, world.offer(train), open_registry)
    assert (found.record.outcome, found.record.code) == ("failed", "cell-failed")
    error: Any = found.record.error
    expected = "ValueError" if kind == "ValueError" else "Exception"
    assert error.model_dump(exclude_none=True) == {"type": expected, "cell": 2, "line": 5}
    assert "MUSTER" in found.operator
    for word in ("MUSTER", "female", "\x1b", "\\x1b", "\\u001b"):
        assert word not in found.told
    number, outcome = (
        (46, "class, cell and line leave")
        if kind == "ValueError"
        else (43, "refused: free-text; stays at the station")
    )
    evidence("probes", probe=title(number), runtime_class="runc", outcome=outcome)

"""A stop from the inbox to its record, and every way in which it can end otherwise."""

from __future__ import annotations

import io
import json
import tarfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from phtlab.errors import CentralError, DataSetError, RecordError, SandboxError
from phtlab.notebook import read_analysis
from phtlab.station.approvals.decisions import approve, refuse
from phtlab.station.stops import stop_files
from phtlab.station.stops.marker import Marker
from phtlab.train.documents.envelope import peek
from phtlab.train.documents.manifest import Output, TrainManifest
from phtlab.train.documents.order import Order, cargo_context
from phtlab.train.image.composition import (
    train_files,
)
from phtlab.train.sealing import open_sealed
from tests.station.station_world import (
    COUNTS,
    GOOD_COUNTS,
    PARAMETERS,
    FakeRun,
    World,
    identity,
    make_world,
    member,
    notebook,
    table_files,
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = make_world(tmp_path)
    world.add_hearts()
    return world


def opened(world: World, journey: str, order: Order) -> dict[str, bytes]:
    """The delivered cargo, opened as ada does."""
    archive = io.BytesIO()
    context = cargo_context(journey, order, "cleveland")
    delivered = io.BytesIO(world.artifacts.delivered[journey])
    open_sealed(delivered, archive, identity("ada").age, context)
    archive.seek(0)
    with tarfile.open(fileobj=archive) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr]


def test_a_stop_departs_with_sealed_cargo_and_one_record(world: World) -> None:
    offer = world.offer()
    record = world.travel(offer)
    assert (record.outcome, record.code, record.sentence) == ("departed", "", "")
    assert [(o.name, o.verdict) for o in record.outputs] == [("counts", "released")]
    assert record.datasets == {"heart": world.station().declared()["heart"].schema.digest}
    files = opened(world, offer.journey, Order.model_validate(peek(offer.order).predicate))
    assert set(files) == {"cargo.json", "counts.parquet"}
    table = pyarrow.parquet.read_table(io.BytesIO(files["counts.parquet"])).to_pydict()
    assert table == {"sex": ["female", "male"], "n": [25, 31]}
    index = json.loads(files["cargo.json"])
    assert [output["name"] for output in index["outputs"]] == ["counts"]


def test_central_is_told_each_state_in_turn(world: World) -> None:
    world.travel()
    states = [update.state for update in world.central.updates]
    assert states == ["verified", "admitted", "running", "airlock", "sealed"]


def test_the_run_sees_validated_parameters_and_its_data_only(world: World) -> None:
    offer = world.offer(parameters={"min_age": 65})
    world.travel(offer)
    (job,) = world.scripted.started
    content = json.loads((job.inputs / "job.json").read_bytes())
    assert content["datasets"]["heart"] == {
        "path": "/data/heart/heart.csv",
        "format": "csv",
        "columns": {"age": "integer", "sex": "string"},
    }
    assert content["outputs"] == [{"name": "counts", "kind": "table", "counts": "n"}]
    assert content["kernel"] == "python3"
    assert b"min_age = 65" in (job.inputs / "notebook.ipynb").read_bytes()
    assert job.data == {"heart": world.root / "heart.csv"}
    assert job.image.endswith(peek(offer.train).subject[0].sha256)


def test_the_operator_keeps_notebook_error_and_log_and_nobody_else_may_look(world: World) -> None:
    world.scripted.script = FakeRun(
        "cell-failed",
        error={"type": "KeyError", "cell": 2, "line": 3, "message": "Jane Doe", "traceback": "…"},
    )
    offer = world.offer()
    world.travel(offer)
    operator = world.stop(offer).operator
    assert {p.name for p in operator.iterdir()} == {"run.json", "executed.ipynb", "log"}
    assert "Jane Doe" in (operator / "run.json").read_text()
    assert all(p.stat().st_mode & 0o077 == 0 for p in operator.iterdir())
    assert operator.parent.stat().st_mode & 0o077 == 0


def test_nothing_of_a_run_is_left_at_the_executor(world: World) -> None:
    world.travel()
    assert world.executor.jobs() == frozenset()
    offer = next(iter(world.station().stops))
    assert not offer.cargo.exists()


# What the run can come to


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (FakeRun("cell-failed"), "cell-failed"),
        (FakeRun("kernel-died"), "kernel-died"),
        (FakeRun("kernel-died", oom_killed=True), "out-of-memory"),
        (FakeRun("out-of-memory", oom_killed=True), "out-of-memory"),
        (FakeRun(None, exit_code=137, oom_killed=True), "out-of-memory"),
        (FakeRun("out-of-time"), "out-of-time"),
        (FakeRun("quota"), "output-quota"),
        (FakeRun("output-error"), "output-error"),
        (FakeRun("cancelled"), "run-stopped"),
        (FakeRun(None, exit_code=137), "run-record"),
        (FakeRun(None, exit_code=2), "run-record"),
        (FakeRun("completed", GOOD_COUNTS, exit_code=255), "run-record"),
        (FakeRun("a new word"), "run-record"),
        (FakeRun("completed"), "output-missing"),
        (FakeRun("completed", {**GOOD_COUNTS, "outputs/extra.json": b"{}"}), "output-undeclared"),
        (
            FakeRun("completed", table_files("counts", {"n": ("string", ["a"])})),
            "airlock-refused",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_failure_of_a_run_is_told_apart(world: World, script: FakeRun, code: str) -> None:
    from phtlab.station.stops.sentences import RUN

    world.scripted.script = script
    record = world.travel()
    assert (record.outcome, record.code, record.sentence) == ("failed", code, RUN[code])
    assert world.artifacts.delivered == {}


def test_a_run_on_data_keeps_its_message_at_a_station_that_became_a_twin_meanwhile(
    world: World,
) -> None:
    world.scripted.script = FakeRun(
        "cell-failed", error={"type": "KeyError", "cell": 2, "line": 3, "message": "Jane Doe"}
    )
    offer = world.offer()
    daemon = world.daemon()
    daemon.receive(offer)
    while world.stop(offer).state != "running":
        assert daemon.step()
    world.settings = world.settings.model_copy(update={"twin": True})
    record = world.travel(offer)
    assert record.error is not None
    assert record.error.message is None


def test_of_an_error_only_class_cell_and_line_leave(world: World) -> None:
    world.scripted.script = FakeRun(
        "cell-failed",
        error={"type": "KeyError", "cell": 2, "line": 3, "message": "Jane Doe", "traceback": "…"},
    )
    record = world.travel()
    assert record.error is not None
    assert record.error.model_dump(exclude_none=True) == {"type": "KeyError", "cell": 2, "line": 3}
    assert "Jane" not in world.central.records[0].body.decode()


def test_out_of_time_is_enforced_from_outside(world: World) -> None:
    world.scripted.script = FakeRun(lasts=True)
    offer = world.offer()
    daemon = world.begun(offer, steps=8)
    assert world.stop(offer).state == "running"
    world.ahead = timedelta(seconds=3604)
    daemon.step()
    assert world.stop(offer).state == "running"
    world.ahead = timedelta(seconds=3606)
    for _ in range(6):
        daemon.step()
    assert world.record(offer).code == "out-of-time"


def test_an_engine_that_is_not_there_is_waited_for_and_then_told(world: World) -> None:
    world.scripted.missing = True
    offer = world.offer()
    daemon = world.begun(offer, steps=6)
    assert world.stop(offer).state == "running"
    world.ahead = timedelta(seconds=130)
    for _ in range(4):
        daemon.step()
    record = world.record(offer)
    assert (record.outcome, record.code) == ("failed", "engine-missing")
    assert record.sentence == ("This station's container engine does not answer. Ask its operator.")


def test_an_engine_that_comes_back_in_time_costs_nothing(world: World) -> None:
    world.scripted.missing = True
    offer = world.offer()
    daemon = world.begun(offer, steps=6)
    world.scripted.missing = False
    world.ahead = timedelta(seconds=70)
    for _ in range(10):
        daemon.step()
    assert world.record(offer).outcome == "departed"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SandboxError("No loop device at /dev/loop7."), "sandbox"),
        (
            DataSetError("/srv/secret/heart.csv is gone.", code="data-set-missing"),
            "data-set-missing",
        ),
    ],
)
def test_what_the_station_lacks_is_told_without_its_paths(
    world: World, error: Exception, code: str
) -> None:
    world.scripted.refuses = error
    record = world.travel()
    assert (record.outcome, record.code) == ("failed", code)
    assert "/" not in record.sentence


def test_a_run_that_vanished_is_not_run_again(world: World) -> None:
    world.scripted.script = FakeRun(lasts=True)
    offer = world.offer()
    daemon = world.begun(offer, steps=5)
    world.scripted.statuses.clear()
    for _ in range(5):
        daemon.step()
    assert world.record(offer).code == "run-lost"
    assert len(world.scripted.started) == 1


# What is refused before anything runs


def refused(world: World, offer: Any) -> tuple[str, str, str]:
    record = world.travel(offer)
    assert world.scripted.started == []
    return record.outcome, record.code, record.sentence


def test_a_data_set_that_is_not_here(world: World) -> None:
    source = COUNTS.replace('dataset("heart")', 'dataset("lung")')
    assert refused(world, world.offer(world.train(source))) == (
        "refused",
        "data-set-missing",
        "cleveland has no data set 'lung'; it holds: heart. Ask its operator.",
    )


def test_a_declared_data_set_whose_file_is_gone(world: World) -> None:
    (world.root / "heart.csv").unlink()
    outcome, code, sentence = refused(world, world.offer())
    assert (outcome, code) == ("refused", "data-set-missing")
    assert str(world.root) not in sentence


@pytest.mark.parametrize("header", ["age,sex,age", "age,sex, AGE", "age,sex,name", "age"])
def test_a_file_whose_columns_changed_is_not_shown_to_a_run(world: World, header: str) -> None:
    file = world.root / "heart.csv"
    before = file.read_bytes()
    file.write_text(f"{header}\n" + ",".join(["1"] * len(header.split(","))) + "\n")
    offer = world.offer()
    daemon = world.begun(offer, steps=6)
    assert world.scripted.started == []
    assert world.central.records == []
    file.write_bytes(before)
    world.ahead = timedelta(seconds=70)
    for _ in range(10):
        daemon.step()
    assert world.record(offer).outcome == "departed"


@pytest.mark.parametrize(
    ("values", "code", "says"),
    [
        ({"min_age": "old"}, "parameter-type", "min_age"),
        ({"min_age": 17}, "parameter-bounds", "18"),
        ({"max_age": 3}, "parameter-unknown", "max_age"),
        ({"min_age = 1; import os": 3}, "parameter-name", "name"),
    ],
)
def test_parameters_are_judged_again_at_the_station(
    world: World, values: dict[str, Any], code: str, says: str
) -> None:
    outcome, found, sentence = refused(world, world.offer(parameters=values))
    assert (outcome, found) == ("refused", code)
    assert says in sentence


def test_a_train_changed_after_signing(world: World) -> None:
    other = read_analysis(
        notebook(("parameters", PARAMETERS), ("station", COUNTS + "print(heart)\n"))
    ).travelling()
    outcome, code, sentence = refused(
        world, world.offer(world.train(change={"notebook.ipynb": other}))
    )
    assert (outcome, code) == ("refused", "image-file-changed")
    assert "is not the one that was signed" in sentence


def test_an_image_that_is_not_what_the_registry_promised(world: World) -> None:
    train = world.train()
    (name,) = world.artifacts.images
    parts = world.artifacts.images[name]
    world.artifacts.images[name] = type(parts)(parts.manifest, parts.config, parts.layer + b"\0")
    outcome, code, _ = refused(world, world.offer(train))
    assert (outcome, code) == ("refused", "image-layer-changed")


def test_a_signature_by_someone_not_on_the_roster(world: World) -> None:
    offer = world.offer(world.train(author="eve"), signer="eve")
    outcome, code, sentence = refused(world, offer)
    assert (outcome, code) == ("refused", "not-on-roster")
    assert "keys that are not on the roster" in sentence


def test_an_order_that_expired(world: World) -> None:
    offer = world.offer()
    world.ahead = timedelta(days=8)
    assert refused(world, offer)[:2] == ("refused", "order-expired")


def test_an_order_for_other_stations(world: World) -> None:
    offer = world.offer(stations=("hungary",))
    world.begun(offer, steps=5)
    record = world.stop(offer).final_record()
    assert (record.outcome, record.code) == ("refused", "order-station")
    assert record.sentence == "This order is for hungary, not for cleveland."
    assert world.scripted.started == []


def test_an_order_offered_again_runs_once_and_gets_the_same_record(world: World) -> None:
    offer = world.offer()
    world.travel(offer)
    daemon = world.daemon()
    daemon.receive(offer)
    daemon.step()
    assert len(world.scripted.started) == 1
    assert len(world.central.records) == 2
    assert len(world.central.distinct_records) == 1


def test_another_order_with_a_nonce_that_was_used(world: World) -> None:
    first = world.offer(nonce="a" * 32)
    world.travel(first)
    world.central.records.clear()
    again = world.offer(nonce="a" * 32, parameters={"min_age": 60})
    record = world.travel(again)
    assert (record.outcome, record.code) == ("refused", "order-replayed")
    assert len(world.scripted.started) == 1


def test_an_order_whose_stop_was_moved_away_is_not_followed_again(world: World) -> None:
    """As 'stop-broken' tells an operator to do; a hostile central may offer it until it expires."""
    offer = world.offer()
    world.travel(offer)
    world.central.records.clear()
    world.stop(offer).path.rename(world.root / "moved")
    record = world.travel(offer)
    assert (record.outcome, record.code) == ("refused", "order-replayed")
    assert len(world.scripted.started) == 1


def test_a_rule_for_a_train_is_not_for_what_else_is_signed_for_its_image(world: World) -> None:
    """The operator let a train pass that declares its counts; then the same image says nothing."""
    train = world.train()
    digest = peek(train).subject[0].sha256
    world.folder.policy.write_text(f"""
mode = "human"
[[rules]]
mode = "auto"
trains = ["{digest}"]
""")
    manifest = TrainManifest.model_validate(peek(train).predicate)
    other = manifest.model_copy(update={"outputs": (Output(name="counts"),)})
    again = other.sign(identity("ada"), digest, "trains/ada/heart")
    record = world.travel(world.offer(again))
    assert (record.outcome, record.code) == ("refused", "image-declaration")
    assert not world.scripted.started


def test_an_order_offered_under_another_name_is_dropped(world: World) -> None:
    offer = world.offer()
    daemon = world.daemon()
    daemon.receive(offer.model_copy(update={"journey": "sha256:" + "0" * 64}))
    assert list(world.station().stops) == []


def test_a_kernel_image_that_the_catalogue_does_not_have(world: World) -> None:
    world.kernels = ()
    assert refused(world, world.offer())[1] == "kernel-not-in-catalogue"


def test_a_kind_of_output_that_the_policy_does_not_release(world: World) -> None:
    source = 'import phtlab\nphtlab.publish("raw", b"...", kind="file")\n'
    assert refused(world, world.offer(world.train(source, datasets=("heart",)))) == (
        "refused",
        "kind-not-allowed",
        "cleveland releases no output of kind 'file', which 'raw' is. Ask its operator.",
    )


def test_a_notebook_that_the_train_does_not_hold(world: World) -> None:
    files = {"readme.txt": b"no notebook"}
    train = world.train(files=train_files(files), change=files)
    assert refused(world, world.offer(train))[1] == "image-notebook"


# The outside


def test_a_central_that_is_away_costs_time_only(world: World) -> None:
    offer = world.offer()
    daemon = world.daemon()
    daemon.receive(offer)
    world.central.down = True
    for _ in range(12):
        daemon.step()
    assert world.stop(offer).state == "sealed"
    world.central.down = False
    world.ahead = timedelta(minutes=2)
    daemon.step()
    assert world.stop(offer).state == "departed"
    assert world.record(offer).outcome == "departed"


def test_a_registry_that_is_away_costs_time_only(world: World) -> None:
    offer = world.offer()
    daemon = world.daemon()
    daemon.receive(offer)
    world.artifacts.down = True
    daemon.step()
    assert world.stop(offer).state == "offered"
    daemon.step()
    assert world.artifacts.fetched == 0  # backed off: not asked again at once
    world.artifacts.down = False
    world.ahead = timedelta(minutes=2)
    for _ in range(12):
        daemon.step()
    assert world.record(offer).outcome == "departed"


def test_a_record_that_central_refuses_for_good_ends_the_stop_here(world: World) -> None:
    world.central.refusing = CentralError("There is no such journey.")
    offer = world.offer()
    daemon = world.daemon()
    daemon.receive(offer)
    for minute in range(60):
        world.ahead = timedelta(minutes=2 * minute)
        daemon.step()
    assert world.stop(offer).read(stop_files.REPORTED).refused == "There is no such journey."


def test_a_refusal_in_any_words_of_central_ends_the_stop_here_too(world: World) -> None:
    world.central.refusing = RecordError("This record follows another.")
    offer = world.offer()
    daemon = world.daemon()
    daemon.receive(offer)
    for minute in range(60):
        world.ahead = timedelta(minutes=2 * minute)
        daemon.step()
    assert world.stop(offer).read(stop_files.REPORTED).refused == "This record follows another."
    daemon.receive(offer)  # and asked again, it is answered again


def test_a_broken_policy_is_waited_out_until_it_is_mended(world: World) -> None:
    text = world.folder.policy.read_text()
    world.folder.policy.write_text("mode = 'sometimes'")
    offer = world.offer()
    daemon = world.begun(offer, steps=4)
    assert world.stop(offer).state == "verified"
    world.folder.policy.write_text(text)
    world.ahead = timedelta(minutes=2)
    for _ in range(12):
        daemon.step()
    assert world.record(offer).outcome == "departed"


def test_an_order_under_a_newer_roster_waits_for_it(world: World) -> None:
    offer = world.offer(roster_version=4)
    daemon = world.daemon()
    daemon.receive(offer)
    daemon.step()
    assert world.stop(offer).state == "offered"
    world.roster = world.roster.model_copy(update={"version": 4})
    world.ahead = timedelta(minutes=2)
    for _ in range(12):
        daemon.step()
    assert world.record(offer).outcome == "departed"


def test_no_more_stops_run_at_once_than_the_settings_say(tmp_path: Path) -> None:
    world = make_world(tmp_path, max_running=1)
    world.add_hearts()
    world.scripted.script = FakeRun(lasts=True)
    daemon = world.daemon()
    offers = []
    for _ in range(2):
        offers.append(world.offer())
        daemon.receive(offers[-1])
    for _ in range(6):
        daemon.step()
    assert sorted(world.stop(o).state for o in offers) == ["admitted", "running"]
    assert len(world.scripted.started) == 1


# Held, and cancelled


def test_a_held_stop_waits_for_the_operator_and_then_runs(world: World) -> None:
    world.folder.policy.write_text('mode = "human"\n')
    offer = world.offer()
    daemon = world.begun(offer, steps=4)
    assert world.stop(offer).state == "held"
    assert world.central.updates[-1].sentence == "cleveland lets a person look at it first."
    approve(world.station(), offer.journey, by="olga")
    for _ in range(12):
        daemon.step()
    assert world.record(offer).outcome == "departed"


def test_a_held_stop_that_the_operator_refuses(world: World) -> None:
    world.folder.policy.write_text('mode = "human"\n')
    offer = world.offer()
    daemon = world.daemon()
    daemon.receive(offer)
    daemon.step()
    daemon.step()
    refuse(world.station(), offer.journey, by="olga", reason="not without our ethics board")
    for _ in range(4):
        daemon.step()
    record = world.record(offer)
    assert (record.outcome, record.code) == ("refused", "operator")
    assert record.sentence == (
        "The operator of this station refused this journey: not without our ethics board."
    )


def test_a_researcher_removed_while_the_stop_was_held_is_refused(world: World) -> None:
    world.folder.policy.write_text('mode = "human"\n')
    offer = world.offer()
    daemon = world.daemon()
    daemon.receive(offer)
    daemon.step()
    daemon.step()
    world.roster = world.roster.model_copy(
        update={"members": (member("cleveland", "station"),), "version": 4}
    )
    world.ahead = timedelta(minutes=5)
    approve(world.station(), offer.journey, by="olga")
    for _ in range(4):
        daemon.step()
    assert world.stop(offer).final_record().code == "not-on-roster"
    assert world.scripted.started == []


def test_a_held_stop_expires(world: World) -> None:
    world.folder.policy.write_text('mode = "human"\n')
    offer = world.offer()
    daemon = world.daemon()
    daemon.receive(offer)
    daemon.step()
    daemon.step()
    world.ahead = timedelta(days=8)
    for _ in range(4):
        daemon.step()
    assert world.record(offer).code == "order-expired"


@pytest.mark.parametrize("steps", range(9))
def test_cancel_works_in_every_state(world: World, steps: int) -> None:
    world.scripted.script = FakeRun(files=GOOD_COUNTS, lasts=steps in (4, 5))
    offer = world.offer()
    daemon = world.daemon()
    daemon.receive(offer)
    for _ in range(steps):
        daemon.step()
    sent = world.stop(offer).has(Marker.PUSHED)
    daemon.receive(offer.model_copy(update={"cancelled": True}))
    for _ in range(6):
        daemon.step()
    record = world.record(offer)
    assert record.outcome == ("departed" if sent else "cancelled")
    if not sent:
        assert record.code == "cancelled"
        assert record.sentence == "The journey was cancelled before this stop ended."
    assert world.executor.jobs() == frozenset()


def test_what_was_declared_twice_over_the_limit_is_left_out_not_the_rest(world: World) -> None:
    source = COUNTS + 'phtlab.publish("mean", 3.0, kind="scalar")\n'
    world.scripted.script = FakeRun(
        files={
            **GOOD_COUNTS,
            "outputs/mean.json": b'{"name": "mean", "kind": "scalar"}',
            "outputs/mean.scalar.json": b'{"type": "string", "value": "Jane Doe"}',
        }
    )
    record = world.travel(world.offer(world.train(source)))
    assert record.outcome == "departed"
    assert [(o.name, o.verdict, o.rule) for o in record.outputs] == [
        ("counts", "released", ""),
        ("mean", "refused", "scalar-form"),
    ]
    assert "Jane" not in world.central.records[0].body.decode()


def test_orphaned_runs_are_swept_and_needed_ones_are_not(world: World) -> None:
    world.scripted.script = FakeRun(lasts=True)
    offer = world.offer()
    daemon = world.begun(offer, steps=6)
    from phtlab.station.executor.contract import JobStatus

    world.scripted.statuses["stop-of-nobody"] = JobStatus("running")
    daemon.sweep()
    assert world.executor.jobs() == {world.stop(offer).job_id}


def test_declared_outputs_of_the_analysis_are_those_of_the_manifest() -> None:
    analysis = read_analysis(notebook(("parameters", PARAMETERS), ("station", COUNTS)))
    assert [Output(name=o.name, kind=o.kind, counts=o.counts) for o in analysis.outputs] == [
        Output(name="counts", kind="table", counts="n")
    ]

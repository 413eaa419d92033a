"""A researcher who sends what an honest client would not, to honest parts.

What her code does once it runs is tried in tests/sandbox.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from phtlab.errors import CentralError, PhtlabError, RegistryError
from phtlab.lab import Journey, Lab
from phtlab.lab.client.train import Train
from phtlab.lab.train_preparation import NOTEBOOK, layer_files
from phtlab.station.stops.marker import Marker
from phtlab.train.canonical import canonical, digest
from phtlab.train.documents.manifest import TrainManifest
from phtlab.train.documents.order import Order
from phtlab.train.image.composition import (
    compose,
    declared_files,
    train_files,
)
from phtlab.train.image.image_format import (
    TrainImage,
)
from phtlab.train.image.verification import (
    ImageLimits,
)
from phtlab.wire.registry.trains import push_train
from tests.attack.judging import JudgingStation, sign_and_offer

pytestmark = pytest.mark.engine

ATTACKER = "hostile researcher"
HERE = "switzerland"

Refused = Callable[[str, str, str], None]


@pytest.fixture
def train(small_lab: Lab, notebook: Path) -> Train:
    return small_lab.train(notebook)


# Trains


def composed(lab: Lab, train: Train, files: dict[str, bytes]) -> TrainImage:
    return compose(*lab.kernel_documents(train.kernel), files)


def with_layers(image: TrainImage, change: Callable[[list[Any], list[str]], None]) -> TrainImage:
    """The image with other layers in its manifest and its config."""
    manifest, config = json.loads(image.manifest), json.loads(image.config)
    change(manifest["layers"], config["rootfs"]["diff_ids"])
    return rewritten(image, manifest, config)


def rewritten(image: TrainImage, manifest: dict[str, Any], config: dict[str, Any]) -> TrainImage:
    content = canonical(config)
    described = manifest["config"] | {"digest": digest(content), "size": len(content)}
    written = canonical(manifest | {"config": described})
    return replace(image, config=content, manifest=written, digest=digest(written))


@pytest.fixture
def judged(
    small_lab: Lab, judging: JudgingStation, train: Train, honest: Journey
) -> Callable[..., str]:
    """The code with which a station refuses `image` under `manifest`; both signed by the author."""

    def told(image: TrainImage, manifest: TrainManifest | None = None) -> str:
        push_train(small_lab.registry, image, train.repository, train.kernel)
        signed = (manifest or train.manifest).sign(
            small_lab.identity, image.digest, train.repository
        )
        small_lab.central.submit_train(signed)
        order = Order.new(
            image.digest,
            (HERE,),
            {},
            (small_lab.name,),
            small_lab.trusted.roster.version,
            now=datetime.now(UTC),
        )
        journey = small_lab.central.submit_journey(order.sign(small_lab.identity))
        record = judging.record(journey.id)
        assert (record.outcome, record.started) == ("refused", None)
        return record.code

    return told


def test_an_image_that_is_not_what_was_signed(
    small_lab: Lab, train: Train, judged, refused: Refused
) -> None:
    """The signed manifest is of one notebook, the image that it names holds another."""
    other = train.analysis.travelling().replace(b"groupby", b"cumsum_")
    files = layer_files(train.analysis, train.manifest) | {NOTEBOOK: other}
    code = judged(composed(small_lab, train, files))
    assert code == "image-file-changed"
    refused(ATTACKER, "cannot send another notebook than the signed one", code)


def test_a_file_that_the_manifest_does_not_list(
    small_lab: Lab, train: Train, judged, refused: Refused
) -> None:
    files = layer_files(train.analysis, train.manifest) | {"train/sitecustomize.py": b"import os\n"}
    code = judged(composed(small_lab, train, files))
    assert code == "image-file-unlisted"
    refused(ATTACKER, "cannot add a file that the manifest does not list", code)


def test_a_file_under_another_name(small_lab: Lab, train: Train, judged, refused: Refused) -> None:
    """The same content: names are signed too."""
    files = layer_files(train.analysis, train.manifest)
    files["train/other.ipynb"] = files.pop(NOTEBOOK)
    code = judged(composed(small_lab, train, files))
    assert code == "image-file-unlisted"
    refused(ATTACKER, "cannot give a file another name", code)


def test_bytes_moved_from_one_file_to_the_next(
    small_lab: Lab, train: Train, judged, refused: Refused
) -> None:
    """One after the other, the files are the same bytes: where each ends is signed too."""
    kept = {NOTEBOOK: train.analysis.travelling()}
    signed = {**kept, "train/a.txt": b"ab", "train/b.txt": b"c"}
    sent = {**kept, "train/a.txt": b"a", "train/b.txt": b"bc"}
    manifest = train.manifest.model_copy(update={"files": train_files(signed)})
    assert b"".join(signed.values()) == b"".join(sent.values())
    code = judged(composed(small_lab, train, declared_files(manifest, sent)), manifest)
    assert code == "image-file-changed"
    refused(ATTACKER, "cannot move bytes between files", code)


def test_a_file_left_out(small_lab: Lab, train: Train, judged, refused: Refused) -> None:
    listed = {NOTEBOOK: train.analysis.travelling(), "train/check.py": b"assert True\n"}
    manifest = train.manifest.model_copy(update={"files": train_files(listed)})
    files = declared_files(manifest, {NOTEBOOK: listed[NOTEBOOK]})
    code = judged(composed(small_lab, train, files), manifest)
    assert code == "image-file-missing"
    refused(ATTACKER, "cannot leave out a signed file", code)


def test_a_manifest_with_other_bounds_than_the_image_declares(
    train: Train, judged, refused: Refused
) -> None:
    """Rules and approvals go by the image's digest: it stands for the bounds as well."""
    properties = train.manifest.parameters["properties"]
    wider = properties | {"min_age": properties["min_age"] | {"minimum": 0}}
    manifest = train.manifest.model_copy(
        update={"parameters": train.manifest.parameters | {"properties": wider}}
    )
    code = judged(train.image, manifest)
    assert code == "image-declaration"
    refused(ATTACKER, "cannot sign other bounds for an image that was approved", code)


def test_a_manifest_with_other_outputs_than_the_image_declares(
    train: Train, judged, refused: Refused
) -> None:
    manifest = train.manifest.model_copy(
        update={"outputs": (train.manifest.outputs[0].model_copy(update={"counts": None}),)}
    )
    code = judged(train.image, manifest)
    assert code == "image-declaration"
    refused(ATTACKER, "cannot drop the declared counts of an approved image", code)


@pytest.mark.parametrize("change", ["dropped", "added", "swapped"])
def test_layers_dropped_added_or_swapped(
    change: str, small_lab: Lab, train: Train, judged, refused: Refused
) -> None:
    extra = b"a layer of her own"
    small_lab.registry.put_blob(train.repository, extra)

    def changed(layers: list[Any], diff_ids: list[str]) -> None:
        if change == "dropped":
            del layers[0], diff_ids[0]
        elif change == "swapped":
            layers[0], layers[1] = layers[1], layers[0]
            diff_ids[0], diff_ids[1] = diff_ids[1], diff_ids[0]
        else:
            layers.insert(1, layers[-1] | {"digest": digest(extra), "size": len(extra)})
            diff_ids.insert(1, digest(extra))

    code = judged(with_layers(train.image, changed))
    assert code == "image-layers"
    refused(ATTACKER, f"cannot send an image with layers {change}", code)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("Entrypoint", ["python3", "/train/own.py"]),
        ("User", "0"),
        ("Env", ["LD_PRELOAD=/train/own.so"]),
        ("Volumes", {"/own": {}}),
    ],
)
def test_settings_of_the_kernel_image_changed(
    setting: str, value: object, train: Train, judged, refused: Refused
) -> None:
    manifest, config = json.loads(train.image.manifest), json.loads(train.image.config)
    config["config"][setting] = value
    code = judged(rewritten(train.image, manifest, config))
    assert code == "image-kernel"
    refused(ATTACKER, f"cannot change the kernel image's {setting}", code)


def test_a_kernel_image_of_her_own_under_the_name_of_an_allowed_one(
    train: Train, judged, refused: Refused
) -> None:
    """The catalogue is of digests: a name lets nothing pass."""
    own = train.manifest.kernel.model_copy(update={"digest": digest(b"a kernel image of her own")})
    code = judged(train.image, train.manifest.model_copy(update={"kernel": own}))
    assert code == "kernel-not-in-catalogue"
    refused(ATTACKER, "cannot pass the list of kernel images by a name", code)


def test_an_allowed_kernel_image_named_above_another_one(
    small_lab: Lab, train: Train, judged, refused: Refused
) -> None:
    """The manifest names the allowed image; what is run must be built on it."""

    def other_base(layers: list[Any], diff_ids: list[str]) -> None:
        layers[0] = layers[0] | {"digest": layers[1]["digest"], "size": layers[1]["size"]}
        diff_ids[0] = diff_ids[1]

    code = judged(with_layers(train.image, other_base))
    assert code == "image-layers"
    refused(ATTACKER, "cannot name an allowed kernel image and run another", code)


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_what_is_no_file_in_the_layer(kind: bytes, train: Train, judged, refused: Refused) -> None:
    target = io.BytesIO(train.image.layer)
    with tarfile.open(fileobj=target, mode="a", format=tarfile.PAX_FORMAT) as archive:
        entry = tarfile.TarInfo("train/link")
        entry.type, entry.linkname = kind, "/etc/shadow"
        archive.addfile(entry)
    code = judged(_with_last_layer(train.image, target.getvalue()))
    assert code == "image-file-kind"
    refused(ATTACKER, "cannot send links or devices", code)


def test_bytes_hidden_behind_the_files_of_the_layer(train: Train, judged, refused: Refused) -> None:
    code = judged(_with_last_layer(train.image, train.image.layer + b"hidden".ljust(512, b"\0")))
    assert code == "image-layer-form"
    refused(ATTACKER, "cannot hide bytes in a layer", code)


def _with_last_layer(image: TrainImage, layer: bytes) -> TrainImage:
    def changed(layers: list[Any], diff_ids: list[str]) -> None:
        layers[-1] = layers[-1] | {"digest": digest(layer), "size": len(layer)}
        diff_ids[-1] = digest(layer)

    return replace(with_layers(image, changed), layer=layer, diff_id=digest(layer))


def test_a_train_larger_than_a_station_reads(
    small_lab: Lab, judging: JudgingStation, train: Train, judged, refused: Refused
) -> None:
    image = _with_last_layer(train.image, bytes(ImageLimits().layer_bytes + 1))
    assert judged(image) == "image-unavailable"
    again = small_lab.central.submit_journey(
        Order.new(
            image.digest,
            (HERE,),
            {},
            (small_lab.name,),
            small_lab.trusted.roster.version,
            now=datetime.now(UTC),
        ).sign(small_lab.identity)
    )
    with pytest.raises(RegistryError) as told:
        judging.station.artifacts.fetch(train.repository, image.digest, ImageLimits())
    assert told.value.code == "registry-too-large"
    small_lab.central.cancel(again.id)
    refused(ATTACKER, "cannot fill a station's memory with a train", told.value.code)


# Orders


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"min_age": 5}, "parameter-bounds"),
        ({"min_age": "40"}, "parameter-type"),
        ({"min_age": 40, "__import__('os')": 1}, "parameter-name"),
    ],
)
def test_parameters_out_of_their_bounds(
    parameters: dict[str, Any],
    code: str,
    small_lab: Lab,
    judging: JudgingStation,
    train: Train,
    honest: Journey,
    refused: Refused,
) -> None:
    """Her own client does not check them; the station does, before any code is made of them."""
    journey = sign_and_offer(small_lab, train, (HERE,), parameters=parameters)
    record = judging.record(journey.id)
    assert (record.outcome, record.code, record.started) == ("refused", code, None)
    refused(ATTACKER, "cannot send parameters out of their signed bounds", code)


LATER = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"expires": LATER + timedelta(days=60)}, "order-lifetime"),
        ({"issued": LATER, "expires": LATER + timedelta(days=1)}, "order-future"),
        ({"expires": LATER - timedelta(days=40)}, "order-lifetime"),
        ({"recipients": ("dr-hopper",)}, "order-recipients"),
        ({"recipients": ("dr-lovelace", "dr-nobody")}, "order-recipient-unknown"),
        ({"stations": ("charite",)}, "order-station-unknown"),
        ({"stations": (HERE, HERE)}, "order-twice"),
        ({"route": "sequential"}, "order-route"),
        ({"roster_version": 10_000}, "roster-behind"),
    ],
)
def test_an_order_that_no_honest_client_signs(
    changes: dict[str, Any],
    code: str,
    small_lab: Lab,
    colleague: Lab,
    train: Train,
    refused: Refused,
) -> None:
    with pytest.raises(PhtlabError) as told:
        sign_and_offer(small_lab, train, (HERE,), **changes)
    assert told.value.code == code
    refused(ATTACKER, f"cannot send an order with changed {', '.join(changes)}", code)


def test_an_order_replayed_under_another_signature_of_its_author(
    small_lab: Lab, judging: JudgingStation, train: Train, refused: Refused
) -> None:
    """The same order once more, changed just enough to be another journey."""
    first = sign_and_offer(small_lab, train, (HERE,))
    assert judging.holds(first.id)
    order = Order.model_validate(json.loads(first.view.order.body)["predicate"])
    again = order.model_copy(update={"expires": order.expires + timedelta(seconds=1)})
    journey = small_lab.central.submit_journey(again.sign(small_lab.identity))
    record = judging.record(journey.id)
    assert (record.outcome, record.code, record.sentence) == (
        "refused",
        "order-replayed",
        f"{HERE} has followed an order with this nonce before. An order is for one "
        "journey: dispatch the train again.",
    )
    refused(ATTACKER, "cannot have an order followed twice", record.code)


def test_a_train_is_not_started_without_the_station_s_yes(
    small_lab: Lab, judging: JudgingStation, train: Train, refused: Refused
) -> None:
    journey = sign_and_offer(small_lab, train, (HERE,))
    stop = judging.hear(journey.id)
    assert stop.state == "held"
    assert not stop.has(Marker.ADMITTED)
    assert not stop.has(Marker.STARTING)
    refused(ATTACKER, "cannot have a train started without a person's yes", "held for a person")


# What is others'


def test_a_train_in_another_member_s_place(
    small_lab: Lab, colleague: Lab, train: Train, refused: Refused
) -> None:
    place = train.repository.replace("dr-lovelace", "dr-hopper")
    with pytest.raises(PhtlabError) as told:
        small_lab.central.submit_train(train.manifest.sign(small_lab.identity, train.digest, place))
    assert told.value.code == "train-repository"
    refused(ATTACKER, "cannot put a train in another member's place", told.value.code)


def test_an_image_claimed_before_its_author(
    small_lab: Lab,
    colleague: Lab,
    judging: JudgingStation,
    train: Train,
    honest: Journey,
    refused: Refused,
) -> None:
    """The same notebook gives the same digest anywhere: who knows it can sign about it first.

    She says of it what is not true; the author's own statement counts for the author's orders.
    """
    place = train.repository.replace("dr-lovelace", "dr-hopper")
    untrue = train.manifest.model_copy(update={"outputs": ()})
    claimed = colleague.central.submit_train(untrue.sign(colleague.identity, train.digest, place))
    assert claimed.author == "dr-hopper"
    journey = small_lab.dispatch(train, stations=HERE)
    assert judging.holds(journey.id)
    assert journey.verified()[0].author == "dr-lovelace"
    assert colleague.central.train(train.digest).author == "dr-hopper"
    refused(ATTACKER, "cannot take a train's digest before its author", "the author's own counts")


@pytest.mark.parametrize("what", ["train", "order"])
def test_sending_what_another_member_signed(
    what: str, small_lab: Lab, colleague: Lab, train: Train, refused: Refused
) -> None:
    small_lab.central.submit_train(train.sign())
    order = Order.new(
        train.digest,
        (HERE,),
        {},
        (small_lab.name,),
        small_lab.trusted.roster.version,
        now=datetime.now(UTC),
    )
    with pytest.raises(CentralError) as told:
        if what == "train":
            colleague.central.submit_train(train.sign())
        else:
            colleague.central.submit_journey(order.sign(small_lab.identity))
    assert told.value.code == "forbidden"
    refused(ATTACKER, f"cannot send a {what} that another member signed", told.value.code)


@pytest.mark.parametrize(("recipient", "code"), [(True, "forbidden"), (False, "not-found")])
def test_cancelling_another_member_s_journey(
    recipient: bool, code: str, small_lab: Lab, colleague: Lab, train: Train, refused: Refused
) -> None:
    readers = ("dr-lovelace", "dr-hopper") if recipient else ("dr-lovelace",)
    journey = sign_and_offer(small_lab, train, (HERE,), recipients=readers)
    with pytest.raises(CentralError) as told:
        colleague.central.cancel(journey.id)
    assert told.value.code == code
    assert not journey.refresh().view.cancelled
    refused(ATTACKER, "cannot cancel another member's journey", code)


def test_looking_at_another_member_s_journey(
    small_lab: Lab, colleague: Lab, train: Train, refused: Refused
) -> None:
    journey = sign_and_offer(small_lab, train, (HERE,))
    with pytest.raises(CentralError) as told:
        colleague.central.journey(journey.id)
    assert told.value.code == "not-found"
    with pytest.raises(CentralError) as events:
        next(iter(colleague.central.events(journey.id, patience=0.0)))
    assert events.value.code == "not-found"
    assert journey.id not in [one.id for one in colleague.journeys()]
    refused(ATTACKER, "cannot see another member's journey", told.value.code)

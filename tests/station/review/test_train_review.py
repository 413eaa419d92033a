"""What a reviewer is told of a journey's train: against the version approved before, in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from phtlab.errors import StationError, TrainError
from phtlab.station.approvals.store import Approvals
from phtlab.station.policy.policy import default_policy
from phtlab.station.review import isolated_worker
from phtlab.station.review.examination import Import
from phtlab.station.review.image_materials import compare_materials, origin
from phtlab.station.review.notebook_text import MOST_CELLS, NotebookText, read_notebook
from phtlab.station.review.train_review import TrainReview, read_train
from phtlab.station.stops import stop_files
from phtlab.station.stops.file_contents import HoldDecision
from phtlab.station.stops.stop import Stop
from phtlab.train.canonical import canonical, digest
from phtlab.train.documents.materials import LABEL, Materials, materials_of
from phtlab.train.documents.roster import Catalogue
from phtlab.train.image.composition import (
    train_files,
)
from tests.station.review.approved_train import said_yes
from tests.station.station_world import COUNTS, KERNEL, World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = make_world(tmp_path)
    world.add_hearts()
    world.folder.policy.write_text(default_policy("human"))
    return world


def held(
    world: World, source: str = COUNTS, *, order: Mapping[str, Any] = {}, **train: Any
) -> Stop:
    offer = world.offer(world.train(source, **train), **order)
    world.begun(offer, steps=4)
    stop = world.stop(offer)
    assert stop.state == "held"
    return stop


def reading(world: World, stop: Stop) -> TrainReview:
    return read_train(world.station(), stop)


def test_a_first_train_is_said_to_be_one(world: World) -> None:
    read = reading(world, held(world))
    assert read.since == "Nobody here has approved a train 'heart' of ada before."
    assert read.difference is None
    assert not [one for one in read.parameters if one.changed or one.is_new]
    assert [(data.name, set(data.columns)) for data in read.examination.data] == [
        ("heart", {"age", "sex"})
    ]
    assert [reason.code for reason in read.risk.reasons] == ["new-image"]


def test_the_same_notebook_again_has_no_change(world: World) -> None:
    said_yes(world, held(world), 1, expires=datetime(2026, 11, 2, tzinfo=UTC))
    read = reading(world, held(world, order={"parameters": {"min_age": 70}}))
    assert read.since == (
        "The notebook has no change since the version approved on 2026-11-01 by eve."
    )
    assert read.unchanged
    (min_age,) = read.parameters
    assert (min_age.value, min_age.before, min_age.changed) == (70, 50, True)
    assert min_age.takes == "18 to 100"


def test_a_changed_notebook_is_counted_against_the_newest_approved(world: World) -> None:
    said_yes(world, held(world, COUNTS + "x = 1\n"), 1)
    said_yes(world, held(world, COUNTS + "x = 2\n"), 3)
    said_yes(world, held(world, COUNTS + "x = 3\n"), 2)
    read = reading(world, held(world, COUNTS + "x = 9\ny = 1\n"))
    assert read.since == (
        "1 cell changed since the version approved on 2026-11-03 by eve: 2 lines added, 1 removed."
    )


@pytest.mark.parametrize(
    "other",
    [
        {"author": "ada", "name": "lungs"},
        {"author": "hopper", "name": "heart"},
    ],
)
def test_only_the_researcher_s_own_train_of_that_name_is_its_earlier_version(
    world: World, other: dict[str, str]
) -> None:
    from tests.station.station_world import member

    world.roster = world.roster.model_copy(
        update={"members": (*world.roster.members, member("hopper", "researcher"))}
    )
    offer = world.offer(
        world.train(author=other["author"], name=other["name"]), signer=other["author"]
    )
    world.begun(offer, steps=4)
    said_yes(world, world.stop(offer))
    assert reading(world, held(world)).before is None


def test_what_was_refused_or_taken_back_is_no_earlier_version(world: World) -> None:
    refused, revoked = held(world, COUNTS + "x = 1\n"), held(world, COUNTS + "x = 2\n")
    at = datetime(2026, 11, 1, 10, tzinfo=UTC)
    refused.write(stop_files.DECISION, HoldDecision(verdict="refuse", by=("eve",), at=at))
    word = {"by": "eve", "reason": "", "at": "2026-11-03T10:00:00+00:00"}
    assert Approvals(world.folder).request_revocation(said_yes(world, revoked, 2), word)
    assert reading(world, held(world)).before is None


def test_what_a_rule_let_in_was_read_by_nobody(world: World) -> None:
    let_in = held(world, COUNTS + "x = 1\n")
    rule = {"proposal_id": "p-" + "a" * 16, "proposal": "sha256:" + "a" * 64, "train": None}
    said_yes(world, let_in, scope="low-risk", **rule)
    assert reading(world, held(world)).before is None
    notebook = let_in.verified_offer().notebook
    said_yes(world, let_in, 2, scope="notebook", notebook=notebook, **rule)
    assert reading(world, held(world, COUNTS + "x = 2\n")).before is not None


def test_what_could_not_be_examined_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = held(world, COUNTS + "y = 'not read before'\n")
    with monkeypatch.context() as patch:
        patch.setattr(isolated_worker, "SECONDS", 0.01)
        read = reading(world, stop)
        assert "could not examine" in read.trouble
        assert read.text.cells[-1].source.endswith("'not read before'\n"), "shown all the same"
    assert reading(world, stop).trouble == ""


def test_files_beside_the_notebook_are_named(world: World) -> None:
    notebook = world.analysis().travelling()
    files = {"notebook.ipynb": notebook, "helper.py": b"import os"}
    stop = held(world, change=files, files=train_files(files))
    assert reading(world, stop).beside == ("helper.py",)


def test_a_notebook_that_claims_another_language_is_read_as_what_it_runs_as(world: World) -> None:
    """Else its claim alone would keep the machine from looking."""
    notebook = json.loads(world.analysis(COUNTS + "eval('1')\n").travelling())
    notebook["metadata"]["kernelspec"]["language"] = "fortran"
    files = {"notebook.ipynb": json.dumps(notebook).encode()}
    parameters = {"type": "object", "properties": {}, "required": []}
    stop = held(
        world,
        order={"parameters": {}},
        change=files,
        files=train_files(files),
        parameters=parameters | {"additionalProperties": False},
    )
    read = reading(world, stop)
    assert [one.sentence.split(":")[0] for one in read.examination.remarks] == ["eval"]
    assert any("claims to be in 'fortran'; its kernel runs python" in s for s in read.strange)


@pytest.mark.parametrize("role", ["round", "combine"])
def test_roles_that_the_manifest_does_not_sign_are_told(world: World, role: str) -> None:
    """What runs here, and how often, is what the signed manifest says, not a cell's metadata."""
    notebook = json.loads(world.analysis(COUNTS).travelling())
    number = notebook["cells"][-1]["metadata"]["phtlab"]["cell"]
    notebook["cells"][-1]["metadata"] = {"phtlab": {"cell": number, "role": role}, "tags": [role]}
    files = {"notebook.ipynb": json.dumps(notebook).encode()}
    stop = held(world, change=files, files=train_files(files))
    (sentence,) = reading(world, stop).strange
    assert f"the role {role} are {number}, and the train's manifest names none" in sentence


def test_a_combine_cell_is_shown_as_one_that_does_not_run_here() -> None:
    def cell(role: str, tag: str) -> dict[str, object]:
        metadata = {"phtlab": {"cell": 1, "role": role}, "tags": [tag]}
        return {"cell_type": "code", "source": "x", "metadata": metadata}

    def read(role: str, tag: str) -> NotebookText:
        notebook = {"nbformat": 4, "cells": [cell(role, tag)]}
        language = {"kernelspec": {"language": "python"}}
        return read_notebook(json.dumps(notebook | {"metadata": language}).encode())

    assert [c.title for c in read("combine", "combine").cells] == ["combine, does not run here"]
    assert [c.title for c in read("station", "station").cells] == ["station"]
    assert read("combine", "combine").strange == ()
    assert "a tag of another role" in read("station", "combine").strange[0]


def test_columns_that_are_named_on_nothing_known_are_told_apart(world: World) -> None:
    source = "import phtlab\nheart = phtlab.dataset('heart')\nf = lambda t: t.sex\nx = heart.age\n"
    read = reading(world, held(world, source))
    assert read.examination.data[0].columns == ("age",)
    assert read.only_mentioned("heart") == ("sex",)


def test_a_train_that_is_not_verified_cannot_be_read(world: World) -> None:
    offer = world.offer()
    world.begun(offer, steps=0)
    with pytest.raises(StationError) as refused:
        reading(world, world.stop(offer))
    assert refused.value.code == "stop-unverified"


def with_materials(world: World, materials: Materials) -> None:
    """Trains from here on are built on an image that says it carries `materials`."""
    from phtlab.train.image.image_format import (
        CONFIG_TYPE,
    )

    manifest, config = (json.loads(part) for part in world.kernel_files)
    config["config"]["Labels"] = materials.as_label()
    written = canonical(config)
    manifest["config"] = {
        "mediaType": CONFIG_TYPE,
        "digest": digest(written),
        "size": len(written),
    }
    world.kernel_files = (canonical(manifest), written)
    kernel = KERNEL.model_copy(update={"digest": digest(world.kernel_files[0])})
    world.kernels = (*world.kernels, kernel)


def test_what_an_image_carries_is_compared_with_the_one_approved_before(world: World) -> None:
    with_materials(world, Materials(language={"numpy": "1", "scipy": "1"}, system={"libc6": "2"}))
    said_yes(world, held(world), 1)
    with_materials(world, Materials(language={"numpy": "2", "torch": "3"}, system={"libc6": "2"}))
    stop = held(world, COUNTS + "import torch, scipy, os\n")
    read = read_train(world.station(), stop, Catalogue(images=world.kernels))
    kernel = read.kernel
    assert kernel.materials is not None
    assert len(kernel.materials) == 3
    assert kernel.same_as_before is False
    assert [(c.name, c.before, c.after) for c in kernel.changes or ()] == [
        ("numpy", "1", "2"),
        ("scipy", "1", None),
        ("torch", None, "3"),
    ]
    assert kernel.is_newest
    origins = {one.module: origin(one, kernel.materials) for one in read.examination.imports}
    assert (origins["torch"], origins["scipy"], origins["os"]) == ("image", "unknown", "python")
    older = read_train(world.station(), stop, Catalogue(images=world.kernels[::-1]))
    assert older.kernel.newest == KERNEL.digest, "the catalogue has another as its newest"
    assert older.kernel.behind is None, "which was not to be had when the train came"


def test_what_the_catalogue_s_newest_image_carries_is_compared_when_the_train_comes(
    world: World,
) -> None:
    with_materials(world, Materials(language={"numpy": "1", "scipy": "1"}))
    newest = KERNEL.model_copy(update={"digest": digest(b"the newest")})
    world.kernels = (*world.kernels, newest)
    label = Materials(language={"numpy": "2", "torch": "3"}).as_label()
    world.artifacts.kernels[newest.digest] = canonical({"config": {"Labels": label}})
    kernel = read_train(world.station(), held(world), Catalogue(images=world.kernels)).kernel
    assert (kernel.newest, kernel.is_newest) == (newest.digest, False)
    assert [(c.name, c.before, c.after) for c in kernel.behind or ()] == [
        ("numpy", "1", "2"),
        ("scipy", "1", None),
        ("torch", None, "3"),
    ]


def test_modules_are_known_by_their_packages_names() -> None:
    materials = Materials(language={"scikit-learn": "1", "Pillow": "2", "python-dateutil": "3"})
    for module in ("sklearn.linear_model", "PIL", "dateutil", "phtlab"):
        assert origin(Import(module=module, cell=1, line=1), materials) == "image"
    assert origin(Import(module="pandas", cell=1, line=1), materials) == "unknown"
    assert origin(Import(module="pandas", cell=1, line=1), None) == "unknown"
    assert compare_materials(materials, materials) == ()


@pytest.mark.parametrize(
    "config",
    [
        b"",
        b"[]",
        b"{",
        b'{"config":{"Labels":{}}}',
        b'{"config":{"Labels":{"%s":"["}}}' % LABEL.encode(),
    ],
)
def test_an_image_that_does_not_say_what_it_carries_carries_nothing_known(config: bytes) -> None:
    assert materials_of(config) is None


def written(*cells: dict[str, Any]) -> bytes:
    metadata = {"kernelspec": {"language": "python"}}
    return json.dumps({"cells": list(cells), "metadata": metadata, "nbformat": 4}).encode()


def cell(number: object, source: str = "x = 1") -> dict[str, Any]:
    return {
        "cell_type": "code",
        "source": source,
        "metadata": {"phtlab": {"cell": number, "role": "station"}},
    }


@pytest.mark.parametrize("numbers", [(2, 2), (3, 1), ("1", 2), (0, 1), (None, None)])
def test_cells_that_number_themselves_wrongly_are_counted(numbers: tuple[object, ...]) -> None:
    text = read_notebook(written(*map(cell, numbers)))
    assert [one.number for one in text.cells] == [1, 2]
    assert any("counted here" in sentence for sentence in text.strange)


def test_more_cells_than_anybody_reads_are_said_to_be_left_out() -> None:
    text = read_notebook(written(*(cell(n) for n in range(1, MOST_CELLS + 2))))
    assert not text.whole
    assert len(text.cells) == MOST_CELLS


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"cells": 1}',
        b"[" * 100_000,
        b'{"cells":[{}],"metadata":{},"nbformat":4}',
        written(cell(1)).replace(b'"nbformat": 4', b'"nbformat": 3, "worksheets": []'),
    ],
)
def test_what_is_no_notebook_is_refused(content: bytes) -> None:
    with pytest.raises(TrainError) as refused:
        read_notebook(content)
    assert refused.value.code == "image-notebook"

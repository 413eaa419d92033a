"""The roster and the catalogue: nobody twice, and answers that name what there is."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from phtlab.errors import NotOnRosterError, TrainError
from phtlab.train.identity import Member
from phtlab.train.roster import Catalogue, KernelImage, Roster


def test_member_is_found_by_name(roster: Any) -> None:
    assert roster.member("mara").roles == ("researcher",)
    assert [m.name for m in roster.stations] == ["cleveland", "zurich"]


def test_unknown_member_refused_with_the_names_there_are(roster: Any) -> None:
    with pytest.raises(NotOnRosterError, match=r"'basel' is not on the roster of hearts") as no:
        roster.member("basel")
    assert no.value.message.endswith("On it: mara, nils, cleveland, zurich.")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "mara"}, "the name mara appears twice"),
        ({"ed25519": "mara"}, "the key .* appears twice"),
        ({"ml_dsa_65": "mara"}, "the key .* appears twice"),
        ({"age": "mara"}, "the age recipient .* appears twice"),
    ],
)
def test_nobody_is_on_the_roster_twice(
    people: Any, roster: Any, changes: dict[str, str], reason: str
) -> None:
    keys = people["mallory"].public
    taken = people["mara"].public
    for field in changes.keys() - {"name"}:
        keys = keys.model_copy(update={field: getattr(taken, field)})
    twin = Member(name=changes.get("name", "mallory"), roles=("researcher",), keys=keys)
    with pytest.raises(ValidationError, match=reason):
        Roster(consortium="hearts", members=(*roster.members, twin))


def test_catalogue_finds_images_or_says_what_to_do() -> None:
    images = tuple(
        KernelImage(
            name="python",
            language="python",
            kernelspec="python3",
            repository="kernels/python",
            digest="sha256:" + letter * 64,
            diff_ids=(),
        )
        for letter in "ab"
    )
    catalogue = Catalogue(images=images)
    assert catalogue.named("python") == images[1]
    assert catalogue.image(images[0].digest) == images[0]
    with pytest.raises(TrainError, match="there is: python") as unnamed:
        catalogue.named("r")
    with pytest.raises(TrainError, match="phtlab kernel list"):
        catalogue.image("sha256:" + "c" * 64)
    assert unnamed.value.code == "kernel-not-in-catalogue"

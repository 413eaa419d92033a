"""The roster and the catalogue: nobody twice, and answers that name what there is."""

from __future__ import annotations

from typing import Any

from phtlab.errors import NotOnRosterError, TrainError
from phtlab.train.documents.roster import Catalogue, KernelImage
from tests.raising import raises_code


def test_member_is_found_by_name(roster: Any) -> None:
    assert roster.member("mara").roles == ("researcher",)
    assert [m.name for m in roster.stations] == ["cleveland", "zurich"]


def test_unknown_member_refused_with_the_names_there_are(roster: Any) -> None:
    with raises_code(NotOnRosterError, "not-on-roster") as no:
        roster.member("basel")
    assert str(no.value).endswith("On it: mara, nils, cleveland, zurich.")


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
    with raises_code(TrainError, "kernel-name-unknown"):
        catalogue.named("r")
    with raises_code(TrainError, "kernel-not-in-catalogue"):
        catalogue.image("sha256:" + "c" * 64)

"""What our registry client does, whichever registry it speaks with."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from phtlab.errors import RegistryError, TrainError
from phtlab.train.canonical import canonical, digest
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import sign_statement
from phtlab.train.documents.manifest import KernelRef, TrainManifest
from phtlab.train.documents.roster import KernelImage
from phtlab.train.image.composition import (
    compose,
    declared_files,
    train_files,
)
from phtlab.train.image.verification import (
    verify_image,
)
from phtlab.wire.registry.cargo import (
    cargo_repository,
    delete_cargo,
    delete_values,
    pull_cargo,
    pull_values,
    push_cargo,
    push_values,
    values_repository,
)
from phtlab.wire.registry.client import Registry
from phtlab.wire.registry.released_log import delete_log, log_repository, pull_log, push_log
from phtlab.wire.registry.trains import pull_kernel, pull_train, push_train, train_repository
from tests.raising import raises_code

JOURNEY = "sha256:" + "1f" * 32
FILES = {"notebook.ipynb": b'{"cells": []}'}


@dataclass
class Bench:
    """A client, and how to cut its line once after so many bytes."""

    registry: Registry
    cut_upload: Callable[[int], None]
    cut_download: Callable[[int], None]


def some_bytes(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def small_kernel(registry: Registry) -> KernelImage:
    """A kernel image of two little layers, in the registry."""
    layers = [b"the lowest layer", b"the one above it"]
    config = canonical(
        {
            "architecture": "amd64",
            "config": {"Entrypoint": ["python3", "-m", "phtlab.runtime"], "User": "65532:65532"},
            "history": [{"created_by": "a"}, {"created_by": "b"}],
            "os": "linux",
            "rootfs": {"diff_ids": [digest(layer) for layer in layers], "type": "layers"},
        }
    )
    kind = "application/vnd.oci.image."
    manifest = canonical(
        {
            "config": {
                "digest": digest(config),
                "mediaType": f"{kind}config.v1+json",
                "size": len(config),
            },
            "layers": [
                {
                    "digest": digest(layer),
                    "mediaType": f"{kind}layer.v1.tar",
                    "size": len(layer),
                }
                for layer in layers
            ],
            "mediaType": f"{kind}manifest.v1+json",
            "schemaVersion": 2,
        }
    )
    for blob in (*layers, config):
        registry.put_blob("kernels/small", blob)
    registry.put_manifest("kernels/small", manifest)
    return KernelImage(
        name="small",
        language="python",
        kernelspec="python3",
        repository="kernels/small",
        digest=digest(manifest),
        diff_ids=tuple(digest(layer) for layer in layers),
    )


class RegistryContract:
    """Every registry passes these; subclasses bring the fixture `bench`."""

    def test_a_blob_comes_back_and_is_checked(self, bench: Bench, tmp_path: Path) -> None:
        content = some_bytes(300_000)
        name = bench.registry.put_blob("trains/ada/heart", content)
        assert name == digest(content)
        assert bench.registry.has_blob("trains/ada/heart", name)
        assert bench.registry.read_blob("trains/ada/heart", name, 300_000) == content
        bench.registry.download_blob("trains/ada/heart", name, tmp_path / "blob")
        assert (tmp_path / "blob").read_bytes() == content
        assert [file.name for file in tmp_path.iterdir()] == ["blob"]

    def test_an_empty_blob_is_a_blob(self, bench: Bench) -> None:
        name = bench.registry.put_blob("trains/ada/heart", b"")
        assert bench.registry.read_blob("trains/ada/heart", name, 0) == b""

    def test_a_file_goes_up_in_chunks_and_tells_how_far_it_is(
        self, bench: Bench, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_bytes(some_bytes(250_001, seed=2))
        told: list[int] = []
        bench.registry.put_blob("trains/ada/heart", tmp_path / "file", moved=told.append)
        assert told == [0, 100_000, 200_000, 250_001, 250_001]

    def test_what_is_there_is_not_sent_again(self, bench: Bench) -> None:
        content = some_bytes(150_000, seed=3)
        bench.registry.put_blob("trains/ada/heart", content)
        told: list[int] = []
        bench.registry.put_blob("trains/ada/heart", content, moved=told.append)
        assert told == [150_000]

    @pytest.mark.parametrize("place", [1_000, 100_500, 180_000])
    def test_an_upload_that_was_cut_arrives_whole(self, bench: Bench, place: int) -> None:
        content = some_bytes(300_000, seed=place)
        bench.cut_upload(place)
        name = bench.registry.put_blob("trains/ada/heart", content)
        assert bench.registry.read_blob("trains/ada/heart", name, 300_000) == content

    @pytest.mark.parametrize("place", [0, 150_000])
    def test_a_download_that_was_cut_goes_on(
        self, bench: Bench, tmp_path: Path, place: int
    ) -> None:
        content = some_bytes(3_000_000, seed=4)
        name = bench.registry.put_blob("trains/ada/heart", content)
        bench.cut_download(place)
        told: list[int] = []
        bench.registry.download_blob("trains/ada/heart", name, tmp_path / "blob", moved=told.append)
        assert (tmp_path / "blob").read_bytes() == content
        assert told == sorted(told)

    def test_whether_one_may_push_is_found_without_a_trace(self, bench: Bench) -> None:
        bench.registry.require_push("self-test/ulm")
        assert bench.registry.tags("self-test/ulm") == []

    def test_a_missing_blob_says_so(self, bench: Bench) -> None:
        with raises_code(RegistryError, "registry-missing") as e:
            bench.registry.read_blob("trains/ada/nothing", f"sha256:{'0' * 64}", 10)
        assert "its retention is over" in str(e.value)

    def test_a_blob_over_the_limit_is_not_read(self, bench: Bench, tmp_path: Path) -> None:
        name = bench.registry.put_blob("trains/ada/heart", some_bytes(2_000, seed=5))
        with raises_code(RegistryError, "registry-too-large"):
            bench.registry.read_blob("trains/ada/heart", name, 1_999)
        with raises_code(RegistryError, "registry-too-large"):
            bench.registry.download_blob("trains/ada/heart", name, tmp_path / "x", limit=1_999)
        assert list(tmp_path.iterdir()) == []

    def test_a_blob_is_mounted_from_another_repository(self, bench: Bench) -> None:
        name = bench.registry.put_blob("kernels/python", b"a layer")
        assert bench.registry.mount("trains/ada/heart", name, "kernels/python")
        assert bench.registry.read_blob("trains/ada/heart", name, 100) == b"a layer"
        missing = digest(b"no such layer")
        assert not bench.registry.mount("trains/ada/heart", missing, "kernels/python")

    def test_a_train_is_pushed_pulled_and_verified(self, bench: Bench) -> None:
        kernel = small_kernel(bench.registry)
        signed = TrainManifest(
            name="heart_disease",
            kernel=KernelRef(name="small", language="python", digest=kernel.digest),
            parameters={},
            outputs=(),
            datasets=(),
            files=train_files(FILES),
        )
        image = compose(*pull_kernel(bench.registry, kernel), declared_files(signed, FILES))
        repository = train_repository("ada", "heart_disease")
        assert repository == "trains/ada/heart-disease"
        for _ in range(2):
            reference = push_train(bench.registry, image, repository, kernel)
        assert reference.endswith(f"/trains/ada/heart-disease@{image.digest}")
        manifest, config, layer = pull_train(bench.registry, repository, image.digest)
        files = verify_image(
            manifest,
            config,
            layer,
            train_manifest=signed,
            digest=image.digest,
            kernel=kernel,
        )
        assert files == FILES

    def test_manifests_are_tagged_listed_and_deleted(self, bench: Bench) -> None:
        kernel = small_kernel(bench.registry)
        manifest = bench.registry.manifest("kernels/small", kernel.digest)
        bench.registry.put_manifest("kernels/small", manifest, reference="v1")
        assert bench.registry.manifest("kernels/small", "v1") == manifest
        assert bench.registry.tags("kernels/small") == ["v1"]
        assert bench.registry.delete("kernels/small", kernel.digest)
        assert not bench.registry.delete("kernels/small", kernel.digest)
        assert not bench.registry.has_manifest("kernels/small", kernel.digest)
        assert bench.registry.tags("kernels/none") == []

    def test_cargo_goes_in_parts_and_comes_back_as_one_file(
        self, bench: Bench, tmp_path: Path
    ) -> None:
        sealed = tmp_path / "cargo.age"
        sealed.write_bytes(some_bytes(500_000, seed=6))
        told: list[int] = []
        name = push_cargo(
            bench.registry, JOURNEY, "cleveland", sealed, part_bytes=200_000, moved=told.append
        )
        assert name == digest(sealed.read_bytes())
        assert told == sorted(told)
        assert told[-1] == 500_000
        pull_cargo(bench.registry, JOURNEY, "cleveland", name, tmp_path / "back", limit=500_000)
        assert (tmp_path / "back").read_bytes() == sealed.read_bytes()
        with raises_code(RegistryError, "registry-too-large"):
            pull_cargo(bench.registry, JOURNEY, "cleveland", name, tmp_path / "b", limit=499_999)
        assert not (tmp_path / "b").exists()

    def test_cargo_that_was_cut_loses_no_part_that_was_complete(
        self, bench: Bench, tmp_path: Path
    ) -> None:
        sealed = tmp_path / "cargo.age"
        sealed.write_bytes(some_bytes(600_000, seed=7))
        parts = [digest(sealed.read_bytes()[at : at + 200_000]) for at in (0, 200_000, 400_000)]
        repository = cargo_repository(JOURNEY, "hungary")

        def stop(size: int) -> None:
            if size > 200_000:
                raise KeyboardInterrupt  # the station dies

        with pytest.raises(KeyboardInterrupt):
            push_cargo(bench.registry, JOURNEY, "hungary", sealed, part_bytes=200_000, moved=stop)
        assert bench.registry.has_blob(repository, parts[0])
        assert not bench.registry.has_blob(repository, parts[2])
        bench.cut_upload(150_000)
        told: list[int] = []
        name = push_cargo(
            bench.registry, JOURNEY, "hungary", sealed, part_bytes=200_000, moved=told.append
        )
        assert told[0] == 200_000  # the first part is not sent again
        pull_cargo(bench.registry, JOURNEY, "hungary", name, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == sealed.read_bytes()

    def test_cargo_can_be_removed(self, bench: Bench, tmp_path: Path) -> None:
        sealed = tmp_path / "cargo.age"
        sealed.write_bytes(some_bytes(1_000, seed=8))
        name = push_cargo(bench.registry, JOURNEY, "geneva", sealed)
        assert delete_cargo(bench.registry, JOURNEY, "geneva") == 1
        with pytest.raises(RegistryError) as gone:
            pull_cargo(bench.registry, JOURNEY, "geneva", name, tmp_path / "back")
        assert gone.value.code == "registry-missing"
        assert delete_cargo(bench.registry, JOURNEY, "geneva") == 0

    def test_values_of_rounds_go_and_come_as_cargo_does(self, bench: Bench, tmp_path: Path) -> None:
        sealed = [tmp_path / name for name in ("first", "second")]
        names = []
        for seed, path in enumerate(sealed, 20):
            path.write_bytes(some_bytes(500_000, seed=seed))
            names.append(push_values(bench.registry, JOURNEY, path, part_bytes=200_000))
        assert names == [digest(path.read_bytes()) for path in sealed]
        for path, name in zip(sealed, names, strict=True):
            pull_values(bench.registry, JOURNEY, name, tmp_path / "back", limit=500_000)
            assert (tmp_path / "back").read_bytes() == path.read_bytes()
        with raises_code(RegistryError, "registry-too-large"):
            pull_values(bench.registry, JOURNEY, names[0], tmp_path / "b", limit=499_999)
        assert len(bench.registry.tags(values_repository(JOURNEY))) == 2
        assert delete_values(bench.registry, JOURNEY) == 2
        with raises_code(RegistryError, "registry-missing"):
            pull_values(bench.registry, JOURNEY, names[1], tmp_path / "b")

    def test_what_is_no_image_is_not_taken_for_a_train(self, bench: Bench, tmp_path: Path) -> None:
        sealed = tmp_path / "cargo.age"
        sealed.write_bytes(b"sealed")
        name = push_cargo(bench.registry, JOURNEY, "zurich", sealed)
        repository = cargo_repository(JOURNEY, "zurich")
        cargo = bench.registry.manifest(repository, name.removeprefix("sha256:"))
        assert json.loads(cargo)["artifactType"] == "application/vnd.phtlab.cargo.v1"
        kernel = small_kernel(bench.registry)
        image = compose(*pull_kernel(bench.registry, kernel), FILES)
        push_train(bench.registry, image, "trains/ada/other", kernel)
        manifest, config, layer = pull_train(bench.registry, repository, digest(cargo))
        with raises_code(TrainError, "image-changed"):
            verify_image(
                manifest,
                config,
                layer,
                train_manifest=TrainManifest(
                    name="x",
                    kernel=KernelRef(name="small", language="python", digest=kernel.digest),
                    parameters={},
                    outputs=(),
                    datasets=(),
                    files=(),
                ),
                digest=image.digest,
                kernel=kernel,
            )

    def test_a_log_comes_back_with_its_statement_and_is_deleted_whole(self, bench: Bench) -> None:
        sealed, statement = (
            some_bytes(5000),
            sign_statement(
                Identity.generate("ulm"),
                "https://example.org/log",
                {"log": digest(b"log")},
                {"a": 1},
            ),
        )
        push_log(bench.registry, JOURNEY, "ulm", sealed, statement)
        push_log(bench.registry, JOURNEY, "ulm", sealed, statement)
        assert pull_log(bench.registry, JOURNEY, "ulm") == (sealed, statement)
        assert delete_log(bench.registry, JOURNEY, "ulm") == 1
        assert delete_log(bench.registry, JOURNEY, "ulm") == 0
        assert not bench.registry.has_blob(log_repository(JOURNEY, "ulm"), digest(sealed))
        with pytest.raises(RegistryError) as raised:
            pull_log(bench.registry, JOURNEY, "ulm")
        assert raised.value.code == "registry-missing"

"""A train image is the same bytes anywhere; whatever differs from what was signed is refused."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phtlab.errors import TrainError
from phtlab.train.canonical import canonical, digest
from phtlab.train.documents.manifest import (
    KernelRef,
    Output,
    Received,
    Resources,
    Rounds,
    TrainManifest,
)
from phtlab.train.documents.roster import KernelImage
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
    verify_image,
)
from tests.raising import raises_code

FILES = {"notebook.ipynb": b'{"cells": []}\n', "lib/score.py": b"x = 1\n"}
KIND = "application/vnd.oci.image."
LOWER = [b"debian", b"wheels"]

CONFIG = canonical(
    {
        "architecture": "amd64",
        "config": {
            "Entrypoint": ["python3", "-m", "phtlab.runtime"],
            "Env": ["HOME=/tmp"],
            "User": "65532:65532",
        },
        "history": [{"created_by": "debian"}, {"created_by": "wheels"}],
        "os": "linux",
        "rootfs": {"diff_ids": [digest(layer) for layer in LOWER], "type": "layers"},
    }
)
MANIFEST = canonical(
    {
        "config": {
            "digest": digest(CONFIG),
            "mediaType": f"{KIND}config.v1+json",
            "size": len(CONFIG),
        },
        "layers": [
            {"digest": digest(b"gz" + layer), "mediaType": f"{KIND}layer.v1.tar+gzip", "size": 8}
            for layer in LOWER
        ],
        "mediaType": f"{KIND}manifest.v1+json",
        "schemaVersion": 2,
    }
)
KERNEL = KernelImage(
    name="python",
    language="python",
    kernelspec="python3",
    repository="kernels/python",
    digest=digest(MANIFEST),
    diff_ids=tuple(digest(layer) for layer in LOWER),
)


def signed(files: Mapping[str, bytes] = FILES) -> TrainManifest:
    return TrainManifest(
        name="heart",
        kernel=KernelRef(name="python", language="python", digest=KERNEL.digest),
        parameters={},
        outputs=(),
        datasets=(),
        files=train_files(files),
    )


def made(files: Mapping[str, bytes] = FILES) -> TrainImage:
    return compose(MANIFEST, CONFIG, declared_files(signed(files), files))


def verify(
    image: TrainImage, train_manifest: TrainManifest | None = None, **options: Any
) -> Mapping[str, bytes]:
    return verify_image(
        image.manifest,
        image.config,
        image.layer,
        train_manifest=train_manifest or signed(),
        digest=image.digest,
        kernel=KERNEL,
        **options,
    )


def rebuilt(
    layer: bytes,
    *,
    config: Callable[[dict[str, Any]], None] = lambda value: None,
    manifest: Callable[[dict[str, Any]], None] = lambda value: None,
) -> TrainImage:
    """A train image that someone else put together: consistent in itself, with other content."""
    image = made()
    config_value = json.loads(image.config)
    config_value["rootfs"]["diff_ids"][-1] = digest(layer)
    config(config_value)
    config_bytes = canonical(config_value)
    value = json.loads(image.manifest)
    value["config"].update(digest=digest(config_bytes), size=len(config_bytes))
    value["layers"][-1].update(digest=digest(layer), size=len(layer))
    manifest(value)
    manifest_bytes = canonical(value)
    return TrainImage(layer, config_bytes, manifest_bytes, digest(manifest_bytes), digest(layer))


def tar(*entries: tuple[tarfile.TarInfo, bytes], format: int = tarfile.PAX_FORMAT) -> bytes:
    """The true layer with `entries` after its own."""
    target = io.BytesIO()
    with (
        tarfile.open(fileobj=target, mode="w", format=format) as out,
        tarfile.open(fileobj=io.BytesIO(made().layer)) as layer,
    ):
        for entry in layer:
            out.addfile(entry, layer.extractfile(entry) if entry.isfile() else None)
        for entry, content in entries:
            entry.size = len(content)
            out.addfile(entry, io.BytesIO(content))
    return target.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mtime = kind, link, 1_704_067_200
    return made


def refusal(image: TrainImage, train_manifest: TrainManifest | None = None) -> TrainError:
    with pytest.raises(TrainError) as refused:
        verify(image, train_manifest)
    return refused.value


def test_the_digest_of_a_train_never_changes() -> None:
    """A change here means that every train ever built has another digest: do not, or say so."""
    image = made()
    assert image.diff_id == (
        "sha256:bb23e8b921cacdd267c4a0d332af93b76d4a7e863757108977d789106fd90957"
    )
    assert image.digest == (
        "sha256:5943251c4bd3bd17be380945393c39bddc7d58bf1c4b3db25846f4c7136dd466"
    )


def test_the_order_of_the_files_does_not_matter() -> None:
    back = made(dict(reversed(FILES.items())))
    assert back == made()


def test_the_layer_says_nothing_of_the_machine() -> None:
    with tarfile.open(fileobj=io.BytesIO(made().layer)) as layer:
        entries = layer.getmembers()
    assert [(e.name, e.mode) for e in entries] == [
        ("train", 0o755),
        ("train/declaration.json", 0o644),
        ("train/lib", 0o755),
        ("train/lib/score.py", 0o644),
        ("train/notebook.ipynb", 0o644),
    ]
    assert {(e.uid, e.gid, e.uname, e.gname, e.mtime) for e in entries} == {
        (0, 0, "", "", 1_704_067_200)
    }


def test_only_the_last_layer_and_the_history_are_new() -> None:
    image = made()
    config, kernel = json.loads(image.config), json.loads(CONFIG)
    assert config["config"] == kernel["config"]
    assert config["rootfs"]["diff_ids"] == [*kernel["rootfs"]["diff_ids"], image.diff_id]
    assert len(config["history"]) == len(kernel["history"]) + 1
    assert json.loads(image.manifest)["layers"][:-1] == json.loads(MANIFEST)["layers"]


_NAMES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True)


@given(st.dictionaries(_NAMES, st.binary(max_size=2000), max_size=8))
def test_what_is_composed_is_verified(files: dict[str, bytes]) -> None:
    assert verify(made(files), signed(files)) == files


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../x", "a/../b", "a//b", ".hidden", "a/", "a b", "ä", "a\n", "x" * 91],
)
def test_a_path_that_leaves_the_folder_is_refused(path: str) -> None:
    with raises_code(TrainError, "image-file-name"):
        compose(MANIFEST, CONFIG, {path: b""})


def test_another_image_than_the_signed_one_is_refused() -> None:
    image = made()
    other = compose(MANIFEST, CONFIG, {"notebook.ipynb": b"{}"})
    with raises_code(TrainError, "image-changed"):
        verify_image(
            other.manifest,
            other.config,
            other.layer,
            train_manifest=signed(),
            digest=image.digest,
            kernel=KERNEL,
        )


def test_a_changed_file_is_refused() -> None:
    image = compose(MANIFEST, CONFIG, {**FILES, "lib/score.py": b"x = 2\n"})
    error = refusal(image)
    assert error.code == "image-file-changed"
    assert str(error) == (
        "The file 'lib/score.py' of the train image is not the one that was signed. Do not run "
        "it; ask its author."
    )


def test_an_unlisted_file_is_refused() -> None:
    error = refusal(compose(MANIFEST, CONFIG, {**FILES, "lib/more.py": b""}))
    assert error.code == "image-file-unlisted"
    assert "'lib/more.py', which the signed manifest does not list" in str(error)


@pytest.mark.parametrize(
    "other",
    [
        {"outputs": (Output(name="counts"),)},
        {"datasets": ("genomes",)},
        {"parameters": {"type": "object"}},
        {"rounds": Rounds(cells=(3,), combine=(4,))},
        {"received": (Received(name="model"),)},
        {"resources": Resources(memory=2**30)},
        {"name": "lung"},
    ],
)
def test_a_signature_that_declares_otherwise_for_the_same_image_is_refused(
    other: dict[str, Any],
) -> None:
    """A rule or an order that names the digest means what was declared when it was written."""
    error = refusal(made(), signed().model_copy(update=other))
    assert error.code == "image-declaration"
    assert "with other parameters, data sets or outputs than its image declares" in str(error)


def test_an_image_that_declares_nothing_is_refused() -> None:
    assert refusal(compose(MANIFEST, CONFIG, FILES)).code == "image-declaration"


@pytest.mark.parametrize("said", [{"name": "approved"}, {"language": "r"}])
def test_a_kernel_image_under_another_name_is_refused(said: dict[str, str]) -> None:
    """A station's policy allows kernel images by name."""
    manifest = signed()
    error = refusal(
        made(), manifest.model_copy(update={"kernel": manifest.kernel.model_copy(update=said)})
    )
    assert error.code == "image-kernel"
    assert "the catalogue calls it 'python' (python)" in str(error)


def test_a_missing_file_is_refused() -> None:
    error = refusal(compose(MANIFEST, CONFIG, {"notebook.ipynb": FILES["notebook.ipynb"]}))
    assert error.code == "image-file-missing"
    assert "'lib/score.py' of the signed manifest is missing" in str(error)


@pytest.mark.parametrize(
    ("name", "kind", "link"),
    [
        ("train/link", tarfile.SYMTYPE, "/data"),
        ("train/hard", tarfile.LNKTYPE, "train/notebook.ipynb"),
        ("train/null", tarfile.CHRTYPE, ""),
        ("train/disk", tarfile.BLKTYPE, ""),
        ("train/pipe", tarfile.FIFOTYPE, ""),
        ("train/sparse", tarfile.GNUTYPE_SPARSE, ""),
        ("train/odd", b"Z", ""),
    ],
)
def test_what_is_not_a_plain_file_is_refused(name: str, kind: bytes, link: str) -> None:
    assert refusal(rebuilt(tar((entry(name, kind, link), b"")))).code in (
        "image-file-kind",
        "image-layer-form",
    )


@pytest.mark.parametrize(
    "name",
    [
        "usr/lib/python3/dist-packages/pandas.py",
        "train/../usr/bin/python3",
        "/train/x",
        "train/.wh.notebook.ipynb",
        "train/notebook.ipynb",
        "notebook.ipynb",
    ],
)
def test_a_file_outside_of_the_folder_is_refused(name: str) -> None:
    assert refusal(rebuilt(tar((entry(name), b"x")))).code == "image-file-unlisted"


def _set_entry_point(config: dict[str, Any]) -> None:
    config["config"]["Entrypoint"] = ["sh"]


def _run_as_root(config: dict[str, Any]) -> None:
    config["config"]["User"] = "0:0"


def _set_variable(config: dict[str, Any]) -> None:
    config["config"]["Env"].append("PYTHONPATH=/train")


def _tell_otherwise(config: dict[str, Any]) -> None:
    config["history"][-1]["created_by"] = "someone"


def _add_to_config(config: dict[str, Any]) -> None:
    config["author"] = "someone"


@pytest.mark.parametrize(
    "change", [_set_entry_point, _run_as_root, _set_variable, _tell_otherwise, _add_to_config]
)
def test_changed_settings_are_refused(change: Callable[[dict[str, Any]], None]) -> None:
    error = refusal(rebuilt(made().layer, config=change))
    assert error.code == "image-kernel"
    assert "is not built on the kernel image 'python'" in str(error)


def _other_lower_layer(manifest: dict[str, Any]) -> None:
    manifest["layers"][0]["digest"] = digest(b"another debian")


def _annotate(manifest: dict[str, Any]) -> None:
    manifest["annotations"] = {"a": "b"}


@pytest.mark.parametrize("change", [_other_lower_layer, _annotate])
def test_a_changed_manifest_is_refused(change: Callable[[dict[str, Any]], None]) -> None:
    error = refusal(rebuilt(made().layer, manifest=change))
    assert error.code == "image-kernel"


def _one_layer_more(manifest: dict[str, Any]) -> None:
    manifest["layers"].insert(2, manifest["layers"][1])


def _one_layer_less(manifest: dict[str, Any]) -> None:
    del manifest["layers"][0]


@pytest.mark.parametrize("change", [_one_layer_more, _one_layer_less])
def test_an_added_or_dropped_layer_is_refused(change: Callable[[dict[str, Any]], None]) -> None:
    error = refusal(rebuilt(made().layer, manifest=change))
    assert error.code == "image-layers"


def test_other_lower_layers_in_the_config_are_refused() -> None:
    def change(config: dict[str, Any]) -> None:
        config["rootfs"]["diff_ids"][0] = digest(b"another debian")

    error = refusal(rebuilt(made().layer, config=change))
    assert error.code == "image-layers"


def test_another_config_or_layer_than_the_manifest_names_is_refused() -> None:
    image = made()
    other = compose(MANIFEST, CONFIG, {"notebook.ipynb": b"{}"})
    for config, layer, code in (
        (other.config, image.layer, "image-config-changed"),
        (image.config, other.layer, "image-layer-changed"),
    ):
        mixed = TrainImage(layer, config, image.manifest, image.digest, image.diff_id)
        assert refusal(mixed).code == code


@pytest.mark.parametrize(
    "layer",
    [
        tar((entry("train/zero"), b""), format=tarfile.GNU_FORMAT),
        made().layer + b"hidden after the end".ljust(512, b"\0"),
        b"no archive at all",
        b"",
    ],
)
def test_a_layer_of_another_form_is_refused(layer: bytes) -> None:
    assert refusal(rebuilt(layer)).code in ("image-layer-form", "image-file-unlisted")


@given(st.integers(0, 10_239), st.integers(1, 255))
def test_no_other_bytes_of_a_layer_are_accepted(place: int, change: int) -> None:
    layer = bytearray(made().layer)
    layer[place] ^= change
    assert refusal(rebuilt(bytes(layer))).code.startswith("image-")


@given(st.binary(max_size=3000))
def test_no_layer_is_an_accident(content: bytes) -> None:
    assert refusal(rebuilt(content)).code.startswith("image-")


def test_limits_hold_before_anything_is_read() -> None:
    image = made()
    with raises_code(TrainError, "image-too-large"):
        verify(image, limits=ImageLimits(layer_bytes=10_239))
    with raises_code(TrainError, "image-too-large"):
        verify(image, limits=ImageLimits(json_bytes=100))
    many = compose(MANIFEST, CONFIG, {f"f{n}": b"" for n in range(5)})
    with raises_code(TrainError, "image-too-many-files"):
        verify(many, limits=ImageLimits(files=2))


@pytest.mark.parametrize(
    "manifest", [b"[]", b"{", b"\xff", MANIFEST + b"\n", b'{"a":1,"a":2}', b"[" * 100_000]
)
def test_a_kernel_image_that_cannot_be_rebuilt_exactly_is_refused(manifest: bytes) -> None:
    with raises_code(TrainError, "image-form"):
        compose(manifest, CONFIG, FILES)


def test_a_kernel_config_of_another_kernel_is_refused() -> None:
    with raises_code(TrainError, "image-kernel"):
        compose(MANIFEST, canonical({"rootfs": {"diff_ids": []}, "history": []}), FILES)

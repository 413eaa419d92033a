"""A workspace image that no engine has: the one that is built, and one file more."""

from __future__ import annotations

import io
import json
import secrets
import tarfile
from dataclasses import replace
from pathlib import Path

from phtlab.kernel.layer import LayerFile
from phtlab.kernel.workspace import BuiltWorkspace
from phtlab.train.canonical import canonical, digest


def with_another_layer(built: BuiltWorkspace, folder: Path) -> BuiltWorkspace:
    """`built` with a layer of this moment on top, which lies in `folder`."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        file = tarfile.TarInfo("usr/local/share/of-a-test")
        data = secrets.token_bytes(16)
        file.size, file.mode = len(data), 0o644
        archive.addfile(file, io.BytesIO(data))
    path = folder / "layer.tar"
    path.write_bytes(content.getvalue())
    name, size = digest(path.read_bytes()), path.stat().st_size
    layer = LayerFile(path, "application/vnd.oci.image.layer.v1.tar", name, size, name, size)
    layers = (*built.layers, layer)

    config = json.loads(built.config)
    config["rootfs"]["diff_ids"].append(name)
    config["history"].append({"created": config["history"][-1]["created"]})
    config = canonical(config)
    manifest = json.loads(built.manifest)
    manifest["layers"] = [part.descriptor for part in layers]
    manifest["config"] = {**manifest["config"], "digest": digest(config), "size": len(config)}
    manifest = canonical(manifest)
    return replace(built, layers=layers, config=config, manifest=manifest, digest=digest(manifest))

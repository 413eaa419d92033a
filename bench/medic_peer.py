"""Pre-run and post-run of two stops by PHT-meDIC's library, for a result of a given size.

The script runs in the peer's own environment (`medic.lock`), without phtlab. Its steps are those of
the library's own tests. In place of an execution, it puts the result into the image. It prints
JSON: the seconds of each step, and the growth of the process' memory in KiB.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tarfile
import tempfile
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import docker
import docker.errors
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from train_lib.docker_util.docker_ops import extract_train_config
from train_lib.security.encryption import FileEncryptor
from train_lib.security.hashing import hash_immutable_files
from train_lib.security.protocol import SecurityProtocol
from train_lib.security.train_config import TrainConfig

# The engine may have other users: the name is unique to this process, and every image and container
# of this process inherits a label that identifies it.
REPOSITORY = f"phtlab-bench-medic-{os.urandom(6).hex()}"
LABEL = f"phtlab.bench={REPOSITORY}"
STATIONS = ("station_1", "station_2")
COMMAND = ["phtlab-bench-medic"]
FILES = {"entrypoint.py": b"print(2)\n" * 20}


def main(size: int) -> dict[str, Any]:
    engine = docker.from_env(timeout=600)
    keys = {
        name: rsa.generate_private_key(public_exponent=65537, key_size=2048)
        for name in (*STATIONS, "user", "builder")
    }
    try:
        _make_image(engine, keys)
        return _run_stops(engine, keys, size)
    finally:
        # The library does not remove all of its containers.
        for container in engine.api.containers(all=True, filters={"label": LABEL}):
            engine.api.remove_container(container["Id"])
        for image in engine.images.list(REPOSITORY):
            for tag in image.tags:
                engine.images.remove(tag, force=True)
        _remove_untagged(engine)


def _images(engine: Any) -> set[str]:
    return {image["Id"] for image in engine.api.images(all=True, filters={"label": LABEL})}


def _remove_untagged(engine: Any) -> None:
    """Remove the images that lost their tag when the library tagged another image."""
    while left := _images(engine):
        for image in left:
            # An image with a child is removed after it; some are removed along with their child.
            with contextlib.suppress(docker.errors.APIError):
                engine.images.remove(image)
        if _images(engine) == left:
            raise RuntimeError(f"images of the peer could not be removed: {sorted(left)}")


def _run_stops(engine: Any, keys: dict[str, Any], size: int) -> dict[str, Any]:
    """Measure pre-run and post-run at both stations, one after the other."""
    seconds: dict[str, float] = {}
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak, VmHWM
    before = _memory("VmRSS")
    with tempfile.TemporaryDirectory() as folder:
        for station in STATIONS:
            path = Path(folder) / f"{station}.pem"
            path.write_bytes(_private(keys[station]))
            protocol = SecurityProtocol(
                station, config=extract_train_config(REPOSITORY), docker_client=engine
            )
            began = time.perf_counter()
            protocol.pre_run_protocol(img=REPOSITORY, private_key_path=str(path))
            seconds[f"{station} pre-run"] = time.perf_counter() - began
            _put(engine, "/opt/pht_results", _archive({"model.bin": Random(size)}))
            began = time.perf_counter()
            protocol.post_run_protocol(img=f"{REPOSITORY}:latest", private_key_path=str(path))
            seconds[f"{station} post-run"] = time.perf_counter() - began
    return {"seconds": seconds, "grown_kib": _memory("VmHWM") - before}


class Random:
    """`size` bytes of a repeated random block, on the disk until they are read."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.file = tempfile.TemporaryFile()  # noqa: SIM115
        block = os.urandom(10**6)
        for _ in range(size // len(block)):
            self.file.write(block)
        self.file.seek(0)


def _make_image(engine: Any, keys: dict[str, Any]) -> None:
    """Make a train as the builder does: two folders, the encrypted files, and the configuration."""
    symmetric, session = os.urandom(32), os.urandom(64)
    names = list(FILES)
    digest = hash_immutable_files(
        immutable_files=[BytesIO(content) for content in FILES.values()],
        binary_files=True,
        user_id="user",
        session_id=session,
        ordered_file_list=names,
        immutable_file_names=names,
    )
    signature = keys["user"].sign(digest, padding.PKCS1v15(), hashes.SHA512())
    builder_signature = keys["builder"].sign(
        digest + signature, padding.PKCS1v15(), hashes.SHA512()
    )
    oaep = padding.OAEP(padding.MGF1(hashes.SHA512()), hashes.SHA512(), None)
    wrapped = keys[STATIONS[0]].public_key().encrypt(symmetric, oaep)
    config = TrainConfig(
        **{
            "@id": "bench",
            "session_id": session.hex(),
            "proposal_id": "bench",
            "source": {"type": "docker_repository", "tag": "latest", "address": "bench"},
            "creator": {"id": "user", "rsa_public_key": _public(keys["user"])},
            "build": {
                "signature": builder_signature.hex(),
                "rsa_public_key": _public(keys["builder"]),
            },
            "route": [
                {
                    "station": station,
                    "eco_system": "tue",
                    "rsa_public_key": _public(keys[station]),
                    "index": index,
                    **({} if index else {"encrypted_key": wrapped.hex()}),
                }
                for index, station in enumerate(STATIONS)
            ],
            "file_list": names,
            "hash": digest.hex(),
            "signature": signature.hex(),
            "@context": {"link": "https://www.w3.org/2018/credentials/v1"},
        }
    )
    folders = _archive({}, ("opt", "opt/pht_results", "opt/pht_train"))
    engine.api.import_image_from_data(
        folders.read(),
        repository=REPOSITORY,
        tag="latest",
        changes=[f"CMD {json.dumps(COMMAND)}", f"LABEL {LABEL}"],
    )
    encrypted = FileEncryptor(symmetric).encrypt_files(
        [BytesIO(content) for content in FILES.values()], binary_files=True
    )
    _put(engine, "/opt/pht_train", _archive(dict(zip(names, encrypted, strict=True))))
    document = BytesIO(config.json(by_alias=True).encode())
    _put(engine, "/opt", _archive({"train_config.json": document}))
    engine.images.get(REPOSITORY).tag(REPOSITORY, "base")


def _put(engine: Any, place: str, archive: Any) -> None:
    container = engine.containers.create(REPOSITORY)
    container.put_archive(place, archive)
    container.commit(repository=REPOSITORY, tag="latest")
    container.remove()


def _archive(files: dict[str, Any], folders: tuple[str, ...] = ()) -> Any:
    target = tempfile.TemporaryFile()  # noqa: SIM115
    with tarfile.open(fileobj=target, mode="w") as tar:
        for folder in folders:
            entry = tarfile.TarInfo(folder)
            entry.type = tarfile.DIRTYPE
            tar.addfile(entry)
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            if isinstance(content, Random):
                entry.size = content.size
                tar.addfile(entry, content.file)
            else:
                entry.size = content.getbuffer().nbytes
                content.seek(0)
                tar.addfile(entry, content)
    target.seek(0)
    return target


def _public(key: Any) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    encoded: bytes = key.public_key().public_bytes(serialization.Encoding.PEM, form)
    return encoded.hex()


def _private(key: Any) -> bytes:
    made: bytes = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return made


def _memory(name: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{name}:")[1].split()[0])


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))

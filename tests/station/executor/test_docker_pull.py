"""How the engine comes by an image: with a token of central's kind, from a real registry."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import docker
import docker.errors
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from phtlab.central.registry.token import Access, RegistryTokens, certificate
from phtlab.errors import RegistryError, SandboxError, StationError
from phtlab.station.executor import docker_executor
from phtlab.station.executor.contract import Job, RegistryAuth
from phtlab.station.executor.docker_executor import DEFAULT_ENGINE, DockerExecutor
from phtlab.station.executor.image_pull import _followed
from phtlab.station.executor.sandbox import container_name
from phtlab.wire.registry.client import Registry
from tests.empty_image import push_empty_image
from tests.raising import raises_code
from tests.real_registry import free_port, registry_of

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]
STATION = f"pull-{secrets.token_hex(4)}"  # other sessions use this engine too

REPOSITORY = "trains/ada"


@dataclass(frozen=True)
class Guarded:
    """A registry that wants tokens, its back door for pushing, and its issuer of tokens."""

    front: str
    back: str
    tokens: RegistryTokens

    def token(self, *actions: str, repository: str = REPOSITORY) -> str:
        access = Access(repository, frozenset(actions))
        return self.tokens.sign("charite", [access], datetime.now(UTC)).token


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    key = ec.generate_private_key(ec.SECP256R1())
    bundle = folder / "bundle.pem"
    bundle.write_bytes(certificate(key, "central", datetime.now(UTC)))
    tokens = RegistryTokens(key, issuer="central", service="registry", seconds=300)
    back, front = free_port(), free_port()
    auth = {
        "token": {
            "realm": f"http://127.0.0.1:{back}/nobody-gives-tokens-here",
            "service": "registry",
            "issuer": "central",
            "rootcertbundle": str(bundle),
        }
    }
    with (
        registry_of(_settings(folder, back), back, folder, name="back"),
        registry_of(_settings(folder, front, auth=auth), front, folder, name="front"),
    ):
        yield Guarded(f"127.0.0.1:{front}", f"127.0.0.1:{back}", tokens)


def _settings(folder: Path, port: int, **more: object) -> str:
    settings = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": f"127.0.0.1:{port}", "secret": "a-secret-of-the-tests"},
        **more,
    }
    return json.dumps(settings)  # JSON is YAML


@pytest.fixture
def push(guarded: Guarded) -> Iterator[Callable[..., str]]:
    """Push an image of one empty folder; returns its reference at the guarded registry."""
    pushed: list[str] = []

    def push(**config: object) -> str:
        with Registry(f"http://{guarded.back}") as registry:
            digest = push_empty_image(registry, REPOSITORY, **config)
        pushed.append(f"{guarded.front}/{REPOSITORY}@{digest}")
        return pushed[-1]

    yield push
    engine = docker.APIClient(base_url=DEFAULT_ENGINE, version="auto")
    for reference in pushed:
        # Not by its id: another session's tests push and pull the same empty image.
        with suppress(docker.errors.APIError):
            engine.remove_image(reference)
    engine.close()


@pytest.fixture
def executor(
    tmp_path: Path, push: object, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DockerExecutor]:
    # After `push`, so that its containers are gone before the images.
    # In an empty image no trial of the sandbox can run; what is tried there is not asked here.
    monkeypatch.setattr(DockerExecutor, "_require_tried", lambda *_: None)
    executor = DockerExecutor(tmp_path / "runs", station=STATION, entrypoint=["nothing"])
    yield executor
    for job_id in executor.jobs():
        executor.remove(job_id)
    executor.close()


def test_a_token_for_pulling_fetches_the_image(
    executor: DockerExecutor, guarded: Guarded, push: Callable[..., str], tmp_path: Path
) -> None:
    job = Job("stop-1", push(Labels={"try": "right"}), tmp_path)
    executor.start(job, lambda: RegistryAuth(guarded.token("pull")))
    assert executor.status("stop-1").state != "absent"


def test_an_image_is_fetched_ahead_and_no_job_asks_for_it_again(
    executor: DockerExecutor, guarded: Guarded, push: Callable[..., str], tmp_path: Path
) -> None:
    reference = push(Labels={"try": "ahead"})
    assert not executor.has_image(reference)
    executor.fetch(reference, lambda: RegistryAuth(guarded.token("pull")))
    assert executor.has_image(reference)

    def never() -> RegistryAuth:
        raise AssertionError("the engine has the image")

    executor.fetch(reference, never)
    executor.start(Job("stop-1", reference, tmp_path), never)


def test_no_image_is_fetched_ahead_onto_a_disk_that_is_nearly_full(
    executor: DockerExecutor, push: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = push(Labels={"try": "full"})
    monkeypatch.setattr(docker_executor, "_AHEAD_BYTES", 2**62)
    with raises_code(StationError, "station-disk-full"):
        executor.fetch(reference, RegistryAuth)
    assert not executor.has_image(reference)


def test_a_pull_reports_the_bytes_of_all_its_layers() -> None:
    moved: list[tuple[int, int]] = []
    events: list[dict[str, object]] = [
        {"status": "Pulling fs layer", "id": "a"},
        {"status": "Downloading", "id": "a", "progressDetail": {"current": 1, "total": 10}},
        {"status": "Downloading", "id": "b", "progressDetail": {"current": 2, "total": 20}},
        {"status": "Downloading", "id": "a", "progressDetail": {"current": 10, "total": 10}},
        {"status": "Pull complete", "id": "a"},
    ]
    assert _followed(events, lambda done, total: moved.append((done, total))) is None
    assert moved == [(1, 10), (3, 30), (12, 30)]
    assert _followed([{"error": "no such image"}], lambda done, total: None) == "no such image"


@pytest.mark.parametrize("kind", ["none", "forged", "for-pushing-only", "of-another-repository"])
def test_without_the_right_token_no_image(
    executor: DockerExecutor, guarded: Guarded, push: Callable[..., str], tmp_path: Path, kind: str
) -> None:
    token = {
        "none": None,
        "forged": guarded.token("pull")[:-8] + "AAAAAAAA",
        "for-pushing-only": guarded.token("push"),
        "of-another-repository": guarded.token("pull", repository="trains/eve"),
    }[kind]
    job = Job("stop-1", push(Labels={"try": kind}), tmp_path)
    with raises_code(RegistryError, "image-refused") as refused:
        executor.start(job, lambda: RegistryAuth(token))
    assert "you may pull it" in str(refused.value)
    assert token is None or token not in str(refused.value)
    assert executor.jobs() == frozenset()


def test_an_image_with_volumes_is_refused(
    executor: DockerExecutor, guarded: Guarded, push: Callable[..., str], tmp_path: Path
) -> None:
    """A volume is a folder of the engine's disk: writable, and without any limit."""
    job = Job("stop-1", push(Volumes={"/scratch": {}}), tmp_path)
    with raises_code(SandboxError, "sandbox-volumes"):
        executor.start(job, lambda: RegistryAuth(guarded.token("pull")))
    assert executor.jobs() == frozenset()


def test_what_the_image_says_of_its_command_does_not_count(
    executor: DockerExecutor, guarded: Guarded, push: Callable[..., str], tmp_path: Path
) -> None:
    job = Job(
        "stop-1",
        push(
            User="0",
            Entrypoint=["/evil"],
            Cmd=["evil"],
            WorkingDir="/root",
            StopSignal="SIGWINCH",
            Healthcheck={"Test": ["CMD", "/evil"], "Interval": 1_000_000_000},
        ),
        tmp_path,
    )
    executor.start(job, lambda: RegistryAuth(guarded.token("pull")))
    engine = docker.APIClient(base_url=DEFAULT_ENGINE, version="auto")
    config = engine.inspect_container(container_name(STATION, "stop-1"))["Config"]
    engine.close()
    assert config["User"] == "65532:65532"
    assert (config["Entrypoint"], config["Cmd"] or []) == (["nothing"], [])
    assert config["WorkingDir"] == "/tmp"
    assert config["StopSignal"] == "SIGTERM"
    assert config["Healthcheck"]["Test"] == ["NONE"]

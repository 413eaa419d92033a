"""The client against the simulator: the contract, and what only a simulator can do to it."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from phtlab.errors import RegistryError, RegistryUnreachableError
from phtlab.train.canonical import digest
from phtlab.train.image.composition import (
    compose,
)
from phtlab.wire.registry import connection
from phtlab.wire.registry.cargo import cargo_repository, pull_cargo, push_cargo
from phtlab.wire.registry.client import Registry
from phtlab.wire.registry.trains import pull_kernel, push_train
from tests.raising import raises_code
from tests.wire.registry_contract import (
    FILES,
    JOURNEY,
    Bench,
    RegistryContract,
    small_kernel,
    some_bytes,
)
from tests.wire.registry_simulator import RegistrySimulator


def client(simulator: RegistrySimulator, **options: object) -> Registry:
    return Registry(
        "http://registry.test:5000",
        transport=simulator.transport,
        chunk_bytes=100_000,
        pause=lambda seconds: None,
        **options,  # type: ignore[arg-type]
    )


@pytest.fixture
def simulator() -> RegistrySimulator:
    return RegistrySimulator()


class TestSimulatedRegistry(RegistryContract):
    @pytest.fixture(params=["goes on", "forgets"])
    def bench(self, simulator: RegistrySimulator, request: pytest.FixtureRequest) -> Bench:
        simulator.forgets_cut_uploads = request.param == "forgets"

        def cut_upload(after: int) -> None:
            simulator.upload_budget = after

        def cut_download(after: int) -> None:
            simulator.download_budget = after

        return Bench(client(simulator), cut_upload, cut_download)


def test_after_a_cut_only_the_rest_is_sent(simulator: RegistrySimulator) -> None:
    simulator.upload_budget = 150_000
    client(simulator).put_blob("trains/ada/heart", some_bytes(300_000))
    ranges = [r.headers["Content-Range"] for r in simulator.requests if r.method == "PATCH"]
    assert ranges == ["0-99999", "100000-199999", "150000-249999", "250000-299999"]
    assert len(simulator.asked("POST")) == 1


def test_a_lost_answer_to_the_last_request_is_no_second_upload(
    simulator: RegistrySimulator,
) -> None:
    answer, lost = simulator._answer, []

    def lose_the_answer(request: httpx.Request) -> httpx.Response:
        response = answer(request)
        if request.method == "PUT" and not lost:
            lost.append(request)
            raise httpx.ReadError("the line was cut")
        return response

    registry = Registry(
        "http://registry.test:5000",
        transport=httpx.MockTransport(lose_the_answer),
        pause=lambda seconds: None,
    )
    registry.put_blob("trains/ada/heart", b"content")
    assert lost
    assert len(simulator.asked("POST")) == 1


def test_a_busy_registry_is_asked_again(simulator: RegistrySimulator) -> None:
    registry = client(simulator)
    name = registry.put_blob("trains/ada/heart", b"content")
    simulator.busy = 2
    assert registry.read_blob("trains/ada/heart", name, 100) == b"content"


def test_a_registry_that_stays_busy_is_given_up(simulator: RegistrySimulator) -> None:
    simulator.busy = 1000
    with raises_code(RegistryUnreachableError, "registry-unreachable"):
        client(simulator).put_blob("trains/ada/heart", some_bytes(50_000))
    assert len(simulator.requests) == 5


def test_registry_down_says_where_and_what_to_check() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Connection refused")

    registry = Registry("http://127.0.0.1:5000", transport=httpx.MockTransport(refuse))
    with pytest.raises(RegistryUnreachableError) as down:
        registry.check()
    assert str(down.value) == (
        "The registry at http://127.0.0.1:5000 does not answer (Connection refused). Check that "
        "the address is right, that the registry is running and that this machine may reach it; "
        "then try again."
    )
    for call in (
        lambda: registry.put_blob("a", b"x"),
        lambda: registry.manifest("a", "v1"),
        lambda: registry.tags("a"),
    ):
        with pytest.raises(RegistryUnreachableError):
            call()


def test_an_address_that_is_none_is_refused() -> None:
    with raises_code(RegistryError, "registry-protocol"):
        Registry("registry:5000")


def test_other_content_than_the_digest_is_refused(
    simulator: RegistrySimulator, tmp_path: Path
) -> None:
    registry = client(simulator)
    name = registry.put_blob("trains/ada/heart", b"content")
    simulator.repository("trains/ada/heart").blobs[name] = b"c0ntent"
    with raises_code(RegistryError, "registry-digest"):
        registry.read_blob("trains/ada/heart", name, 100)
    with raises_code(RegistryError, "registry-digest"):
        registry.download_blob("trains/ada/heart", name, tmp_path / "blob")
    assert list(tmp_path.iterdir()) == []


def test_another_manifest_than_the_digest_is_refused(simulator: RegistrySimulator) -> None:
    registry = client(simulator)
    kernel = small_kernel(registry)
    simulator.repository("kernels/small").manifests[kernel.digest] = b"{}"
    with raises_code(RegistryError, "registry-digest"):
        pull_kernel(registry, kernel)


def test_cargo_of_another_stop_is_refused(simulator: RegistrySimulator, tmp_path: Path) -> None:
    registry = client(simulator)
    (tmp_path / "a").write_bytes(b"the cargo that was signed")
    (tmp_path / "b").write_bytes(b"the cargo of someone else")
    mine = push_cargo(registry, JOURNEY, "cleveland", tmp_path / "a")
    other = push_cargo(registry, JOURNEY, "cleveland", tmp_path / "b")
    tags = simulator.repository(cargo_repository(JOURNEY, "cleveland")).tags
    tags[mine[7:]] = tags[other[7:]]
    with raises_code(RegistryError, "registry-digest"):
        pull_cargo(registry, JOURNEY, "cleveland", mine, tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_token_is_asked_for_once_and_covers_less(simulator: RegistrySimulator) -> None:
    simulator.token = "t"
    asked: list[list[str]] = []

    def authorize(scopes: list[str]) -> str:
        asked.append(scopes)
        return "t"

    registry = client(simulator, authorize=authorize)
    name = registry.put_blob("trains/ada/heart", some_bytes(250_000))
    registry.read_blob("trains/ada/heart", name, 250_000)
    assert asked == [["repository:trains/ada/heart:pull,push"]]


def test_a_token_that_is_over_is_replaced(simulator: RegistrySimulator) -> None:
    simulator.token = "1"
    registry = client(simulator, authorize=lambda scopes: str(simulator.token))
    name = registry.put_blob("trains/ada/heart", b"content")
    simulator.token = "2"
    assert registry.read_blob("trains/ada/heart", name, 10) == b"content"


def test_a_mount_asks_for_both_rights_in_one_token(simulator: RegistrySimulator) -> None:
    simulator.token = "t"
    asked: list[list[str]] = []

    def authorize(scopes: list[str]) -> str:
        asked.append(scopes)
        return "t"

    client(simulator, authorize=authorize).mount("trains/ada/heart", digest(b""), "kernels/python")
    assert asked == [["repository:trains/ada/heart:pull,push", "repository:kernels/python:pull"]]


def test_without_the_right_the_message_says_so(simulator: RegistrySimulator) -> None:
    simulator.token = "t"
    with raises_code(RegistryError, "registry-denied") as denied:
        client(simulator, authorize=lambda scopes: "wrong").read_blob("cargo/x", digest(b""), 1)
    assert "wrong" not in str(denied.value)


def test_nothing_goes_to_another_host(simulator: RegistrySimulator) -> None:
    simulator.token = "t"
    registry = client(simulator, authorize=lambda scopes: "t")
    simulator.upload_host = "http://elsewhere.test"
    with raises_code(RegistryError, "registry-redirect"):
        registry.put_blob("trains/ada/heart", b"content")
    seen = {r.url.host: r.headers.get("Authorization") for r in simulator.requests}
    assert seen == {"registry.test": "Bearer t"}


def test_a_location_of_the_other_scheme_stays_on_ours(simulator: RegistrySimulator) -> None:
    simulator.upload_host = "https://registry.test:5000"
    client(simulator).put_blob("trains/ada/heart", b"content")
    assert {request.url.scheme for request in simulator.requests} == {"http"}


def test_a_path_in_the_address_goes_before_the_repository(simulator: RegistrySimulator) -> None:
    registry = Registry("https://harbor.test/study/", transport=simulator.transport)
    name = registry.put_blob("trains/ada/heart", b"content")
    assert list(simulator.repositories) == ["study/trains/ada/heart"]
    assert (
        registry.reference("trains/ada/heart", name) == f"harbor.test/study/trains/ada/heart@{name}"
    )


def test_a_registry_that_does_not_mount_is_sent_the_layers(simulator: RegistrySimulator) -> None:
    simulator.mounts = False
    registry = client(simulator)
    kernel = small_kernel(registry)
    image = compose(*pull_kernel(registry, kernel), FILES)
    push_train(registry, image, "trains/ada/heart", kernel)
    assert set(kernel.diff_ids) < set(simulator.repository("trains/ada/heart").blobs)
    assert simulator.uploads == {}


def test_a_token_comes_before_the_first_request_which_is_not_refused(
    simulator: RegistrySimulator,
) -> None:
    simulator.token = "t"
    registry = client(simulator, authorize=lambda scopes: "t")
    assert not registry.has_blob("trains/ada/heart", digest(b""))
    assert len(simulator.requests) == 1


def test_one_token_for_several_repositories_is_asked_for_once(
    simulator: RegistrySimulator,
) -> None:
    simulator.token = "t"
    asked: list[list[str]] = []

    def authorize(scopes: list[str]) -> str:
        asked.append(scopes)
        return "t"

    registry = client(simulator, authorize=authorize)
    registry.obtain_token(pull=["cargo/a", "cargo/b"], push=["trains/ada/heart"])
    registry.obtain_token(pull=["cargo/a", "cargo/b"], push=["trains/ada/heart"])
    registry.put_blob("trains/ada/heart", b"content")
    assert not registry.has_blob("cargo/b", digest(b""))
    assert asked == [
        [
            "repository:trains/ada/heart:pull,push",
            "repository:cargo/a:pull",
            "repository:cargo/b:pull",
        ]
    ]
    asked.clear()
    registry.obtain_token(pull=[f"cargo/{number}" for number in range(40)])
    assert [len(scopes) for scopes in asked] == [32, 8]
    assert client(simulator).pull_token("cargo/a") is None


def test_an_engine_gets_a_token_of_the_last_minute(
    simulator: RegistrySimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = iter(["1", "2"])
    registry = client(simulator, authorize=lambda scopes: next(tokens))
    assert registry.pull_token("trains/ada/heart") == "1"
    assert registry.pull_token("trains/ada/heart") == "1"
    monkeypatch.setattr(connection, "_RECENT", 0.0)
    assert registry.pull_token("trains/ada/heart") == "2"


def test_a_small_blob_is_sent_in_one_request(simulator: RegistrySimulator) -> None:
    registry = client(simulator)
    registry.put_blob("trains/ada/heart", b"content")
    assert [request.method for request in simulator.requests] == ["POST", "PUT"]
    simulator.requests.clear()
    registry.put_blob("trains/ada/heart", some_bytes(50_000))
    assert [request.method for request in simulator.requests] == ["HEAD", "POST", "PUT"]
    simulator.requests.clear()
    registry.put_blob("trains/ada/heart", some_bytes(50_000))
    assert [request.method for request in simulator.requests] == ["HEAD"]

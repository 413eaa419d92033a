"""What a station needs, thing by thing, with the command that mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from phtlab.errors import NotOnRosterError, PhtlabError
from phtlab.station.datasets import check_file, load_datasets, readable_in_sandbox, twin_of
from phtlab.station.executor import CheckResult
from phtlab.station.folder import StationFolder
from phtlab.station.opening import open_executor, require_central, trust_of
from phtlab.station.policy import load_policy
from phtlab.station.settings import StationSettings
from phtlab.train.identity import Identity
from phtlab.wire.central import CentralClient
from phtlab.wire.registry import Registry


def check_station(
    folder: StationFolder, settings: StationSettings, identity: Callable[[], Identity]
) -> Iterator[CheckResult]:
    """Each thing as it is found out. Never raises PhtlabError; changes nothing."""
    yield _result("policy", lambda: f"New orders: {load_policy(folder.policy).mode}.")
    yield from _datasets(folder, settings)
    yield from _engine(folder, settings)
    key, result = _key(identity)
    yield result
    try:
        url = require_central(folder, settings)
        client = CentralClient(url, key, consortium=lambda: trust_of(folder, client).consortium)
    except PhtlabError as error:
        yield _failed("central", error)
        return
    with client:
        yield _result("central", lambda: f"{client.info().consortium} at {client.url} answers.")
        yield _result("registry", lambda: _registry(client))
        yield _result("roster", lambda: _roster(folder, settings, client, key))


def _registry(client: CentralClient) -> str:
    url = client.info().registry_url
    with Registry(url) as registry:
        registry.check()
    return f"{url} answers."


def _roster(
    folder: StationFolder, settings: StationSettings, client: CentralClient, key: Identity | None
) -> str:
    roster = trust_of(folder, client).refresh().roster
    member = roster.member(settings.name)
    if not member.is_station:
        raise NotOnRosterError(
            f"{settings.name} is on the roster, but not as a station. Ask an officer for the role."
        )
    if key is not None and member.keys != key.public:
        raise NotOnRosterError(
            f"The roster has other keys for {settings.name} than {folder.key}. Send the officers "
            "the request of 'phtlab station request', and compare the fingerprint by telephone."
        )
    return f"{settings.name} is on the roster of {roster.consortium}, version {roster.version}."


def _key(identity: Callable[[], Identity]) -> tuple[Identity | None, CheckResult]:
    try:
        key = identity()
    except PhtlabError as error:
        return None, _failed("key", error)
    return key, CheckResult("key", True, f"Opens; its fingerprint is {key.public.fingerprint}.")


def _engine(folder: StationFolder, settings: StationSettings) -> Iterator[CheckResult]:
    try:
        yield from open_executor(folder, settings).check()
    except PhtlabError as error:
        yield _failed("engine", error)


def _datasets(folder: StationFolder, settings: StationSettings) -> Iterator[CheckResult]:
    try:
        datasets = load_datasets(folder)
    except PhtlabError as error:
        yield _failed("data sets", error)
        return
    if not datasets:
        yield CheckResult(
            "data sets",
            False,
            "No data set is declared.",
            "phtlab station dataset add NAME PATH --schema FILE.toml",
        )
    for name, declared in datasets.items():
        # A twin station never opens the declared file.
        dataset = twin_of(folder, declared) if settings.twin else declared

        def found(dataset=dataset) -> str:  # type: ignore[no-untyped-def]
            dataset.require()
            check_file(dataset)
            return f"{dataset.path} is as declared."

        result = _result(f"data set {name}", found)
        if result.ok and not settings.twin and not readable_in_sandbox(dataset.path):
            result = CheckResult(
                result.name,
                False,
                f"The sandbox's user (65532) cannot read {dataset.path}.",
                f"chmod -R o+rX {dataset.path}   (the folder above may stay closed to others)",
            )
        yield result


def _result(name: str, found: Callable[[], str]) -> CheckResult:
    try:
        return CheckResult(name, True, found())
    except PhtlabError as error:
        return _failed(name, error)


def _failed(name: str, error: PhtlabError) -> CheckResult:
    sentence, _, mend = error.message.partition(". ")
    return CheckResult(name, False, f"{sentence.rstrip('.')}.", mend)

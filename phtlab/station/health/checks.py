"""Checks of what a station needs, each with advice for the repair."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from phtlab.clock import Clock, utc_now
from phtlab.errors import NotOnRosterError, PhtlabError, SettingsError, TrialUnfinishedError
from phtlab.station.context.bootstrap import open_executor, require_central, trust_of
from phtlab.station.data.datasets import (
    DataSet,
    check_file,
    check_twin,
    load_datasets,
    readable_in_sandbox,
    twin_file,
)
from phtlab.station.executor.contract import MIB, CheckResult, Limits
from phtlab.station.executor.disk_space import station_disks
from phtlab.station.health.clock import judge_clock, signed_moments
from phtlab.station.health.governance import approvals_check, audit_checks
from phtlab.station.health.images import images_check
from phtlab.station.health.registry import registry_check
from phtlab.station.policy.policy import load_policy
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import StationSettings
from phtlab.train.crypto.identity import Identity
from phtlab.wire.central.client import CentralClient

_ROSTER_WARNED = timedelta(days=2)


def check_station(
    folder: StationFolder,
    settings: StationSettings,
    identity: Callable[[], Identity],
    now: Clock = utc_now,
) -> Iterator[CheckResult]:
    """Yield each result as it is known. Never raises PhtlabError or OSError; repairs nothing."""
    yield _folder(folder)
    yield _policy(folder)
    yield from station_disks(folder.path, needed=_needed(folder))
    yield from _datasets(folder, settings)
    yield from _engine(folder, settings)
    yield from _audit(folder, settings)
    key, result = _key(identity, settings)
    yield result
    try:
        url = require_central(folder, settings)
        client = CentralClient(url, key, consortium=lambda: trust_of(folder, client).consortium)
    except (PhtlabError, OSError) as error:
        yield _failed("central", error)
        return
    with client:
        central = _result("central", lambda: f"{client.info().consortium} at {url} answers.")
        yield central
        yield _clock(folder, client if central.ok else None, now)
        yield from _roster(folder, settings, client, key, now)
        if central.ok:
            yield _registry(settings, client)
            yield from _images(folder, settings, client)
            yield from _published(folder, settings, client)


def _folder(folder: StationFolder) -> CheckResult:
    open_to_others = [
        path
        for path in (folder.path, folder.key)
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    if open_to_others:
        return CheckResult(
            "configuration",
            True,
            f"Others than the owner can look into {open_to_others[0]}.",
            f"chmod go= {open_to_others[0]}",
            warning=True,
        )
    return CheckResult("configuration", True, f"{folder.settings} can be read.")


def _policy(folder: StationFolder) -> CheckResult:
    found = _result("policy", lambda: f"New orders: {load_policy(folder.policy).mode}.")
    if found.ok or found.advice:
        return found
    return replace(
        found, advice="Mend it, then see with 'phtlab station policy show' how it is read"
    )


def _needed(folder: StationFolder) -> int:
    """Disk space for one run: its output volume, the sealed cargo, and the files about it."""
    try:
        limits = load_policy(folder.policy).limits.limits(0)
    except PhtlabError:  # reported by the policy's own check
        limits = Limits()
    return 2 * limits.output_bytes + 32 * MIB


def _clock(folder: StationFolder, client: CentralClient | None, now: Clock) -> CheckResult:
    central = None
    if client is not None:
        before = now()
        central = client.info().time
        # Correct by half of the round-trip time.
        central += (now() - before) / 2
    return judge_clock(now(), central, signed_moments(folder.trust))


def _registry(settings: StationSettings, client: CentralClient) -> CheckResult:
    try:
        return registry_check(client, settings.name, settings.registry)
    except (PhtlabError, OSError) as error:
        return _failed("registry", error)


def _images(
    folder: StationFolder, settings: StationSettings, client: CentralClient
) -> Iterator[CheckResult]:
    # A roster, policy or engine that fails here has a check of its own.
    with suppress(PhtlabError, OSError):
        found = images_check(folder, settings, client)
        if found is not None:
            yield found


def _roster(
    folder: StationFolder,
    settings: StationSettings,
    client: CentralClient,
    key: Identity | None,
    now: Clock,
) -> Iterator[CheckResult]:
    try:
        trusted = trust_of(folder, client).refresh()
        roster = trusted.roster
        member = roster.member(settings.name)
        role = "aggregator" if settings.aggregator else "station"
        if role not in member.roles:
            raise NotOnRosterError(
                f"{settings.name} is on the roster, but not with the role '{role}'.",
                "Ask an officer for it.",
            )
    except (PhtlabError, OSError) as error:
        yield _failed("roster", error)
        return
    what = f"{settings.name} is on the roster of {roster.consortium}, version {roster.version}."
    if not trusted.fresh or trusted.expires < now() + _ROSTER_WARNED:
        until = f"It holds until {trusted.expires:%Y-%m-%d %H:%M} UTC."
        advice = (
            "Tell an officer: 'phtlab consortium sign' and 'phtlab consortium publish' renew it"
        )
        yield CheckResult("roster", True, f"{what} {until}", advice, warning=True)
    else:
        yield CheckResult("roster", True, what)
    if key is None:
        return
    try:
        yield approvals_check(folder, settings.name, client, roster, now())
    except (PhtlabError, OSError) as error:
        yield _failed("approvals", error)
    if member.keys == key.public:
        yield CheckResult("key on the roster", True, f"The roster has this key of {settings.name}.")
        return
    yield CheckResult(
        "key on the roster",
        False,
        f"The roster has other keys for {settings.name} than {folder.key}.",
        "Put the right key.age there (from the backup); or run 'phtlab station request', send what "
        "it writes to the officers, and compare the fingerprint by telephone",
    )


def _key(
    identity: Callable[[], Identity], settings: StationSettings
) -> tuple[Identity | None, CheckResult]:
    try:
        key = identity()
        if key.name != settings.name:
            raise SettingsError(
                f"The key is of '{key.name}', and this station is '{settings.name}'.",
                "Put the station's own key.age into its folder, or mend 'name' in station.toml",
            )
    except (PhtlabError, OSError) as error:
        return None, _failed("key", error)
    return key, CheckResult("key", True, f"Opens; its fingerprint is {key.public.fingerprint}.")


def _audit(folder: StationFolder, settings: StationSettings) -> Iterator[CheckResult]:
    try:
        yield from audit_checks(folder, settings.name)
    except (PhtlabError, OSError) as error:
        yield _failed("audit log", error)


def _engine(folder: StationFolder, settings: StationSettings) -> Iterator[CheckResult]:
    try:
        executor = open_executor(folder, settings)
    except (PhtlabError, OSError) as error:
        yield _failed("engine", error)
        return
    try:
        yield from executor.check()
    finally:
        executor.close()


def _datasets(folder: StationFolder, settings: StationSettings) -> Iterator[CheckResult]:
    try:
        datasets = load_datasets(folder)
    except (PhtlabError, OSError) as error:
        yield _failed("data sets", error)
        return
    if not datasets:
        yield CheckResult(
            "data sets",
            False,
            "No data set is declared.",
            "phtlab station dataset add NAME PATH --schema FILE.toml",
        )
    # A twin station never opens the declared file.
    unreadable: Mapping[str, str] = {}
    try:
        unreadable = {} if settings.twin else _unreadable(folder, settings, datasets)
    except TrialUnfinishedError as error:
        yield CheckResult("data sets", True, error.message, error.hint, warning=True)
    for name, dataset in datasets.items():
        if not settings.twin:
            yield _dataset(name, dataset, unreadable.get(name))
        yield _twin(folder, name, dataset)


def _unreadable(
    folder: StationFolder, settings: StationSettings, datasets: Mapping[str, DataSet]
) -> Mapping[str, str]:
    """Return what a run could not read, by file modes if the engine cannot run a trial.

    Raises TrialUnfinishedError if the engine's trial was interrupted.
    """
    paths = {
        name: dataset.path.absolute() for name, dataset in datasets.items() if dataset.path.exists()
    }
    try:
        executor = open_executor(folder, settings)
        try:
            return executor.unreadable(paths)
        finally:
            executor.close()
    except TrialUnfinishedError:
        raise
    except PhtlabError:  # the engine's own checks report its errors
        return {name: "" for name, path in paths.items() if not readable_in_sandbox(path)}


def _dataset(name: str, dataset: DataSet, unreadable: str | None) -> CheckResult:
    def found() -> str:
        dataset.require()
        check_file(dataset)
        return f"{dataset.path} is as declared."

    result = _result(f"data set {name}", found)
    if result.ok and unreadable is not None:
        where = f" ({unreadable})" if unreadable else ""
        return CheckResult(
            result.name,
            False,
            f"The sandbox's user (65532) cannot read {dataset.path}{where}.",
            f"chmod -R o+rX {dataset.path}   (the folder above may stay closed to others)",
        )
    return result


def _twin(folder: StationFolder, name: str, dataset: DataSet) -> CheckResult:
    def found() -> str:
        check_twin(folder, dataset)
        return f"{twin_file(folder, name)} is what the schema says."

    return _result(f"twin {name}", found)


def _published(
    folder: StationFolder, settings: StationSettings, client: CentralClient
) -> Iterator[CheckResult]:
    """Check that central shows the declared data sets to researchers."""
    try:
        declared = load_datasets(folder)
        own_views = [view for view in client.stations() if view.name == settings.name]
    except (PhtlabError, OSError):  # reported by the checks of data sets or roster
        return
    published = {data.name: data.schema_digest for view in own_views for data in view.datasets}
    ours = {name: dataset.schema.digest for name, dataset in declared.items()}
    if published == ours:
        yield CheckResult("published", True, "Central shows the data sets that are declared here.")
    else:
        yield CheckResult(
            "published",
            True,
            "Central shows other data sets than are declared here.",
            "phtlab station run: it publishes them as it begins, and whenever they change",
            warning=True,
        )


def _result(name: str, found: Callable[[], str]) -> CheckResult:
    try:
        return CheckResult(name, True, found())
    except (PhtlabError, OSError) as error:
        return _failed(name, error)


def _failed(name: str, error: PhtlabError | OSError) -> CheckResult:
    if isinstance(error, OSError):  # of a disk, which has its own check
        where = f" in {error.filename}" if error.filename else ""
        sentence = f"It cannot be looked at: {error.strerror or type(error).__name__}{where}."
        return CheckResult(name, False, sentence, "Mend what is said of the disk, and check again")
    return CheckResult(name, False, error.message, error.hint)

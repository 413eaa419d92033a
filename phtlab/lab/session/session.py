"""One researcher's connection to one consortium: key, central, verified roster, registry."""

from __future__ import annotations

from functools import cached_property

from phtlab.errors import OrderError
from phtlab.lab.session.kernel_documents import kernel_documents
from phtlab.lab.session.pinned_trust import trust_of
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.roster import KernelImage
from phtlab.trust_store.trust import Trust, Trusted
from phtlab.user_settings import UserSettings, cache_directory
from phtlab.wire.api.journeys import StationView
from phtlab.wire.central.client import CentralClient
from phtlab.wire.registry.client import Registry


class Session:
    """Connection for trains, journeys, proposals and results. The private key stays in it."""

    def __init__(
        self,
        identity: Identity,
        central: CentralClient,
        trust: Trust,
        *,
        registry_url: str | None = None,
    ) -> None:
        """`registry_url` is the registry's address from this machine, by default central's."""
        self.identity = identity
        self.central = central
        self.trust = trust
        self._registry_url = registry_url
        self._trusted: Trusted | None = None

    @property
    def name(self) -> str:
        """The member's name on the roster."""
        return self.identity.name

    @property
    def trusted(self) -> Trusted:
        """Roster and catalogue, verified once per session; `refresh()` fetches them again."""
        return self._trusted or self.refresh()

    def refresh(self) -> Trusted:
        """Fetch and verify the newest roster and catalogue that the consortium signed."""
        self._trusted = self.trust.refresh()
        return self._trusted

    @cached_property
    def registry(self) -> Registry:
        """The consortium's registry, with tokens that central issues to this member."""
        url = self._registry_url or self.central.info().registry_url
        return Registry(url, self.central.registry_token)

    def stations(self) -> tuple[StationView, ...]:
        """The stations, their data sets, and whether they are online; no aggregators."""
        return tuple(view for view in self.central.stations() if view.has_data)

    def twin_stations(self) -> tuple[str, ...]:
        """Return the first twin station, for dry runs. Raises OrderError if there is none."""
        twins = tuple(m.name for m in self.trusted.roster.with_role("twin"))
        if not twins:
            raise OrderError(
                "This consortium has no twin station, so there is nowhere for a dry run to go.",
                "Ask an operator to set one up: 'phtlab station init --twin'.",
                code="no-twin-station",
            )
        return twins[:1]

    def kernel_documents(self, kernel: KernelImage) -> tuple[bytes, bytes]:
        """Return the kernel image's manifest and configuration, from the cache or the registry."""
        return kernel_documents(self.registry, kernel, cache_directory() / "kernels")


def open_session(profile: UserSettings, identity: Identity) -> Session:
    """Open the session of `identity` at the consortium of `profile`. Raises as `trust_of`."""
    central = CentralClient(profile.central, identity, consortium=lambda: trust.consortium)
    trust = trust_of(profile, central)
    return Session(identity, central, trust, registry_url=profile.registry)

"""`stations`, `kernels` and `members`: the consortium, as its roster and central tell it."""

from __future__ import annotations

from phtlab.lab.server import api
from phtlab.lab.server.answers import kernel_answer, member_answer, stations_answer
from phtlab.lab.server.exchange import Exchange, Nothing


class StationsExchange(Exchange[Nothing]):
    """GET: the stations, as last heard."""

    def read(self, **path: str) -> list[api.Station]:
        return stations_answer(self.workspace)


class KernelsExchange(Exchange[Nothing]):
    """GET: the kernel images that the consortium's officers allow."""

    reads_in = "slow"

    def read(self, **path: str) -> list[api.Kernel]:
        _, catalogue = self.workspace.refreshed()
        return [kernel_answer(image) for image in catalogue.images]


class MembersExchange(Exchange[Nothing]):
    """GET: those of the roster who are no stations."""

    reads_in = "slow"

    def read(self, **path: str) -> list[api.Member]:
        roster, _ = self.workspace.refreshed()
        return [member_answer(member) for member in roster.members if not member.is_station]

"""`stations`, `kernels` and `members`: the consortium, as its roster and central tell it."""

from __future__ import annotations

from phtlab.lab.server.answers import Shape, kernel_shape, member_shape, stations_shape
from phtlab.lab.server.exchange import Exchange, Nothing


class StationsExchange(Exchange[Nothing]):
    """GET: `IStation[]`, as last heard."""

    def read(self, **path: str) -> list[Shape]:
        return stations_shape(self.workspace)


class KernelsExchange(Exchange[Nothing]):
    """GET: `IKernel[]`, the kernel images that the consortium's officers allow."""

    reads_in = "slow"

    def read(self, **path: str) -> list[Shape]:
        _, catalogue = self.workspace.refreshed()
        return [kernel_shape(image) for image in catalogue.images]


class MembersExchange(Exchange[Nothing]):
    """GET: `IMember[]`, those of the roster who are no stations."""

    reads_in = "slow"

    def read(self, **path: str) -> list[Shape]:
        roster, _ = self.workspace.refreshed()
        return [member_shape(member) for member in roster.members if not member.is_station]

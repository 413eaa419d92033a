"""Rounds by number of stations: of 3, 10 and 30, all on this machine.

The stations are simulated: daemons as they are, with `bench.simulated_station` in place of the
sandbox. Central and registry are real. All stations compute on the machine's processors, which a
consortium's do not: the time for each further station is this machine's, not the network's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from bench.consortium import researcher_environment
from bench.figures import Row, keep, line, median, row, spread
from bench.process_time import processor_seconds
from bench.rounds import RoundsBench, open_policies
from bench.size import FULL, BenchSize
from phtlab.demo.heart import write_patients
from phtlab.demo.showcase import connected
from phtlab.demo.world import STATIONS, World, running
from phtlab.processes.services import Service
from phtlab.share import share
from phtlab.station.data.datasets import add_dataset
from phtlab.station.settings.folder import StationFolder

_PLACE = Path(__file__).parent.parent
_HOSPITALS = STATIONS[:4]


@dataclass(frozen=True)
class SimulatedWorld(World):
    """A consortium of simulated stations, each with the data of one of the four hospitals."""

    hospitals: Mapping[str, str] = field(default_factory=dict)

    def services(self) -> list[Service]:
        return [
            self._simulated(service) if service.name in self.hospitals else service
            for service in super().services()
        ]

    def _simulated(self, service: Service) -> Service:
        folder = str(self.station_folder(service.name))
        return replace(
            service,
            command=[sys.executable, "-m", "bench.simulated_station", folder],
            environment={**service.environment, "PYTHONPATH": str(_PLACE)},
        )

    def _give_data(self, station: str, folder: StationFolder) -> None:
        patients = self.directory / "patients" / station / "heart.csv"
        patients.parent.mkdir(parents=True)
        write_patients(
            share("notebooks/data/heart_disease_uci.csv"), self.hospitals[station], patients
        )
        add_dataset(folder, "heart", patients, share("notebooks/data/heart.toml").read_bytes())


def measure(size: BenchSize) -> list[Row]:
    """Measure further rounds of each number of stations; the largest one is the row."""
    most = max(size.rounds_stations)
    hospitals = {f"simulated-{i + 1}": _HOSPITALS[i % len(_HOSPITALS)] for i in range(most)}
    names, took, work = list(hospitals), dict[int, list[float]](), dict[int, float]()
    with TemporaryDirectory(prefix="phtlab-bench-") as made:
        world = SimulatedWorld(
            Path(made) / "world", log_n=12, stations=tuple(names), hospitals=hospitals
        )
        environment = researcher_environment(world)
        with (
            mock.patch.dict(os.environ, environment),
            running(world, lambda doing: None),
            open_policies(world, names),
        ):
            lab = connected(world)
            for count in size.rounds_stations:
                bench = RoundsBench(world, lab, Path(made), names[:count], size)
                bench.run(f"warm-up-{count}", 2)
                before = processor_seconds(world)
                run = bench.run(f"stations-{count}", size.rounds_further + 1)
                work[count] = (processor_seconds(world) - before) / (size.rounds_further + 1)
                took[count] = run.further
                print(line(f"a round of {count} simulated stations", run.further))
    shown = ", ".join(
        f"{count}: {median(seconds):.3g} s ({work[count]:.3g} s of processor time)"
        for count, seconds in took.items()
    )
    note = f"{spread(took[most])}. By number of simulated stations, all on this machine: {shown}."
    return [row(f"round_{max(FULL.rounds_stations)}_stations", median(took[most]), note)]


if __name__ == "__main__":
    keep(measure(FULL))

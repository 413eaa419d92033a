"""A researcher who fills a station's memory with counts of nobody, close to any true one."""

from __future__ import annotations

from pathlib import Path

from phtlab.station.airlock.history import released_counts
from tests.attack.publishing import Airlock, counts, scalar
from tests.evidence import Evidence


def test_made_up_counts_are_put_aside_by_a_person(tmp_path: Path, evidence: Evidence) -> None:
    evidence(
        "attacks",
        attacker="hostile researcher",
        promise="cannot keep others' counts at a station for ever by made-up ones",
        outcome="a person puts them aside: `phtlab station disregard`",
    )
    airlock = Airlock(tmp_path / "released")
    made_up = {
        f"c{i}": scalar(15 + 10 * i, counts="n", where={"of": f"group {i}"}) for i in range(40)
    }
    assert {verdict.verdict for verdict in airlock.stop(**made_up).values()} == {"released"}
    by_sex = counts("sex", {"female": 97, "male": 206})
    assert airlock.stop(t=by_sex)["t"].verdict == "held"
    (kept,) = airlock.folder.glob("*.json")
    released_counts.disregard(airlock.folder, kept.stem)
    assert airlock.stop(t=by_sex)["t"].verdict == "released"

"""A researcher who wants what the airlock keeps: by sums, by asking twice, by hostile files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.airlock.cases import CASES, Case, Published, counted
from tests.airlock.test_cases import stop
from tests.evidence import Evidence
from tests.station.airlock.test_files import link, passed, tarred, zipped


@pytest.mark.parametrize(
    ("what", "first", "second"),
    [
        (
            "compute a small count from a total asked for later",
            {"by_sex": counted("sex", {"female": 4, "male": 20})},
            {"everyone": Published(kind="scalar", value=24)},
        ),
        (
            "compute a small count from another table asked for later",
            {"by_sex": counted("sex", {"female": 4, "male": 20})},
            {"by_age": counted("age", {"old": 11, "young": 13})},
        ),
        (
            "single out one person by asking with another age limit",
            {"over50": counted("sex", {"female": 49, "male": 54})},
            {"over51": counted("sex", {"female": 49, "male": 53})},
        ),
    ],
)
def test_asking_twice_gives_no_more_than_asking_once(
    what: str,
    first: dict[str, Published],
    second: dict[str, Published],
    tmp_path: Path,
    evidence: Evidence,
) -> None:
    stop(tmp_path / "released", first)
    (one,) = stop(tmp_path / "released", second).values()
    assert one.verdict.verdict in ("suppressed", "refused")
    told = set(re.findall(r"[0-9]+", one.verdict.sentence))
    assert not told & {"4", "11", "13", "20", "24", "49", "53", "54"}
    evidence(
        "attacks",
        attacker="hostile researcher",
        promise=f"cannot {what}",
        outcome=f"{one.verdict.verdict}: {one.verdict.rule}",
    )


LITERATURE = [c for c in CASES if c.rule == "complementary" and c.caught and not c.before]


@pytest.mark.parametrize("case", LITERATURE, ids=lambda case: case.title)
def test_no_total_beside_a_table_tells_what_was_taken_out(
    case: Case, tmp_path: Path, evidence: Evidence
) -> None:
    found = stop(tmp_path / "released", case.outputs)
    assert any(
        finding.rule == "complementary" for one in found.values() for finding in one.findings
    )
    evidence(
        "attacks",
        attacker="hostile researcher",
        promise="cannot compute a cell that was taken out from a total beside it",
        outcome="what would tell it stays too: `complementary`",
    )


@pytest.mark.parametrize(
    ("what", "content"),
    [
        ("an archive that unpacks to more than may leave", zipped({"a": bytes(20 * 2**20)})),
        ("an archive with a link to the station's files", tarred(("a", b"", link))),
        ("an archive with an absolute name", zipped({"/etc/passwd": b"x"})),
        ("an archive within an archive", zipped({"a.zip": zipped({"b": b"x"})})),
        ("a pickle", b"\x80\x04\x95\x05\x00"),
        ("a vector figure with a script", b"<svg onload='alert(1)'/>"),
        ("JSON of a thousand levels", b"[" * 1000),
    ],
)
def test_no_file_does_more_than_be_a_file(what: str, content: bytes, evidence: Evidence) -> None:
    one = passed(content)
    assert (one.verdict.verdict, one.files) == ("refused", {})
    assert len(json.dumps(one.verdict.model_dump())) < 1000
    evidence(
        "attacks",
        attacker="hostile researcher",
        promise=f"cannot send {what}",
        outcome=f"refused: {one.verdict.rule}",
    )

"""Every code that a stop can end with is in docs/outcomes.md, and every setting in its page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from phtlab import errors
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.station.policy.policy import Allowed, ApprovalRules, HandOn, LimitCaps, Policy, Rule
from phtlab.station.policy.release_rules import ReleaseRules
from phtlab.station.policy.round_rules import RoundRules
from phtlab.station.settings.settings import StationSettings
from phtlab.station.stops.sentences import APPROVAL, RUN, STATION, ending_of, run_failed

ROOT = Path(__file__).parents[3]
INSIDE = {"image-refused"}
"""Codes of a station's packages that do not leave it: this one leaves as `image-unavailable`."""
OUTCOMES = (ROOT / "docs" / "outcomes.md").read_text()


def named_in(package: str, pattern: str) -> set[str]:
    """What `pattern` finds in all source files of a package and of those below it: something."""
    sources = (ROOT / "phtlab" / package).rglob("*.py")
    found = {name for file in sources for name in re.findall(pattern, file.read_text())}
    assert found, f"nothing in phtlab/{package} is named by {pattern}"
    return found


def codes_in(package: str) -> set[str]:
    """The codes about a sender's part that a package names."""
    return named_in(package, r'code="((?:order|train|image|parameter|signature)-[a-z-]+)"')


def test_each_code_is_documented() -> None:
    public = {*RUN, *STATION, *APPROVAL, "cancelled", "operator", "signature", "not-on-roster"}
    public |= named_in("station/policy", r'_refuse\(\s*"([a-z-]+)"')
    public |= codes_in("train") | codes_in("notebook") | codes_in("station") - INSIDE
    assert len(public) > 90
    assert not sorted(code for code in public if f"`{code}`" not in OUTCOMES)


def test_each_rule_of_the_airlock_is_documented() -> None:
    rules = named_in("station/airlock", r'(?:code=|_refused\()"([a-z-]+)"')
    assert {rule for rule in rules if f"`{rule}`" not in OUTCOMES} == set()


def test_each_setting_is_documented() -> None:
    text = (ROOT / "docs" / "station.md").read_text()
    for name in StationSettings.model_fields:
        assert f"| `{name}` |" in text, name


def test_each_entry_of_the_policy_is_documented() -> None:
    text = (ROOT / "docs" / "policy.md").read_text()
    for part in (
        *(Policy, Allowed, HandOn, Rule, ApprovalRules, LimitCaps),
        *(AirlockRules, ReleaseRules, RoundRules),
    ):
        for name in part.model_fields:
            assert re.search(rf"^\[*(?:airlock\.)?{name}\b", text, re.MULTILINE), name
    for kind in ("tables", "scalars", "figures", "models", "files"):
        part = text.split(f"[airlock.{kind}]")[1].split("[airlock.")[0]
        for name in type(getattr(AirlockRules(), kind)).model_fields:
            assert re.search(rf"^{name} = ", part, re.MULTILINE), f"{kind}: {name}"


def test_public_sentences_hold_no_path_and_say_whom_to_ask() -> None:
    for sentence in (*RUN.values(), *STATION.values(), *APPROVAL.values()):
        assert "/" not in sentence
        assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("error", "admitted", "expected"),
    [
        (
            errors.OrderExpiredError("It is over."),
            False,
            ("refused", "order-expired", "It is over."),
        ),
        (
            errors.SandboxError("/dev/loop7 is busy"),
            True,
            ("failed", "sandbox", STATION["sandbox"]),
        ),
        (
            errors.StationError("/srv/x is broken", code="stop-broken"),
            True,
            ("failed", "station-error", STATION["station-error"]),
        ),
        (
            errors.AirlockError("A file is missing", code="output-missing"),
            True,
            ("failed", "output-missing", RUN["output-missing"]),
        ),
        (
            errors.RegistryError("denied"),
            False,
            ("refused", "image-unavailable", STATION["image-unavailable"]),
        ),
    ],
)
def test_an_error_ends_a_stop_with_what_may_be_said_of_it(
    error: errors.PhtlabError, admitted: bool, expected: tuple[str, str, str]
) -> None:
    ending = ending_of(error, admitted=admitted)
    assert (ending.outcome, ending.code, ending.sentence) == expected


def test_a_failed_run_has_its_sentence() -> None:
    assert run_failed("out-of-memory").sentence == RUN["out-of-memory"]

"""The station's policy, `policy.toml`, and the pure decision on one order.

`[allow]` lists which orders may come at all; `mode` decides whether an allowed order starts, waits
for a person, or is refused. A rule can decide otherwise for the orders that it names. Each order is
decided anew; nothing is remembered.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, ValidationError

from phtlab.errors import PolicyError
from phtlab.governance.risk import Risk, within
from phtlab.station.executor.contract import Limits
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.station.policy.month_limits import (
    MonthLimits,
)
from phtlab.station.policy.release_rules import ReleaseRules
from phtlab.station.policy.round_rules import RoundRules
from phtlab.station.settings.sizes import Size
from phtlab.strict_model import StrictModel
from phtlab.train.documents.manifest import OutputKind, Route, Train
from phtlab.train.documents.order import Order
from phtlab.train.documents.roster import KernelImage
from phtlab.validation_summary import validation_summaries

Mode = Literal["auto", "human", "refuse"]
ANY = "*"


class Allowed(StrictModel):
    """Which orders may come at all; `"*"` is everyone, or everything."""

    researchers: tuple[str, ...] = Field((ANY,), description="Names on the roster")
    images: tuple[str, ...] = Field((ANY,), description="Kernel images, by name or digest")
    datasets: tuple[str, ...] = Field((ANY,), description="Data sets that may be analysed")
    routes: tuple[Route, ...] = Field(
        ("parallel",), description="Kinds of route: parallel, sequential, rounds"
    )


class HandOn(StrictModel):
    """What this station hands on to the next one of a sequential route, and what it receives."""

    kinds: tuple[OutputKind, ...] = Field(
        ("model", "scalar"), description="Kinds of outputs that are handed on"
    )
    stations: tuple[str, ...] = Field(
        (ANY,), description="Stations that outputs are handed on to, by name"
    )
    received: Size = Field(
        256 * 2**20, description="Bytes of the largest cargo that the station before hands on"
    )


class Rule(StrictModel):
    """`mode` for the orders that match all named values; an omitted entry matches all."""

    mode: Mode = Field(description="Admission of the orders that match")
    researchers: tuple[str, ...] = Field((ANY,), description="Names on the roster")
    trains: tuple[str, ...] = Field((ANY,), description="Digests of trains")
    datasets: tuple[str, ...] = Field(
        (ANY,), description="Data sets; the rule matches if it names every data set of the train"
    )
    reason: str = Field("", description="Reported to the researcher when the rule refuses")

    def fits(self, order: Order, train: Train, researcher: str) -> bool:
        return (
            _fits(self.researchers, researcher)
            and _fits(self.trains, order.train)
            and all(_fits(self.datasets, name) for name in train.manifest.datasets)
        )


class ApprovalRules(StrictModel):
    """When an order needs a signed approval, by how many persons, and for how long at most."""

    required: Literal["none", "low", "mid", "high"] = Field(
        "none",
        description="Trains of at least this risk need an active approval, even where `mode` or a "
        "rule is auto; none: auto needs no approval",
    )
    two_persons: tuple[Risk, ...] = Field(
        (), description="Trains of these risks need the approval of two different persons"
    )
    maximum_days: int = Field(
        365, ge=1, le=3650, description="Maximum number of days that an approval is valid"
    )
    agreement: bool = Field(
        False,
        description="Whether a researcher must have accepted the consortium's agreement, if the "
        "officers signed one",
    )

    def persons(self, risk: Risk) -> int:
        """Return how many different persons must approve a train of this risk."""
        return 2 if risk in self.two_persons else 1

    def demands(self, risk: Risk) -> bool:
        """Return whether a train of this risk needs an approval whatever the mode."""
        return self.required != "none" and within(self.required, risk)


class LimitCaps(StrictModel):
    """Limits of every run; sizes in bytes or as "512 MiB", times in seconds."""

    memory: Size = Field(2**30, description="Bytes of all its processes, /tmp included, no swap")
    cpus: float = Field(1.0, gt=0, description="Processors")
    pids: int = Field(256, ge=1, description="Processes and threads")
    seconds: int = Field(3600, ge=1, description="Seconds of wall clock; stopped from outside too")
    grace: int = Field(5, ge=0, description="Seconds between the request to end and the kill")
    output: Size = Field(64 * 2**20, description="Bytes of the output volume")
    output_files: int = Field(1024, ge=1, description="Files in the output volume")
    tmp: Size = Field(256 * 2**20, description="Bytes of /tmp")
    file: Size = Field(64 * 2**20, description="Bytes of the largest single file")
    open_files: int = Field(1024, ge=16, description="Files open at once, a process")
    log: Size = Field(2**20, description="Bytes kept of what it prints")

    def limits(self, gpus: int = 0) -> Limits:
        return Limits(
            memory_bytes=self.memory,
            cpus=self.cpus,
            pids=self.pids,
            seconds=self.seconds,
            grace_seconds=self.grace,
            output_bytes=self.output,
            output_inodes=self.output_files,
            tmp_bytes=self.tmp,
            file_bytes=self.file,
            open_files=self.open_files,
            log_bytes=self.log,
            gpus=gpus,
        )


class Policy(StrictModel):
    """The whole of `policy.toml`."""

    mode: Mode = Field("human", description="Admission of an order that `[allow]` permits")
    allow: Allowed = Allowed()
    progress: Literal["none", "cells"] = Field(
        "none",
        description="Progress reported of a run on data until it ends: none, or the current cell, "
        "whose timing the run can use to disclose data; a twin always reports cells",
    )
    publish_rules: bool = Field(
        True,
        description="Whether central shows `[airlock]`, from which a dry run forecasts what would "
        "be withheld or held; sentences that leave name its numbers in any case",
    )
    rules: tuple[Rule, ...] = ()
    approval: ApprovalRules = ApprovalRules()
    limits: LimitCaps = LimitCaps()
    airlock: AirlockRules = AirlockRules()
    hand_on: HandOn = HandOn()
    rounds: RoundRules = RoundRules()
    month: MonthLimits = MonthLimits()
    release: ReleaseRules = ReleaseRules()


@dataclass(frozen=True)
class Decision:
    """Decision on an order: `code` is empty unless refused; `sentence` is for people."""

    verdict: Literal["admit", "hold", "refuse"]
    sentence: str
    code: str = ""


def decide(
    policy: Policy,
    order: Order,
    train: Train,
    *,
    researcher: str,
    station: str,
    present: Collection[str],
    risk: Risk,
) -> Decision:
    """Decide whether `order`, already verified, starts at this station. Pure.

    `present` names the data sets that this station holds; `risk` is the station's own assessment.
    An order that is held waits for an active approval.
    """
    refused = refuse_by_lists(
        policy, order, train, researcher=researcher, station=station, present=present
    )
    if refused is not None:
        return refused
    rule = next((r for r in policy.rules if r.fits(order, train, researcher)), None)
    mode = rule.mode if rule else policy.mode
    if mode == "refuse":
        why = f": {rule.reason}" if rule and rule.reason else ""
        return _refuse("policy", f"The policy of {station} refuses this train{why}")
    if mode == "human":
        return Decision("hold", f"{station} lets a person look at it first.")
    if policy.approval.demands(risk):
        return Decision("hold", f"{station} lets a person look at trains of {risk} risk first.")
    return Decision("admit", f"The policy of {station} admits it.")


def refuse_by_lists(
    policy: Policy,
    order: Order,
    train: Train,
    *,
    researcher: str,
    station: str,
    present: Collection[str],
) -> Decision | None:
    """Return the refusal of an order that the policy's lists do not permit, or None. Pure."""
    manifest = train.manifest
    if not _fits(policy.allow.researchers, researcher):
        return _refuse("researcher-not-allowed", f"{station} does not admit orders of {researcher}")
    if not _takes_part(policy, order):
        return _refuse(
            "route-not-allowed",
            f"{station} does not take part in journeys of route '{order.route}'",
        )
    refused = refuse_rounds(policy, order, station) or refuse_to_hand_on(
        policy, order, train, station
    )
    if refused is not None:
        return refused
    if not _fits(policy.allow.images, manifest.kernel.name, manifest.kernel.digest):
        return _refuse(
            "image-not-allowed", f"{station} does not run the kernel image '{manifest.kernel.name}'"
        )
    if order.aggregator == station:
        return None  # it has no data, and releases no outputs
    for name in manifest.datasets:
        if name not in present:
            held = ", ".join(sorted(present)) or "none"
            return _refuse(
                "data-set-missing", f"{station} has no data set '{name}'; it holds: {held}"
            )
        if not _fits(policy.allow.datasets, name):
            return _refuse("data-set-not-allowed", f"{station} does not admit analyses of '{name}'")
    for output in manifest.outputs:
        if output.kind not in policy.airlock.kinds:
            return _refuse("kind-not-allowed", _no_kind(station, output.name, output.kind))
    return None


def _takes_part(policy: Policy, order: Order) -> bool:
    """Whether the station takes part in a journey of this kind of route.

    At one station, as in a dry run, nothing is received or handed on: that is allowed as parallel.
    """
    alone = len(order.stations) == 1 and order.continues is None
    route = "parallel" if order.route == "sequential" and alone else order.route
    return bool({route, order.route} & set(policy.allow.routes))


def refuse_rounds(policy: Policy, order: Order, station: str) -> Decision | None:
    """Return the refusal of the rounds of an order, or None, also if it is for none. Pure."""
    if order.rounds is None:
        return None
    if why := policy.rounds.why_not_so_many(order.rounds):
        return _refuse("rounds-too-many", f"{station} {why}")
    combines = order.aggregator == station
    if not combines and (why := policy.rounds.why_not_combined(order.rounds)):
        return _refuse("rounds-aggregator", f"{station} {why}")
    return None


def refuse_to_hand_on(policy: Policy, order: Order, train: Train, station: str) -> Decision | None:
    """Return the refusal to hand on to the next station what the train hands on, or None. Pure."""
    following = order.next_after(station)
    if following is None:
        return None
    if not _fits(policy.hand_on.stations, following):
        return _refuse("hand-on-not-allowed", f"{station} hands nothing on to {following}")
    for output in train.manifest.handed_on:
        if output.kind not in policy.hand_on.kinds:
            return _refuse(
                "hand-on-not-allowed",
                f"{station} hands on no output of kind '{output.kind}' ('{output.name}')",
            )
    return None


def load_policy(path: Path) -> Policy:
    """Load the policy from `path`. Raises PolicyError naming the entry that is wrong."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise PolicyError(
            f"There is no policy: {path} is missing.",
            "Without one nothing is admitted; docs/policy.md has one to start from.",
            code="policy-missing",
        ) from None
    except UnicodeDecodeError as error:
        raise PolicyError(f"{path} is not valid TOML: {error}.", code="policy-invalid") from None
    return parse_policy(text, str(path))


@lru_cache(maxsize=8)
def parse_policy(text: str, where: str = "the policy") -> Policy:
    """Parse the policy from TOML, once for each text: a round reads it several times.

    Raises PolicyError naming the entry that is wrong.
    """
    try:
        return Policy.model_validate(tomllib.loads(text))
    except ValidationError as error:
        entry, why = validation_summaries(error)[0]
        raise PolicyError(
            f"{where}: '{entry}' is wrong: {why}.", "See docs/policy.md.", code="policy-invalid"
        ) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise PolicyError(f"{where} is not valid TOML: {error}.", code="policy-invalid") from None


def default_policy(mode: Mode = "human", *, twin: bool = False, aggregator: bool = False) -> str:
    """Return the `policy.toml` of a new station.

    A twin's admits dry runs of every route, an aggregator's the route of rounds.
    """
    routes = get_args(Route) if twin else ("rounds",) if aggregator else ("parallel",)
    return _DEFAULT.replace("MODE", mode).replace("ROUTES", ", ".join(f'"{r}"' for r in routes))


_DEFAULT = """\
# What this station allows. docs/policy.md explains every entry.

# What happens to an order that the lists below allow:
# "auto" starts it, "human" waits for 'phtlab station approve', "refuse" refuses it.
mode = "MODE"

[allow]
researchers = ["*"]          # names on the roster
images = ["*"]               # kernel images by name or digest; the catalogue always applies
datasets = ["*"]
routes = [ROUTES]        # "sequential": outputs are handed on to the next station
                             # "rounds": cells run again and again; [rounds] limits how often

# [[rules]]                  # the first rule that fits decides instead of `mode`
# mode = "auto"
# researchers = ["alice"]
# trains = ["sha256:..."]

[approval]                   # of what waits for a person
required = "none"            # "low", "mid" or "high": from this risk on "auto" waits as well
two_persons = []             # ["mid", "high"]: at these risks two different persons must approve
maximum_days = 365           # an approval ends after that
agreement = false            # true: who asks must have accepted the consortium's agreement

[rounds]                     # of one journey of rounds
most = 50                    # at most so many rounds
without_membership = 0       # numbers that all rounds together may release beyond [airlock.models]
interval = 0                 # seconds between the moments at which answers leave; 0: no grid
aggregators = []             # names on the roster; rounds of the researcher's kernel need none
require_aggregator = false   # true: no rounds that the researcher's kernel combines

[limits]                     # of every run
memory = "1 GiB"
cpus = 1.0
seconds = 3600
output = "64 MiB"

[airlock]                    # what may leave
minimum_count = 10           # cells with fewer, and with none, are suppressed
kinds = ["table", "scalar", "figure", "model"]

[release]                    # of outputs that the airlock holds for a person
days = 7                     # an output waits so long, and never past the order's end
two_persons = []             # ["high"]: at these risks two different persons must agree
"""


def _refuse(code: str, sentence: str) -> Decision:
    return Decision("refuse", f"{sentence}. Ask its operator.", code)


def _no_kind(station: str, name: str, kind: OutputKind) -> str:
    return f"{station} releases no output of kind '{kind}', which '{name}' is"


def _fits(allowed: tuple[str, ...], *names: str) -> bool:
    return ANY in allowed or any(name in allowed for name in names)


def allowed_images(policy: Policy, images: Iterable[KernelImage]) -> tuple[KernelImage, ...]:
    """Return the newest image of each kernel name that `policy` allows; `images`: newest last."""
    if policy.mode == "refuse" and not policy.rules:
        return ()
    newest = {
        image.name: image
        for image in images
        if _fits(policy.allow.images, image.name, image.digest)
    }
    return tuple(newest.values())


def described(policy: Policy) -> dict[str, Any]:
    """Return the policy as JSON, for `phtlab station policy show`."""
    return policy.model_dump(mode="json")

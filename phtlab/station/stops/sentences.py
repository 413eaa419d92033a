"""Codes and public sentences for every way in which a stop can end without departing.

The sentences go to central and into the signed record. What the station knows beyond them (paths,
messages, values) stays in the stop's folder. docs/outcomes.md explains each code; a test compares
it with this list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from phtlab.errors import (
    CentralError,
    EngineMissingError,
    OrderError,
    ParameterError,
    PhtlabError,
    RecordError,
    RegistryError,
    RosterError,
    SandboxError,
    SealError,
    SignatureError,
    StationError,
    TrainError,
)
from phtlab.station.stops.file_contents import Ending
from phtlab.train.documents.record import CellError

RUN: Mapping[str, str] = {
    "combined-form": "The combine cells sent nothing, or something else than the round cells "
    "receive, or reported more than a report holds.",
    "cell-failed": "A cell of the train failed at this station.",
    "kernel-died": "The kernel ended by itself while a cell ran.",
    "out-of-memory": "The run needed more memory than this station gives.",
    "out-of-time": "The run took longer than this station allows and was stopped.",
    "output-quota": "The run wrote more than this station allows.",
    "output-error": "The train published something that cannot be published as declared.",
    "output-missing": "The run ended without publishing an output that the train declares.",
    "output-undeclared": "The run left an output that the train does not declare; nothing leaves.",
    "airlock-refused": "The airlock of this station let none of the outputs leave.",
    "hand-on-form": "The run published a value for the next station that is not as the train "
    "declares.",
    "hand-on-refused": "The airlock of this station does not let everything leave that the next "
    "station receives.",
    "round-amount": "A round released more than the first one did, and this station ended the "
    "series.",
    "round-budget": "All rounds of the order together would release more than this station lets "
    "leave. Dispatch the train again with fewer rounds, or smaller outputs.",
    "round-held": "The airlock of this station would hold an output of a round for a person, and "
    "ended the series.",
    "round-kept": "A round kept more for the rounds that follow than this station's limit for an "
    "output, or not as phtlab.keep writes it.",
    "round-people": "An output of a round is of another number of people than in the first round.",
    "round-quorum": "Fewer stations were left than a round needs, and the rounds have ended.",
    "round-terms": "A round published something else than this station's approval names.",
    "release-expired": "Nobody at this station released an output in time, and no other may leave.",
    "run-stopped": "The run was stopped at this station from outside.",
    "run-lost": "The run is gone from this station's engine and left nothing behind.",
    "run-restarts": "The run was lost again and again in one round, and this station starts it no "
    "more.",
    "run-record": "The run ended without a record that can be believed; nothing leaves.",
}
STATION: Mapping[str, str] = {
    "engine-missing": "This station's container engine does not answer. Ask its operator.",
    "trial-unfinished": "This station could not find out whether its sandbox holds. Ask its "
    "operator.",
    "sandbox": "This station cannot make the sandbox that it promises. Ask its operator.",
    "data-set-missing": "A data set of this train is not where it should be at this station. "
    "Ask its operator.",
    "image-unavailable": "This station is not given the train's image by the registry. Send the "
    "train again; if that does not help, ask central's operator.",
    "received-unavailable": "This station is not given by the registry what the station before "
    "handed on. Ask central's operator.",
    "update-unavailable": "This aggregator is not given by central or the registry what a station "
    "published in a round. Ask central's operator.",
    "cargo-undeliverable": "The registry does not take this station's cargo. Ask central's "
    "operator.",
    "seal": "The cargo cannot be sealed to the recipients of the order.",
    "station-restored": "This station was restored from a backup, and does not know what became of "
    "this journey. Dispatch the train again.",
    "station-error": "This station failed by a defect or a fault of its own. Ask its operator.",
}
APPROVAL: Mapping[str, str] = {
    "approval-revoked": "This station took back the approval that allowed this journey.",
    "approval-expired": "The approval that allowed this journey ended before it could start.",
    "approval-persons": "This station asks for more persons' approval than this journey has.",
    "approval-risk": "This station approved trains of a lower risk than this one's.",
    "approval-handed-on": "This station's approval does not name what this train hands on.",
    "approval-rounds": "This station's approval does not allow the order's rounds.",
    "approval-resources": "This station approved less memory, disk, cores, GPUs or time.",
    "approval-parameters": "The parameters are not within what this station approved.",
    "approval-data": "This station's approval does not name a data set of this train.",
    "approval-train": "This station approved another train.",
    "approval-notebook": "This station approved another notebook.",
    "approval-researcher": "This station approved trains of another researcher.",
    "approval-proposal": "This station approved another proposal, or another version of it.",
    "approval-void": "This station's approval is not signed by keys that it has now.",
    "agreement-missing": "This station requires that its researchers accepted the consortium's "
    "agreement. Read and accept it with 'phtlab key accept', and dispatch again.",
    "proposal-refused": "This station refused the proposal that this journey is under.",
    "proposal-withdrawn": "The proposal that this journey is under was withdrawn.",
    "proposal-ended": "The time that the proposal asked for is over.",
    "proposal-researcher": "The proposal is another researcher's.",
    "proposal-station": "The journey goes to a station that the proposal does not name.",
    "proposal-image": "The proposal names other kernel images than this train's.",
    "proposal-notebook": "The proposal names other notebooks than this train's.",
    "proposal-data": "The proposal does not name a data set of this train.",
    "proposal-handed-on": "The proposal does not name what this train hands on.",
    "proposal-rounds": "The proposal does not ask for the order's rounds.",
    "proposal-resources": "The proposal names less memory, disk, cores, GPUs or time.",
    "proposal-journeys": "The journeys that the proposal asked for were made here.",
    "proposal-parameters": "The parameters are not within what was proposed.",
}
ORDER_EXPIRED = "The order expired before its rounds were ended."
CANCELLED = "The journey was cancelled before this stop ended."

# Errors about the order, the train or the stops before, which disclose only what the sender knew.
_ABOUT_THE_SENDER = (
    SignatureError,
    OrderError,
    ParameterError,
    RecordError,
    RosterError,
    TrainError,
)


def cancelled() -> Ending:
    return Ending(outcome="cancelled", code="cancelled", sentence=CANCELLED)


def run_failed(code: str, error: CellError | None = None) -> Ending:
    """Return the ending of a run that ended with `code`, one of RUN."""
    return Ending(outcome="failed", code=code, sentence=RUN[code], error=error)


def ending_of(error: PhtlabError, *, admitted: bool) -> Ending:
    """Return the ending for `error`: refused before the stop was admitted, failed after."""
    outcome: Literal["refused", "failed"] = "failed" if admitted else "refused"
    code = public_code(error)
    sentence = RUN.get(code) or STATION.get(code) or str(error)
    return Ending(outcome=outcome, code=code, sentence=sentence)


def public_code(error: PhtlabError) -> str:
    """Return the public code: the error's own if it is about the sender's part, else ours."""
    if isinstance(error, _ABOUT_THE_SENDER) or error.code in RUN:
        return error.code
    if isinstance(error, EngineMissingError):
        return "engine-missing"
    if isinstance(error, RegistryError | CentralError):
        return error.code if error.code in STATION else "image-unavailable"
    if isinstance(error, SandboxError):
        return "run-lost" if error.code == "outputs-absent" else "sandbox"
    if isinstance(error, SealError):
        return "seal"
    if isinstance(error, StationError) and error.code in STATION:
        return error.code
    return "station-error"

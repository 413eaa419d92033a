"""Names of the files in a stop's folder: which of them exist is the stop's state."""

from __future__ import annotations

from enum import StrEnum


class Marker(StrEnum):
    """The name of a file, without `.json`. Each is written once, whole, and never changed."""

    OFFER = "offer"
    TAKEN = "taken"
    VERIFIED = "verified"
    HELD = "held"
    DECISION = "decision"
    ADMITTED = "admitted"
    STARTING = "starting"
    STARTED = "started"
    STOPPING = "stopping"
    OUTCOME = "outcome"
    AIRLOCK_HELD = "airlock-held"
    RELEASE = "release"
    NOTED = "noted"
    FORECAST = "forecast"
    AIRLOCK = "airlock"
    SEALED = "sealed"
    PUSHED = "pushed"
    CANCEL = "cancel"
    ENDING = "ending"
    RECORD = "record"
    REPORTED = "told"
    LOG_STATEMENT = "log-statement"
    LOG_SENT = "log-sent"

    @property
    def meaning(self) -> str:
        """What the existence of the file means."""
        return _MEANINGS[self]


_MEANINGS = {
    Marker.OFFER: "central offers the order and the train",
    Marker.TAKEN: "the order's nonce is used; a mark of this folder is stored beside it",
    Marker.VERIFIED: "both signatures verify, and the image is the signed image",
    Marker.HELD: "the policy requires a person's approval",
    Marker.DECISION: "an approval or a refusal was given: the policy decides again",
    Marker.ADMITTED: "the train may run, with these data sets and limits",
    Marker.STARTING: "a run may exist at the executor from now on",
    Marker.STARTED: "a run existed; if it is missing now, it is lost and never started again",
    Marker.STOPPING: "this station stops the run because its time limit has passed",
    Marker.OUTCOME: "the run has ended, and how",
    Marker.AIRLOCK_HELD: "the airlock holds outputs for a person's decision",
    Marker.RELEASE: "all held outputs are decided by votes, or their waiting time has passed",
    Marker.NOTED: "which file of released/ holds the counts that leave",
    Marker.FORECAST: "for a dry run: forecasts of other stations' verdicts on its outputs",
    Marker.AIRLOCK: "the airlock's verdicts on all outputs",
    Marker.SEALED: "the cargo is sealed, with this digest and size",
    Marker.PUSHED: "the cargo is in the registry",
    Marker.CANCEL: "the stop was cancelled; without effect once the cargo is in the registry",
    Marker.ENDING: "the outcome of a stop that does not depart",
    Marker.RECORD: "the station signed its stop record",
    Marker.REPORTED: "central has the record: the stop is complete",
    Marker.LOG_STATEMENT: "the station signed the statement of a released run log",
    Marker.LOG_SENT: "the run log is in the registry",
}

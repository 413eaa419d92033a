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
    Marker.TAKEN: "a mark of this folder, kept beside the order's nonce, which it uses up",
    Marker.VERIFIED: "both signatures hold, and the image is what was signed",
    Marker.HELD: "the policy asks a person for an approval",
    Marker.DECISION: "an approval allows it, or it was refused: the policy is asked again",
    Marker.ADMITTED: "it may run, with these data sets and limits",
    Marker.STARTING: "a run may exist at the executor from here on",
    Marker.STARTED: "a run did exist; if it is gone it is lost, and never started again",
    Marker.STOPPING: "this station stops the run, for its time is over",
    Marker.OUTCOME: "the run has ended, and how",
    Marker.AIRLOCK_HELD: "the airlock holds outputs for a person",
    Marker.RELEASE: "the votes on all held outputs are in, or their time is over",
    Marker.NOTED: "which file of released/ holds the counts that leave",
    Marker.FORECAST: "of a dry run: what other stations would make of its outputs",
    Marker.AIRLOCK: "the airlock's verdicts on all outputs",
    Marker.SEALED: "the cargo is sealed, with this digest and size",
    Marker.PUSHED: "the cargo is in the registry",
    Marker.CANCEL: "somebody cancelled; heeded until the cargo is in the registry",
    Marker.ENDING: "how a stop ends that does not depart",
    Marker.RECORD: "the station signed its stop record",
    Marker.REPORTED: "central has the record: nothing is left to do",
    Marker.LOG_STATEMENT: "the station signed for a run log that people released",
    Marker.LOG_SENT: "the run log is in the registry",
}

"""Exception tree of phtlab: every error derives from PhtlabError.

    PhtlabError
    ├── NotebookError            a notebook that cannot become a train
    ├── ParameterError           a value that the declared schema refuses
    ├── TrainError               a train, image or layer that differs from what was signed
    ├── SignatureError           a signature that does not verify
    ├── OrderError               an order that this station must not follow
    │   ├── OrderExpiredError
    │   ├── OrderReplayedError
    │   └── OrderStationError
    ├── RecordError              a stop record that does not fit its order
    ├── ProposalError            a proposal that is invalid or not in the required state
    ├── ApprovalError            an approval that is missing, no longer active or cannot be given
    ├── AuditError               an audit log that was cut or changed
    ├── RosterError              members and their keys cannot be established
    │   ├── NotOnRosterError
    │   └── RosterStaleError
    ├── SealError                sealed cargo that cannot be made or opened
    │   ├── SealFormatError      not an age file of the accepted form
    │   ├── SealContextError     of another train, journey, station or stop
    │   ├── SealKeyError         no available key opens it
    │   └── SealChangedError     changed, cut or reordered after sealing
    ├── KeyFileError             a private key file
    │   └── PassphraseError
    ├── UnreachableError         a service that does not answer
    │   ├── CentralUnreachableError
    │   ├── HubUnreachableError
    │   └── RegistryUnreachableError
    ├── CentralError             central answered with a refusal
    ├── RegistryError            the registry answered with a refusal
    ├── StationError             the station's own set-up
    │   ├── DataSetError
    │   ├── PolicyError
    │   ├── EngineMissingError
    │   ├── TrialUnfinishedError a sandbox trial that was cut off
    │   └── SandboxError         a limit that the engine does not enforce
    ├── RunError                 a run in the sandbox that did not succeed
    ├── AirlockError             an output that may not leave
    ├── KernelError              a kernel image that cannot be built
    ├── JourneyError             a journey that is not in the required state
    └── SettingsError            profile, environment or file

`message` says what happened, and to which train, station or file; `hint` says what to do next, or
is "" if there is no advice; `str(error)` is both. `code` is stable and machine-readable;
phtlab/error_codes.toml explains each code. Neither text carries a secret or a data value.
"""

from __future__ import annotations


class PhtlabError(Exception):
    """Base class of all phtlab errors; the message is a sentence for a person."""

    code = "error"

    def __init__(self, message: str, hint: str = "", *, code: str | None = None) -> None:
        super().__init__(f"{message} {hint}" if hint else message)
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code


class NotebookError(PhtlabError):
    """A notebook that cannot become a train."""

    code = "notebook"


class ParameterError(PhtlabError):
    """A parameter value that the train's schema refuses."""

    code = "parameter"


class TrainError(PhtlabError):
    """A train, image or layer that differs from what was signed."""

    code = "train"


class SignatureError(PhtlabError):
    """A signature that does not verify, or too few valid signatures."""

    code = "signature"


class OrderError(PhtlabError):
    """An order that this station must not follow."""

    code = "order"


class OrderExpiredError(OrderError):
    """The order has expired."""

    code = "order-expired"


class OrderReplayedError(OrderError):
    """The order, or its nonce, was seen before."""

    code = "order-replayed"


class OrderStationError(OrderError):
    """The order names other stations, or it is another station's turn."""

    code = "order-station"


class RecordError(PhtlabError):
    """A stop record that does not fit its order or its chain."""

    code = "record"


class ProposalError(PhtlabError):
    """A proposal that is invalid, or not in the required state."""

    code = "proposal"


class ApprovalError(PhtlabError):
    """An approval that is missing, no longer active or cannot be given."""

    code = "approval"


class AuditError(PhtlabError):
    """An audit log that was cut or changed, or cannot be read."""

    code = "audit"


class RosterError(PhtlabError):
    """Members and their keys cannot be established."""

    code = "roster"


class NotOnRosterError(RosterError):
    """No member of this name, or with these keys, is on the roster."""

    code = "not-on-roster"


class RosterStaleError(RosterError):
    """The roster is expired, frozen or rolled back."""

    code = "roster-stale"


class SealError(PhtlabError):
    """Sealed cargo that cannot be made or opened."""

    code = "seal"


class SealFormatError(SealError):
    """Sealed cargo that is not an age file of the accepted form."""

    code = "seal-format"


class SealContextError(SealError):
    """Sealed cargo of another train, journey, station or stop."""

    code = "seal-context"


class SealKeyError(SealError):
    """No available key opens the cargo, or a recipient's key is invalid."""

    code = "seal-key"


class SealChangedError(SealError):
    """Sealed cargo that was changed, cut or reordered after sealing."""

    code = "seal-changed"


class KeyFileError(PhtlabError):
    """A private key file that cannot be used."""

    code = "key-file"


class PassphraseError(KeyFileError):
    """A passphrase that is wrong, missing or too short."""

    code = "passphrase"


class UnreachableError(PhtlabError):
    """A service that does not answer."""

    code = "unreachable"


class CentralUnreachableError(UnreachableError):
    """Central does not answer."""

    code = "central-unreachable"


class HubUnreachableError(UnreachableError):
    """The JupyterHub does not answer."""

    code = "hub-unreachable"


class RegistryUnreachableError(UnreachableError):
    """The registry does not answer."""

    code = "registry-unreachable"


class CentralError(PhtlabError):
    """Central answered with a refusal."""

    code = "central"


class RegistryError(PhtlabError):
    """The registry answered with a refusal."""

    code = "registry"


class StationError(PhtlabError):
    """The station's set-up is incomplete or wrong."""

    code = "station"


class DataSetError(StationError):
    """A data set that is missing, or differs from its declaration."""

    code = "data-set"


class PolicyError(StationError):
    """The station's policy does not admit this train or order."""

    code = "policy"


class EngineMissingError(StationError):
    """The container engine does not answer."""

    code = "engine-missing"


class TrialUnfinishedError(StationError):
    """A sandbox trial that was cut off: whether the limits hold is unknown, so try again.

    `limit` names the limit under test when the trial was cut off; "" if the trial had not reached a
    limit or had found an error.
    """

    code = "trial-unfinished"

    def __init__(self, message: str, hint: str = "", *, limit: str = "") -> None:
        super().__init__(message, hint)
        self.limit = limit


class SandboxError(StationError):
    """A limit that the engine does not enforce."""

    code = "sandbox"


class RunError(PhtlabError):
    """A run in the sandbox that did not succeed."""

    code = "run"


class AirlockError(PhtlabError):
    """An output that may not leave the station."""

    code = "airlock"


class KernelError(PhtlabError):
    """A kernel image that cannot be built, or a recipe that cannot be read."""

    code = "kernel"


class JourneyError(PhtlabError):
    """A journey that is not in the required state."""

    code = "journey"

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows instead of a traceback: no line of code is wrong."""
        return [f"{type(self).__name__}: {self}"]


class SettingsError(PhtlabError):
    """A profile, an environment variable or a file that cannot be used."""

    code = "settings"

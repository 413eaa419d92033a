"""One tree of errors.

    PhtlabError
    ├── NotebookError            a notebook that cannot become a train
    ├── ParameterError           a value that the declared schema refuses
    ├── TrainError               a train, image or layer that is not what was signed
    ├── SignatureError           a signature that does not hold
    ├── OrderError               an order that this station must not follow
    │   ├── OrderExpiredError
    │   ├── OrderReplayedError
    │   └── OrderStationError
    ├── RecordError              a stop record that does not fit its order
    ├── ProposalError            a proposal that cannot be taken
    ├── ApprovalError            what a station has not allowed, or allows no more
    ├── AuditError               a log that was cut or changed
    ├── RosterError              who is who cannot be established
    │   ├── NotOnRosterError
    │   └── RosterStaleError
    ├── SealError                sealed cargo that cannot be made or opened
    │   ├── SealFormatError      not an age file of the accepted form
    │   ├── SealContextError     of another train, journey, station or stop
    │   ├── SealKeyError         no key here opens it
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
    │   ├── TrialUnfinishedError a trial of the sandbox without an answer
    │   └── SandboxError         a limit that the engine does not enforce
    ├── RunError                 what happened to a run in the sandbox
    ├── AirlockError             an output that may not leave
    ├── KernelError              a kernel image that cannot be built
    ├── JourneyError             a journey that is not in the state asked for
    └── SettingsError            profile, environment or file

`message` says what happened, and to which thing; `hint` what to do next, or ""
where nothing can be said; `str(error)` is both. `code` is stable and
machine-readable, and phtlab/error_codes.toml explains each. Neither text
carries a secret or a data value.
"""

from __future__ import annotations


class PhtlabError(Exception):
    """Anything that phtlab refuses or cannot do, in a sentence for a person."""

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
    """A train, image or layer that is not what was signed."""

    code = "train"


class SignatureError(PhtlabError):
    """A signature that does not hold, or too few of them."""

    code = "signature"


class OrderError(PhtlabError):
    """An order that this station must not follow."""

    code = "order"


class OrderExpiredError(OrderError):
    """The order's time is over."""

    code = "order-expired"


class OrderReplayedError(OrderError):
    """The order, or its nonce, was seen before."""

    code = "order-replayed"


class OrderStationError(OrderError):
    """The order names other stations, or it is not this one's turn."""

    code = "order-station"


class RecordError(PhtlabError):
    """A stop record that does not fit its order or its chain."""

    code = "record"


class ProposalError(PhtlabError):
    """A proposal that cannot be taken, or is not in the state asked for."""

    code = "proposal"


class ApprovalError(PhtlabError):
    """What a station has not allowed, or allows no more."""

    code = "approval"


class AuditError(PhtlabError):
    """A log of what happened that was cut, changed or cannot be read."""

    code = "audit"


class RosterError(PhtlabError):
    """Who is who cannot be established."""

    code = "roster"


class NotOnRosterError(RosterError):
    """Nobody of this name, or with these keys, is on the roster."""

    code = "not-on-roster"


class RosterStaleError(RosterError):
    """The roster is expired, frozen or rolled back."""

    code = "roster-stale"


class SealError(PhtlabError):
    """Sealed cargo that cannot be made or opened."""

    code = "seal"


class SealFormatError(SealError):
    """Not sealed cargo of the accepted form."""

    code = "seal-format"


class SealContextError(SealError):
    """Cargo of another train, journey, station or stop."""

    code = "seal-context"


class SealKeyError(SealError):
    """No key here opens it, or a recipient is none."""

    code = "seal-key"


class SealChangedError(SealError):
    """Changed, cut or reordered after it was sealed."""

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
    """The station's own set-up."""

    code = "station"


class DataSetError(StationError):
    """A data set that is not there, or not as it was declared."""

    code = "data-set"


class PolicyError(StationError):
    """The station's policy does not admit this train or order."""

    code = "policy"


class EngineMissingError(StationError):
    """The container engine does not answer."""

    code = "engine-missing"


class TrialUnfinishedError(StationError):
    """A trial of the sandbox was cut off: whether the limits hold is not known, so try again.

    `limit` is the limit that the trial was going past, if it got so far and had found no fault.
    """

    code = "trial-unfinished"

    def __init__(self, message: str, hint: str = "", *, limit: str = "") -> None:
        super().__init__(message, hint)
        self.limit = limit


class SandboxError(StationError):
    """A limit that the engine does not enforce."""

    code = "sandbox"


class RunError(PhtlabError):
    """What happened to a run in the sandbox."""

    code = "run"


class AirlockError(PhtlabError):
    """An output that may not leave the station."""

    code = "airlock"


class KernelError(PhtlabError):
    """A kernel image that cannot be built, or a recipe that cannot be read."""

    code = "kernel"


class JourneyError(PhtlabError):
    """A journey that is not in the state asked for."""

    code = "journey"

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of frames: no line of code is at fault."""
        return [f"{type(self).__name__}: {self}"]


class SettingsError(PhtlabError):
    """A profile, an environment variable or a file that cannot be used."""

    code = "settings"

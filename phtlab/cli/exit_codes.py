"""Exit codes of the `phtlab` command; the only place that maps errors to numbers."""

from __future__ import annotations

from phtlab import errors

EXIT_CODES: dict[int, str] = {
    0: "done",
    1: "an unexpected error: a defect of phtlab, please report it",
    2: "the command line is wrong",
    3: "bad input: a notebook, a parameter, a kernel recipe, a profile or a settings file",
    4: "trust: a signature, the roster, a key, a train, an order, a record or sealed cargo",
    5: "central, the registry or the container engine does not answer",
    6: "central or the registry refused",
    7: "the journey did not end well at every station",
    8: "the station's set-up, data set, policy or airlock",
    130: "interrupted",
}

_BY_ERROR: tuple[tuple[type[errors.PhtlabError], int], ...] = (
    (errors.NotebookError, 3),
    (errors.ParameterError, 3),
    (errors.SettingsError, 3),
    (errors.KernelError, 3),
    (errors.UnreachableError, 5),
    (errors.EngineMissingError, 5),
    (errors.CentralError, 6),
    (errors.RegistryError, 6),
    (errors.JourneyError, 7),
    (errors.RunError, 7),
    (errors.StationError, 8),
    (errors.AirlockError, 8),
    (errors.PhtlabError, 4),
)


def exit_code(error: errors.PhtlabError) -> int:
    """Return the exit code of `error`, from the first class in the table that it belongs to."""
    return next(code for kind, code in _BY_ERROR if isinstance(error, kind))

"""The API of the server extension: what a browser sends and gets.

The handlers of `phtlab.lab.server` take and answer these models alone. The TypeScript interfaces of
the frontend are made from them: see `phtlab.lab.server.api_schema`.
"""

from __future__ import annotations

from phtlab.lab.server.api.check import (
    Check,
    DeclaredOutput,
    Finding,
    Fix,
    NotebookContent,
    Parameter,
    Parameters,
)
from phtlab.lab.server.api.consortium import Column, DataSet, Kernel, Member, Station
from phtlab.lab.server.api.events import Event
from phtlab.lab.server.api.journeys import CellError, Dispatch, Journey, ProposalVersion, Stop
from phtlab.lab.server.api.keys import (
    Key,
    KeyRestoration,
    KeyRevocation,
    KeyUnlock,
    NewKey,
    PassphraseChange,
    RevokedKey,
)
from phtlab.lab.server.api.model import ApiModel, Problem, WrittenFile
from phtlab.lab.server.api.proposals import (
    CheckedNotebook,
    NewComment,
    NotebookPath,
    Proposal,
    ProposalCheck,
    ProposalComment,
    ProposalDecision,
    ProposalDetail,
    ProposalDraft,
    ProposalLine,
    ProposalPart,
    ProposalStation,
    ProposalWithdrawal,
)
from phtlab.lab.server.api.results import (
    AggregateTarget,
    CombinedValue,
    ExportTarget,
    FailedStop,
    Forecast,
    HandedOn,
    MissingOutput,
    Output,
    Results,
    RoundResults,
    StationResults,
    StopNote,
    Table,
    Verdict,
)
from phtlab.lab.server.api.status import CentralConnection, CurrentKey, PinnedRoot, Status

__all__ = [
    "AggregateTarget",
    "ApiModel",
    "CellError",
    "CentralConnection",
    "Check",
    "CheckedNotebook",
    "Column",
    "CombinedValue",
    "CurrentKey",
    "DataSet",
    "DeclaredOutput",
    "Dispatch",
    "Event",
    "ExportTarget",
    "FailedStop",
    "Finding",
    "Fix",
    "Forecast",
    "HandedOn",
    "Journey",
    "Kernel",
    "Key",
    "KeyRestoration",
    "KeyRevocation",
    "KeyUnlock",
    "Member",
    "MissingOutput",
    "NewComment",
    "NewKey",
    "NotebookContent",
    "NotebookPath",
    "Output",
    "Parameter",
    "Parameters",
    "PassphraseChange",
    "PinnedRoot",
    "Problem",
    "Proposal",
    "ProposalCheck",
    "ProposalComment",
    "ProposalDecision",
    "ProposalDetail",
    "ProposalDraft",
    "ProposalLine",
    "ProposalPart",
    "ProposalStation",
    "ProposalVersion",
    "ProposalWithdrawal",
    "Results",
    "RevokedKey",
    "RoundResults",
    "Station",
    "StationResults",
    "Status",
    "Stop",
    "StopNote",
    "Table",
    "Verdict",
    "WrittenFile",
]

"""The researcher's side: read a notebook, dispatch it, open what comes back."""

from phtlab.lab.journey import Journey
from phtlab.lab.lab import Lab, connect, results
from phtlab.lab.proposal import SubmittedProposal
from phtlab.lab.proposal_standing import StationSays
from phtlab.lab.proposals import Proposals
from phtlab.lab.results import ResultFigure, Results, StationResults
from phtlab.lab.train import Train

__all__ = [
    "Journey",
    "Lab",
    "Proposals",
    "ResultFigure",
    "Results",
    "StationResults",
    "StationSays",
    "SubmittedProposal",
    "Train",
    "connect",
    "results",
]

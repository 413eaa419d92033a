"""The researcher's side: read a notebook, dispatch it, open its results."""

from phtlab.lab.client.journey import Journey
from phtlab.lab.client.lab import Lab, connect
from phtlab.lab.client.train import Train
from phtlab.lab.proposals.proposal import SubmittedProposal
from phtlab.lab.proposals.proposals import Proposals
from phtlab.lab.proposals.station_answers import StationAnswer
from phtlab.lab.results.released_outputs import ResultFigure
from phtlab.lab.results.results import Results, StationResults

__all__ = [
    "Journey",
    "Lab",
    "Proposals",
    "ResultFigure",
    "Results",
    "StationAnswer",
    "StationResults",
    "SubmittedProposal",
    "Train",
    "connect",
]

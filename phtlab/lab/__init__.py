"""The researcher's side: read a notebook, dispatch it, open what comes back."""

from phtlab.lab.journey import Journey
from phtlab.lab.lab import Lab, connect, results
from phtlab.lab.results import ResultFigure, Results, StationResults
from phtlab.lab.train import Train

__all__ = [
    "Journey",
    "Lab",
    "ResultFigure",
    "Results",
    "StationResults",
    "Train",
    "connect",
    "results",
]

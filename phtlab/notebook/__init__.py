"""A notebook read as an analysis: cells by role, parameters, outputs, findings.

Values and pure functions; the notebook is never run. The reference for its authors is
docs/notebooks.md.
"""

from __future__ import annotations

from phtlab.notebook.analysis import Analysis, read_analysis, train_name
from phtlab.notebook.cell import Cell, Role
from phtlab.notebook.declared_output import DeclaredOutput, OutputKind
from phtlab.notebook.finding import Finding, Severity
from phtlab.notebook.fix import Fix
from phtlab.notebook.parameter_injection import parameterize
from phtlab.notebook.parameters import ParameterSchema, describe

__all__ = [
    "Analysis",
    "Cell",
    "DeclaredOutput",
    "Finding",
    "Fix",
    "OutputKind",
    "ParameterSchema",
    "Role",
    "Severity",
    "describe",
    "parameterize",
    "read_analysis",
    "train_name",
]

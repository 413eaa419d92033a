"""Which notebook this code runs in, where the front end tells."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from phtlab.errors import SettingsError
from phtlab.lab.display.notebook_output import cell_run, is_attached
from phtlab.lab.keys.agent import notebook_of_agent, page_of_agent


def notebook_here() -> Path:
    """The path of the notebook whose kernel this is.

    `PHTLAB_NOTEBOOK`, else what the key agent of the Jupyter server knows, else what the server
    told when the kernel started (`JPY_SESSION_NAME`), or VS Code (`__vsc_ipynb_file__`). Raises
    SettingsError where none does.
    """
    if "PHTLAB_NOTEBOOK" not in os.environ and (open_now := notebook_of_agent(_connection_file())):
        return open_now
    located = os.environ.get("PHTLAB_NOTEBOOK") or os.environ.get("JPY_SESSION_NAME")
    if located is None:
        main = sys.modules.get("__main__")
        located = getattr(main, "__vsc_ipynb_file__", None)
    if located is None or not located.endswith(".ipynb"):
        raise SettingsError(
            "Which notebook to send?",
            "Name it: lab.dispatch(lab.train('my_analysis.ipynb')).",
            code="notebook-unnamed",
        )
    path = Path(located)
    # Jupyter Server tells the path from its root; the kernel runs in the notebook's folder.
    return path if path.exists() else Path(path.name)


def runs_in_page() -> bool:
    """Whether this code is a cell of a page of the Jupyter server that runs the key agent.

    A script is none, nor is a notebook that papermill or nbconvert runs, or a console in a
    terminal. Where the agent does not answer it is taken for one: that costs a question.
    """
    if cell_run() is None or not is_attached():
        return False
    return page_of_agent(_connection_file())


def _connection_file() -> str:
    """Of the kernel that this process is, empty if it is none."""
    if "ipykernel" not in sys.modules:
        return ""
    from ipykernel.connect import get_connection_file

    try:
        return str(get_connection_file())
    except RuntimeError:  # imported, but not running
        return ""

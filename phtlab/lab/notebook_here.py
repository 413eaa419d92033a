"""Which notebook this code runs in, where the front end tells."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from phtlab.errors import SettingsError


def notebook_here() -> Path:
    """The path of the notebook whose kernel this is.

    `PHTLAB_NOTEBOOK`, else what Jupyter Server (`JPY_SESSION_NAME`) or VS Code
    (`__vsc_ipynb_file__`) tells. Raises SettingsError where none does.
    """
    told = os.environ.get("PHTLAB_NOTEBOOK") or os.environ.get("JPY_SESSION_NAME")
    if told is None:
        main = sys.modules.get("__main__")
        told = getattr(main, "__vsc_ipynb_file__", None)
    if told is None or not told.endswith(".ipynb"):
        raise SettingsError(
            "Which notebook to send? Name it: lab.dispatch(lab.train('my_analysis.ipynb'))."
        )
    path = Path(told)
    # Jupyter Server tells the path from its root; the kernel runs in the notebook's folder.
    return path if path.exists() else Path(path.name)

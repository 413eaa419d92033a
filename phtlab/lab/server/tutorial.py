"""`tutorial`: the first notebook and those to go on with, copied to where one may write."""

from __future__ import annotations

import contextlib
from typing import Final

from phtlab.lab.server import api
from phtlab.lab.server.exchange import Exchange, Nothing
from phtlab.lab.server.refusals import Refusal
from phtlab.share import share

TUTORIAL: Final = "notebooks/tutorial.ipynb"
BESIDE: Final = (
    "tour.ipynb",
    "heart_disease.ipynb",
    "neural_network.ipynb",
    "neural_network_rounds.ipynb",
    "logistic_regression.ipynb",
)


class TutorialExchange(Exchange[Nothing]):
    """POST: a copy in the root folder under a name that was free; where it is.

    The notebooks that its end points to come beside it, unless files of their names are there.
    """

    acts_in = "quick"

    def act(self, body: Nothing, **path: str) -> api.WrittenFile:
        root = self.root
        content = share(TUTORIAL).read_bytes()
        try:
            copy = root.free(root.folder, "tutorial", ".ipynb")
            with copy.open("xb") as target:
                target.write(content)
            for name in BESIDE:
                further = share(f"notebooks/{name}").read_bytes()
                with contextlib.suppress(FileExistsError), (root.folder / name).open("xb") as other:
                    other.write(further)
        except OSError as error:
            raise Refusal(
                409,
                "folder",
                f"The tutorial cannot be written to your folder: {error.strerror}.",
                "Free some space, or ask whoever runs this server.",
            ) from None
        return api.WrittenFile(path=copy.name)

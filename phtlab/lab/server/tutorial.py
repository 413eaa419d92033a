"""`tutorial`: the first notebook, copied to where one may write in it."""

from __future__ import annotations

from typing import Final

from phtlab.lab.server.exchange import Exchange, Nothing
from phtlab.lab.server.refusals import Refusal
from phtlab.lab.server.shapes import Shape
from phtlab.share import share

TUTORIAL: Final = "notebooks/tutorial.ipynb"


class TutorialExchange(Exchange[Nothing]):
    """POST: a copy in the root folder under a name that was free; `{path}`."""

    acts_in = "quick"

    def act(self, body: Nothing, **path: str) -> Shape:
        root = self.root
        content = share(TUTORIAL).read_bytes()
        try:
            copy = root.free(root.folder, "tutorial", ".ipynb")
            with copy.open("xb") as target:
                target.write(content)
        except OSError as error:
            raise Refusal(
                409,
                "folder",
                f"The tutorial cannot be written to your folder: {error.strerror}. Free some "
                "space, or ask whoever runs this server.",
            ) from None
        return {"path": copy.name}

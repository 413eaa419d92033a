"""The folder that Lab shows, and the paths below it that a browser may name."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any, Final

from phtlab.lab.server.refusals import Refusal

MAX_PATH: Final = 1000  # characters


class ContentsRoot:
    """Paths as Jupyter's contents API has them: below the root, with '/', none of them outside."""

    def __init__(self, folder: Path, *, hidden: bool = False) -> None:
        """`hidden` is whether files whose names begin with a dot may be named."""
        self.folder = folder.resolve()
        self._hidden = hidden

    @classmethod
    def of(cls, contents: Any) -> ContentsRoot:
        """Of Jupyter's contents manager. Raises Refusal where it keeps no files."""
        folder = getattr(contents, "root_dir", None)
        if not folder or not Path(folder).is_dir():
            raise Refusal(
                409,
                "no-files",
                "This Jupyter server keeps its notebooks elsewhere than in a folder, so phtlab "
                "cannot read them.",
                "Ask whoever runs it for a workspace with files.",
            )
        return cls(Path(folder), hidden=bool(getattr(contents, "allow_hidden", False)))

    def resolve(self, path: str) -> Path:
        """The file or folder that `path` names, with every link followed.

        It need not be there. Raises Refusal (`path`) for what is not below the root, or hidden.
        """
        parts = PurePosixPath(path.strip("/")).parts
        plain = len(path) <= MAX_PATH and "\\" not in path and path.isprintable()
        if not plain or ".." in parts or not self._shown(parts):
            raise _foreign()
        try:
            found = self.folder.joinpath(*parts).resolve()
        except (OSError, RuntimeError, ValueError):  # a loop of links, or no file's name
            raise _foreign() from None
        if not found.is_relative_to(self.folder):
            raise _foreign()
        # Once more: a link with a plain name may lead to a hidden file.
        if not self._shown(found.relative_to(self.folder).parts):
            raise _foreign()
        return found

    def notebook(self, path: str) -> Path:
        """The notebook at `path`. Raises Refusal (`path`, `notebook-missing`)."""
        found = self.resolve(path)
        if found.suffix != ".ipynb" or not found.is_file():
            raise Refusal(
                404,
                "notebook-missing",
                "There is no notebook at that path.",
                "It was moved or removed: open it where it is now, and save it.",
                field="path",
            )
        return found

    def name(self, file: Path) -> str | None:
        """`file` as the contents API names it, None if it is not below the root."""
        try:
            parts = file.resolve().relative_to(self.folder).parts
        except (OSError, RuntimeError, ValueError):
            return None
        return "/".join(parts) if parts and self._shown(parts) else None

    def written(self, file: Path) -> str:
        """`name` of a file that a request writes. Raises Refusal (`path`) where it has none."""
        name = self.name(file)
        if name is None:
            raise Refusal(400, "path", "Nothing can be written beside that notebook.", field="path")
        return name

    def free(self, folder: Path, stem: str, suffix: str) -> Path:
        """A name in `folder` that nothing has yet: `stem`, `stem-2`, `stem-3`, ….

        Nothing is made: whoever writes there opens it with 'x'.
        """
        number = 1
        while (path := folder / f"{stem}{f'-{number}' if number > 1 else ''}{suffix}").exists():
            number += 1
        return path

    def _shown(self, parts: tuple[str, ...]) -> bool:
        return self._hidden or not any(part.startswith(".") for part in parts)


def _foreign() -> Refusal:
    return Refusal(
        400,
        "path",
        "This is no path below the folder that the file browser starts in.",
        "Choose one there.",
        field="path",
    )

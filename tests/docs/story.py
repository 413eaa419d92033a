"""The story that docs/ tells by hand, run on real parts: central, registry, engine, kernel image.

All pages together are one story in one shell. `STORY` is the order in which their sections happen:
an operator decides between an analyst's sending and the analyst's waiting.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from phtlab.processes.ports import free_port
from tests.conftest import CACHE
from tests.docs.console_page import Exchange, Session, sessions
from tests.docs.samples import Samples, loose
from tests.docs.shell import Shell

ROOT: Final = Path(__file__).resolve().parents[2]
DOCS: Final = ROOT / "docs"

STORY: Final = (
    ("consortium.md", "Before you begin"),
    ("consortium.md", "Central"),
    ("consortium.md", "The officers' keys"),
    ("consortium.md", "Run central"),
    ("consortium.md", "The first roster"),
    ("consortium.md", "A kernel image"),
    ("consortium.md", "A twin station"),
    ("operator.md", "Make the station"),
    ("consortium.md", "Admit the first members"),
    ("operator.md", "Join"),
    ("operator.md", "Declare the data"),
    ("operator.md", "Check and run"),
    ("analyst.md", "Create your key"),
    ("consortium.md", "Admit further members"),
    ("analyst.md", "Join"),
    ("analyst.md", "List stations and data sets"),
    ("analyst.md", "Check the notebook"),
    ("analyst.md", "Dry run on synthetic data"),
    ("analyst.md", "Dispatch it"),
    ("operator.md", "Review a held train"),
    ("analyst.md", "Open the results"),
    ("analyst.md", "The same from a notebook"),
    ("analyst.md", "When a station refuses"),
    ("operator.md", "Refuse a train"),
    ("analyst.md", "Read the refusal"),
    ("operator.md", "Files of a stop and of the station"),
    ("consortium.md", "Every week"),
    ("consortium.md", "On two laptops"),
)
PAGES: Final = tuple(dict.fromkeys(page for page, _ in STORY))

# They tell a state that may still be on its way: a person would ask again in a moment.
_ASKING: Final = (
    "phtlab central status",
    "phtlab stations",
    "phtlab journey show",
    "phtlab journey list",
    "phtlab station status",
    "phtlab station show",
)


class StoryError(AssertionError):
    """A command of a page failed, or a section is not told."""


@dataclass(frozen=True)
class Told:
    """One exchange of a page, and what was printed now, as a page shows it."""

    page: str
    session: Session
    exchange: Exchange
    printed: str

    @property
    def as_written(self) -> bool:
        return loose(self.printed) == loose(self.exchange.printed)


def page_text(page: str) -> str:
    return (DOCS / page).read_text("utf-8")


def told_sections() -> dict[tuple[str, str], list[Session]]:
    """The sessions of all pages by section. Raises StoryError for one that STORY lacks."""
    found: dict[tuple[str, str], list[Session]] = {place: [] for place in STORY}
    for page in PAGES:
        for session in sessions(page_text(page)):
            if (page, session.heading) not in found:
                raise StoryError(f"{page}, '{session.heading}': STORY does not say when it happens")
            found[page, session.heading].append(session)
    if empty := [place for place, inside in found.items() if not inside]:
        raise StoryError(f"these sections have no session: {empty}")
    return found


def tell(patience: float = 60.0) -> Iterator[Told]:
    """Run the story, exchange by exchange.

    `patience` is in seconds: how long a state may be on its way. Raises StoryError where a command
    fails, unless the page shows its code with `echo $?`.
    """
    sections = told_sections()
    with _world() as (shell, samples):
        for page, heading in STORY:
            for session in sections[page, heading]:
                if session.kind == "console":
                    yield from _console(shell, samples, page, session, patience)
                else:
                    yield from _python(shell, samples, page, session)


def _console(
    shell: Shell, samples: Samples, page: str, session: Session, patience: float
) -> Iterator[Told]:
    for number, exchange in enumerate(session.exchanges):
        command = samples.to_world(exchange.command)
        after = session.exchanges[number + 1 : number + 2]
        may_fail = bool(after) and after[0].command == "echo $?"
        until = time.monotonic() + patience
        while True:
            printed, code = shell.run(command)
            told = Told(page, session, exchange, samples.to_page(printed))
            good = code == 0 or may_fail
            asking = exchange.command.startswith(_ASKING)
            if not asking or (good and told.as_written) or time.monotonic() > until:
                break
            time.sleep(0.3)
        if not good:
            raise StoryError(
                f"{page}, '{session.heading}': '{exchange.command}' ended with {code}:\n{printed}"
            )
        yield told


def _python(shell: Shell, samples: Samples, page: str, session: Session) -> Iterator[Told]:
    with tempfile.TemporaryDirectory() as folder:
        sources, target = Path(folder, "sources.json"), Path(folder, "printed.json")
        typed = ["\n".join(line[4:] for line in e.typed.split("\n")) for e in session.exchanges]
        sources.write_text(json.dumps([samples.to_world(source) + "\n" for source in typed]))
        runner = Path(__file__).with_name("python_session.py")
        printed, code = shell.run(f"python {runner} {sources} {target}")
        outputs = json.loads(target.read_text()) if target.exists() else [printed]
    if code:
        all_of_it = "\n".join(outputs)
        raise StoryError(f"{page}, '{session.heading}': the Python session raised:\n{all_of_it}")
    for exchange, output in zip(session.exchanges, outputs, strict=True):
        yield Told(page, session, exchange, samples.to_page(output))


@contextmanager
def _world() -> Iterator[tuple[Shell, Samples]]:
    """A person's home with a clone of phtlab in it, free ports, a shell."""
    home = Path(tempfile.mkdtemp(prefix="phtlab-story-"))
    (home / "phtlab").symlink_to(ROOT)
    central, registry = _free_addresses()
    environment = {
        **_kept("PATH", "LANG", "DOCKER_HOST", "SSL_CERT_FILE"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "COLUMNS": "80",
        "PYTHONUNBUFFERED": "1",
        "PHTLAB_CACHE": str(CACHE),
        # The pages use the ports that are phtlab's own; another central may have them here.
        "PHTLAB_CENTRAL_LISTEN": central,
        "PHTLAB_CENTRAL_URL": f"http://{central}",
        "PHTLAB_CENTRAL_REGISTRY_URL": f"http://{registry}",
    }
    samples = Samples(
        {str(home): "/home/you", central: "127.0.0.1:8400", registry: "127.0.0.1:5400"}
    )
    shell = Shell(home, environment)
    try:
        yield shell, samples
    finally:
        shell.close()
        shutil.rmtree(home)


def _kept(*names: str) -> Mapping[str, str]:
    return {name: os.environ[name] for name in names if name in os.environ}


def _free_addresses() -> tuple[str, str]:
    return f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"

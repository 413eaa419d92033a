"""docs/proposals.md told on a real central, in this process: what its commands print now.

`python -m tests.docs.proposals_story` puts it into the page.
"""

from __future__ import annotations

import logging
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from unittest.mock import patch

import structlog
from typer.testing import CliRunner

import phtlab
from phtlab.cli.main import app
from phtlab.errors import PhtlabError
from phtlab.governance import open_proposal
from phtlab.lab.client.lab import Lab
from phtlab.lab.session.session import Session
from phtlab.train.documents.roster import Agreement
from phtlab.trust_store.trust import Trust
from phtlab.wire.api.governance import NewComment
from phtlab.wire.api.journeys import Column, DataSetDescription, StationProfile
from tests.central.conftest import run_central
from tests.central.world import World, found
from tests.docs.console_page import Exchange, rewritten, sessions, with_printed
from tests.docs.samples import Samples
from tests.docs.story import DOCS, ROOT
from tests.governance import documents
from tests.limits import LIMIT
from tests.train.test_image import CONFIG, MANIFEST

PAGE = DOCS / "proposals.md"
NAME = "p-7c2f41a8d09be635"
TEXT = Agreement(text="Whoever works with these data looks for no person in them.\n")
DRAFT = "heart_disease.proposal.toml"


def tell() -> Iterator[tuple[Exchange, str]]:
    """Each exchange of the page, and what it prints now, as a page shows it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory() as place, _world(Path(place)) as (world, desk):
        samples = Samples({str(desk): "/home/you"})
        before: dict[str, Callable[[], None]] = {
            "Check it": lambda: _fill_in(desk / DRAFT),
            "Answer questions": lambda: _ask(world),
            "Dispatch a train under it": lambda: _decide(world),
        }
        heading = ""
        for session in sessions(PAGE.read_text("utf-8")):
            if session.heading != heading:
                before.get(session.heading, lambda: None)()
                heading = session.heading
            for exchange in session.exchanges:
                printed = _run(samples.to_world(exchange.command), desk)
                yield exchange, samples.to_page(printed)


def _run(command: str, desk: Path) -> str:
    words = shlex.split(command)
    if words[0] != "phtlab":
        done = subprocess.run(
            words, cwd=desk, capture_output=True, text=True, check=True, timeout=LIMIT
        )
        return done.stdout
    result = CliRunner().invoke(app, words[1:])
    if isinstance(result.exception, PhtlabError):
        return f"{result.output}error {result.exception!s}"
    assert result.exit_code == 0, (command, result.output, result.exception)
    return result.output


@contextmanager
def _world(place: Path) -> Iterator[tuple[World, Path]]:
    founding = found(place)
    founding.consortium.agree_on(TEXT)
    founding.sign()
    desk = place / "desk"
    desk.mkdir()
    shutil.copy(ROOT / "notebooks" / "heart_disease.ipynb", desk)
    (desk / "agreement.md").write_text(TEXT.text, "utf-8")
    (desk / "officers").symlink_to(founding.consortium.folder.directory)
    for world in run_central(f"sqlite:///{place / 'central.sqlite'}", founding):
        _publish_data(world)
        client = world.client("ada")
        trust = Trust(
            place / "trust", client.tuf_fetcher(), client.metadata_url, client.targets_url
        )
        trust.pin(founding.consortium.root)
        lab = Lab(Session(world.identity("ada"), client, trust))
        with (
            patch.object(phtlab, "connect", return_value=lab, create=True),
            patch("phtlab.lab.proposals.draft.new_id", lambda: NAME),
            # Images are told of elsewhere: no registry is here.
            patch("phtlab.lab.client.lab.push_train"),
            patch.object(Session, "kernel_documents", lambda self, kernel: (MANIFEST, CONFIG)),
            chdir(desk),
        ):
            yield world, desk


def _publish_data(world: World) -> None:
    names = ("age", "sex", "thalch", "num", "chol", "ca")
    columns = tuple(Column(name=name, type="integer") for name in names)
    heart = DataSetDescription(name="heart", columns=columns, schema_digest="sha256:" + "0" * 64)
    for station in ("ulm", "mainz"):
        world.client(station).put_profile(StationProfile(datasets=(heart,)))


def _fill_in(draft: Path) -> None:
    text = draft.read_text("utf-8")
    for empty, written in (
        ('title = ""', 'title = "Age and heart disease in two hospitals"'),
        ('question = """\n', 'question = """\nDoes the risk grow with age alike in both?\n'),
        ('legal_ground = """\n', 'legal_ground = """\nBroad consent, ethics vote 2026-17.\n'),
    ):
        text = text.replace(empty, written, 1)
    draft.write_text(text, "utf-8")


def _ask(world: World) -> None:
    ulm = world.client("ulm").governance
    ulm.comment(NAME, NewComment(text="Do you need patients over 90?", question=True))


def _decide(world: World) -> None:
    """ulm allows the notebook; mainz reads it."""
    view = world.client("ulm").governance.proposal(NAME)
    newest = view.versions[-1]
    proposal = open_proposal(newest.envelope, world.founding.consortium.roster)
    approval = documents.approval(
        proposal,
        newest.envelope,
        notebook=proposal.notebooks[0],
        parameters=proposal.parameters,
        risk="high",
        expires=proposal.until,
    ).sign(world.identity("ulm"))
    ulm = world.client("ulm").governance
    ulm.decide(NAME, "ulm", approval)
    ulm.put_active_approvals("ulm", documents.standing(1, approval).sign(world.identity("ulm")))
    mainz = world.client("mainz").governance
    mainz.begin_review(NAME, "mainz", newest.digest)
    empty = documents.standing(1, station="mainz").sign(world.identity("mainz"))
    mainz.put_active_approvals("mainz", empty)


def paste() -> None:
    """Put what the commands print into the page."""
    text, printed = PAGE.read_text("utf-8"), iter([shown for _, shown in tell()])
    now = {session.line: [next(printed) for _ in session.exchanges] for session in sessions(text)}
    PAGE.write_text(rewritten(text, lambda one: with_printed(one, now[one.line])), "utf-8")


if __name__ == "__main__":
    paste()

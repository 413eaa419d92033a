"""Status of a central, queried on its own machine."""

from __future__ import annotations

import httpx
from pydantic import BaseModel, ValidationError

from phtlab.central.api.routes.service import Readiness, registry_answers
from phtlab.central.settings import CentralSettings
from phtlab.wire.authorities import authorities


class CentralStatus(BaseModel):
    """The JSON of `phtlab central status --json`."""

    consortium: str
    url: str
    registry_url: str
    running: bool
    database: bool
    registry: bool
    roster: bool

    def lines(self) -> tuple[str, ...]:
        """Return the status as lines of text."""
        return (
            f"central   {self.url} {'answers' if self.running else 'does not answer'}",
            f"registry  {self.registry_url} {'answers' if self.registry else 'does not answer'}",
            f"database  {'answers' if self.database else 'not known to answer'}",
            f"roster    {'published' if self.roster else 'not known to be published'} "
            f"({self.consortium})",
        )


def status_of(settings: CentralSettings) -> CentralStatus:
    """Query the central of `settings`, at the address where it listens."""
    try:
        # An answer with 503 also has the readiness.
        answer = httpx.get(
            f"http://{settings.listen}/ready", timeout=5.0, trust_env=False, verify=authorities()
        )
        ready = Readiness.model_validate_json(answer.content)
    except (httpx.HTTPError, ValidationError):
        ready = None
    return CentralStatus(
        consortium=settings.name,
        url=settings.url,
        registry_url=settings.registry_url,
        running=ready is not None,
        database=ready.database if ready else False,
        registry=ready.registry if ready else registry_answers(settings.registry_url),
        roster=ready.roster if ready else False,
    )

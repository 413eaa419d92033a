"""Every path of the server extension: tests and docs enumerate what is here, and nothing is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from phtlab.lab.server import (
    check,
    consortium,
    events,
    journeys,
    keys,
    proposals,
    results,
    status,
    tutorial,
)
from phtlab.lab.server.exchange import Exchange

PREFIX: Final = "phtlab"
_PLACES: Final = ("journey", "proposal")


@dataclass(frozen=True)
class Route:
    """`path` is below `/phtlab/`; `{journey}` stands for a journey's id, `{proposal}` likewise."""

    path: str
    exchange: type[Exchange[Any]]

    @property
    def verbs(self) -> tuple[str, ...]:
        """The methods that it answers, of GET and POST."""
        return self.exchange.verbs()

    @property
    def pattern(self) -> str:
        """As tornado matches it, below the server's base URL."""
        pattern = self.path
        for place in _PLACES:
            pattern = pattern.replace(f"{{{place}}}", f"(?P<{place}>[^/]+)")
        return f"/{PREFIX}/{pattern}"


def routes() -> tuple[Route, ...]:
    return tuple(Route(path, exchange) for path, exchange in _ROUTES.items())


_ROUTES: Final[dict[str, type[Exchange[Any]]]] = {
    "status": status.StatusExchange,
    "events": events.EventsExchange,
    "stations": consortium.StationsExchange,
    "kernels": consortium.KernelsExchange,
    "members": consortium.MembersExchange,
    "check": check.CheckExchange,
    "journeys": journeys.JourneysExchange,
    "journeys/{journey}": journeys.JourneyExchange,
    "journeys/{journey}/cancel": journeys.CancelExchange,
    "journeys/{journey}/finish": journeys.FinishExchange,
    "journeys/{journey}/resume": journeys.ResumeExchange,
    "journeys/{journey}/results": results.ResultsExchange,
    "journeys/{journey}/aggregate": results.AggregateExchange,
    "journeys/{journey}/export": results.ExportExchange,
    "proposals": proposals.ProposalsExchange,
    "proposals/draft": proposals.DraftExchange,
    "proposals/check": proposals.DraftCheckExchange,
    "proposals/submit": proposals.SubmitExchange,
    "proposals/{proposal}": proposals.ProposalExchange,
    "proposals/{proposal}/comments": proposals.CommentsExchange,
    "proposals/{proposal}/withdraw": proposals.WithdrawExchange,
    "keys": keys.KeysExchange,
    "keys/unlock": keys.UnlockExchange,
    "keys/lock": keys.LockExchange,
    "keys/passphrase": keys.PassphraseExchange,
    "keys/backup": keys.BackupExchange,
    "keys/request": keys.RequestExchange,
    "keys/restore": keys.RestoreExchange,
    "keys/revoke": keys.RevokeExchange,
    "tutorial": tutorial.TutorialExchange,
}

"""The trusted consortium of a profile, with the root that a first start pins."""

from __future__ import annotations

from phtlab.errors import RosterError
from phtlab.trust_store.trust import Trust
from phtlab.user_settings import UserSettings
from phtlab.wire.central.client import CentralClient


def trust_of(profile: UserSettings, central: CentralClient) -> Trust:
    """Return the trust store of `profile`, updated through `central`.

    If no root is pinned and the profile names one, that root is pinned: whoever provides the
    machine, such as a hub's administrators, vouches for it. Raises RosterError if it cannot be read
    or is no root.
    """
    trust = Trust(profile.trust, central.tuf_fetcher(), central.metadata_url, central.targets_url)
    if profile.root is not None and not trust.pinned:
        try:
            trust.pin(profile.root.read_bytes())
        except OSError as error:
            raise RosterError(
                f"The consortium's root {profile.root} cannot be read: {error.strerror}.",
                "Tell whoever set up this machine, or pin the root with 'phtlab join'.",
                code="root-not-pinned",
            ) from None
    return trust

"""What signing would change, as sentences for the signing officer. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tuf.api.metadata import Root

from phtlab.train.documents.roster import Catalogue, Roster
from phtlab.trust_store.root import officers_of, online_key_id, settings_of


def root_changes(old: Root, new: Root) -> Iterator[str]:
    """Yield the differences of the next root."""
    before, after = officers_of(old), officers_of(new)
    for name in after.keys() - before.keys():
        yield f"officer {name} is added"
    for name in before.keys() - after.keys():
        yield f"officer {name} is removed"
    for name in before.keys() & after.keys():
        if before[name] != after[name]:
            yield f"officer {name} gets another key"
    thresholds = old.roles["root"].threshold, new.roles["root"].threshold
    if thresholds[0] != thresholds[1]:
        yield f"{thresholds[1]} officers must sign instead of {thresholds[0]}"
    if online_key_id(old) != online_key_id(new):
        yield f"central's online key becomes {online_key_id(new)}"
    lifetimes = settings_of(old), settings_of(new)
    if lifetimes[0] != lifetimes[1]:
        yield (
            f"a roster holds for {_days(lifetimes[1].targets_seconds)} and a root for "
            f"{_days(lifetimes[1].root_seconds)}"
        )
    yield f"the root holds until {new.expires:%Y-%m-%d %H:%M} UTC"


def roster_changes(old: Roster, new: Roster) -> Iterator[str]:
    """Yield the members that are added, removed or changed."""
    before = {member.name: member for member in old.members}
    after = {member.name: member for member in new.members}
    for name, member in after.items():
        roles = ", ".join(member.roles)
        if name not in before:
            yield f"{name} ({roles}) is added, fingerprint {member.keys.fingerprint}"
        elif member.keys != before[name].keys:
            yield f"{name} ({roles}) gets other keys, fingerprint {member.keys.fingerprint}"
        elif member != before[name]:
            yield f"{name} is now {', '.join((*member.roles, member.organisation)).rstrip(', ')}"
    for name in before.keys() - after.keys():
        yield f"{name} is removed"
    known = {(f.member.name, f.member.keys.fingerprint) for f in new.former}
    for member in (*old.members, *(f.member for f in old.former)):
        leaves = member.keys not in [m.keys for m in new.members]
        if leaves and (member.name, member.keys.fingerprint) not in known:
            yield f"nothing that {member.name} signed with {member.keys.fingerprint} is believed"


def catalogue_changes(old: Catalogue, new: Catalogue) -> Iterator[str]:
    """Yield the kernel images that are added or removed, and a change of the agreement."""
    for image in new.images:
        if image not in old.images:
            yield f"kernel {image.name} is allowed, {image.digest}"
    for image in old.images:
        if image not in new.images:
            yield f"kernel {image.name} is no longer allowed, {image.digest}"
    if new.agreement is None and old.agreement is not None:
        yield "members need accept no agreement any more"
    elif new.agreement is not None and new.agreement != old.agreement:
        yield f"members are asked to accept another agreement, {new.agreement.digest}"


def _days(seconds: int) -> str:
    days = seconds / 86_400
    return f"{days:g} day{'' if days == 1 else 's'}"

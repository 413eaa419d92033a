"""The rules around a bridge: there once, in the right order, whole, and gone afterwards."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from phtlab.errors import SettingsError
from phtlab_spawner import firewall as module
from phtlab_spawner.firewall import Firewall
from tests.limits import LIMIT
from tests.raising import raises_code

pytestmark = pytest.mark.engine

# No such interface need exist: a rule may be there before it.
BRIDGE = f"phtf{os.getpid() % 100_000}"


def saved(tool: str = "iptables") -> list[str]:
    """Every rule of the filter table, as it would be restored."""
    done = subprocess.run(
        [tool, "-S"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
        timeout=LIMIT,
    )
    return done.stdout.splitlines()


def ours(tool: str = "iptables") -> list[str]:
    return [rule for rule in saved(tool) if BRIDGE in rule]


@pytest.fixture
def firewall() -> Iterator[Firewall]:
    made = Firewall(BRIDGE, "10.77.0.1", 8787)
    yield made
    made.remove()
    assert ours() == ours("ip6tables") == []


def test_one_port_of_the_gateway_and_answers_are_let_in(firewall: Firewall) -> None:
    firewall.ensure()
    chain = f"PHTLAB-{BRIDGE}"
    assert [rule for rule in ours() if rule.startswith(f"-A {chain}")] == [
        f"-A {chain} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        f"-A {chain} -d 10.77.0.1/32 -p tcp -m tcp --dport 8787 -j ACCEPT",
        f"-A {chain} -j REJECT --reject-with icmp-admin-prohibited",
    ]
    assert f"-A {chain} -j DROP" in ours("ip6tables")
    for hook in ("INPUT", "FORWARD"):
        for tool in ("iptables", "ip6tables"):
            hooked = [rule for rule in saved(tool) if rule.startswith(f"-A {hook} ")]
            before = hooked[: hooked.index(f"-A {hook} -i {BRIDGE} -j {chain}")]
            assert all(" -j PHTLAB-" in rule for rule in before), "another hub's own at most"


def test_making_them_again_changes_nothing(firewall: Firewall) -> None:
    firewall.ensure()
    before = ours(), ours("ip6tables")
    firewall.ensure()
    assert (ours(), ours("ip6tables")) == before


def test_another_port_takes_the_place_of_the_last(firewall: Firewall) -> None:
    firewall.ensure()
    Firewall(BRIDGE, "10.78.0.1", 9999).ensure()
    assert len(ours()) == 6, "the chain, its three rules, its two hooks"
    assert any("10.78.0.1/32" in rule and "9999" in rule for rule in ours())
    assert not any("10.77.0.1" in rule for rule in ours())


def test_they_come_first_again_when_another_rule_was_put_before_them(firewall: Firewall) -> None:
    firewall.ensure()
    path = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    loose = ["INPUT", "-i", BRIDGE, "-j", "ACCEPT"]
    subprocess.run(
        ["iptables", "-I", loose[0], "1", *loose[1:]], check=True, env=path, timeout=LIMIT
    )
    try:
        firewall.ensure()
        inputs = [rule for rule in ours() if rule.startswith("-A INPUT")]
        assert inputs == [
            f"-A INPUT -i {BRIDGE} -j PHTLAB-{BRIDGE}",
            f"-A INPUT -i {BRIDGE} -j ACCEPT",
        ]
    finally:
        subprocess.run(["iptables", "-D", *loose], check=True, env=path, timeout=LIMIT)


def test_two_hubs_of_one_machine_leave_each_other_alone(firewall: Firewall) -> None:
    firewall.ensure()
    other = Firewall(f"{BRIDGE}b", "10.78.0.1", 8787)
    other.ensure()
    try:
        before = ours()
        firewall.ensure()
        assert ours() == before, "each is first but for the other"
    finally:
        other.remove()
    assert len(ours()) == 6
    assert not any(f"{BRIDGE}b" in rule for rule in saved())


def test_taking_them_away_twice_is_nothing(firewall: Firewall) -> None:
    firewall.ensure()
    assert ours()
    firewall.remove()
    assert ours() == ours("ip6tables") == []
    firewall.remove()


def test_without_root_it_says_how(firewall: Firewall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with raises_code(SettingsError, "workspace-firewall"):
        firewall.ensure()
    assert ours() == []


def test_a_machine_that_does_not_show_bridged_packets_is_refused(
    firewall: Firewall, monkeypatch: pytest.MonkeyPatch, tmp_path: os.PathLike[str]
) -> None:
    off = module.Path(tmp_path, "bridge-nf-call-iptables")
    for content in ("0\n", None):
        if content is not None:
            off.write_text(content)
        monkeypatch.setattr(module, "_BRIDGED", off if content else off.with_name("absent"))
        with raises_code(SettingsError, "workspace-bridge"):
            firewall.ensure()
    assert ours() == []


def test_a_machine_without_iptables_is_told_what_to_install(
    firewall: Firewall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATH", "/nonexistent")
    with raises_code(SettingsError, "workspace-iptables"):
        firewall.ensure()


def test_the_firewalls_own_refusal_is_told() -> None:
    with raises_code(SettingsError, "workspace-firewall-rules"):
        Firewall("phtlab-0", "no address", 8787).ensure()

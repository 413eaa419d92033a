"""Host firewall for the workspaces' bridge: allow one port of the gateway, and nothing else.

A container engine's internal network has no route outside, but its containers still reach
everything that listens on this machine at the gateway's address. Packets from the bridge therefore
pass a chain of their own first, on their way to this machine and through it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from phtlab.errors import SettingsError

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
# Both chains, for packets from the bridge to this machine and through it.
_HOOKS = ("INPUT", "FORWARD")
_BRIDGED = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
_IPV6 = Path("/proc/net/if_inet6")


@dataclass(frozen=True)
class Firewall:
    """Rules for packets that come in from the network interface `bridge`."""

    bridge: str
    gateway: str
    port: int

    @property
    def chain(self) -> str:
        return f"PHTLAB-{self.bridge}"

    def require(self) -> None:
        """Raise SettingsError if the rules cannot be set on this machine.

        That is without root rights or iptables, or if the kernel does not pass bridged packets to
        them.
        """
        if os.geteuid() != 0:
            raise SettingsError(
                "Keeping workspaces from this machine's other ports takes a firewall rule, which "
                "only root may set.",
                "Start the hub's network as root: sudo phtlab hub.",
                code="workspace-firewall",
            )
        if not _BRIDGED.exists() or _BRIDGED.read_text().strip() != "1":
            raise SettingsError(
                "This machine's firewall does not see what goes from container to container.",
                "Run 'modprobe br_netfilter' and 'sysctl net.bridge.bridge-nf-call-iptables=1'.",
                code="workspace-bridge",
            )
        _run("iptables", "--version")

    def ensure(self) -> None:
        """Set the rules, in one step per tool, or leave them as they are. Raises as `require`."""
        self.require()
        self._put(
            "iptables",
            [
                # Answers to the hub's proxy, which opens all connections to workspaces.
                f"-A {self.chain} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
                f"-A {self.chain} -d {self.gateway}/32 -p tcp -m tcp --dport {self.port} -j ACCEPT",
                f"-A {self.chain} -j REJECT --reject-with icmp-admin-prohibited",
            ],
        )
        if _IPV6.exists():
            self._put("ip6tables", [f"-A {self.chain} -j DROP"])

    def remove(self) -> None:
        """Remove the rules. Does nothing if there are none."""
        for tool in ("iptables", "ip6tables"):
            if not shutil.which(tool, path=_PATH):
                continue
            for hook in _HOOKS:
                while _try(tool, "-D", hook, "-i", self.bridge, "-j", self.chain):
                    pass
            _try(tool, "-F", self.chain)
            _try(tool, "-X", self.chain)

    def _put(self, tool: str, rules: list[str]) -> None:
        # The chain is replaced as a whole before it is hooked in: it is never incomplete.
        table = "\n".join(["*filter", f":{self.chain} - [0:0]", *rules, "COMMIT", ""])
        _run(f"{tool}-restore", "--noflush", "--wait", "10", given=table)
        for hook in _HOOKS:
            if not self._is_first(tool, hook):
                _try(tool, "-D", hook, "-i", self.bridge, "-j", self.chain)
                _run(tool, "--wait", "10", "-I", hook, "1", "-i", self.bridge, "-j", self.chain)

    def _is_first(self, tool: str, hook: str) -> bool:
        """Whether only chains like this one precede it; another could let more through."""
        for rule in _run(tool, "--wait", "10", "-S", hook).splitlines()[1:]:
            words = rule.split()
            if words[-1] == self.chain:
                return True
            if not words[-1].startswith("PHTLAB-"):
                return False
        return False


def _try(tool: str, *arguments: str) -> bool:
    done = subprocess.run(
        [tool, "--wait", "10", *arguments], capture_output=True, env={**os.environ, "PATH": _PATH}
    )
    return done.returncode == 0


def _run(tool: str, *arguments: str, given: str = "") -> str:
    try:
        return subprocess.run(
            [tool, *arguments],
            input=given,
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": _PATH},
        ).stdout
    except FileNotFoundError:
        raise SettingsError(
            f"Keeping workspaces from this machine's other ports needs {tool}: 'apt-get install "
            "iptables'.",
            code="workspace-iptables",
        ) from None
    except subprocess.CalledProcessError as refused:
        last = refused.stderr.strip().rsplit("\n", 1)[-1]
        raise SettingsError(
            f"This machine's firewall refuses the rules for workspaces: {last}",
            code="workspace-firewall-rules",
        ) from None

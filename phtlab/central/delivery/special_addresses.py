"""Addresses outside the public internet, by IANA's registries of 2025.

https://www.iana.org/assignments/iana-ipv4-special-registry and -ipv6-special-registry (RFC 6890,
RFC 8190), whole: also ranges that are globally reachable, since no member's service is in them.
Also multicast (RFC 5771, RFC 4291), and site-local addresses (RFC 3879), which are in no registry
any more and still routed within sites. `ipaddress.is_global` differs between versions of Python.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

_IPV4: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network, RFC 791
            "10.0.0.0/8",  # private use, RFC 1918
            "100.64.0.0/10",  # shared between providers and customers, RFC 6598
            "127.0.0.0/8",  # loopback, RFC 1122
            "169.254.0.0/16",  # link-local, RFC 3927: cloud metadata is there
            "172.16.0.0/12",  # private use
            "192.0.0.0/24",  # protocol assignments, RFC 6890, RFC 7600, RFC 7335
            "192.0.2.0/24",  # documentation, RFC 5737
            "192.31.196.0/24",  # AS112, RFC 7535
            "192.52.193.0/24",  # automatic multicast tunneling, RFC 7450
            "192.88.99.0/24",  # 6to4 relays, deprecated, RFC 7526
            "192.168.0.0/16",  # private use
            "192.175.48.0/24",  # AS112, RFC 7534
            "198.18.0.0/15",  # benchmarks, RFC 2544
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast, RFC 5771
            "240.0.0.0/4",  # reserved, RFC 1112, and the limited broadcast, RFC 8190
        ),
    )
)
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")  # the only range allocated for global unicast
_IPV6: Final = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments, RFC 2928: Teredo, ORCHID, benchmarks
            "2001:db8::/32",  # documentation, RFC 3849
            "2002::/16",  # 6to4, RFC 3056
            "2620:4f:8000::/48",  # AS112, RFC 7534
            "3fff::/20",  # documentation, RFC 9637
        ),
    )
)
# IPv6 forms of IPv4 addresses, with the IPv4 address in the last 32 bits: mapped and compatible
# (RFC 4291), translated (RFC 6052).
_CLOTHED: Final = tuple(map(IPv6Network, ("::ffff:0:0/96", "::/96", "64:ff9b::/96")))


def is_public(address: str) -> bool:
    """Return whether `address`, as getaddrinfo writes it, is on the public internet.

    The IPv6 form of an IPv4 address is checked as that IPv4 address.
    """
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address) and any(parsed in net for net in _CLOTHED):
        parsed = IPv4Address(int(parsed) & 0xFFFF_FFFF)
    if isinstance(parsed, IPv4Address):
        return not any(parsed in net for net in _IPV4)
    return parsed in _GLOBAL_UNICAST and not any(parsed in net for net in _IPV6)

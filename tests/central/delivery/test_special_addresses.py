"""Which addresses a webhook may be at: none that IANA keeps for something else."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest

from phtlab.central.delivery.special_addresses import is_public

# IANA's registries of special-purpose addresses, block for block, as they were in November 2025.
IPV4 = (
    *("0.0.0.0/8", "0.0.0.0/32", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
    *("172.16.0.0/12", "192.0.0.0/24", "192.0.0.0/29", "192.0.0.8/32", "192.0.0.9/32"),
    *("192.0.0.10/32", "192.0.0.170/32", "192.0.0.171/32", "192.0.2.0/24", "192.31.196.0/24"),
    *("192.52.193.0/24", "192.88.99.0/24", "192.88.99.2/32", "192.168.0.0/16", "192.175.48.0/24"),
    *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "255.255.255.255/32"),
)
IPV6 = (
    *("::1/128", "::/128", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23"),
    *("2001::/32", "2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:2::/48", "2001:3::/32"),
    *("2001:4:112::/48", "2001:10::/28", "2001:20::/28", "2001:30::/28", "2001:db8::/32"),
    *("2002::/16", "2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10"),
)
# In no registry of special purposes, and no place on the internet either.
OTHERS = ("224.0.0.0/4", "ff00::/8", "fec0::/10")


@pytest.mark.parametrize("block", [*IPV4, *IPV6, *OTHERS])
def test_no_address_of_a_block_is_public(block: str) -> None:
    network = ip_network(block)
    size = network.num_addresses
    for place in {0, size // 3, size // 2, size - 1}:
        assert not is_public(str(network[place]))


@pytest.mark.parametrize("block", [*IPV4, "224.0.0.0/4"])
@pytest.mark.parametrize("clothes", ["::ffff:0:0", "::", "64:ff9b::"])
def test_nor_is_it_in_the_clothes_of_ipv6(block: str, clothes: str) -> None:
    inner = IPv4Address(ip_network(block)[-1])
    assert not is_public(str(IPv6Address(int(IPv6Address(clothes)) + int(inner))))


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.32.0.0"),
        *("192.0.1.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "192.88.98.255"),
        *("2000::", "2001:200::", "2001:db7:ffff::", "2003::", "2620:4f:7fff::", "3ffe::"),
        *("2a00:1450:4001::1", "::ffff:1.1.1.1", "64:ff9b::101:101"),
    ],
)
def test_what_lies_beside_the_blocks_is_public(address: str) -> None:
    assert is_public(address)


def test_an_address_with_a_zone_is_judged_without_it() -> None:
    assert not is_public("fe80::1%eth0")
    assert not is_public("fec0::1%1")

"""Which addresses lie inside a network: no link from outside may lead there. Pure: no name is resolved here."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_METADATA = "cloud metadata"
_PRIVATE, _LOOPBACK, _RESERVED = "private", "loopback", "reserved"
_SHARED, _BENCHMARK = "shared (carrier-grade NAT)", "benchmarking"

#: Where the file servers of an internal gateway can be. No file is served from a metadata or a link-local address.
#: Benchmarking addresses are here because local proxies hand them out for every name ("fake IP").
FILE_SERVER_KINDS = frozenset({_LOOPBACK, _PRIVATE, _SHARED, _BENCHMARK})

# The first that matches counts. Python's own is_private and is_global answer differently from release to release.
_NETWORKS = tuple(
    (ip_network(network), kind)
    for kind, networks in (
        # The metadata servers of Alibaba, of Azure, of Oracle, of Amazon's containers, and of Amazon and most others.
        (_METADATA, "100.100.100.200/32 168.63.129.16/32 192.0.0.192/32"),
        (_METADATA, "169.254.170.2/32 169.254.170.23/32 169.254.169.254/32"),
        # The networks in which Amazon, Google, Oracle and Scaleway serve theirs on IPv6, beside other services of theirs.
        (_METADATA, "fd00:ec2::/32 fd20:ce::/32 fd00:c1::/32 fd00:42::42/128"),
        ("unspecified", "0.0.0.0/8 ::/128"),
        (_PRIVATE, "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 64:ff9b:1::/48 fc00::/7 fec0::/10"),
        (_SHARED, "100.64.0.0/10"),
        (_LOOPBACK, "127.0.0.0/8 ::1/128"),
        ("link-local", "169.254.0.0/16 fe80::/10"),
        (_BENCHMARK, "198.18.0.0/15"),
        ("multicast", "224.0.0.0/4 ff00::/8"),
        (_RESERVED, "192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4"),
        (_RESERVED, "2001::/23 2001:db8::/32 3fff::/20"),
    )
    for network in networks.split()
)
_GLOBAL_IPV6 = ip_network("2000::/3")

# IPv6 networks whose addresses stand for an IPv4 address, and by how many bits that is shifted.
_EMBEDDINGS = tuple(
    (ip_network(network), shift)
    for network, shift in (
        ("::ffff:0:0/96", 0),  # mapped
        ("::ffff:0:0:0/96", 0),  # translated
        ("64:ff9b::/96", 0),  # NAT64
        ("2002::/16", 80),  # 6to4
        ("::/96", 0),  # compatible; holds :: and ::1, which are looked for before
    )
)


def classify_address(address: str) -> str | None:
    """Return what kind of internal address this is; ``None`` for a public one.

    :param address: as a socket tells it, IPv4 or IPv6, with or without a zone. What is no address is not public.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return "unreadable"
    kind = _listed(found)
    if isinstance(found, IPv4Address):
        return kind
    if kind == _PRIVATE and any(_listed(inner) == _METADATA for inner in _translated(found)):
        return _METADATA
    if kind is not None:
        return kind
    for network, shift in _EMBEDDINGS:
        if found in network:
            return _listed(IPv4Address(int(found) >> shift & 0xFFFFFFFF))
    return None if found in _GLOBAL_IPV6 else _RESERVED


def _translated(address: IPv6Address) -> Iterator[IPv4Address]:
    """Yield what an address may stand for where a network translates with a prefix of its own (RFC 6052)."""
    octets = address.packed[:8] + address.packed[9:]
    for start in (4, 5, 6, 7, 8, 11):
        yield IPv4Address(octets[start : start + 4])


def _listed(address: IPv4Address | IPv6Address) -> str | None:
    return next((kind for network, kind in _NETWORKS if address in network), None)

"""Which addresses lie inside a network: no link from outside may lead there. Pure: no name is resolved here."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_PRIVATE, _LOOPBACK, _RESERVED = "private", "loopback", "reserved"
_SHARED, _BENCHMARK = "shared (carrier-grade NAT)", "benchmarking"

#: Where the file servers of an internal gateway can be. No file is served from a metadata or a link-local address.
#: Benchmarking addresses are here because local proxies hand them out for every name ("fake IP").
FILE_SERVER_KINDS = frozenset({_LOOPBACK, _PRIVATE, _SHARED, _BENCHMARK})

# The first that matches counts. Python's own is_private and is_global answer differently from release to release.
_NETWORKS = tuple(
    (ip_network(network), kind)
    for kind, networks in (
        # The metadata servers of Alibaba, of Azure, of Oracle, of Amazon on IPv6, and of Amazon and most others.
        ("cloud metadata", "100.100.100.200/32 168.63.129.16/32 192.0.0.192/32 fd00:ec2::254/128 169.254.169.254/32"),
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
    if kind is not None or isinstance(found, IPv4Address):
        return kind
    for network, shift in _EMBEDDINGS:
        if found in network:
            return _listed(IPv4Address(int(found) >> shift & 0xFFFFFFFF))
    return None if found in _GLOBAL_IPV6 else _RESERVED


def _listed(address: IPv4Address | IPv6Address) -> str | None:
    return next((kind for network, kind in _NETWORKS if address in network), None)

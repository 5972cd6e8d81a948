"""Which addresses are internal, and whose links may lead there."""

from __future__ import annotations

import pytest

from sora2_provider.gateway.errors import InternalAddress
from sora2_provider.gateway.transport.addresses import FILE_SERVER_KINDS, classify_address
from sora2_provider.gateway.transport.ssrf import GatewayPeers, SsrfGuard

INTERNAL = {
    "loopback": "127.0.0.1 127.255.255.254 ::1 ::ffff:127.0.0.1 2002:7f00:1::",
    "private": "10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 fc00::1 fd12:3456::1 fec0::1 64:ff9b:1::5db8:d822 "
    "::ffff:0:10.0.0.1 ::10.0.0.1 64:ff9b::10.0.0.1 2002:a00:1::1",
    "shared (carrier-grade NAT)": "100.64.0.1",
    "benchmarking": "198.18.0.7",
    "link-local": "169.254.1.1 fe80::1 fe80::1%eth0",
    "cloud metadata": "169.254.169.254 100.100.100.200 168.63.129.16 192.0.0.192 fd00:ec2::254 ::ffff:a9fe:a9fe "
    "64:ff9b::169.254.169.254 ::ffff:100.100.100.200 2002:6464:64c8::1 64:ff9b::168.63.129.16 ::ffff:0:192.0.0.192 "
    "::169.254.169.254 fd00:ec2::23 fd00:ec2::253 fd20:ce::254 fd00:c1::a9fe:a9fe fd00:42::42 FD00:0EC2:0:0::254 "
    # Translated by a network's own prefix, of 96, 64, 48, 40, 56 and 32 bits.
    "64:ff9b:1::169.254.169.254 fd64:1::100.100.100.200 fd00:1:2:3:a9:fea9:fe00:0 64:ff9b:1:a9fe:a9:fe00:: "
    "169.254.170.2 169.254.170.23 fd00:1:2a9:fea9:fe:: fd00:1:2:3a9:fe:a9fe:: fd00:1:a9fe:a9fe::",
    "unspecified": "0.0.0.0 0.1.2.3 ::",
    "multicast": "224.0.0.1 239.255.255.255 ff02::1",
    "reserved": "240.0.0.1 255.255.255.255 192.0.0.1 192.0.2.1 192.88.99.1 198.51.100.1 203.0.113.1 2001:db8::1 3fff::1 "
    "2001:0:4136:e378:8000:63bf:3fff:fdd2 100::1 5f00::1",
    "unreadable": "not-an-address [::1] 127.1",
}
PUBLIC = (
    "1.1.1.1 11.0.0.1 172.15.255.255 172.32.0.1 100.63.255.255 100.128.0.1 169.253.255.255 223.255.255.255 "
    "2606:4700::1111 2a00:1450:4001::200e ::ffff:1.1.1.1 64:ff9b::1.1.1.1 2002:101:101::1"
)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("", "unreadable"),
        *((address, kind) for kind, addresses in INTERNAL.items() for address in addresses.split()),
        *((address, None) for address in PUBLIC.split()),
    ],
)
def test_an_internal_address_is_known_in_every_disguise_and_a_public_one_is_none(address, kind):
    assert classify_address(address) == kind


def test_no_file_is_served_where_clouds_keep_their_credentials():
    kept_off = {"cloud metadata", "link-local", "unspecified", "multicast", "reserved", "unreadable"}
    assert not FILE_SERVER_KINDS & kept_off


GATEWAYS = {
    "a gateway that was not seen yet": ((), False),
    "a gateway on this machine": (("127.0.0.1",), True),
    "a gateway in the same network": (("10.0.0.5", "10.0.0.6"), True),
    "a public gateway": (("93.184.216.34",), False),
    "a public gateway whose name now leads inside": (("93.184.216.34", "10.0.0.5"), False),
    "a gateway at a link-local address": (("169.254.1.1",), False),
}


@pytest.mark.parametrize(("addresses", "internal"), GATEWAYS.values(), ids=GATEWAYS)
def test_the_links_of_an_internal_gateway_may_lead_to_its_neighbours(addresses, internal):
    peers = GatewayPeers()
    for address in addresses:
        peers.verified(address)
    peers.know_video()
    guard = SsrfGuard(peers)
    if internal:
        guard.connected("files.corp", "192.168.7.7")
    else:
        with pytest.raises(InternalAddress, match="files.corp, which is 192.168.7.7: a private address"):
            guard.connected("files.corp", "192.168.7.7")
    for address in ("169.254.169.254", "fd00:ec2::23", "fd20:ce::254", "::ffff:168.63.129.16"):
        with pytest.raises(InternalAddress, match="metadata"):
            guard.connecting(address, 80)


def test_behind_a_proxy_only_an_address_in_the_base_url_makes_a_gateway_internal():
    named, numbered = GatewayPeers(), GatewayPeers()
    named.proxied("gateway.corp", 443)
    numbered.proxied("10.0.0.5", 443)
    for peers in (named, numbered):
        peers.know_video()
    assert not named.allowed_kinds
    assert numbered.allowed_kinds == FILE_SERVER_KINDS

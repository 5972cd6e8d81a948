"""Which addresses are internal, and whose links may lead there."""

from __future__ import annotations

import pytest

from sora2_provider.gateway.errors import InternalAddress
from sora2_provider.gateway.transport.addresses import FILE_SERVER_KINDS, classify_address
from sora2_provider.gateway.transport.ssrf import GatewayPeers, SsrfGuard

INTERNAL = {
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "10.1.2.3": "private",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.168.1.1": "private",
    "100.64.0.1": "shared (carrier-grade NAT)",
    "198.18.0.7": "benchmarking",
    "169.254.1.1": "link-local",
    "169.254.169.254": "cloud metadata",
    "100.100.100.200": "cloud metadata",
    "168.63.129.16": "cloud metadata",
    "0.0.0.0": "unspecified",
    "0.1.2.3": "unspecified",
    "224.0.0.1": "multicast",
    "239.255.255.255": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "192.0.2.1": "reserved",
    "::": "unspecified",
    "::1": "loopback",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "fc00::1": "private",
    "fd12:3456::1": "private",
    "fd00:ec2::254": "cloud metadata",
    "fec0::1": "private",
    "ff02::1": "multicast",
    "2001:db8::1": "reserved",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2": "reserved",
    "100::1": "reserved",
    "5f00::1": "reserved",
    "::ffff:127.0.0.1": "loopback",
    "::ffff:a9fe:a9fe": "cloud metadata",
    "::ffff:0:10.0.0.1": "private",
    "::10.0.0.1": "private",
    "64:ff9b::10.0.0.1": "private",
    "64:ff9b::169.254.169.254": "cloud metadata",
    "64:ff9b:1::5db8:d822": "private",
    "2002:a00:1::1": "private",
    "2002:7f00:1::": "loopback",
    "not an address": "unreadable",
    "": "unreadable",
}
PUBLIC = (
    "1.1.1.1",
    "11.0.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "169.253.255.255",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001::200e",
    "::ffff:1.1.1.1",
    "64:ff9b::1.1.1.1",
    "2002:101:101::1",
)


@pytest.mark.parametrize(("address", "kind"), INTERNAL.items())
def test_an_internal_address_is_known_in_every_disguise(address, kind):
    assert classify_address(address) == kind


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_none(address):
    assert classify_address(address) is None


def test_no_file_is_served_where_clouds_keep_their_credentials():
    assert not FILE_SERVER_KINDS & {
        "cloud metadata",
        "link-local",
        "unspecified",
        "multicast",
        "reserved",
        "unreadable",
    }


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
    guard = SsrfGuard(peers)
    if internal:
        guard.connected("files.corp", "192.168.7.7")
    else:
        with pytest.raises(InternalAddress, match="files.corp, which is 192.168.7.7: a private address"):
            guard.connected("files.corp", "192.168.7.7")
    with pytest.raises(InternalAddress, match="metadata"):
        guard.connected("169.254.169.254", "169.254.169.254")


def test_behind_a_proxy_only_an_address_in_the_base_url_makes_a_gateway_internal():
    named, numbered = GatewayPeers(), GatewayPeers()
    named.proxied("gateway.corp", 443)
    numbered.proxied("10.0.0.5", 443)
    assert not named.allowed_kinds
    assert numbered.allowed_kinds == FILE_SERVER_KINDS

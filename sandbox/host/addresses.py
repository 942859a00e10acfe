"""Which addresses a build or a fetch may not be led to, whatever name it asked for."""

from __future__ import annotations

import ipaddress
import socket

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
PRIVATE, LOOPBACK = "a private address", "a loopback address"
OWN_ADDRESS = "an address of this machine"
_NETWORKS = {
    "0.0.0.0/8": "an unspecified address",
    "10.0.0.0/8": PRIVATE,
    "100.64.0.0/10": PRIVATE,
    "127.0.0.0/8": LOOPBACK,
    "169.254.0.0/16": "a link-local address",
    "172.16.0.0/12": PRIVATE,
    "192.0.0.0/24": "a reserved address",
    "192.88.99.0/24": "a reserved address",
    "192.168.0.0/16": PRIVATE,
    "198.18.0.0/15": PRIVATE,
    "224.0.0.0/4": "a multicast address",
    "240.0.0.0/4": "a reserved address",
    "::1/128": LOOPBACK,
    "64:ff9b:1::/48": PRIVATE,
    "fc00::/7": PRIVATE,
    "fe80::/10": "a link-local address",
    "fec0::/10": PRIVATE,
    "ff00::/8": "a multicast address",
    # Both carry an IPv4 address to wherever the nearest relay is.
    "2001::/32": "a Teredo address",
    "2002::/16": "a 6to4 address",
}
_REFUSED = tuple((ipaddress.ip_network(text), kind) for text, kind in _NETWORKS.items())
_UNICAST = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def plain(address: Address) -> Address:
    """The IPv4 address within an IPv4-mapped or NAT64 one; any other as it is."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def kind_of(address: Address) -> str | None:
    """What an address is that no public host has; None for those of public hosts."""
    address = plain(address)
    for network, kind in _REFUSED:
        if address.version == network.version and address in network:
            return kind
    if address.version == 6 and address not in _UNICAST:
        return "a reserved address"
    return OWN_ADDRESS if _is_own(address) else None


def _is_own(address: Address) -> bool:
    """Only the machine's own addresses can be bound to. Nothing is sent."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True

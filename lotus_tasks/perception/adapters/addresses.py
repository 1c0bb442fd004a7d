"""Which addresses a page may be fetched from: public ones, every one that the name has."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from lotus_tasks.errors import InvalidInput

Address = IPv4Address | IPv6Address

_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: an IPv4 address in the last 32 bits."""

_SPECIAL = tuple(ip_network(network) for network in (
    "0.0.0.0/8",  # this network, RFC 791
    "10.0.0.0/8",  # private, RFC 1918
    "100.64.0.0/10",  # shared by a provider's customers, RFC 6598
    "127.0.0.0/8",  # loopback, RFC 1122
    "169.254.0.0/16",  # link-local, RFC 3927
    "172.16.0.0/12",  # private, RFC 1918
    "192.0.0.0/24",  # protocol assignments, RFC 6890
    "192.0.2.0/24",  # documentation, RFC 5737
    "192.31.196.0/24",  # AS112, RFC 7535
    "192.52.193.0/24",  # AMT, RFC 7450
    "192.88.99.0/24",  # 6to4 relays and 6a44, RFC 7526 and 6751
    "192.168.0.0/16",  # private, RFC 1918
    "192.175.48.0/24",  # AS112, RFC 7534
    "198.18.0.0/15",  # benchmarks, RFC 2544
    "198.51.100.0/24",  # documentation, RFC 5737
    "203.0.113.0/24",  # documentation, RFC 5737
    "224.0.0.0/4",  # multicast, RFC 5771
    "240.0.0.0/4",  # reserved, with broadcast, RFC 1112 and 8190
    "::/128",  # unspecified, RFC 4291
    "::1/128",  # loopback, RFC 4291
    "::ffff:0:0/96",  # IPv4-mapped, RFC 4291
    "64:ff9b:1::/48",  # NAT64 of a network's own, RFC 8215
    "100::/64",  # discard, RFC 6666
    "100:0:0:1::/64",  # dummy prefix, RFC 9780
    "2001::/23",  # protocol assignments, RFC 2928: Teredo, benchmarks, AMT, AS112, ORCHID, drone tags
    "2001:db8::/32",  # documentation, RFC 3849
    "2002::/16",  # 6to4, RFC 3056
    "2620:4f:8000::/48",  # AS112, RFC 7534
    "3fff::/20",  # documentation, RFC 9637
    "5f00::/16",  # segment routing, RFC 9602
    "fc00::/7",  # unique local, RFC 4193
    "fe80::/10",  # link-local, RFC 4291
    "fec0::/10",  # site-local, RFC 3879
    "ff00::/8",  # multicast, RFC 4291
))  # fmt: skip
"""IANA's special-purpose registries, as of November 2025, whole: also what the internet could reach there is no web page
(https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry), with multicast."""
_UNICAST = IPv6Network("2000::/3")
"""All of IPv6 that is given out to anyone (https://www.iana.org/assignments/ipv6-address-space)."""
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})
"""RFC 5214: an IPv4 address after this in the second half."""


def find_addresses(host: str, port: int, *, allow_loopback: bool = False) -> list[str]:
    """The addresses of ``host``, every one of them public. Raises InvalidInput where one isn't, or there are none.

    ``allow_loopback`` is for tests, which reach nothing else.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise InvalidInput(f"{host} has no address: {getattr(error, 'strerror', None) or error}") from error
    texts = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for text in texts:
        address = ip_address(text.partition("%")[0])
        if allow_loopback:
            if not address.is_loopback:
                raise InvalidInput(f"{host} ({text}) is not this machine; tests reach nothing else")
        elif not is_public(address) or _is_own(text, address):
            raise InvalidInput(f"{host} ({text}) is no public address; only public pages are fetched")
    if not texts:
        raise InvalidInput(f"{host} has no address")
    return texts


def is_public(address: Address) -> bool:
    """Whether the whole internet can reach ``address``, and every IPv4 address that it stands for."""
    return all(_is_ordinary(one) for one in _meanings(address))


def _is_ordinary(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    return not any(address in network for network in _networks(address.version))


def _networks(version: int) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(network for network in _SPECIAL if network.version == version)


def _meanings(address: Address) -> Iterator[Address]:
    """IPv4 addresses wrapped in IPv6 (mapped, NAT64, ISATAP) are reached as what they wrap."""
    if not isinstance(address, IPv6Address):
        yield address
        return
    inside = IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.ipv4_mapped is not None or address in _NAT64:
        yield inside
        return
    yield address
    if int(address) >> 32 & 0xFFFF_FFFF in _ISATAP:
        yield inside


def _is_own(text: str, address: Address) -> bool:
    """Whether a public address is this machine's: it reaches itself from that address. Sends nothing."""
    family = socket.AF_INET6 if isinstance(address, IPv6Address) else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((text, 9))
            return ip_address(probe.getsockname()[0].partition("%")[0]) == address
        except OSError:
            return False  # no way there: the connection will say so

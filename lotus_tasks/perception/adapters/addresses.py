"""Which addresses a page may be fetched from: public ones, every one that the name has."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from lotus_tasks.errors import InvalidInput

Address = IPv4Address | IPv6Address

_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: an IPv4 address in the last 32 bits."""


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
    return all(
        one.is_global
        and not one.is_multicast
        and not one.is_reserved
        and not one.is_loopback
        and not one.is_link_local
        and not one.is_unspecified
        and not (isinstance(one, IPv6Address) and one.is_site_local)
        for one in _meanings(address)
    )


def _meanings(address: Address) -> Iterator[Address]:
    """IPv4 addresses wrapped in IPv6 (mapped, 6to4, Teredo, NAT64) are reached as what they wrap."""
    if not isinstance(address, IPv6Address):
        yield address
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
        return
    if address in _NAT64:
        yield IPv4Address(int(address) & 0xFFFF_FFFF)
        return
    yield address
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo


def _is_own(text: str, address: Address) -> bool:
    """Whether a public address is this machine's: it reaches itself from that address. Sends nothing."""
    family = socket.AF_INET6 if isinstance(address, IPv6Address) else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((text, 9))
            return ip_address(probe.getsockname()[0].partition("%")[0]) == address
        except OSError:
            return False  # no way there: the connection will say so

"""Which addresses count as public."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from lotus_tasks.errors import InvalidInput
from lotus_tasks.perception.adapters.addresses import find_addresses, is_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "0.1.2.3",
        "224.0.0.1", "239.1.1.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1", "::", "::1", "fe80::1", "fc00::1",
        "fd12::1", "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1",
        "2002:7f00:1::", "2002:c0a8:101::1", "2001:0:7f00:1::", "2001:db8::1",
        "192.88.99.0", "192.88.99.1", "192.88.99.2", "192.0.0.1", "192.0.0.9", "192.31.196.1", "192.52.193.1", "192.175.48.1",
        "198.51.100.7", "203.0.113.7", "3fff::1", "3fff:fff::1", "5f00::1", "64:ff9b:1::1", "64:ff9b:1:ffff::101:101", "100::1",
        "100:0:0:1::1", "2001:2::1", "2001:3::1", "2001:4:112::1", "2001:10::1", "2001:20::1", "2001:30::1", "2620:4f:8000::1",
        "2002:101:101::1", "2001:0:101:101::1", "::1.1.1.1", "::a00:1", "4000::1", "1::1", "64:ff9b::c058:6301",
        "::ffff:192.88.99.1", "2606:4700::5efe:7f00:1", "2606:4700::200:5efe:a00:1", "feff::1",
    ],
)  # fmt: skip
def test_what_the_internet_cannot_reach_is_not_public(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "192.88.98.255", "192.88.100.0",
        "3fff:1000::1", "2001:200::1", "2003::1", "2606:4700::5efe:101:101", "198.17.255.255", "223.255.255.255",
    ],
)  # fmt: skip
def test_what_the_internet_can_reach_is_public(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "017700000001", "0", "::1"])
def test_every_way_to_write_this_machine_is_refused(host):
    with pytest.raises(InvalidInput, match=r"public|no address"):
        find_addresses(host, 80)


def test_one_private_address_among_public_ones_refuses_the_name(monkeypatch):
    entries = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("1.1.1.1", "10.0.0.5")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries)
    with pytest.raises(InvalidInput, match=r"10\.0\.0\.5"):
        find_addresses("both.example", 80)


def test_this_machines_own_public_address_is_refused(monkeypatch):
    class Reached:
        def __init__(self, *_):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def connect(self, _):
            pass

        def getsockname(self):
            return ("1.1.1.1", 40000)

    monkeypatch.setattr(socket, "socket", Reached)
    with pytest.raises(InvalidInput, match="no public address"):
        find_addresses("1.1.1.1", 80)


def test_a_test_reaches_this_machine_only():
    assert find_addresses("127.0.0.1", 80, allow_loopback=True) == ["127.0.0.1"]
    with pytest.raises(InvalidInput, match="tests reach nothing else"):
        find_addresses("169.254.169.254", 80, allow_loopback=True)

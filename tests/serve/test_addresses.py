"""Claim: the server listens on this machine alone unless it was told otherwise, and knows its own names."""

from __future__ import annotations

import socket

import pytest

from triplepoint.errors import UsageError
from triplepoint.serve import addresses
from triplepoint.serve.addresses import Address


@pytest.fixture
def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_loopback_needs_no_leave(host):
    listening, address = addresses.listen(host, 0)
    with listening:
        assert listening.getsockname() == ("127.0.0.1", address.port)
        assert address.loopback
        socket.create_connection(("127.0.0.1", address.port), 10).close()
        assert address.url == f"http://{host}:{address.port}/"


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_all_interfaces_need_leave(host):
    with pytest.raises(UsageError, match=r"other machines could reach it.*--allow-remote"):
        addresses.listen(host, 0)


def test_all_interfaces_with_leave():
    listening, address = addresses.listen("0.0.0.0", 0, allow_remote=True)
    with listening:
        assert not address.loopback
        assert address.url == f"http://{socket.gethostname()}:{address.port}/"


def test_without_a_port_the_next_free_one_is_taken(monkeypatch, free_port):
    monkeypatch.setattr(addresses, "PORT", free_port)
    first, one = addresses.listen()
    with first:
        assert one.port == free_port
        second, other = addresses.listen()
        with second:
            assert free_port < other.port < free_port + 20


def test_a_port_that_was_asked_for_is_never_another_one():
    first, one = addresses.listen(port=0)
    with first, pytest.raises(UsageError, match=rf"port {one.port} is taken.*Choose another --port"):
        addresses.listen(port=one.port)


def test_there_is_an_end_to_the_tries(monkeypatch):
    first, one = addresses.listen(port=0)
    monkeypatch.setattr(addresses, "PORT", one.port)
    monkeypatch.setattr(addresses, "_TRIES", 1)
    with first, pytest.raises(UsageError, match="is taken"):
        addresses.listen()


@pytest.mark.parametrize("host", ["no.such.host.invalid", "", " ", "a" * 300, "\x00", "\ud800", "évil"])
def test_what_is_no_host_is_refused_in_one_line(host):
    with pytest.raises(UsageError, match=r"there is no such host|other machines could reach it") as caught:
        addresses.listen(host, 0)
    assert len(str(caught.value).splitlines()) == 1


def test_a_host_that_is_not_of_this_machine_is_refused():
    with pytest.raises(UsageError, match="serve on 192"):
        addresses.listen("192.0.2.1", 0, allow_remote=True)


NAMED = Address("box.example", 80, False)
ALL = Address("0.0.0.0", 8321, False)


@pytest.mark.parametrize(
    ("address", "host", "known"),
    [
        (NAMED, "box.example", True),
        (NAMED, "box.example:80", True),
        (NAMED, "BOX.example:80", True),
        (NAMED, "localhost", True),
        (NAMED, "[::1]", True),
        (NAMED, "box.example:81", False),
        (NAMED, "evil.box.example", False),
        (Address("127.0.0.2", 5, True), "127.0.0.2:5", True),
        (Address("::1", 5, True), "[::1]:5", True),
        (ALL, "10.1.2.3:8321", True),
        (ALL, "[fe80::1]:8321", True),
        (ALL, f"{socket.gethostname()}:8321", True),
        (ALL, "rebound.example:8321", False),
        (ALL, "10.1.2.3:8322", False),
        (ALL, "10.1.2.3.evil.example:8321", False),
    ],
)
def test_names_under_which_it_may_be_asked(address, host, known):
    assert address.answers_to(host) is known

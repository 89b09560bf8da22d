"""Claim: bytes of any kind on the socket cost the connection at most; the next request is answered as ever."""

from __future__ import annotations

import random
import socket

import pytest

from tests.serve.served import TOKEN, Served
from tests.store.frames import lawful
from triplepoint.store import RunWriter

HEAD = f"Host: 127.0.0.1:PORT\r\nAuthorization: Bearer {TOKEN}\r\n"
CLOSE = "Connection: close\r\n\r\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """One server for all of them: what one does to it the others see."""
    folder = tmp_path_factory.mktemp("runs")
    with RunWriter(folder / "first" / "run.db") as writer:
        writer.write([lawful(0)])
    made = Served(folder)
    yield made
    made.close()


def ask(served, line: str, more: str = CLOSE) -> bytes:
    return served.raw(
        (line + "\r\n" + HEAD.replace("PORT", str(served.address.port)) + more).encode("latin-1")
    )


def test_it_answers_before_it_is_harmed(served):
    found = ask(served, "GET /api/runs HTTP/1.1")
    assert found.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"server:" not in found.lower()
    assert b'"name":"first"' in found


@pytest.mark.parametrize(
    ("line", "more", "status"),
    [
        ("GET /api/runs HTTP/1.1", "Range: bytes=0-3\r\n" + CLOSE, 200),
        ("HEAD /api/runs HTTP/1.1", CLOSE, 200),
        ("HEAD / HTTP/1.1", CLOSE, 200),
        ("GET /api/runs HTTP/1.0", "\r\n", 200),
        ("POST /api/runs HTTP/1.1", "Content-Length: 3\r\n" + CLOSE + "abc", 405),
        ("OPTIONS * HTTP/1.1", CLOSE, 405),
        ("GET http://evil.example/ HTTP/1.1", CLOSE, 404),
        ("GET //evil.example/ HTTP/1.1", CLOSE, 404),
        ("GET /..%2f..%2fetc/passwd HTTP/1.1", CLOSE, 404),
        ("GET /../../etc/passwd HTTP/1.1", CLOSE, 404),
        ("GET /%00 HTTP/1.1", CLOSE, 404),
        ("GET /%ff%fe HTTP/1.1", CLOSE, 404),
        ("GET /api/document?kind=run&name=%00 HTTP/1.1", CLOSE, 404),
        ("GET /api/document?" + "a" * 9000 + " HTTP/1.1", CLOSE, 414),
        ("GET /" + "a" * 100_000 + " HTTP/1.1", CLOSE, (400, 414)),
        ("GET / HTTP/1.1", "X: " + "a" * 100_000 + "\r\n" + CLOSE, (200, 400)),
        ("GET / HTTP/1.1", "Host: evil.example\r\n" + CLOSE, 400),
        ("GET / HTTP/1.1", "A: b\x00c\r\n" + CLOSE, 400),
        ("GET / HTTP/9.9", CLOSE, (200, 400)),
        ("GET /\x00 HTTP/1.1", CLOSE, 400),
        ("GET / HTTP/1.1", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n" + CLOSE + "zz", 200),
        ("GET / HTTP/1.1", "Transfer-Encoding: odd\r\n" + CLOSE, (400, 501)),
        ("GET /api/runs HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n" + CLOSE, 200),
        (
            "GET /api/runs HTTP/1.1",
            "X-Forwarded-Host: evil.example\r\nX-Forwarded-For: 1.2.3.4\r\n" + CLOSE,
            200,
        ),
        ("\x16\x03\x01\x02\x00\x01\x00", CLOSE, 400),
        ("SSH-2.0-x", CLOSE, 400),
    ],
)
def test_odd_requests(served, line, more, status):
    found = ask(served, line, more)
    assert found.startswith(b"HTTP/1.1 "), found[:80]
    assert int(found[9:12]) in (status if isinstance(status, tuple) else (status,))
    if line.startswith("HEAD"):
        assert found.endswith(b"\r\n\r\n")
    if b"content-security-policy" not in found:  # of uvicorn itself
        assert b"content-type: text/plain" in found
    assert b"Traceback" not in found
    test_it_answers_before_it_is_harmed(served)


def test_a_body_without_end_is_not_taken(served):
    """The answer comes, and what is sent on fills no memory."""
    with served.connect() as connection:
        head = HEAD.replace("PORT", str(served.address.port)) + "Content-Length: 10000000000\r\n\r\n"
        connection.sendall(f"GET /api/runs HTTP/1.1\r\n{head}".encode())
        connection.settimeout(1.0)
        sent = 0
        try:
            while sent < 100 << 20:
                sent += connection.send(bytes(1 << 16))
        except (TimeoutError, OSError):
            pass
        assert sent < 64 << 20
    test_it_answers_before_it_is_harmed(served)


def test_garbage_behind_a_stream_does_not_harm_it(served):
    with served.connect() as connection:
        head = HEAD.replace("PORT", str(served.address.port))
        connection.sendall(f"GET /api/stream?name=first HTTP/1.1\r\n{head}\r\n".encode())
        connection.sendall(b"\x00garbage\r\n\r\n" * 1000)
        found = b""
        while b"event: status" not in found:
            part = connection.recv(65_536)
            assert part
            found += part
    test_it_answers_before_it_is_harmed(served)


def test_requests_in_a_row_are_answered_in_a_row(served):
    head = HEAD.replace("PORT", str(served.address.port))
    one = f"GET /api/runs HTTP/1.1\r\n{head}\r\n"
    found = served.raw(f"{one}{one}GET /nothing HTTP/1.1\r\n{head}{CLOSE}".encode())
    assert [found.count(f"HTTP/1.1 {status}".encode()) for status in (200, 404)] == [2, 1]


def test_random_bytes(served):
    rng = random.Random(5)
    head = HEAD.replace("PORT", str(served.address.port))
    whole = f"GET /api/document?kind=run&name=first HTTP/1.1\r\n{head}{CLOSE}".encode()
    for _ in range(40):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 3, 20))):
            data[rng.randrange(len(data))] = rng.randrange(256)
        with served.connect() as connection:
            connection.sendall(bytes(data))
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass
    test_it_answers_before_it_is_harmed(served)

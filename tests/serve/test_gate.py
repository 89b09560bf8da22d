"""Claim: nothing is answered but to the owner, under our own name, for reading; and every answer is guarded."""

from __future__ import annotations

import re

import pytest

from tests.serve.asking import BEARER, COOKIE, HOST, PORT, SHOWN, ask, gate
from tests.serve.served import TOKEN
from tests.store.frames import lawful
from triplepoint.errors import UsageError
from triplepoint.serve import endpoints
from triplepoint.serve import gate as gate_module
from triplepoint.store import RunWriter

PATHS = (
    "/",
    "/api/runs",
    "/api/document?kind=run&name=first",
    "/api/stream?name=first",
    "/nothing",
    "/api/nothing",
)


@pytest.fixture
def app(folder):
    with RunWriter(folder / "first" / "run.db") as writer:
        writer.write([lawful(step) for step in range(3)])
    return gate(folder)


@pytest.mark.parametrize("target", PATHS)
def test_without_the_token_nothing_is_said(app, target):
    answer = ask(app, target)
    assert answer.status == 401
    assert answer["www-authenticate"] == 'Bearer realm="triplepoint"'
    assert b"Open the link that the command printed" in answer.body
    assert b"first" not in answer.body.replace(b"shown the token", b"")
    assert TOKEN.encode() not in answer.body


@pytest.mark.parametrize(
    "shown",
    [
        (b"cookie", b"triplepoint_8321="),
        (b"cookie", f"triplepoint_8321={SHOWN}x".encode()),
        (b"cookie", f"triplepoint_8321={SHOWN[:-1]}".encode()),
        (b"cookie", f"triplepoint_8321={TOKEN}".encode()),
        (b"cookie", f"triplepoint_8322={SHOWN}".encode()),
        (b"cookie", b"triplepoint_8321=\xff\xfe"),
        (b"authorization", TOKEN.encode()),
        (b"authorization", f"Basic {TOKEN}".encode()),
        (b"authorization", b"Bearer"),
        (b"authorization", f"Bearer {SHOWN}".encode()),
        (b"authorization", b"Bearer \xe9"),
    ],
)
def test_what_is_not_the_token_opens_nothing(app, shown):
    assert ask(app, "/api/runs", shown).status == 401


@pytest.mark.parametrize(
    "shown",
    [
        BEARER,
        COOKIE,
        (b"authorization", f"bearer  {TOKEN}".encode()),
        (b"cookie", f"other=1; triplepoint_8321=planted; triplepoint_8321={SHOWN}; x".encode()),
    ],
)
def test_the_token_opens(app, shown):
    answer = ask(app, "/api/runs", shown)
    assert answer.status == 200
    assert [entry["name"] for entry in answer.json["entries"]] == ["first"]


def test_the_link_sets_a_cookie_and_goes_on_without_the_token(app):
    answer = ask(app, f"/?token={TOKEN}")
    assert (answer.status, answer["location"]) == (303, "/")
    cookie = answer["set-cookie"]
    assert cookie is not None
    value, *attributes = cookie.split("; ")
    assert value == f"triplepoint_{PORT}={SHOWN}"
    assert {one.lower() for one in attributes} == {"httponly", "path=/", "samesite=strict"}
    assert ask(app, "/", (b"cookie", value.encode())).status == 200


@pytest.mark.parametrize("shown", ["", "x", TOKEN[:-1], TOKEN + "x", "%FF%00", f"{TOKEN}%00"])
def test_a_link_with_another_token_opens_nothing_even_with_the_cookie(app, shown):
    answer = ask(app, f"/?token={shown}", COOKIE)
    assert answer.status == 401
    assert answer["set-cookie"] is None


def test_a_token_in_another_address_opens_nothing(app):
    assert ask(app, f"/api/runs?token={TOKEN}").status == 401


def test_a_ticket_opens_once_and_not_for_long(app, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(gate_module.time, "monotonic", lambda: now[0])
    ticket = app.ticket()
    assert ticket != TOKEN
    assert ask(app, f"/?token={ticket}", method="HEAD").status == 303  # a look at it does not use it up
    answer = ask(app, f"/?token={ticket}")
    assert answer.status == 303
    assert SHOWN in str(answer["set-cookie"])
    assert ask(app, f"/?token={ticket}").status == 401
    late = app.ticket()
    now[0] += 121
    assert ask(app, f"/?token={late}").status == 401
    assert ask(app, "/api/runs", (b"authorization", f"Bearer {app.ticket()}".encode())).status == 401


@pytest.mark.parametrize(
    "host",
    [
        b"evil.example",
        b"evil.example:8321",
        b"127.0.0.1",
        b"127.0.0.1:8322",
        b"127.0.0.1:08321x",
        b"localhost.evil.example:8321",
        b"127.0.0.1.evil.example:8321",
        b"127.0.0.1:8321:8321",
        b"[::1]",
        b"::1:8321",
        b"0.0.0.0:8321",
        b"",
        b":8321",
        b"127.0.0.1:8321, evil.example",
    ],
)
def test_a_name_that_is_not_ours_is_refused_whoever_asks(app, host):
    for target in ("/", f"/?token={TOKEN}", "/api/runs"):
        answer = ask(app, target, (b"host", host), BEARER, COOKIE, host=False)
        assert answer.status == 421
        assert b"it is none of this server" in answer.body
        assert answer["set-cookie"] is None


def test_no_host_and_two_are_refused(app):
    assert ask(app, "/", BEARER, host=False).status == 421
    assert ask(app, "/", HOST, (b"host", b"evil.example"), BEARER, host=False).status == 421


@pytest.mark.parametrize("host", [b"127.0.0.1:8321", b"localhost:8321", b"LOCALHOST:8321", b"[::1]:8321"])
def test_our_names_are_known(app, host):
    assert ask(app, "/api/runs", (b"host", host), BEARER, host=False).status == 200


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "X"]
)
def test_nothing_is_changed(app, method):
    for target in PATHS:
        answer = ask(app, target, BEARER, method=method)
        assert (answer.status, answer["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/", [BEARER]),
        ("/", []),
        (f"/?token={TOKEN}", []),
        ("/api/runs", [BEARER]),
        ("/api/document?kind=run&name=none", [BEARER]),
        ("/nothing", [BEARER]),
        ("/", [(b"host", b"evil.example")]),
    ],
)
def test_every_answer_is_guarded(app, target, headers):
    answer = ask(app, target, *headers)
    policy = answer["content-security-policy"]
    assert policy is not None
    nonce = re.search(r"script-src 'nonce-([\w-]{22})'", policy)
    assert nonce is not None
    assert policy == (
        f"default-src 'none'; script-src 'nonce-{nonce[1]}'; style-src 'nonce-{nonce[1]}'; connect-src 'self'; "
        "img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert answer["x-content-type-options"] == "nosniff"
    assert answer["referrer-policy"] == "no-referrer"
    assert answer["cross-origin-opener-policy"] == "same-origin"
    assert answer["cross-origin-resource-policy"] == "same-origin"
    assert answer["cache-control"] == "no-store"
    assert answer["access-control-allow-origin"] is None
    again = ask(app, target, *headers)["content-security-policy"]
    assert again != policy


def test_the_page_carries_the_nonce_of_its_answer(app):
    answer = ask(app, "/", BEARER)
    found = re.search(r"script-src 'nonce-([\w-]+)'", str(answer["content-security-policy"]))
    assert found is not None
    nonces = re.findall(rb'<(?:script|style)\b[^>]*\bnonce="([\w-]+)"', answer.body)
    assert len(nonces) >= 2
    assert {*nonces} == {found[1].encode()}
    assert answer["content-type"] == "text/html; charset=utf-8"


def site(name: str, dest: str = "empty") -> list[tuple[bytes, bytes]]:
    return [(b"sec-fetch-site", name.encode()), (b"sec-fetch-dest", dest.encode())]


@pytest.mark.parametrize("name", ["cross-site", "same-site", "odd"])
def test_data_is_for_pages_of_this_origin(app, name):
    assert ask(app, "/api/runs", COOKIE, *site(name)).status == 403
    assert ask(app, "/api/stream?name=first", COOKIE, *site(name)).status == 403


@pytest.mark.parametrize("name", ["same-origin", "none"])
def test_data_is_given_to_our_own_page(app, name):
    assert ask(app, "/api/runs", COOKIE, *site(name)).status == 200


def test_a_link_of_another_site_opens_the_page_by_way_of_one_of_ours(app):
    """The browser sends no strict cookie along a redirect of such a request."""
    answer = ask(app, f"/?token={TOKEN}", *site("cross-site", "document"))
    assert answer.status == 200
    assert SHOWN in str(answer["set-cookie"])
    nonce = re.search(r"'nonce-([\w-]+)'", str(answer["content-security-policy"]))
    assert nonce is not None
    assert (
        f"<script nonce=\"{nonce[1]}\">location.replace('/' + location.hash)</script>".encode() in answer.body
    )
    assert TOKEN.encode() not in answer.body


def test_a_permalink_of_another_site_is_asked_again_by_us_and_only_once(app):
    answer = ask(app, "/", *site("cross-site", "document"))
    assert (answer.status, answer["set-cookie"]) == (200, None)
    assert b"location.replace('/?from=elsewhere' + location.hash)" in answer.body
    for name in ("same-origin", "cross-site"):
        assert ask(app, "/?from=elsewhere", *site(name, "document")).status == 401
    assert ask(app, "/?from=elsewhere", COOKIE, *site("same-origin", "document")).status == 200
    assert ask(app, "/", *site("cross-site", "iframe")).status == 401


def test_a_long_address_is_refused_before_it_is_read(app):
    assert ask(app, f"/api/document?name={'x' * 9000}", BEARER).status == 414


def test_errors_are_json_for_scripts_and_a_sentence_for_people(app):
    answer = ask(app, "/api/nothing", BEARER)
    assert (answer.status, answer["content-type"]) == (404, "application/json")
    assert answer.json == {
        "schema": "triplepoint.error/1",
        "asked": "open this address",
        "found": "there is nothing under it",
        "next": "The page is at /",
    }
    answer = ask(app, "/<script>alert(1)</script>", BEARER)
    assert (answer.status, answer["content-type"]) == (404, "text/html; charset=utf-8")
    assert b"<script" not in answer.body
    assert b"there is nothing under it" in answer.body


def test_a_text_is_never_markup(app, monkeypatch):
    def refuse(*_, **__):
        raise UsageError("<script>alert(1)</script>", "a\n<b>\x1b[0m", "c")

    monkeypatch.setattr(endpoints, "assemble", refuse)
    answer = ask(app, "/", BEARER)
    assert b"<p>&lt;script&gt;alert(1)&lt;/script&gt;: a\\n&lt;b&gt;\\x1b[0m. c.</p>" in answer.body


def test_a_fault_of_our_own_is_a_line_and_no_traceback(app, monkeypatch, capsys):
    def broken(*_):
        raise RuntimeError("secret\nof the house \x1b[31m")

    monkeypatch.setattr(endpoints.live, "metric_values", broken)
    monkeypatch.setattr(endpoints, "assemble", lambda *_, **__: broken())
    answer = ask(app, "/api/metric?name=first&metric=alpha&frame=1&token=s3cret", BEARER)
    assert answer.status == 500
    assert answer.json["found"] == "a bug in triplepoint"
    page = ask(app, "/", BEARER)
    assert page.status == 500
    assert page["content-security-policy"] is not None
    assert b"house" not in answer.body + page.body
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(
        r"triplepoint: GET /api/metric: a bug in triplepoint, RuntimeError: secret\nof the house \x1b[31m"
    )
    assert "s3cret" not in lines[0]

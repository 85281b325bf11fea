from __future__ import annotations

import time
from pathlib import Path

import pytest

from bdp.intake.routes import template
from tests.unit.intake.reading import line_of, one, read

TS = "2026-02-01T10:00:00Z"


@pytest.mark.parametrize(
    ("path", "route"),
    [("/api/items/37", "/api/items/{id}"), ("/api/items/37?x=1", "/api/items/{id}"),
     ("/api/items/37/", "/api/items/{id}/"),
     ("/o/550e8400-e29b-41d4-a716-446655440000/pay", "/o/{id}/pay"),
     ("/u/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/u/{id}"), ("/b/deadbeefcafe0123", "/b/{id}"),
     ("/orders/order-12345", "/orders/{id}"), ("/orders/A12B34", "/orders/{id}"),
     ("/orders/order-12345.json", "/orders/{id}.json"), ("/bills/4711.pdf", "/bills/{id}.pdf"),
     ("/shop;jsessionid=8A7F01/cart", "/shop/cart"),
     ("http://10.0.0.7:8080/x/12", "http://10.0.0.7:8080/x/{id}")],
)  # fmt: skip
def test_ids_give_way(path: str, route: str) -> None:
    assert template(path) == route


@pytest.mark.parametrize(
    "path",
    ["", "/", "*", "/api/v2/items", "/images/logo-2013.png", "/js/jquery-1.11.1234.min.js", "/app.3f9a8b7c.js",
     "/talks/puppetconf-talk-2012/", "/facade", "/blog/geekery%E2%80%A6%E2%80%A6", "/oauth2/token", "/{id}"],
)  # fmt: skip
def test_names_stay(path: str) -> None:
    assert template(path) == path


@pytest.mark.parametrize("path", ["/a1b2" * 100_000, "/" * 300_000, "1" * 300_000, "/a" * 19 + "x" * 300_000,
                                  "http://" + "h" * 300_000, "a." * 200_000, "-2012" * 50_000])  # fmt: skip
def test_a_hostile_path_costs_little_and_ends_short(path: str) -> None:
    started = time.process_time()
    route = template(path)
    assert time.process_time() - started < 0.2
    assert len(route) <= 200
    assert route.count("/") <= 21


def test_an_access_line_keeps_its_path() -> None:
    event = line_of("apache_access", '::1 - - [01/Feb/2026:10:00:00 +0000] "GET /api/items/37?x=1 HTTP/1.1" 500 1')
    assert (event.route, event.attributes["url.path"], event.attributes["url.query"]) == (
        "/api/items/{id}", "/api/items/37", "x=1",
    )  # fmt: skip


def test_many_ids_are_one_route(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    line = '::1 - - [01/Feb/2026:10:00:{:02} +0000] "GET /api/items/{}?x=1 HTTP/1.1" 500 1\n'
    path.write_text("".join(line.format(i % 60, 1000 + i) for i in range(200)))
    found, refused, _ = read(path)
    assert ({row["route"] for row in found}, refused) == ({"/api/items/{id}"}, [])


@pytest.mark.parametrize("name", ["url.path", "path", "uri", "http.target", "request_path"])
def test_a_raw_path_in_an_event_is_made_a_route(name: str) -> None:
    row = one({"ts": TS, name: "/api/items/37?x=1"})
    assert (row["route"], row["attributes"]) == ("/api/items/{id}", {"url.path": "/api/items/37"})


@pytest.mark.parametrize("name", ["route", "http.route"])
def test_a_route_that_was_named_is_not_touched(name: str) -> None:
    row = one({"ts": TS, name: "/api/items/37", "url.path": "/api/items/38"})
    assert (row["route"], row["attributes"]) == ("/api/items/37", {"url.path": "/api/items/38"})

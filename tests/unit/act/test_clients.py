"""Clients are made once, also when many threads ask at once."""

from __future__ import annotations

import threading

from bdp.act.clients import Clients


def test_each_is_made_once_for_all_threads() -> None:
    clients, made, gate = Clients(), list[object](), threading.Barrier(8)
    got: list[object] = []

    def make() -> object:
        made.append(object())
        return made[-1]

    def ask() -> None:
        gate.wait()
        got.append(clients.get(("lambda", "us-east-1"), make))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert got == made * 8
    assert clients.get(("lambda", "eu-west-1"), make) is not made[0]


def test_one_that_could_not_be_made_is_tried_again() -> None:
    clients, answers = Clients(), iter([ValueError("no region"), "client"])

    def make() -> object:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    for _ in range(2):
        try:
            found = clients.get("x", make)
        except ValueError:
            continue
    assert found == "client"

"""How `bdp policy test` reads: what was asked, each rule that was looked at, the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bdp.cli import screen
from bdp.cli.labels import word
from bdp.model.noun import Language

_COLOUR = {"act": "bold green", "ask": "bold yellow", "escalate": "bold magenta", None: "bold red"}
_RISK = {"low": "낮음", "medium": "중간", "high": "높음"}
_WORDS = {
    "en": {
        "on": "on {resource}",
        "service": "service {service}",
        "risk": "risk {risk}",
        "radius": "touches {blast_radius:,}",
        "irreversible": "irreversible",
        "confidence": "confidence {confidence:.2f}",
        "fits": "fits: it decides",
        "hollow": "fits",
        "none": "no rule was asked",
        "policy": "policy {version}",
    },
    "ko": {
        "on": "대상 {resource}",
        "service": "서비스 {service}",
        "risk": "위험도 {risk}",
        "radius": "영향 범위 {blast_radius:,}",
        "irreversible": "되돌릴 수 없음",
        "confidence": "신뢰도 {confidence:.2f}",
        "fits": "맞음: 이 규칙이 결정함",
        "hollow": "맞음",
        "none": "살펴본 규칙 없음",
        "policy": "정책 {version}",
    },
}


def shown(question: dict[str, Any], told: dict[str, Any], language: Language) -> Iterator[RenderableType]:
    """Yield a trial, part by part.

    Args:
        told: answer of `POST /v1/policy/test`.
    """
    trial, words = told["trial"], _WORDS[language]
    yield Text(screen.plain(_question(question, trial, language)))
    yield Text(f"{words['policy'].format(**told)}, {screen.when(told['at'])} UTC", "dim")
    yield Text()
    if not trial["looks"]:
        yield Text(f"  {words['none']}", "dim")
    else:
        yield _looks(trial["looks"], language)
    yield Text()
    korean = "_ko" if language == "ko" else ""
    yield Text(screen.plain(trial[f"verdict{korean}"]), _COLOUR[trial["course"]])
    yield screen.hanging(Text(" "), Text(screen.plain(trial["inspection"][f"explanation{korean}"])))


def _question(question: dict[str, Any], trial: dict[str, Any], language: Language) -> str:
    words = _WORDS[language]
    given = question | {"risk": _RISK[question["risk"]] if language == "ko" else question["risk"]}
    parts = [question["action"]]
    parts += [words["on"].format(**given)] if question["resource"] else []
    parts += [words["service"].format(**given)] if question["service"] else []
    parts += [trial["inspection"]["environment"], word(question["severity"], language)]
    parts += [words["risk"].format(**given), words["radius"].format(**given)]
    parts += [] if question["reversible"] else [words["irreversible"]]
    return ", ".join([*parts, words["confidence"].format(**given)])


def _looks(looks: list[dict[str, Any]], language: Language) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold", max_width=32)
    grid.add_column(overflow="fold")
    for look in looks:
        why = look["why_ko" if language == "ko" else "why"]
        if look["fits"]:
            fits = _WORDS[language]["fits" if look["decides"] else "hollow"]
            grid.add_row(Text("  ✓", "green"), Text(screen.plain(look["rule"]), "bold"), Text(fits))
        else:
            grid.add_row(Text("  ·", "dim"), Text(screen.plain(look["rule"]), "dim"), Text(screen.plain(why), "dim"))
    return grid

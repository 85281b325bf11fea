"""Checks the documents: what they link to, name and quote is there.

- each relative link in a Markdown file leads to a file, and to a heading where it has an anchor;
- each `make x` and `bdp x` in the README and in docs/ exists;
- each figure file docs/reference/*.json named there exists.
"""

import importlib
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CLI = ("bdp.cli", "bdp.cli.main")  # where the Typer object `app` may be
LEFT_OUT = {".venv", ".git", "node_modules"}

FENCE = re.compile(r"^ *(```|~~~)(.*?)$.*?^ *\1[ \t]*$", re.MULTILINE | re.DOTALL)
SHELL = {"", "bash", "console", "sh", "shell"}
COMMENT = re.compile(r"(^|\s)#.*")
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)|^ {0,3}\[[^\]]+\]:\s+(\S+)", re.MULTILINE)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
COMMAND = re.compile(r"(?:^|[\s$;&|(])(?:\.venv/bin/)?(make|bdp)((?: [\w.|=/-]+)+)")
FIGURE = re.compile(r"\b(?:docs/)?reference/[\w./-]+\.json\b")


def documents() -> Iterator[Path]:
    yield from (path for path in sorted(ROOT.rglob("*.md")) if not LEFT_OUT & set(path.relative_to(ROOT).parts))


def guides() -> Iterator[Path]:
    yield from (path for path in documents() if path == ROOT / "README.md" or ROOT / "docs" in path.parents)


@cache
def prose(document: Path) -> str:
    """The text without its code, in which brackets are not links."""
    return SPAN.sub("", FENCE.sub("", document.read_text(encoding="utf-8")))


def code(document: Path) -> Iterator[str]:
    text = document.read_text(encoding="utf-8")
    for fence in FENCE.finditer(text):
        if fence.group(2).strip() in SHELL:
            yield from (COMMENT.sub("", line) for line in fence.group().splitlines()[1:-1])
    yield from SPAN.findall(FENCE.sub("", text))


@cache
def anchors(document: Path) -> set[str]:
    """The anchors that headings get, a repeated one with a number."""
    found: set[str] = set()
    for heading in HEADING.findall(FENCE.sub("", document.read_text(encoding="utf-8"))):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        again = 0
        while (name := f"{slug}-{again}" if again else slug) in found:
            again += 1
        found.add(name)
    return found


def broken_links(document: Path) -> Iterator[str]:
    for inline, reference in LINK.findall(prose(document)):
        link = inline or reference
        if re.match(r"[a-z][a-z0-9+.-]*:|//", link, re.IGNORECASE):
            continue
        path, _, anchor = link.partition("#")
        target = ((ROOT if path.startswith("/") else document.parent) / path.lstrip("/")).resolve()
        target = target if path else document
        if not target.exists():
            yield f"link to {link}: no such file"
        elif anchor and target.suffix == ".md" and anchor not in anchors(target):
            yield f"link to {link}: no such heading"


@cache
def targets() -> set[str]:
    return set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@cache
def commands() -> Any:  # a click command, of whichever click Typer brings along
    import typer.main

    modules = (importlib.import_module(name) for name in CLI)
    return typer.main.get_command(next(vars(module)["app"] for module in modules if "app" in vars(module)))


def unknown_command(words: list[str]) -> str | None:
    """The first word that no command has; what comes after a command are its own arguments."""
    group = commands()
    for word in words:
        known = getattr(group, "commands", None)
        if known is None or not re.fullmatch(r"[a-z][a-z-]*(\|[a-z-]+)*", word):
            return None
        names = word.split("|")
        if missing := [name for name in names if name not in known]:
            return missing[0]
        group = known[names[0]]
    return None


def unknown_tasks(document: Path) -> Iterator[str]:
    for line in code(document):
        for program, rest in COMMAND.findall(line):
            words = rest.split()
            if program == "bdp" and (word := unknown_command(words)):
                yield f"`bdp {' '.join(words)}`: no command {word}"
            if program == "make":
                named = [word for word in words if re.fullmatch(r"[a-z][\w-]*", word)]
                yield from (f"`make {word}`: no such target" for word in named if word not in targets())


def missing_figures(document: Path) -> Iterator[str]:
    for name in FIGURE.findall(document.read_text(encoding="utf-8")):
        if not (ROOT / "docs" / name.removeprefix("docs/")).is_file():
            yield f"{name}: no such figure file"


def main() -> int:
    found = [(document, problem) for document in documents() for problem in broken_links(document)]
    for document in guides():
        found += [(document, problem) for problem in (*unknown_tasks(document), *missing_figures(document))]
    for document, problem in found:
        print(f"{document.relative_to(ROOT)}: {problem}")
    if not found:
        print(f"{len(list(documents()))} documents: all that they name is there.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

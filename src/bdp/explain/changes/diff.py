"""Diffs as hunks: git's unified form, and the looser forms that change feeds carry.

    diff --git a/pkg/db/pool.go b/pkg/db/pool.go
    @@ pkg/db/pool.go: func NewPool() *Pool { @@
    -const size = 50
    +const size = 10

A diff is text from outside: at most `LONGEST` characters of it are read, and nothing in it is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

LONGEST = 60_000
_LONGEST_LINE = 400
_FILE = re.compile(r"(?:diff --git a/(\S{1,300})|(?:\+\+\+|---) (?:[ab]/)?(\S{1,300}))")
_HEAD = re.compile(r"@@ ?(?:-\d+(?:,\d+)? \+\d+(?:,\d+)? @@ ?)?(.*)")
_PATH = re.compile(r"([\w@.+-]+(?:/[\w@.+-]+)+|[\w@+-]+\.\w{1,8}|Dockerfile|Makefile|CODEOWNERS)\b:?")
_SPACE = re.compile(r"\s+")
_COMMENT = re.compile(r"^\s*(?://|#(?!include)|/\*|\*(?:\s|/|$)|--\s|<!--)")
_TRAILING = re.compile(r"(?<=[\s;,{})])(?://|#\s|--\s).*$")
_NO_CODE = re.compile(
    r"(?i)\.(?:md|mdx|rst|txt|adoc|css|scss|less|svg|png|jpe?g|gif|webp|ico|html?|erb|haml|po|pot|lock|sum|csv|snap|editorconfig|http)$|(?:^|/)(?:docs?|testdata|__snapshots__|__tests__|fixtures|examples?|\.github|\.circleci|\.gitlab|\.vscode|\.idea|locales?|i18n|grafana|dashboards?|alerts?|alerting|monitors?|slos?|runbooks?|benches|benchmarks?|storybook|e2e|mocks?)/|(?:_(?:test|spec)\.\w+|[._-](?:test|spec|stories|bench)\.\w+|(?:Tests?|IT|Spec)\.(?:java|kt|cs|scala|swift))$|(?:^|/)(?:tests?|[\w.-]+\.tests?|spec|specs)/|(?:^|/)(?:CODEOWNERS|LICENSE|CHANGELOG|\.gitignore|\.golangci\.ya?ml|\.editorconfig|\.eslintrc[\w.]*|\.prettierrc[\w.]*|\.rubocop\.yml|\.pre-commit-config\.yaml|renovate\.json5?|\.gitlab-ci\.yml|Jenkinsfile|azure-pipelines\.yml|tox\.ini|\.flake8|mypy\.ini|\.clang-format|sonar-project\.properties|dependabot\.yml|tsconfig[\w.]*\.json|NOTICE|AUTHORS|README|rustfmt\.toml|clippy\.toml)$"
)
_ELSEWHERE = re.compile(r"(?i)(?:^|[/._-])(?:staging|stage|stg|dev|qa|sandbox|preview|uat|local|test)(?=[/._-])")
_CONFIG = re.compile(
    r"(?i)(?:\.(?:ya?ml|json|toml|ini|env|properties|conf|cfg|cnf|tf|tfvars|hcl|xml|options|config|rules|service|nix|cue|"
    r"libsonnet|jsonnet|tpl|lua|vcl|bicep|j2|hocon)|(?:^|/)(?:Corefile|Dockerfile|Procfile|Caddyfile|Jenkinsfile|haproxy\S*|"
    r"\.env\S*|[\w.-]*[Dd]ockerfile))$"
)
_DEPENDENCIES = re.compile(
    r"(?:^|/)(?:go\.mod|go\.sum|package(?:-lock)?\.json|yarn\.lock|requirements[\w-]*\.txt|poetry\.lock|pyproject\.toml|pom\.xml|build\.gradle(?:\.kts)?|Cargo\.(?:toml|lock)|Gemfile(?:\.lock)?|[\w.-]+\.(?:cs|fs)proj|Directory\.Packages\.props|packages\.config|mix\.(?:exs|lock)|build\.sbt|pubspec\.yaml|Podfile|libs\.versions\.toml|versions\.tf|uv\.lock|Pipfile(?:\.lock)?|setup\.(?:py|cfg)|Chart\.(?:yaml|lock)|composer\.(?:json|lock))$"
)


@dataclass
class Hunk:
    """One stretch of a file.

    Attributes:
        file: empty where the diff does not say.
        scope: the function or section around it, as the diff tells it.
        lines: sign (` `, `+`, `-`) and text, in order.
    """

    file: str
    scope: str = ""
    lines: list[tuple[str, str]] = field(default_factory=list)

    @property
    def removed(self) -> list[str]:
        """Code that is gone: without comments, and without what stands among the added lines as well."""
        return _less(self._of("-"), self._of("+"))

    @property
    def added(self) -> list[str]:
        """Code that is new, likewise."""
        return _less(self._of("+"), self._of("-"))

    @property
    def after(self) -> list[tuple[bool, str]]:
        """The hunk as it is after the change: whether a line is new, and its text."""
        old = {_plain(line) for line in self._of("-")}
        return [(sign == "+" and _plain(text) not in old, text) for sign, text in self.lines if sign != "-"]

    @property
    def about(self) -> str:
        """All of its text, of both sides, for comparing with what failed."""
        return "\n".join([self.scope, *(text for _, text in self.lines)])

    def _of(self, sign: str) -> list[str]:
        found = (_TRAILING.sub("", text) for one, text in self.lines if one == sign and not _COMMENT.match(text))
        return [text for text in found if text.strip()]


def hunks(diff: str) -> list[Hunk]:
    """Return the hunks of a diff, in order; those without a changed line are left out."""
    return [hunk for hunk in _read(diff[:LONGEST]) if any(sign != " " for sign, _ in hunk.lines)]


def files(diff: str) -> list[str]:
    """Return the files that a diff names, in order, once each."""
    found = [hunk.file for hunk in _read(diff[:LONGEST])]
    return list(dict.fromkeys(file for file in found if file))


def is_code(file: str) -> bool:
    """Return whether what a file holds can change how a service runs; one without a name may."""
    return not _NO_CODE.search(file) and not (is_config(file) and _ELSEWHERE.search(file))


def is_config(file: str) -> bool:
    """Return whether a file holds settings or describes what runs, rather than the program."""
    return _CONFIG.search(file) is not None


def is_dependencies(file: str) -> bool:
    """Return whether a file lists versions of libraries."""
    return _DEPENDENCIES.search(file) is not None


def _read(diff: str) -> Iterator[Hunk]:
    hunk = Hunk("")
    for line in diff.splitlines():
        if named := _FILE.match(line):
            file = named[1] or named[2] or ""
            if file not in {"/dev/null", hunk.file}:
                yield hunk
                hunk = Hunk(file)
        elif line.startswith("@@"):
            yield hunk
            hunk = _headed(line, hunk.file)
        elif line[:1] in {"+", "-", " ", "\t"}:
            sign = line[0] if line[0] in "+-" else " "
            hunk.lines.append((sign, line[1 : _LONGEST_LINE + 1].rstrip()))
    yield hunk


def _headed(line: str, file: str) -> Hunk:
    found = _HEAD.match(line)
    told = (found[1] if found else "").removesuffix("@@").strip()
    path = _PATH.match(told)
    if path:
        return Hunk(path[1], told[path.end() :].strip(" :@"))
    return Hunk(file, told)


def _plain(text: str) -> str:
    return _SPACE.sub("", text)


def _less(lines: Iterable[str], others: Iterable[str]) -> list[str]:
    """Return lines that are not among the others, whatever their spaces."""
    known = {_plain(line) for line in others}
    return [line for line in lines if _plain(line) not in known]

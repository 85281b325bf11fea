"""`bdp ask "…"`: a question to the agents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Final

import typer
from rich.console import RenderableType
from rich.text import Text

from bdp.cli import screen
from bdp.cli.api import connect
from bdp.cli.options import HomeOption, JsonOption
from bdp.explain.agents.reply import Reply
from bdp.model.analysis import Claim
from bdp.model.noun import Language

_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "claims": ("Claims", "주장"),
    "evidence": ("Evidence", "근거"),
    "offered": ("Not what you asked, but known", "질문과는 별개로 알려진 내용"),
    "examples": ("Questions that I can answer", "답할 수 있는 질문"),
    "beside": ("What a model said", "모델이 말한 것"),
    "next": ("Proposed next", "다음 조치 제안"),
    "others": ("Other causes", "다른 원인"),
    "more": ("and {} more: --evidence", "그 외 {}건: --evidence"),
    "held": ("{} of {} checkable claims hold", "확인 가능한 주장 {1}개 중 {0}개가 성립"),
    "rules": ("by rules, no model was paid", "규칙으로 답함, 모델 비용 없음"),
    "cost": (
        "{requests} requests, {steps} rounds of look-ups, {tokens} tokens, ${usd:.4f}, {seconds:.1f} s",
        "요청 {requests}회, 조회 {steps}회, 토큰 {tokens}개, ${usd:.4f}, {seconds:.1f}초",
    ),
}


def ask(
    question: Annotated[str, typer.Argument(help="in English or Korean; the answer is in the same language")],
    incident: Annotated[str, typer.Option(help="incident that it is about, as 'bdp incidents' lists it")] = "",
    evidence: Annotated[bool, typer.Option("--evidence", help="all evidence, also what no claim rests on")] = False,
    queries: Annotated[bool, typer.Option("--queries", help="show the SQL under each piece of evidence")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Ask about what is stored: what fails, what changed, who logs in, what costs. Each claim is checked.

    Without a model, rules look up what the question's words name: services, times, errors, latency, log-ins, changes,
    cost. What they do not understand, or nothing is stored on, is said, with questions that can be answered.

    Examples:

      bdp ask "Why did checkout fail in the last 2 hours?"

      bdp ask "지난 2시간 동안 로그인 공격이 있었나요?"

      bdp ask "What is to be done?" --incident 01KAEZ3V0Q9W2G4T5N6P7R8S9T
    """
    with connect(home) as api:
        told = api.post("/v1/ask", json={"question": question, "incident_id": incident})
    if json:
        screen.print_json(told)
        return
    for part in shown(Reply.model_validate(told), everything=evidence, queries=queries):
        screen.out.print(part)


def shown(reply: Reply, *, everything: bool = False, queries: bool = False) -> Iterator[RenderableType]:
    """Yield a reply as people read it.

    Args:
        everything: with the evidence that no claim rests on.
    """
    korean = reply.language == "ko"
    word = {name: texts[korean] for name, texts in _WORDS.items()}
    yield Text(screen.plain(reply.summary), "bold")
    start, end = screen.when(reply.start_time), screen.when(reply.end_time)
    yield Text(f"{', '.join(reply.agents)}   {start} - {end} UTC", "dim")
    for note in reply.notes:
        yield Text(screen.plain(note), "yellow")
    if reply.told:
        yield Text(screen.plain(reply.told), "yellow")
    yield from _claims(word["claims"], reply.claims, reply.language)
    if reply.examples:
        yield Text(f"\n{word['examples']}", "bold")
        yield from (screen.hanging(Text("-"), Text(screen.plain(one))) for one in reply.examples)
    yield from _claims(word["offered"], reply.offered, reply.language)
    yield from _claims(word["beside"], reply.beside, reply.language)
    yield from _evidence(reply, word, everything=everything, queries=queries)
    if reply.alternatives:
        yield Text(f"\n{word['others']}", "bold")
        for one in reply.alternatives[:3]:
            refutation = screen.plain(one.worded("refutation", reply.language))
            yield screen.hanging(Text("-"), Text(f"{screen.plain(one.mechanism)}: {refutation}"))
    if reply.actions:
        yield Text(f"\n{word['next']}", "bold")
        for action in reply.actions:
            body = Text(f"{action.type.value}: {screen.plain(action.worded('description', reply.language))}")
            yield screen.hanging(Text(f"{action.priority}."), body)
    yield Text(f"\n{_cost(reply, word)}", "dim")


def _claims(title: str, claims: tuple[Claim, ...], language: Language) -> Iterator[RenderableType]:
    if claims:
        yield Text(f"\n{title}", "bold")
        yield from (screen.claim_line(claim, language) for claim in claims)


def _evidence(reply: Reply, word: Mapping[str, str], *, everything: bool, queries: bool) -> Iterator[RenderableType]:
    cited = {number for claim in (*reply.claims, *reply.offered, *reply.beside) for number in claim.evidence}
    said = {claim.text for claim in (*reply.claims, *reply.offered)}
    # What a claim says in the same words is not said twice.
    listed = [one for one in reply.evidence if everything or (one.id in cited and (queries or one.text not in said))]
    if not reply.evidence:
        return
    yield Text(f"\n{word['evidence']}", "bold")
    for one in listed:
        text = Text(screen.plain(one.worded("text", reply.language)))
        if everything:
            text.append("".join(f"\n  {screen.plain(sample)}" for sample in one.samples), "dim")
        if queries and one.query:
            text.append(f"\n  {screen.plain(one.query)}", "dim italic")
        yield screen.hanging(Text(f"{one.id:<3}", "cyan"), text)
    if hidden := len(reply.evidence) - len(listed):
        yield Text(f"  {word['more'].format(hidden)}", "dim")


def _cost(reply: Reply, word: Mapping[str, str]) -> str:
    held = word["held"].format(reply.grounding.supported, reply.grounding.checkable)
    price = reply.price
    if not price.requests:
        return f"{held}; {word['rules']}"
    told = word["cost"].format(
        requests=price.requests,
        steps=price.steps,
        tokens=f"{price.tokens_in + price.tokens_out:,}",
        usd=price.usd,
        seconds=price.seconds,
    )
    return f"{held}; {screen.plain(price.provider)}/{screen.plain(price.model)}: {told}"

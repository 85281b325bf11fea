"""Why a claim holds or does not, in English, and in Korean where the claim is Korean."""

from __future__ import annotations

from typing import Final

_SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "no_evidence": ("it cites no evidence", "인용한 근거가 없습니다"),
    "no_such": ("it cites {what}, which does not exist", "존재하지 않는 근거 {what}를 인용했습니다"),
    "too_long": ("it is longer than {most} characters", "{most}자보다 깁니다"),
    "nothing": ("nothing in it can be compared", "비교할 수 있는 내용이 없습니다"),
    "fits": (
        "{count} of {count} figures, names and times fit {cited}",
        "수치·이름·시각 {count}개가 모두 {cited}와 일치합니다",
    ),
    "other_value": (
        "{said} does not fit: the evidence has {has}",
        "{said}은(는) 맞지 않습니다. 근거의 값은 {has}입니다",
    ),
    "no_value": ("{said} is not in this evidence", "{said}은(는) 이 근거에 없습니다"),
    "no_measure": (
        "{said}: this evidence does not count or measure {what}",
        "{said}: 이 근거에는 {what}에 대한 값이 없습니다",
    ),
    "other_way": ("{said} {word}: the evidence says {has}", "{said} {word}: 근거는 그 반대({has})입니다"),
    "time": ("{said} is not a time of this evidence", "{said}은(는) 이 근거의 시각이 아닙니다"),
    "time_role": ("{said} is not the {role} time of this evidence", "{said}은(는) 이 근거의 {role} 시각이 아닙니다"),
    "name": ("{said} is not in this evidence", "{said}은(는) 이 근거에 없습니다"),
    "first": ("{said} is not first: {has} is", "가장 먼저인 것은 {said}이(가) 아니라 {has}입니다"),
    "last": ("{said} is not last: it is first", "{said}은(는) 마지막이 아니라 처음입니다"),
    "rose": ("it rose, from {base} to {now}", "{base}에서 {now}(으)로 늘었습니다"),
    "fell": ("it fell, from {base} to {now}", "{base}에서 {now}(으)로 줄었습니다"),
    "self": ("from {base} to {now} is no {word}", "{base}에서 {now}(은)는 {word}가 아닙니다"),
    "part": ("{part} is more than {whole}", "{part}이(가) {whole}보다 큽니다"),
    "share": ("{part} of {whole} is not {share}", "{whole} 중 {part}은(는) {share}가 아닙니다"),
    "order": ("{first} came before {second}, not after", "{first}이(가) {second}보다 먼저입니다"),
    "some": ("there are some: {has}", "없지 않습니다: {has}"),
    "changed": ("there is a change: {has}", "변경이 있습니다: {has}"),
    "moved": ("it left its usual range", "평소 범위를 벗어났습니다"),
}
_WORDS: Final = {
    "first": "첫",
    "last": "마지막",
    "extreme": "정점",
    "before": "이전",
    "after": "이후",
    "rise": "증가",
    "fall": "감소",
    "the change": "변경",
    "the onset": "시작",
}


def reason(key: str, *, korean: bool, **parts: object) -> str:
    """Return one reason; parts are put in as they are, but for a few words that have a Korean form."""
    sentence = _SENTENCES[key][1 if korean else 0]
    shown = {name: _WORDS.get(str(part), part) if korean else part for name, part in parts.items()}
    return sentence.format(**shown)

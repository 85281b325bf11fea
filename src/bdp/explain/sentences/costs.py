"""Sentences about costs: how far they rose, what the rise is made of, and what speaks for each cause."""

from __future__ import annotations

from typing import Final

from bdp.model.noun import Language

COSTS: Final[dict[str, dict[Language, str]]] = {
    # What connects a change with a rise.
    "tie_resource": {
        "en": "It names {resource}, which costs more.",
        "ko": "비용이 늘어난 {resource}이(가) 변경 내용에 나옵니다.",
    },
    "tie_tag": {
        "en": "It is of what carries the tag {tag}, which costs more.",
        "ko": "비용이 늘어난 태그 {tag}에 해당하는 서비스의 변경입니다.",
    },
    "tie_region": {
        "en": "It names the region {region}, which costs more.",
        "ko": "비용이 늘어난 리전 {region}이(가) 변경 내용에 나옵니다.",
    },
    "tie_kind": {
        "en": "It names {kind}, of which more is billed.",
        "ko": "청구가 늘어난 {kind} 유형이 변경 내용에 나옵니다.",
    },
    "tie_billed": {"en": "It names {billed}.", "ko": "변경 내용에 {billed} 이름이 나옵니다."},
}

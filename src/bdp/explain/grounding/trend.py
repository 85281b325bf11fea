"""Words for a rise and a fall, English and Korean: stems as data, their forms by rule.

English verbs are inflected (`surge`, `surges`, `surged`, `surging`), irregular ones are listed with their forms. Verbs
of motion (`crept`, `edged`) say nothing alone: the particle behind them does (`up`, `lower`, `south`). Korean stems are
matched before their endings. A word that is said of either way (recovered, 회복, 악화) is not here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_VERBS: Final[dict[bool, str]] = {
    True: "increase climb jump surge spike soar gain mount multiply balloon skyrocket rocket escalate swell "
    "expand ascend intensify amplify inflate heighten mushroom snowball double triple quadruple quintuple treble "
    "leap vault upsurge uptick enlarge augment rebound proliferate burgeon explode zoom accelerate accrue "
    "outgrow overshoot",
    False: "decrease decline drop dip plunge plummet slump tumble collapse ease subside recede taper cool ebb "
    "dwindle shrivel diminish lessen slip sag lower crater nosedive deflate abate wane fade soften slacken "
    "weaken shrink slide halve depress descend decay erode evaporate crumble retreat reduce curtail tank "
    "contract",
}
_IRREGULAR: Final[dict[bool, str]] = {
    True: "rise rises rose risen rising grow grows grew grown growing growth leapt leaped swollen upswing "
    "upswings upturn uptrend higher elevated worsened upped run-up highs overshot outgrew",
    False: "fall falls fell fallen falling shrank shrunk sank sunk sink sinks sinking slid lost fewer downturn "
    "undershot undershoot undershoots downtrend downswing comedown reduction reductions lows",
}
_AMBIGUOUS_WORDS = (
    "double doubles triple quadruple treble explode cool cools fade fades contract contracts contracted "
    "contracting reduce reduces reducing retreat rocket rockets vault vaults tank tanks ease expand enlarge "
    "highs lows weaken soften slacken accrue amplify vaulted cooling curtail"
)
_AMBIGUOUS: Final = frozenset(_AMBIGUOUS_WORDS.split())
"""Forms that mostly mean something else."""
_MOTION_WORDS = (
    "go goes went gone going move moves moved moving trend trends trended trending head heads headed heading "
    "creep creeps crept creeping edge edges edged edging inch inches inched inching tick ticks ticked ticking "
    "nudge nudges nudged nudging drift drifts drifted drifting shoot shoots shot shooting push pushed pull "
    "pulled step steps stepped stepping swing swings swung swinging bounce bounces bounced bouncing ramp ramps "
    "ramped ramping jerk jerked flare flared blow blew kick kicked spring sprang sprung ratchet ratcheted spiral "
    "spirals spiraled spiralled spiralling spiraling march marched trickle trickled trickles curve curved scale "
    "scaled scales lurch lurched hurtle hurtled tip tipped veer veered float floated track tracked tracks wind "
    "wound race raced dive dives dived dove diving hover press pressed power powered stretch stretched travel "
    "traveled travelled point points pointed settle settled stumble stumbled build builds built building swell "
    "bump bumped bumps"
)
MOTION: Final = frozenset(_MOTION_WORDS.split())
"""Verbs that a particle gives a direction."""
STATE: Final = frozenset("is was were are be been being stands stood sits sat remains remained back way well".split())  # noqa: SIM905
"""Words between which and a figure `up` and `down` say a direction too."""
UPWARD: Final = frozenset("upward upwards higher north northward northwards uphill skyward skywards".split())  # noqa: SIM905
DOWNWARD: Final = frozenset("downward downwards lower south southward southwards downhill".split())  # noqa: SIM905
PHRASES: Final[dict[str, bool]] = {
    phrase: up
    for up, phrases in {
        True: "on the rise|on the up|on the increase|through the roof|shot past|above normal|above usual|went vertical|"
        "took off|picked up|piled up|off the charts|gathered pace|taken off|on an? upward|kept rising|flared up|turned up to",  # noqa: E501
        False: "on the decline|on the wane|on the slide|below normal|below usual|died down|dying down|tailed off|trailed "  # noqa: E501
        "off|tapers? off|fell off|calmed down|died away|thinned out|wound down|simmered down|caved in|lost ground|"
        "quieted down|quietened down|let up|petered out|dried up|on a downward|dropped off|backed off",
    }.items()
    for phrase in phrases.split("|")
}
KOREAN: Final[dict[str, bool]] = {
    stem: up
    for up, stems in {
        True: "증가 증대 증폭 상승 급증 급등 폭증 폭등 격증 점증 배증 누증 치솟 치달 치올 솟구 솟아 솟았 솟은 "
        "솟음 뛰었 뛰어 뛰며 뛰면 뛰고 뛰다 뛴 뜀 튀었 튀어 튀며 튄 튐 늘었 늘어 늘고 늘며 늘면 늘다 늘기 늘린 "
        "늘렸 늘려 늚 올랐 올라 오르 오른 오름 올려 올렸 올린 높아 높였 높여 높인 불어 불었 불은 불린 붇 커졌 "
        "커지 커진 커져 커짐 많아 반등 껑충 훌쩍 상향 우상향 확대 부풀 부푼 가팔라 팽창 도약 고조 솟구친 급상 오름세 급신장 "  # noqa: E501
        "솟구쳐 튀어오 우상승 급반등 고공행진 신장세 강세 폭발적",
        False: "감소 하락 급감 급락 폭락 하강 추락 저하 축소 급강하 격감 점감 줄었 줄어 줄고 줄며 줄면 줄다 줄기 "
        "줄인 줄여 줄였 줌 줄음 줆 떨어지 떨어졌 떨어진 떨어져 떨어짐 떨어질 떨군 떨궜 내려 내렸 내리며 내리면 "
        "내리고 내리막 내린 내림 낮아 낮췄 낮춰 낮춘 꺾 꺼졌 꺼져 꺼지 주저앉 가라앉 곤두박질 쪼그라 오그라 작아 "
        "적어졌 적어지 적어진 적어져 적어짐 하향 우하향 둔화 완화 잦아들 잦아든 사그라 위축 약세 미끄러 반토막 "
        "수그러 감축 급전직하 침체 수축 고꾸라 뒷걸음 잠잠해 쇠퇴 급하강 빠졌 녹아내 추락세 퇴조 뚝 주저앉",
    }.items()
    for stem in stems.split()
}
"""Stem, as it stands before its ending -> whether it says that something rose."""
KOREAN_NOT: Final = "내려받|올라온|올라왔|올라와|오르내|오르락|내려온|내려왔|떨어져\\s?있|올려\\s?보|튀어나|늘어서|늘어놓|확대\\s?해석|내려다"  # noqa: E501
"""What begins like them and is something else."""


def _forms(verb: str) -> Iterator[str]:
    """Yield a regular verb's forms: -s, -ed, -ing; a final e is dropped, y becomes i, a short last sound is doubled."""
    yield verb
    yield f"{verb[:-1]}ies" if verb.endswith("y") else f"{verb}{'es' if verb.endswith(('s', 'x', 'sh', 'ch')) else 's'}"
    stem = verb.removesuffix("e")
    yield f"{verb[:-1]}ied" if verb.endswith("y") else f"{stem}ed"
    yield f"{stem}ing"
    if re.search(r"[^aeiou][aeiou][bdgklmnprt]$", verb):
        yield f"{verb}{verb[-1]}ed"
        yield f"{verb}{verb[-1]}ing"


FORMS: Final[dict[str, bool]] = {
    form: up
    for up, verbs in _VERBS.items()
    for verb in verbs.split()
    for form in _forms(verb)
    if form not in _AMBIGUOUS
} | {form: up for up, words in _IRREGULAR.items() for form in words.split() if form not in _AMBIGUOUS}
"""A form that says alone whether something rose."""

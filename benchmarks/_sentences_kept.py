"""Wordings of a third writing, and those that are kept for the report; see `_sentences.py` for the format."""

from __future__ import annotations

from typing import Final

LATER: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "count": {
        "en": (
            "Between {first} and {last}, {svc} emitted {n|error messages|hosts}.",
            "The number of failures on {svc} {dir:grew|shrank} from {before} to {n}.",
            "During {length}, {svc} reported {n|warnings or errors|accounts}, against {before} in the period before.",
            "{svc} has produced upwards of {>n} errors.",
            "{svc} stopped failing at {last} after {n|errors|traces}.",
        ),
        "ko": (
            "{first}에서 {last} 사이 {svc}에서 에러 {n}건이 기록되었다.",
            "{svc} 오류 수는 {before}건에서 {n}건으로 {dir:불어났다|감소했다}.",
            "{svc}는 {length} 동안 {n}건의 오류를 냈고 직전 구간은 {before}건이었다.",
            "{svc}의 에러는 최소 {>n}건이다.",
        ),
    },
    "template": {
        "en": (
            '{n} abnormal events read "{words}", {share} of {total}.',
            'Among the {total|failures|accounts} there are {n} with "{words}".',
            '"{words}" was last seen at {last}, after {n|occurrences|users}.',
            'Roughly speaking "{words}" dominates: {share}, or {n} of {total|errors|hosts}.',
        ),
        "ko": (
            '"{words}" 오류가 {n}건 있었고 이는 {share}에 해당한다.',
            '{total}건의 이상 이벤트 중 {share}인 {n}건이 "{words}"였다.',
            '마지막 "{words}" 로그는 {last}에 남았습니다.',
        ),
    },
    "sign": {
        "en": (
            "Evidence for {book} exists in {n} of the {total|events|addresses}.",
            "{share} of the failures are typical of {book}.",
            "{book} is suggested by {n|errors|users}.",
        ),
        "ko": ("오류의 {share}는 {book}로 설명된다.", "{total}건 가운데 {n}건이 {book}를 가리킨다."),
    },
    "origin": {
        "en": (
            "{n|attempts|services} from {addresses|addresses|users} against {users|users|events}.",
            "{users|distinct accounts|failures} and {addresses|distinct addresses|accounts} are involved.",
        ),
        "ko": (
            "서로 다른 주소 {addresses}개와 사용자 {users}명이 관련됐다.",
            "{addresses}개의 주소에서 {n}건이 들어왔다.",
        ),
    },
    "row": {
        "en": (
            "{ip} produced {n|errors|accounts} and {ip2} produced {n2}.",
            "The source {ip} guessed {users|users|errors} in {n|attempts|accounts}.",
            "{ip} is responsible for {share} of all failures.",
        ),
        "ko": (
            "{ip}의 비중은 {share}, 건수는 {n}건이다.",
            "{ip}는 계정 {users}개를, 총 {n}번 두드렸다.",
            "{ip}에서 {n}건, {ip2}에서 {n2}건이 왔습니다.",
        ),
    },
    "value": {
        "en": (
            "{n} out of {total} errors have {value}; of {bases} normal events {base} do.",
            "{field} is {value} in {share} of the failures, compared with {bshare} in the baseline.",
        ),
        "ko": (
            "{field} 값이 {value}인 비율은 {share}로, 평소 {bshare}와 비교된다.",
            "이상 이벤트 {total}건 중 {n}건이 {value}를 가진다.",
        ),
    },
    "traces": {
        "en": (
            "{svc} fails {ord:first|last} in {n} out of {total|traces|users}.",
            "The {ord:first|last} failing service was {svc} ({n} of {total|traces|accounts}).",
            "{n|traces|users} show {svc} going wrong {ord:first|last}.",
        ),
        "ko": (
            "{n}개의 트레이스에서 {svc}가 {ord:먼저|나중에} 무너졌다.",
            "{ord:처음|마지막} 실패한 서비스는 {svc}이고 트레이스 {total}개 중 {n}개가 그렇다.",
        ),
    },
    "callers": {
        "en": (
            "{svc} shows {n|related errors|users}; {services|services|accounts} are affected overall.",
            "Errors spread to {svc} ({n|events|traces}).",
        ),
        "ko": ("{svc}까지 번져 오류 {n}건이 났다.", "함께 실패한 서비스는 {services}개이고, {svc}가 {n}건이다."),
    },
    "change": {
        "en": (
            "{ref} was deployed to {svc} at {at}.",
            "{svc} changed {ago} {ord:before|after} the first errors, with {ref}.",
            "Errors appeared {ago} {ord:after|before} the deployment of {ref}.",
            "The change {ref} on {svc} took place {ord:before|after} the outage started.",
        ),
        "ko": (
            "{svc}에 {at} {ref}가 배포되었다.",
            "장애 {ago} {ord:전|후} {svc}에 {ref}가 배포되었다.",
            "{ref} 배포 {ord:이후|이전} 오류가 나타났다.",
            "{svc} 변경 {ref}는 오류보다 {ago} {ord:먼저|나중에} 있었다.",
        ),
    },
    "metric": {
        "en": (
            "{svc} saw {m} {dir:rise|fall} to {ext} at {at}.",
            "{m} {dir:grew|shrank} from {usual} to {ext} on {svc}.",
            "{m} of {svc} is normally around {usual} but reached {ext}.",
            "At its worst, {m} was {ext}; the baseline is {usual}.",
            "{m} {dir:rose|declined} {pct} to {ext}.",
            "There was a {pct} {dir:rise|drop} in {m} on {svc}.",
            "{m} fluctuated between {lo} and {hi} on {svc}.",
            "The median of {m} was {level} during the incident.",
            "With {ext}, {m} is {ratio} times the normal {usual}.",
            "{m} had its maximum at {hi} and its minimum at {lo}.",
            "{m} went beyond {>hi} on {svc}.",
            "Compared with a typical {usual}, {svc} showed {m} of {ext}.",
            "{dir:Higher|Lower} {m} on {svc}: {ext} instead of {usual}.",
        ),
        "ko": (
            "{svc}에서 {m}가 {ext}까지 {dir:치솟았다|떨어졌다}.",
            "{m}는 {usual}에서 {ext}로 {dir:급증했다|급감했다}.",
            "{at} 기준 {svc}의 {m}는 {ext}로, 평소 {usual}와 차이가 크다.",
            "{m}가 {pct} {dir:늘어|줄어} {ext}가 됐다.",
            "{svc}의 {m}는 최저 {lo}, 최고 {hi}였다.",
            "{m}의 중앙값은 {level}로 나타났다.",
            "{m}는 정상 수준 {usual}의 {ratio}배다.",
            "{m}가 {>hi}를 넘었다.",
        ),
    },
    "pair": {
        "en": ("{m} reached its extreme {ord:before|after} {m2}.", "{m} came to {ext}, {m2} to {ext2}."),
        "ko": ("{m}가 {m2}보다 {ord:먼저|나중에} 정점에 이르렀다.", "{m}는 {ext}, {m2}는 {ext2}에 이르렀다."),
    },
    "none": {
        "en": ("In the {minutes} before the start no deployment took place.",),
        "ko": ("시작 전 {minutes} 동안 배포가 없었다.",),
    },
}
"""Not looked at until they had been measured once; since then they were, with the developed incidents."""

KEPT: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "count": {
        "en": (
            "It is {svc} that suffers: {n|errors|users} since {first}.",
            "We count {n|abnormal events|services} at {svc}, previously {before}.",
            "Errors at {svc} {dir:multiplied and rose|subsided and fell} to {n} from {before}.",
            "No fewer than {>n} events of {svc} were errors.",
        ),
        "ko": (
            "{svc}의 이상 이벤트 수는 {n}건으로, 그 전에는 {before}건이었다.",
            "{svc} 오류가 {n}건까지 {dir:늘어났다|줄어들었다}.",
            "{first} 이후 {svc}에서 실패가 {n}회 있었다.",
        ),
    },
    "template": {
        "en": (
            '"{words}" makes up {share} of the {total|errors|accounts}.',
            '{n} log lines out of {total} contain "{words}".',
            'From {first} on we find "{words}".',
        ),
        "ko": ('"{words}" 문구가 전체 {total}건 중 {n}건에 들어 있다.', '"{words}"의 비중은 {share}이다.'),
    },
    "row": {
        "en": (
            "With {n|failures|users}, {ip} is ahead of {ip2} with {n2}.",
            "{share} of all failures trace back to {ip}.",
        ),
        "ko": ("{ip} 한 곳에서만 {n}건, 사용자 {users}명이다.",),
    },
    "traces": {
        "en": ("{svc} goes down {ord:first|last} in {n} of the {total|traces|hosts}.",),
        "ko": ("전체 트레이스 {total}개 가운데 {n}개는 {svc}가 {ord:가장 먼저|가장 나중에} 실패했다.",),
    },
    "change": {
        "en": (
            "At {at} {svc} got {ref}; {ago} later the errors began.",
            "The errors set in {ago} {ord:after|before} {ref} had been released on {svc}.",
            "{ref}, a change of {svc}, {ord:precedes|follows} the incident.",
        ),
        "ko": ("{svc}에 {ref} 배포가 있고 {ago} {ord:뒤|전} 오류가 시작됐다.", "{at}의 {ref} 배포 대상은 {svc}이다."),
    },
    "metric": {
        "en": (
            "On {svc}, {m} {dir:went from|sank from} {usual} to {ext}.",
            "{ext} was reached by {m} at {at}.",
            "{m} lay between {lo} and {hi}, in the middle at {level}.",
            "{svc}'s {m} {dir:gained|lost} {pct} on its baseline of {usual}.",
            "{m} is {dir:above|below} normal: {ext} versus {usual}.",
            "{m} {dir:climbed|slid} to {ext} ({usual} before).",
            "{m} normally sits at {usual}; it {dir:shot up|collapsed} to {ext}.",
        ),
        "ko": (
            "{svc}의 {m} 값은 평소 {usual}, 장애 중 {dir:최고|최저} {ext}이다.",
            "{m}는 {at}에 {ext}로 {dir:정점|저점}을 기록했다.",
            "{m}가 {usual} 수준에서 {ext} 수준으로 {dir:높아졌다|낮아졌다}.",
            "{m}의 {dir:상승|하락}폭은 평소 대비 {pct}이다.",
            "장애 구간의 {m}는 {lo}와 {hi} 사이였다.",
        ),
    },
}
"""Measured blind once, with the kept incidents; then its failures were looked at with the developed ones."""

"""How people and models word a fact: patterns by what the fact is, in English and Korean.

None of them is a pattern that the product writes. Those of PATTERNS, MORE, LATER, FOURTH and ODD were looked at while
the checker was made, with one half of the incidents; the report is of KEPT, with the other half. KEPT was measured once
before any of it was looked at (docs/reference/figures.md has that figure), then mended with. Marks:

    {n} {first} {svc} …   a value of the evidence, see `_truths.py`
    {n|noun|other}        a count with its noun; `other` is what a wrong unit makes of it
    {>n} {<n}             a number somewhat below or above the value: "more than", "fewer than"
    {dir:rose|fell}       the first word for a rise, the second for a fall
    {ord:before|after}    the first is true
"""

from __future__ import annotations

from typing import Final

PATTERNS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "count": {
        "en": (
            "{svc} logged {n|errors|users} between {first} and {last}.",
            "Over {length} we counted {n|failures|hosts} on {svc}.",
            "The trouble at {svc} produced {n|bad events|traces} and began at {first}.",
            "There were {n|failed operations|addresses} in {svc}, the first of them at {first}, the last at {last}.",
            "{svc}: {n|errors|services} versus {before} in the preceding period.",
            "Compared with {before} earlier, {svc} now shows {n|error events|accounts}.",
            "Error volume on {svc} {dir:climbed|dropped} from {before} to {n}.",
            "Failures at {svc} {dir:went up|went down}: {before} previously, {n} in the window.",
            "More than {>n} errors hit {svc}.",
            "At least {>n} failures were seen on {svc}, starting {first}.",
            "Fewer than {<n} errors were recorded by {svc}, the last at {last}.",
            "{svc} saw no more than {<n} failures.",
            "The first failure of {svc} came at {first} and the last at {last}.",
            "{svc} started failing at {first} and kept on until {last}.",
        ),
        "ko": (
            "{svc}에서 {first}부터 {last}까지 오류 {n}건이 발생했습니다.",
            "{length} 동안 {svc}에서 {n}건의 실패가 집계됐다.",
            "{svc}의 장애는 {first}에 시작됐고 이상 이벤트는 {n}건이다.",
            "{svc}에는 {n}건의 에러가 있었고 첫 에러는 {first}, 마지막은 {last}이다.",
            "{svc}: 이전 구간 {before}건 대비 오류 {n}건.",
            "앞선 구간에는 {before}건이었지만 지금 {svc}의 실패는 {n}건이다.",
            "{svc}의 오류는 {before}건에서 {n}건으로 {dir:늘었다|줄었다}.",
            "{svc} 장애 건수가 {before}건에서 {n}건으로 {dir:증가했습니다|감소했습니다}.",
            "{svc}에서 오류가 {>n}건 이상 나왔다.",
            "{svc}의 실패는 {>n}건을 초과했다.",
            "{svc}의 오류는 {<n}건 미만이다.",
            "{svc}에서 집계된 에러는 {<n}건 이하였다.",
            "{svc}는 {first}에 처음 실패했고 {last}에 마지막으로 실패했다.",
            "{svc}의 첫 오류 시각은 {first}, 마지막 오류 시각은 {last}입니다.",
        ),
    },
    "template": {
        "en": (
            '{n} of the {total} errors say "{words}".',
            'The message "{words}" accounts for {share} of all {total} failures.',
            '{share} of errors ({n|events|users}) carry the text "{words}".',
            '"{words}" shows up {n} times among {total|abnormal events|services}.',
            'We saw "{words}" for the first time at {first}; it makes up {share} of {total|errors|addresses}.',
            'From {first} until {last} the log repeats "{words}", {n|entries|accounts} in all.',
        ),
        "ko": (
            '오류 {total}건 중 {n}건이 "{words}" 메시지다.',
            '전체 실패 {total}건의 {share}가 "{words}"입니다.',
            '"{words}" 메시지가 {n}건으로 {share}를 차지한다.',
            '"{words}" 로그가 {first}부터 {last}까지 {n}건 찍혔다.',
            '"{words}"는 {first}에 처음 나타났고 {total}건 중 {share}를 차지한다.',
            '{total}건의 에러 가운데 {n}건({share})에 "{words}"라는 문구가 있다.',
        ),
    },
    "sign": {
        "en": (
            "{share} of the {total} failures point to {book}.",
            "{n} out of {total|errors|users} look like {book}.",
            "Signs of {book} are found in {n|events|services}, that is {share}.",
            "{book} explains {share} of what failed, {n} of {total|events|traces}.",
        ),
        "ko": (
            "실패 {total}건의 {share}가 {book} 징후를 보인다.",
            "오류 {total}건 중 {n}건이 {book} 유형으로 보입니다.",
            "{book} 징후는 {n}건, 즉 {share}에서 나타난다.",
            "전체 {total}건 가운데 {share}인 {n}건이 {book}에 해당한다.",
        ),
    },
    "origin": {
        "en": (
            "{addresses|client addresses|traces} tried {users|accounts|events}.",
            "The attack came from {addresses|different IPs|users} and touched {users|usernames|addresses}.",
            "{n|failed log-ins|users} came from {addresses|sources|events}.",
            "Altogether {users|user names|services} and {addresses|client IPs|accounts} were involved in {n|"  # noqa: ISC004
            "failures|hosts}.",
        ),
        "ko": (
            "주소 {addresses}개에서 사용자 {users}명을 시도했다.",
            "공격은 IP {addresses}개에서 왔고 계정 {users}개가 대상이었습니다.",
            "실패 {n}건은 주소 {addresses}개에서 왔다.",
            "클라이언트 IP {addresses}개가 {users}명의 사용자에 대해 {n}건의 오류를 냈다.",
        ),
    },
    "row": {
        "en": (
            "{ip} is behind {n|failures|users}, {share} of the total.",
            "{ip} made {n|attempts|addresses} against {users|accounts|events}.",
            "{n|errors|users} came from {ip} and {n2} from {ip2}.",
            "{ip} leads with {n|events|accounts}, followed by {ip2} with {n2}.",
            "{users|accounts|events} were tried by {ip}.",
            "{share} of the abnormal events come from {ip}, which tried {users|user names|failures}.",
        ),
        "ko": (
            "{ip}에서 실패 {n}건이 나왔고 전체의 {share}이다.",
            "{ip} 주소가 계정 {users}개에 대해 {n}번 시도했다.",
            "{ip}는 {n}건, {ip2}는 {n2}건이다.",
            "가장 많은 {ip}가 {n}건, 다음인 {ip2}가 {n2}건의 오류를 냈습니다.",
            "{ip}는 사용자 {users}명을 시도했다.",
            "{ip}가 시도한 계정은 {users}개이고 비율은 {share}입니다.",
        ),
    },
    "value": {
        "en": (
            "{value} is set on {n} of {total} failing events, but only on {base} of {bases} normal ones.",
            "{share} of the errors carry {value}, against {bshare} of normal traffic.",
            "Among {total|errors|users}, {n} have {field} = {value}.",
            "{value} appears in {n|failures|traces} ({share}); in the baseline it is {base} out of {bases}.",
        ),
        "ko": (
            "{value} 값은 이상 이벤트 {total}건 중 {n}건에 있고, 정상 {bases}건 중에는 {base}건뿐이다.",
            "오류의 {share}가 {value} 값을 갖지만 평소에는 {bshare}입니다.",
            "{field}가 {value}인 실패는 {total}건 중 {n}건이다.",
            "{value}는 에러 {n}건({share})에서 보이며 정상 기준으로는 {bases}건 중 {base}건이다.",
        ),
    },
    "traces": {
        "en": (
            "{svc} is the {ord:first|last} service to fail in {n} of {total|traces|users}.",
            "In {n} out of {total|traces|errors} the failure starts at {svc}.",
            "{svc} broke {ord:first|last}, in {n|traces|accounts}.",
            "Tracing {total|requests|users} shows {svc} failing {ord:first|last} in {n} of them.",
        ),
        "ko": (
            "트레이스 {total}개 중 {n}개에서 {svc}가 {ord:먼저|나중에} 실패했다.",
            "{svc}는 추적 {total}건 중 {n}건에서 {ord:처음으로|마지막으로} 실패한 서비스다.",
            "{svc}가 가장 {ord:먼저|나중에} 실패한 트레이스는 {n}개다.",
            "{total}개의 트레이스 중 {n}개에서 장애가 {svc}부터 시작됐습니다.",
        ),
    },
    "callers": {
        "en": (
            "{services|other services|users} failed along with it, among them {svc} with {n|errors|accounts}.",
            "{svc} was hit too: {n|failures|traces}.",
            "Collateral damage: {svc} had {n|errors|addresses}.",
            "The blast radius covers {services|services|hosts}; {svc} shows {n|abnormal events|users}.",
        ),
        "ko": (
            "다른 서비스 {services}개가 함께 실패했고 그중 {svc}는 {n}건이다.",
            "{svc}도 영향을 받아 오류 {n}건이 났다.",
            "{svc}에서도 실패 {n}건이 있었다.",
            "영향 범위는 서비스 {services}개이며 {svc}의 에러는 {n}건입니다.",
        ),
    },
    "change": {
        "en": (
            "{svc} was deployed as {ref} {ago} {ord:before|after} the errors began.",
            "The release {ref} of {svc} went live at {at}, {ago} {ord:prior to|following} the onset.",
            "Commit {ref} reached {svc} at {at}.",
            "At {at} somebody rolled out {ref} on {svc}.",
            "The errors started {ago} {ord:after|before} {svc} got {ref}.",
            "The incident followed the rollout of {ref} to {svc} by {ago}.",
            "The deploy of {ref} happened {ord:before|after} the incident.",
            "Rollout {ref} came {ord:ahead of|later than} the outage.",
        ),
        "ko": (
            "{svc}의 {ref} 배포는 장애 시작 {ago} {ord:전|후}에 있었다.",
            "{ref} 릴리스는 {at}에 {svc}에 반영됐고 이는 오류 발생 {ago} {ord:전|뒤}이다.",
            "커밋 {ref}는 {at}에 {svc}에 배포됐습니다.",
            "{at}에 {svc} 서비스에 {ref}가 롤아웃됐다.",
            "{ref} 배포 {ago} {ord:후|전}에 {svc} 장애가 시작됐다.",
            "장애는 {svc}에 {ref}를 배포하고 {ago} {ord:뒤|전}에 시작됐습니다.",
            "{ref} 배포는 장애 {ord:이전|이후}에 이루어졌다.",
            "오류는 {ref} 변경 {ord:이후|이전}에 발생했습니다.",
        ),
    },
    "metric": {
        "en": (
            "{m} of {svc} {dir:rose|fell} from {usual} to {ext}.",
            "{m} on {svc} {dir:jumped|dropped} to {ext} at {at}, while {usual} is normal.",
            "Usually {usual}, {m} on {svc} {dir:peaked|bottomed out} at {ext}.",
            "{svc} normally runs at {usual} for {m}; at {at} it was at {ext}.",
            "{m} {dir:increased|decreased} by {pct} against its usual level and reached {ext}.",
            "{m} of {svc} went {dir:up|down} {pct} compared with the baseline of {usual}.",
            "During the incident {m} of {svc} ranged from {lo} to {hi}.",
            "{svc}'s {m} stayed between {lo} and {hi} in the stretch.",
            "At {at} {svc} hit {ext} of {m}.",
            "The {dir:highest|lowest} {m} on {svc} was {ext}, seen at {at}.",
            "The median {m} during the incident was {level}, against {usual} before.",
            "Half of the time {m} of {svc} was above {level}; it used to be {usual}.",
            "{m} is {ratio} times its baseline of {usual}.",
            "{m} of {svc} was {ratio}x the usual value.",
            "{m} exceeded {>hi} on {svc}.",
            "{svc} had {m} above {>hi} at its peak.",
            "{m} of {svc} never went below {>lo}.",
            "{upoints|points|users} of {m} before the incident show a usual level of {usual}.",
        ),
        "ko": (
            "{svc}의 {m}가 {usual}에서 {ext}로 {dir:증가했다|감소했다}.",
            "{m} 지표는 {at}에 {ext}까지 {dir:올랐다|떨어졌다}. 평소에는 {usual}이다.",
            "평소 {usual}이던 {svc}의 {m}가 {ext}로 {dir:상승했습니다|하락했습니다}.",
            "{svc}의 {m}는 보통 {usual}인데 {at}에 {ext}를 기록했다.",
            "{m}가 평소 대비 {pct} {dir:증가|감소}해 {ext}에 도달했다.",
            "{svc}의 {m}는 기준치 {usual}보다 {pct} {dir:상승했다|하락했다}.",
            "장애 중 {svc}의 {m}는 {lo}에서 {hi} 사이였다.",
            "{m} 값의 범위는 {lo}~{hi}입니다.",
            "{at}에 {svc}의 {m}가 {ext}를 찍었다.",
            "{svc}의 {m} {dir:최고|최저}치는 {at}의 {ext}이다.",
            "장애 동안 {m}의 중앙값은 {level}, 이전에는 {usual}이었다.",
            "{m} 중간값은 {level}이고 평소 값은 {usual}입니다.",
            "{m}가 평소의 {ratio}배가 되었다.",
            "{svc}의 {m}는 기준치 {usual}의 {ratio}배이다.",
            "{svc}의 {m}가 {>hi}를 초과했다.",
            "{m} 최대값은 {>hi} 이상이다.",
        ),
    },
    "pair": {
        "en": (
            "{m} of {svc} moved {ord:before|after} {m2} did.",
            "{m2} reached its extreme {ord:after|before} {m}.",
            "{m} went to {ext} and {m2} to {ext2}.",
            "While {m} hit {ext}, {m2} was at {ext2}.",
        ),
        "ko": (
            "{svc}의 {m}가 {m2}보다 {ord:먼저|나중에} 움직였다.",
            "{m2}는 {m} {ord:이후|이전}에 정점에 도달했다.",
            "{m}는 {ext}, {m2}는 {ext2}까지 갔다.",
            "{m}가 {ext}일 때 {m2}는 {ext2}였습니다.",
        ),
    },
    "none": {
        "en": (
            "No change was recorded in the {minutes} before the onset.",
            "Nothing was deployed in the {minutes} leading up to the incident.",
        ),
        "ko": (
            "장애 시작 전 {minutes} 동안 변경은 없었다.",
            "장애 직전 {minutes} 사이에 배포는 없었습니다.",
        ),
    },
}

MORE: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "count": {
        "en": (
            "We see {n|exceptions|users} on {svc}, up from {before}.",
            "Only {before|errors|users} before, {n} now: {svc} is unwell.",
            "Starting at {first}, {svc} threw {n|exceptions|addresses} over {length}.",
            "In total {svc} recorded {n|problems|traces}, beginning {first} and ending {last}.",
            "{n|log lines|accounts} of {svc} are abnormal; the previous window had {before}.",
            "Whereas {before|errors|users} occurred in the prior window, {svc} now has {n}.",
        ),
    },
    "template": {
        "en": (
            'Most common is "{words}" with {n|hits|users} ({share}).',
            'The text "{words}" occurs {n} times out of {total|errors|services}.',
            '"{words}" was logged {n} times, first at {first}, last at {last}.',
            '"{words}" represents {share} of everything abnormal.',
        ),
    },
    "sign": {
        "en": (
            "{n} of {total} hint at {book}.",
            "{book} fits {share} of all events.",
            "About {share} indicate {book}, namely {n} out of {total}.",
        ),
    },
    "row": {
        "en": (
            "{n|hits|accounts} are due to {ip}.",
            "{ip} alone: {n|events|users}, {users|accounts|hosts}.",
            "The busiest address, {ip}, sent {n|requests|users}.",
        ),
    },
    "value": {
        "en": (
            "{value} is present in {n} out of {total} failing entries and {base} out of {bases} healthy ones.",
            "Of {total|errors|users}, {n} ({share}) share {value}; normally {bshare} do.",
        ),
    },
    "traces": {
        "en": (
            "In {n} of the {total} traces {svc} was the {ord:first|last} to break.",
            "Out of {total|traces|users}, {n} begin failing at {svc}.",
        ),
    },
    "change": {
        "en": (
            "{svc} received {ref} at {at}, i.e. {ago} {ord:before|after} things went wrong.",
            "{ord:Before|After} the outage, {ref} was shipped to {svc}.",
            "Failures began {ago} {ord:after|before} the {ref} deploy.",
            "A deploy ({ref}) on {svc} {ord:preceded|followed} the failures by {ago}.",
        ),
    },
    "metric": {
        "en": (
            "{svc}: {m} {dir:rose|sank} to {ext}; typical is {usual}.",
            "{m} for {svc} is {dir:up|down} from {usual} to {ext}.",
            "The typical {m} of {usual} turned into {ext} on {svc}.",
            "{m} {dir:soared|plunged} from its typical {usual} to as {dir:much|little} as {ext} at {at}.",
            "A {pct} {dir:increase|decrease} in {m} took it to {ext}.",
            "We measured {m} at {ext} ({at}), typically {usual}.",
            "{m} varied between {lo} and {hi}.",
            "{m}: min {lo}, max {hi}, median {level}.",
            "The minimum of {m} was {lo}, the maximum {hi}.",
            "{m} on {svc} averaged around {level} in the middle of the incident.",
            "From a baseline of {usual}, {m} {dir:rose|fell} {pct}.",
            "{m} was {pct} {dir:higher|lower} than usual.",
            "{m} got {ratio} times as high as usual.",
            "{m} stood at {ext} instead of {usual}.",
        ),
    },
    "none": {
        "en": (
            "There were no changes in the {minutes} before it began.",
            "For {minutes} before the onset there is no deploy on record.",
        ),
    },
}
"""Looked at while the checker was made, too."""

"""The agent for reliability: what fails, since when, why, and where a trend leads."""

from __future__ import annotations

from typing import Final

from bdp.explain.agents.agent import Agent

SRE: Final = Agent(
    name="sre",
    title={"en": "SRE", "ko": "SRE"},
    task=(
        "You are a site reliability engineer. Find what fails, since when, which service fails first, and what changed "
        "before. Look at trends of metrics and say when one is likely to reach a limit only if figures show it. Test "
        "rival causes against the evidence."
    ),
    tools=(
        *("abnormal_events", "message_templates", "messages", "top_values", "latency", "metric_names"),
        *("metric_series", "trace", "changes", "incidents", "incident"),
    ),
    words=(
        *("error", "fail", "outage", "down", "crash", "timeout", "slow", "latency", "deploy", "change", "commit"),
        *("metric", "incident", "why", "cause", "broke", "health", "exception", "trace", "degrad", "cpu", "memory"),
        *("오류", "에러", "실패", "장애", "느려", "느린", "지연", "배포", "변경", "커밋", "메트릭", "인시던트", "원인"),
        *("왜", "타임아웃", "예외", "상태", "이상", "메모리", "죽었", "다운"),
    ),
    first=("abnormal_events", "message_templates", "changes", "incidents"),
)

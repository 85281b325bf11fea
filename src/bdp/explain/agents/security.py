"""The agent for security: who comes in, from where, and whether that is an attack."""

from __future__ import annotations

from typing import Final

from bdp.explain.agents.agent import Agent

SECURITY: Final = Agent(
    name="security",
    title={"en": "Security", "ko": "보안"},
    task=(
        "You are a security analyst. Look at access patterns: failed log-ins by address and account, one address that "
        "tries many accounts, accounts that fell after failures, unusual addresses and routes. Tell an attack from a "
        "broken client by the figures."
    ),
    tools=(
        "failed_logins",
        "top_values",
        "abnormal_events",
        "message_templates",
        "messages",
        "trace",
        "incidents",
        "incident",
    ),
    words=(
        *("attack", "login", "log-in", "logon", "sign-in", "signin", "brute", "credential", "stuffing", "password"),
        *("security", "unauthor", "forbidden", "intrus", "suspicious", "access pattern", "breach", "hack", "malicious"),
        *("로그인", "공격", "보안", "인증", "침입", "비밀번호", "접근", "해킹", "무단", "의심", "탈취"),
    ),
    first=("failed_logins", "top_values", "abnormal_events"),
)

"""OpenSSH's authentication lines (sshd and PAM), in ECS terms.

One attempt leaves several lines. Only the one that states its result is a failure (`error_code`
`authentication_failure`, WARN) or a success; the others carry who and where from, and stay INFO, so that an attempt
counts once. PAM's old style logs under a program of its own, `sshd(pam_unix)`, often into another file than sshd's:
there the PAM line is the result.
"""

from __future__ import annotations

import re

from bdp.intake.event import EventRecord

PROGRAMS = frozenset({"sshd", "sshd-session", "sshd-auth"})
FAILURE = "authentication_failure"

_REPEATED = re.compile(r"message repeated (\d{1,6}) times: \[ (.*)\]\s*")
_RESULT = re.compile(r"(Failed|Accepted) (\S+) for ((?:invalid|illegal) user )?(.*) from (\S+) port (\d{1,5})(?: .*)?")
_PAM = re.compile(r"(?:pam_unix\(sshd:auth\): |PAM \d+ more )?authentication failures?; .*?rhost=(\S*)(?: +user=(.*))?")
_ABOUT = (
    re.compile(r"(?:Invalid|Illegal) user (?P<user>.*?) from (?P<ip>\S+)(?: port \d+)?"),
    re.compile(r"input_userauth_request: invalid user (?P<user>.*?)(?: \[preauth\])?"),
    re.compile(r"reverse mapping checking getaddrinfo for \S+ \[(?P<ip>[^\]]+)\] failed.*"),
    re.compile(r"Address (?P<ip>\S+) maps to .* but this does not map back.*"),
    re.compile(r"(?:error: )?Received disconnect from (?P<ip>[0-9A-Fa-f.:]*[0-9A-Fa-f])(?: port \d+)?: ?\d+: .*"),
    re.compile(r"(?:Connection (?:closed|reset) by|Disconnected from) "
               r"(?:(?:authenticating|invalid) user (?P<user>\S*) )?"
               r"(?P<ip>[0-9A-Fa-f.:]+).*"),
    re.compile(r"Did not receive identification string from (?P<ip>\S+).*"),
    re.compile(r"(?:error: )?maximum authentication attempts exceeded for "
               r"(?:invalid user )?(?P<user>.*) from (?P<ip>\S+) .*"),
    re.compile(r"Disconnecting: Too many authentication failures for (?P<user>.*?)(?: \[preauth\])?"),
    re.compile(r"(?:pam_unix\(sshd:auth\): )?check pass; user unknown"),
    re.compile(r"PAM service\(sshd\) ignoring max retries.*"),
)  # fmt: skip
_ADDRESS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]+")
_MAX_LINE = 4096


def recognise(event: EventRecord) -> None:
    """Add what an sshd line says about authentication."""
    message = event.message[:_MAX_LINE]
    repeated = _REPEATED.fullmatch(message)
    if repeated:
        event.attributes["message.repeated"] = repeated[1]
        message = repeated[2]
    if not (_result(event, message) or _pam(event, message) or _about(event, message)):
        _other(event, message)


def recognise_pam(event: EventRecord) -> None:
    """Add what a line of PAM's own program (`sshd(pam_unix)`) says: there, it is the result."""
    if _pam(event, event.message[:_MAX_LINE]):
        _failed(event)


def _result(event: EventRecord, message: str) -> bool:
    match = _RESULT.fullmatch(message)
    if match is None:
        return False
    word, method, invalid, user, address, port = match.groups()
    _who(event, user, address)
    event.attributes["client.port"] = port
    event.attributes["authentication.method"] = method
    if invalid:
        event.attributes["user.invalid"] = "true"
    if word == "Accepted":
        event.attributes["event.outcome"] = "success"
        event.level = "INFO"
    elif method != "none":  # "none" is the client asking which methods there are
        _failed(event)
    return True


def _pam(event: EventRecord, message: str) -> bool:
    match = _PAM.fullmatch(message.rstrip())
    if match is None:
        return False
    _who(event, match[2] or "", match[1])
    return True


def _about(event: EventRecord, message: str) -> bool:
    for pattern in _ABOUT:
        match = pattern.fullmatch(message)
        if match:
            found = match.groupdict()
            _who(event, found.get("user") or "", found.get("ip") or "")
            event.level = "INFO"
            return True
    return False


def _other(event: EventRecord, message: str) -> None:
    """Before authentication, a client's broken connection is the client's trouble."""
    if message.endswith("[preauth]"):
        event.level = "INFO"
    elif message.startswith(("error:", "fatal:")):
        event.level = "ERROR"


def _failed(event: EventRecord) -> None:
    event.level = "WARN"
    event.error_code = FAILURE
    event.attributes["event.outcome"] = "failure"


def _who(event: EventRecord, user: str, address: str) -> None:
    event.attributes["event.category"] = "authentication"
    event.attributes["event.action"] = "ssh_login"
    event.user_id = user.strip()
    if _ADDRESS.fullmatch(address):
        event.client_ip = address
    elif address:
        event.attributes["client.address"] = address

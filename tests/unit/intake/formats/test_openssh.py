from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.unit.intake.reading import line_of, read

HEAD = "Dec 10 06:55:48 LabSZ sshd[24200]: "


@pytest.mark.parametrize(
    ("text", "user", "address", "invalid"),
    [("Failed password for root from 10.0.0.1 port 22 ssh2", "root", "10.0.0.1", None),
     ("Failed publickey for invalid user a b from 2001:db8::1 port 38926 ssh2", "a b", "2001:db8::1", "true"),
     ("Failed password for invalid user x from 9.9.9.9 port 1 from 10.0.0.1 port 22 ssh2",
      "x from 9.9.9.9 port 1", "10.0.0.1", "true")],
)  # fmt: skip
def test_a_failed_login(text: str, user: str, address: str, invalid: str | None) -> None:
    event = line_of("openssh", HEAD + text)
    assert (event.level, event.error_code, event.user_id, event.client_ip) == (
        "WARN", "authentication_failure", user, address,
    )  # fmt: skip
    assert event.attributes.get("user.invalid") == invalid
    assert event.attributes["event.outcome"] == "failure"
    assert (event.service, event.attributes["host.name"], event.attributes["process.pid"]) == ("sshd", "LabSZ", "24200")


def test_a_login_that_went_well() -> None:
    event = line_of("openssh", HEAD + "Accepted password for fztu from 119.137.62.142 port 49116 ssh2")
    assert (event.level, event.error_code, event.user_id) == ("INFO", "", "fztu")
    assert event.attributes["event.outcome"] == "success"


@pytest.mark.parametrize(
    ("text", "user", "address"),
    [("Invalid user webmaster from 1.2.3.4", "webmaster", "1.2.3.4"),
     ("pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=1.2.3.4  user=root",
      "root", "1.2.3.4"),
     ("PAM 5 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=1.2.3.4  user=root",
      "root", "1.2.3.4"),
     ("reverse mapping checking getaddrinfo for ns.x.com [1.2.3.4] failed - POSSIBLE BREAK-IN ATTEMPT!", "", "1.2.3.4"),
     ("error: Received disconnect from 1.2.3.4: 14: No more user authentication methods available. [preauth]",
      "", "1.2.3.4"),
     ("Received disconnect from 1.2.3.4 port 22:11: Bye Bye [preauth]", "", "1.2.3.4"),
     ("Failed none for invalid user 0 from 1.2.3.4 port 49448 ssh2", "0", "1.2.3.4")],
)  # fmt: skip
def test_other_lines_about_an_attempt_say_who_but_do_not_count_it_again(text: str, user: str, address: str) -> None:
    event = line_of("openssh", HEAD + text)
    assert (event.level, event.error_code, event.user_id, event.client_ip) == ("INFO", "", user, address)
    assert event.attributes["event.action"] == "ssh_login"


def test_a_repeated_line_is_one_record_with_its_number() -> None:
    event = line_of("openssh", HEAD + "message repeated 5 times: [ Failed password for root from 1.2.3.4 port 22 ssh2]")
    assert (event.error_code, event.client_ip, event.attributes["message.repeated"]) == (
        "authentication_failure", "1.2.3.4", "5",
    )  # fmt: skip


def test_the_real_brute_force(data_dir: Path) -> None:
    path = data_dir / "loghub-2k/loghub/OpenSSH/OpenSSH_2k.log"
    lines = path.read_text().splitlines()
    failed = [line for line in lines if "Failed password" in line]
    by_address = Counter(re.findall(r"from (\S+) port", "\n".join(failed)))
    found, refused, _ = read(path)
    failures = [row for row in found if row["error_code"] == "authentication_failure"]
    assert (len(found), refused) == (len(lines), [])
    assert len(failures) == len(failed) > 500
    assert Counter(row["client_ip"] for row in failures) == by_address
    assert sum(row["attributes"].get("event.outcome") == "success" for row in found) == 1
    assert sum("user.invalid" in row["attributes"] for row in failures) == sum(
        "invalid user" in line for line in failed
    )
    assert [row["ts"] for row in found] == sorted(row["ts"] for row in found)

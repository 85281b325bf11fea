"""Policy files: what they may say, what is refused and how that is told, versions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bdp.decide.policy import SHIPPED, policy_of, shipped
from bdp.errors import BadSetting
from bdp.model.analysis import ActionType
from bdp.settings import load

RULE = "  - {name: %s, actions: notify, effect: allow}\n"


def problems(text: str) -> list[str]:
    return [str(problem) for problem in policy_of({"p.yaml": text.encode()}, "test").problems]


WRONG = """\
rules:
  - name: x
    action: notfy
    effect: alow
  - {name: y, actions: notfy, effect: deny}
  - {name: z, actions: "*", effect: deny, act_at: 0.5}
  - name: w
    actions: "*"
    effect: allow
    act_at: 2
    hours: [{days: mo, from: 18:00, to: 25:00, zone: Nowhere}]
    limits: {most: 0, per: 1x}
  - {name: v, actions: "*", effect: ask, environments: [prodction]}
maintenance:
  - {name: a, services: x, from: 2026-11-22T02:00, to: 2026-11-22T03:00}
enviroments: {}
"""


def test_all_that_is_wrong_is_told_at_once_with_its_line() -> None:
    assert problems(WRONG.replace('  - {name: v, actions: "*", effect: ask, environments: [prodction]}\n', "")) == [
        "p.yaml:2: rules.0.actions: is missing",
        "p.yaml:3: rules.0.action: nobody knows this key; did you mean actions?",
        "p.yaml:4: rules.0.effect: must be one of allow, ask, deny",
        f"p.yaml:5: rules.1.actions.0: must be one of {', '.join(ActionType)}, or '*'",
        "p.yaml:6: rules.2.act_at: a rule that says deny has none; take it out",
        "p.yaml:10: rules.3.act_at: must be less than or equal to 1",
        "p.yaml:11: rules.3.hours.0.days.0: must be one of mon, tue, wed, thu, fri, sat, sun",
        'p.yaml:11: rules.3.hours.0.to: write a time of day as "09:00", up to "24:00"',
        "p.yaml:11: rules.3.hours.0.zone: nobody knows this time zone; write it as Asia/Seoul or UTC",
        "p.yaml:12: rules.3.limits.0.most: must be greater than or equal to 1",
        "p.yaml:12: rules.3.limits.0.per: write a length of time as 90s, 15m, 2h or 7d",
        "p.yaml:14: maintenance.0: 2026-11-22T02:00:00 says no time zone; add +09:00 or Z, or write zone: Asia/Seoul",
        "p.yaml:15: enviroments: nobody knows this key; did you mean environments?",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: &a [*a]", "anchors and aliases"),
        ("rules: !!python/object/apply:os.system [ls]", "tags (!)"),
        ("rules: []\nrules: []", "p.yaml:2: the key 'rules' stands twice"),
        ("services: *", "p.yaml:1: a value that begins with * or & must stand in quotes"),
        ("rules: " + "[" * 13, "nested more than 12 deep"),
        ("rules: [" + "1," * 20_001 + "]", "more than 20,000 values"),
        ("a: " + "x" * 4001, "more than 4,000 characters"),
        ("#" * 262_145, "larger than 256 KiB"),
        ("rules:\n\t- x", "p.yaml:2: "),
        ("rules: null", "rules: give a list"),
        ("- 1", "give a table of keys"),
        ("rules:\n" + RULE % "a" + RULE % "a", "p.yaml:3: rules.1.name: the rule 'a' is there already"),
        ("rules:\n" + RULE.replace("}", ", environments: prod}") % "a", "nobody defines the environment 'prod'"),
        ("rules:\n" + RULE.replace("}", ", services: no}") % "a", ""),
        ("maintenance: [{name: a, weekly: {days: sun}}]", "name resources or services"),
        ("maintenance: [{name: a, services: x}]", "either from and to, or weekly"),
        ("maintenance: [{name: a, services: x, from: 2026-11-22T02:00Z, to: 2026-11-21T02:00Z}]", "ends before"),
        ("rules:\n" + "".join(RULE % f"r{n}" for n in range(1001)), "at most 1000 items"),
    ],
)
def test_what_a_policy_may_not_hold(text: str, said: str) -> None:
    found = problems(text)
    assert any(said in problem for problem in found) if said else found == []


def test_what_people_write_means_what_they_mean() -> None:
    text = "rules:\n  - {name: a, actions: notify, services: [no, on, 1], effect: allow, hours: {from: 18:00}}\n"
    assert problems(text) == ["p.yaml:2: rules.0.services.2: give text; put it in quotes"]
    policy = policy_of({"p.yaml": text.replace(", 1]", "]").encode()}, "test")
    assert policy.rules[0].services == ("no", "on")
    assert policy.rules[0].hours[0].start == "18:00"


def test_files_are_taken_together_in_the_order_of_their_names() -> None:
    texts = {"b.yaml": b"rules:\n" + (RULE % "second").encode(), "a.yaml": b"rules:\n" + (RULE % "first").encode()}
    assert [rule.name for rule in policy_of(texts, "test").rules] == ["first", "second"]
    twice = policy_of({"a.yaml": texts["a.yaml"], "b.yaml": texts["a.yaml"]}, "test")
    assert "the rule 'first' is there already, in a.yaml" in str(twice.problems[0])
    for key in (b"default_environment: x", b"environments: {x: y}"):
        assert policy_of({"a.yaml": key, "b.yaml": key}, "test").broken


def test_the_version_is_of_what_is_said_not_of_how() -> None:
    text = "rules:\n" + RULE % "a" + RULE % "b"
    base = policy_of({"p.yaml": text.encode()}, "test").version
    quoted = text.replace("notify", '["notify"]').replace("}", ", services: '*'}") + "# a remark\n"
    parts = {"1.yaml": ("rules:\n" + RULE % "a").encode(), "2.yaml": ("rules:\n" + RULE % "b").encode()}
    assert policy_of({"q.yaml": quoted.encode()}, "elsewhere").version == base
    assert policy_of(parts, "test").version == base
    turned = "rules:\n" + RULE % "b" + RULE % "a"
    assert policy_of({"p.yaml": turned.encode()}, "test").version != base
    assert len(base) == 12


def test_the_shipped_policy_is_whole_and_names_every_action_that_there_is() -> None:
    found = shipped()
    assert (found.source, found.problems) == ("shipped", ())
    assert all(found.granting.values())
    assert not SHIPPED.read_text().count("\t")


def test_what_the_guide_shows_can_be_used() -> None:
    guide = Path(__file__).parents[3] / "docs" / "guides" / "policy.md"
    blocks = re.findall(r"^```yaml\n(.*?)^```", guide.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 5
    broken = [block for block in blocks if problems(block)]
    assert ["two-for-lambda" in block for block in broken] == [True], "only the one with the mistake"
    assert problems(broken[0].replace("action:", "actions:")) == []


def test_the_old_rules_are_refused_and_the_text_says_where_they_went(tmp_path: Path) -> None:
    (tmp_path / "bdp.toml").write_text('[[policy.rules]]\naction = "webhook"\neffect = "ask"\n')
    with pytest.raises(BadSetting, match=r"policy\.rules: they stand in YAML files now.*bdp policy init"):
        load(tmp_path)


def test_the_folder_is_in_the_home_unless_it_stands_elsewhere(tmp_path: Path) -> None:
    assert load(tmp_path).policy_folder == tmp_path / "policy"
    assert load(tmp_path, {"policy": {"folder": "/etc/bdp"}}).policy_folder == Path("/etc/bdp")

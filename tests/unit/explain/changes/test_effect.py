"""What a change does, told from its diff: in several languages, and nothing where nothing happens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bdp.explain.changes.effect import effects, rules


def diff(file: str, text: str) -> str:
    return f"diff --git a/{file} b/{file}\n@@ -1,9 +1,9 @@\n{text}"


CASES = {
    "pool in Go": ("capacity_lowered", "db/pool.go", "-const maxConns = 50\n+const maxConns = 10"),
    "pool in properties": (
        "capacity_lowered",
        "src/main/resources/application.properties",
        "-spring.datasource.hikari.maximum-pool-size=40\n+spring.datasource.hikari.maximum-pool-size=4",
    ),
    "replicas in Helm": ("capacity_lowered", "deploy/values.yaml", " web:\n-  replicas: 6\n+  replicas: 2"),
    "workers in Python": ("capacity_lowered", "gunicorn.conf.py", "-workers = 16\n+workers = 2"),
    "memory in Kubernetes": ("memory_lowered", "k8s/api.yaml", " limits:\n-  memory: 2Gi\n+  memory: 256Mi"),
    "heap in Java": ("memory_lowered", "Procfile.yaml", '-  heap: "4g"\n+  heap: "512m"'),
    "deadline in Go": (
        "timeout_lowered",
        "client.go",
        (
            "-\tctx, cancel := context.WithTimeout(ctx, 5*time.Second)\n"
            "+\tcctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)"
        ),
    ),
    "timeout in Python": (
        "timeout_lowered",
        "client.py",
        "-    return session.get(url, timeout=10)\n+    return session.get(url, timeout=0.5)",
    ),
    "timeout in Java": (
        "timeout_lowered",
        "Client.java",
        "-    .connectTimeout(Duration.ofSeconds(5))\n+    .connectTimeout(Duration.ofMillis(50))",
    ),
    "cache": ("lifetime_lowered", "cache.yaml", "-  default_ttl: 15m\n+  default_ttl: 15s"),
    "retries": ("retries_raised", "retry.ts", "-  maxAttempts: 2,\n+  maxAttempts: 20,"),
    "calls in a loop in Go": (
        "call_in_loop",
        "order.go",
        "+\tfor _, line := range cart.Lines {\n+\t\titem, err := s.repo.FindItem(ctx, line.SKU)\n+\t\tuse(item)\n+\t}",
    ),
    "calls in a loop in TypeScript": (
        "call_in_loop",
        "order.ts",
        "+  for (const id of ids) {\n+    const user = await this.users.findById(id);\n+    out.push(user);\n+  }",
    ),
    "calls in a loop in Python": (
        "call_in_loop",
        "views.py",
        (
            " for order in orders:\n-    names.append(order.customer_name)\n"
            "+    names.append(session.query(Customer).get(order.customer_id).name)"
        ),
    ),
    "eager loading": (
        "eager_load_removed",
        "views.py",
        '-    orders = Order.objects.select_related("customer").all()\n+    orders = Order.objects.all()',
    ),
    "lock in Go": (
        "lock_removed",
        "limiter.go",
        " func (l *Limiter) Allow() {\n-\tl.mu.Lock()\n-\tdefer l.mu.Unlock()\n \tl.n++",
    ),
    "lock in Java": ("lock_removed", "Counter.java", "-  public synchronized void add() {\n+  public void add() {"),
    "guard in Go": (
        "guard_removed",
        "charge.go",
        '-\tif resp.Result == nil {\n-\t\treturn ""\n-\t}\n \treturn resp.Result.Status',
    ),
    "guard in TypeScript": (
        "guard_removed",
        "card.ts",
        "-  return user?.address?.city ?? '';\n+  return user.address.city;",
    ),
    "guard in Python": (
        "guard_removed",
        "card.py",
        "-    if card is None:\n-        return 0\n     return card.limit",
    ),
    "index": ("index_dropped", "migrations/7.sql", "+DROP INDEX CONCURRENTLY idx_orders_customer;"),
    "migration that locks": (
        "table_locked",
        "migrations/8.sql",
        "+CREATE INDEX idx_orders_created ON orders (created_at);",
    ),
    "query past its index": (
        "query_widened",
        "repo.rb",
        "-    where(email: email)\n+    where('LOWER(email) = ?', email.downcase)",
    ),
    "close in Java": (
        "release_removed",
        "Files.java",
        "-    try (InputStream in = open(path)) {\n+    InputStream in = open(path);",
    ),
    "field in Go": (
        "format_changed",
        "dto.go",
        '-\tTotal int `json:"total_cents"`\n+\tTotal int `json:"totalCents"`',
    ),
    "regular expression": ("regex_heavy", "check.py", "+    PATTERN = re.compile(r'^(a+)+$')"),
    "one after the other": (
        "made_serial",
        "page.ts",
        (
            "-  const [a, b] = await Promise.all([first(), second()]);\n"
            "+  const a = await first();\n+  const b = await second();"
        ),
    ),
    "address": (
        "address_changed",
        "config.yaml",
        '-  broker: "kafka-1.internal:9092"\n+  broker: "kafka-old.internal:9092"',
    ),
    "major version": ("library_major", "package.json", '-    "express": "^4.18.2",\n+    "express": "^5.0.0",'),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_effect_is_seen(case: str) -> None:
    kind, file, text = CASES[case]
    assert kind in {effect.kind for effect in effects(diff(file, text))}


HARMLESS = {
    "comment": ("a.go", "-// the pool holds 50\n+// the pool holds 10"),
    "moved": ("a.go", "-\tlimit := 10\n \tstart()\n+\tlimit := 10"),
    "spaces": ("a.py", "-x=1\n+x  =  1"),
    "documentation": ("docs/pool.md", "-max connections = 50\n+max connections = 10"),
    "style": ("web/a.css", "-.a { padding: 8px; max-width: 90px }\n+.a { padding: 4px; max-width: 20px }"),
    "test": ("pool_test.go", "-const maxConns = 50\n+const maxConns = 10"),
    "patch version": ("go.mod", "-\texample.org/db v1.2.3\n+\texample.org/db v1.2.4"),
    "extracted helper": (
        "a.go",
        (
            "-\trows, err := db.Query(ctx, q)\n-\tif err != nil { return nil, err }\n-\treturn rows, nil\n"
            "+\treturn db.Query(ctx, q)"
        ),
    ),
    "index that locks nothing": ("migrations/9.sql", "+CREATE INDEX CONCURRENTLY idx_a ON t (a);"),
    "error helper": (
        "handler.go",
        (
            "-\tif err != nil { http.Error(w, err.Error(), 500); return }\n"
            "+\tif err != nil {\n+\t\twriteError(w, 500, err)\n+\t\treturn\n+\t}"
        ),
    ),
}


@pytest.mark.parametrize("case", HARMLESS, ids=str)
def test_what_changes_nothing_at_run_time_has_no_effect(case: str) -> None:
    file, text = HARMLESS[case]
    assert [effect.kind for effect in effects(diff(file, text))] == []


def test_a_limit_that_is_raised_is_not_lowered() -> None:
    kinds = {effect.kind for effect in effects(diff("a.yaml", "-  max_connections: 10\n+  max_connections: 50"))}
    assert "capacity_raised" in kinds
    assert "capacity_lowered" not in kinds


def test_the_altered_setting_is_told() -> None:
    (effect,) = [one for one in effects(diff("c.yaml", "-  read_timeout: 2s\n+  read_timeout: 500ms")) if one.setting]
    assert effect.setting is not None
    assert (effect.setting.name, effect.setting.old.text, effect.setting.new.text) == ("read timeout", "2s", "500ms")
    assert effect.setting.ratio == pytest.approx(0.25)
    assert effect.files == ("c.yaml",)


def test_every_effect_has_words_in_both_languages() -> None:
    assert all(rule.title and rule.title_ko for rule in rules())
    assert len({rule.name for rule in rules()}) == len(rules())


@given(st.text(alphabet=st.sampled_from("+-@ \n\t(){}[]*.:=\"'`%0159azAZ_/;<>|&!?\\"), max_size=2000))
def test_no_text_is_too_much(text: str) -> None:
    effects("@@ a.go @@\n" + text)

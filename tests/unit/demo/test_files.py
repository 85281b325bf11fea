"""The real logs are there, whole, small and with their licence."""

from __future__ import annotations

import gzip
from pathlib import Path

import bdp.demo
from bdp.demo import real_logs

FOLDER = Path(bdp.demo.__file__).with_name("logs")


def test_three_brokers_and_one_web_site() -> None:
    names = [str(path.relative_to(FOLDER)) for path in real_logs()]
    assert names[0] == "apache/access.log.gz"
    assert {name.split("/")[0] for name in names} == {"apache", "kafka0", "kafka1", "kafka2"}
    for broker in range(3):
        assert f"kafka{broker}/server.log.gz" in names


def test_small_and_with_licence_and_origin() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 600_000
    assert "Apache License" in (FOLDER / "LICENSE").read_text(encoding="utf-8")
    assert "github.com/elastic/examples" in (FOLDER / "NOTICE").read_text(encoding="utf-8")


def test_every_line_is_a_line_of_the_original(data_dir: Path) -> None:
    brokers = data_dir / "elastic-examples-logs/kafka/filebeat_monitoring/logs"
    for broker in range(3):
        for kind in ("server", "controller", "state-change", "log-cleaner"):
            original = b"".join(
                path.read_bytes() for path in sorted((brokers / f"kafka{broker}/logs").glob(f"{kind}.log*"))
            )
            shipped = gzip.decompress((FOLDER / f"kafka{broker}/{kind}.log.gz").read_bytes())
            assert shipped
            assert set(shipped.splitlines()) <= set(original.splitlines())
            assert shipped.count(b"] ERROR ") == sum(
                b"] ERROR " in line for line in original.splitlines() if line[:14] < b"[2016-12-19 21"
            )


def test_the_web_site_s_whole_day(data_dir: Path) -> None:
    original = data_dir / "elastic-examples-logs/common-data-formats/apache_logs/apache_logs"
    day = [line for line in original.read_bytes().splitlines() if b"[18/May/2015:" in line]
    assert gzip.decompress((FOLDER / "apache/access.log.gz").read_bytes()).splitlines() == day

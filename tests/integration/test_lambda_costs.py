"""The package of the Lambda function for costs: small enough for AWS, and able to work with nothing but itself."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cost_explorer_server import CostExplorerServer
from tools.package_lambda import MOST_BYTES, NoIndex, Target, build, pack, weigh

HERE = Target(platform.machine(), f"{sys.version_info.major}.{sys.version_info.minor}")
HEAVY = ("chdb", "clickhouse_connect", "dbos", "fastapi", "pandas", "scipy", "sqlalchemy", "structlog")
INVOKE = """
import json, os, sys
library = os.path.dirname(os.__file__)
folder, event = sys.argv[1:]
sys.path = [folder, *(path for path in sys.path if "site-packages" not in path)]
from bdp.aws.costs import handler
imported = sorted({name.partition(".")[0] for name in sys.modules})
answer = handler(json.loads(event), None)
files = {name: getattr(module, "__file__", None) or folder for name, module in sys.modules.items()}
outside = sorted(
    name for name, file in files.items()
    if not file.startswith(folder) and (not file.startswith(library) or "site-packages" in file)
)
modules = sorted({name.partition(".")[0] for name in sys.modules})
print(json.dumps({"answer": answer, "imported": imported, "modules": modules, "outside": outside}))
"""


def built(folder: Path, target: Target) -> dict[str, int]:
    """Build a package; return what its parts weigh."""
    try:
        build(folder, target)
    except NoIndex as error:
        pytest.skip(f"the package index cannot be reached: {str(error).splitlines()[-1]}")
    sizes = weigh(folder)
    for name, size in sorted(sizes.items(), key=lambda one: -one[1])[:6]:
        print(f"{target.machine}: {name} {size / 2**20:.1f} MiB")
    print(f"{target.machine}: {sum(sizes.values()) / 2**20:.1f} MiB unzipped")
    return sizes


def invoked(folder: Path, event: object, endpoint: str) -> dict[str, Any]:
    """Invoke the handler in a Python that knows its own library and the folder."""
    environment = {
        "AWS_ACCESS_KEY_ID": "AKIATESTS", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": "ap-northeast-2", "AWS_ENDPOINT_URL": endpoint,
        "BDP_DETECTION_METHODS": "ecod,ratio,stddev",
    }  # fmt: skip
    command = [sys.executable, "-I", "-S", "-B", "-c", INVOKE, str(folder), json.dumps(event)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="Lambda's packages are for Linux")
def test_the_package_works_alone_and_finds_a_planted_spike(tmp_path: Path) -> None:
    folder = tmp_path / "costs"
    sizes = built(folder, HERE)
    assert sum(sizes.values()) < MOST_BYTES
    assert not set(HEAVY) & set(sizes)
    assert not list(folder.rglob("__pycache__"))
    today = datetime.now(UTC).date()
    with CostExplorerServer() as aws:
        for back in range(1, 61):
            aws.charge(today - timedelta(days=back), "AWS Lambda", 20.0 + back % 3)
            aws.charge(today - timedelta(days=back), "Amazon S3", 50.0 + back % 2)
        aws.charge(today - timedelta(days=3), "Amazon S3", 260.0)
        ran = invoked(folder, {"days": 60}, aws.url)
    assert ran["answer"]["statusCode"] == 200, ran["answer"]
    body = json.loads(ran["answer"]["body"])
    [spike] = body["anomalies"]
    assert (spike["service_name"], spike["day"]) == ("Amazon S3", str(today - timedelta(days=3)))
    assert set(body["methods"]) == {"ecod", "ratio", "stddev"}
    assert ran["outside"] == []
    assert not set(HEAVY) & set(ran["modules"])
    # AWS's client is loaded when it is asked for, not with the handler.
    assert not {"boto3", "botocore"} & set(ran["imported"])
    assert "boto3" in ran["modules"]


def test_the_package_for_lambda_is_small_enough(tmp_path: Path) -> None:
    sizes = built(tmp_path / "costs", Target())
    assert sum(sizes.values()) < MOST_BYTES
    assert not set(HEAVY) & set(sizes)
    libraries = [path for path in (tmp_path / "costs").rglob("*.so*") if path.is_file()]
    machines = {path.read_bytes()[18:20] for path in libraries}
    assert libraries
    assert machines == {b"\xb7\x00"}, "ELF e_machine 183 is AArch64"


def test_the_same_files_give_the_same_zip(tmp_path: Path) -> None:
    for name, files in (("one", ("b", "a")), ("two", ("a", "b"))):
        folder = tmp_path / name / "bdp"
        folder.mkdir(parents=True)
        for file in files:
            (folder / f"{file}.py").write_text(f"{file} = 1\n", encoding="utf-8")
    (tmp_path / "two" / "bdp" / "a.py").chmod(0o700)
    os.utime(tmp_path / "two" / "bdp" / "b.py", (1e9, 1e9))
    for name in ("one", "two"):
        pack(tmp_path / name, tmp_path / f"{name}.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()

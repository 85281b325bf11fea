"""Builds the package of the Lambda function for costs: a folder, its zip beside it, and what it weighs.

    python -m tools.package_lambda           # build/lambda/costs and costs.zip, for arm64

What is locked in requirements/lambda-costs.txt, as wheels for the machine that Lambda runs on, and those modules of
ours that the handler reaches. The same input gives the same zip. What AWS would not take is refused.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grimp

ROOT: Final = Path(__file__).resolve().parents[1]
HANDLER: Final = "bdp.aws.costs"
LOCK: Final = ROOT / "requirements" / "lambda-costs.txt"
MOST_BYTES: Final = 250 * 1024 * 1024
"""What AWS takes, unzipped."""
NOTES: Final = "licences and metadata"
RUNTIME: Final = "3.12"
"""Lambda's Python; from 3.12 on it stands on Amazon Linux 2023, whose glibc is new enough for numpy's wheels."""
_GLIBC: Final = ("manylinux_2_28", "manylinux_2_27", "manylinux2014")
_NOT_NEEDED: Final = ("__pycache__", "tests", "bin", "RECORD", "INSTALLER", "REQUESTED")
"""`tests` within numpy only. The last three are pip's notes; some hold paths of this machine."""
_IN_RUNTIME: Final = frozenset({"boto3", "botocore", "jmespath", "s3transfer", "dateutil", "six.py", "urllib3"})
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
_OFFLINE: Final = re.compile(r"NewConnectionError|Timeout|Name or service|Temporary failure|ProxyError|Max retries")


class NoIndex(RuntimeError):
    """The package index could not be reached."""


@dataclass(frozen=True)
class Target:
    """What a package is for.

    Attributes:
        machine: aarch64 or x86_64.
        python: minor version, such as 3.12.
    """

    machine: str = "aarch64"
    python: str = RUNTIME


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "lambda" / "costs", help="emptied before")
    folder: Path = parser.parse_args().folder
    try:
        build(folder, Target())
    except RuntimeError as error:
        sys.exit(f"package: {error}")
    packed = folder.with_suffix(".zip")
    pack(folder, packed)
    sizes = weigh(folder)
    for name, size in sorted(sizes.items(), key=lambda one: -one[1]):
        print(f"{size / 2**20:8.2f} MiB  {name}")
    total, runtime = sum(sizes.values()), sum(sizes.get(name, 0) for name in _IN_RUNTIME)
    print(f"{total / 2**20:8.2f} MiB  unzipped, of {MOST_BYTES / 2**20:.0f} that AWS takes")
    print(f"{(total - runtime) / 2**20:8.2f} MiB  without AWS's client, which Lambda has in a version of its own")
    print(f"{packed.stat().st_size / 2**20:8.2f} MiB  {packed}")
    if total > MOST_BYTES:
        packed.unlink()
        sys.exit("package: larger than AWS takes. Look above for what grew.")


def build(folder: Path, target: Target) -> None:
    """Fill a folder, which is emptied before.

    Raises:
        NoIndex: the package index could not be reached.
        RuntimeError: pip could not fetch something; the text has its last lines.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _fetch(folder, target)
    for path in sorted(folder.rglob("*"), reverse=True):
        parts = path.relative_to(folder).parts
        if parts[-1] in _NOT_NEEDED and (parts[-1] != "tests" or parts[0] == "numpy"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for module in sorted(ours()):
        _copy(module, folder)
    shutil.copyfile(ROOT / "LICENSE", folder / "bdp" / "LICENSE")


def ours() -> set[str]:
    """Return the modules of ours that the handler reaches, in whatever roundabout way."""
    graph = grimp.build_graph("bdp", exclude_type_checking_imports=True, cache_dir=None)
    reached = {HANDLER, *graph.find_upstream_modules(HANDLER)}
    parents = {name.rsplit(".", depth)[0] for name in reached for depth in range(1, name.count(".") + 1)}
    return reached | parents


def weigh(folder: Path) -> dict[str, int]:
    """Return the bytes of each package, its libraries too, and of what is noted and licensed of all of them."""
    sizes: dict[str, int] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            name = path.relative_to(folder).parts[0]
            owner = NOTES if name.endswith(".dist-info") else name.removesuffix(".libs")
            sizes[owner] = sizes.get(owner, 0) + path.stat().st_size
    return sizes


def pack(folder: Path, target: Path) -> None:
    """Write a folder as a zip: the same files give the same bytes, whenever and wherever."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EARLIEST)
            entry.create_system, entry.compress_type = 3, zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, path.read_bytes())


def _fetch(folder: Path, target: Target) -> None:
    pip = max((ROOT / "tools" / "bootstrap").glob("pip-*.whl"))
    command = [sys.executable, str(pip / "pip"), "install", f"--target={folder}", f"--requirement={LOCK}"]
    command += [f"--platform={glibc}_{target.machine}" for glibc in _GLIBC]
    command += ["--implementation=cp", f"--python-version={target.python}", "--only-binary=:all:", "--no-deps"]
    command += ["--require-hashes", "--no-compile", "--no-input", "--quiet", "--retries=1"]
    # A `user` setting of pip's would lead the packages elsewhere.
    environment = {**os.environ, "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = "\n".join(["pip could not fetch everything:", *done.stderr.splitlines()[-5:]])
        raise (NoIndex if _OFFLINE.search(done.stderr) else RuntimeError)(said)


def _copy(module: str, folder: Path) -> None:
    path = ROOT / "src" / Path(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    target = folder / source.relative_to(ROOT / "src")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


if __name__ == "__main__":
    main()

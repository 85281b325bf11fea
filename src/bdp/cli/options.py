"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="folder of this installation (default: BDP_HOME, else the user's data folder)"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="print one JSON object instead of text for people")]

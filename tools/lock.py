"""Writes the locks in requirements/ from pyproject.toml: exact versions and hashes, and no address of any index."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OPTIONS = [
    "--universal",
    "--python-version=3.11",
    "--fork-strategy=fewest",
    "--generate-hashes",
    "--no-emit-index-url",
    "--upgrade",
    "--quiet",
    "--custom-compile-command=make lock",
]
# dev comes before those that take their versions from it: what runs is what was tested.
LOCKS = {
    "build": ["--group=build"],
    "dev": [
        *("pyproject.toml", "--extra=embedded", "--extra=kafka", "--extra=aws", "--group=dev"),
        *("--extra=chat", "--extra=kubernetes"),
        *("--extra=llm", "--extra=gemini", "--extra=bedrock", "--extra=local-llm"),
        "--constraints=requirements/build.txt",
    ],
    "run": ["pyproject.toml", "--extra=embedded", "--constraints=requirements/dev.txt"],
    "lambda-costs": ["--group=lambda-costs", "--constraints=requirements/dev.txt"],
    "lock": ["--group=lock"],
}


def main() -> None:
    uv = Path(sys.executable).with_name("uv")
    for name, selection in LOCKS.items():
        target = Path("requirements", f"{name}.txt")
        fresh = target.with_suffix(".new")
        command = [str(uv), "pip", "compile", *selection, *OPTIONS, f"--output-file={fresh}"]
        if subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL).returncode:
            sys.exit(f"lock: {target} is as it was. uv has its own settings: UV_DEFAULT_INDEX, SSL_CERT_FILE.")
        (ROOT / fresh).replace(ROOT / target)
        print(f"wrote {target}")


if __name__ == "__main__":
    main()

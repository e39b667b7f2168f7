"""Performs the steps of a Dockerfile in a folder, without Docker and without a network.

The paths of the image become paths below the folder. A step that downloads packages is not carried
out: its environment gets the packages of this environment, which `tests/test_locks.py` compares
with the locks. Every other step runs as it is written. A step that this module does not know is an
error, so that no step is left out by accident.
"""

import json
import re
import shlex
import shutil
import sys
import venv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.alone.environments import ROOT, installed_packages, run

_KNOWN: Final = {
    *("CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "RUN"),
    *("USER", "WORKDIR"),
}
_LOCK_OPTIONS: Final = {"--no-deps", "--require-hashes", "--only-binary"}
_ARGUMENT: Final = re.compile(r"\$\{(\w+)\}")


@dataclass(slots=True, kw_only=True)
class Stage:
    """A stage of the build, and the configuration that the stage gives to the image.

    Attributes:
        name: Its name in the file, or "image".
        root: The folder that stands for the root of its file system.
        folder: The working directory.
        variables: The environment variables.
        exec_forms: The arguments of ENTRYPOINT, CMD and HEALTHCHECK.
        instructions: The arguments of all instructions, by name.
        steps: What changes the file system, in order.
    """

    name: str
    root: Path = Path("/nonexistent")
    folder: Path = Path("/")
    variables: dict[str, str] = field(default_factory=dict)
    exec_forms: dict[str, list[str]] = field(default_factory=dict)
    instructions: dict[str, list[str]] = field(default_factory=dict)
    steps: list[tuple[str, str]] = field(default_factory=list)

    def path(self, name: str) -> Path:
        """Return where a path of the image is."""
        return self.root / (self.folder / name).relative_to("/")

    def installed(self, word: str) -> str:
        """Return a word of a command with the paths that the build creates."""
        created = ("/opt/", "/dist", "/src")
        return str(self.path(word)) if word.startswith(created) else word


def instructions_of(path: Path) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile, each with its arguments on a single line."""
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    text = re.sub(r"\\\n\s*", "", "\n".join(lines))
    split = [line.partition(" ") for line in text.splitlines() if line.strip()]
    return [(name, arguments.strip()) for name, _, arguments in split]


def read(path: Path) -> Stage:
    """Return the last stage of a Dockerfile, without performing any step."""
    *_, stage = _stages(path)
    return stage


def build(path: Path, folder: Path) -> dict[str, Stage]:
    """Perform the steps of a Dockerfile, and return its stages by name; the last is "image"."""
    built: dict[str, Stage] = {}
    for stage in _stages(path):
        stage.root = folder / stage.name
        stage.root.mkdir()
        built[stage.name] = stage
        for name, text in stage.steps:
            match name:
                case "WORKDIR":
                    stage.folder = Path(text)
                    stage.path(".").mkdir(parents=True)
                case "COPY":
                    _copy(text, stage, built)
                case "RUN":
                    for command in text.split("&&"):
                        _run(shlex.split(command), stage)
    return built


def _stages(path: Path) -> list[Stage]:
    """Return the stages with their steps, in which build arguments have their default values."""
    stages: list[Stage] = []
    arguments: dict[str, str] = {}
    for name, text in instructions_of(path):
        if name == "ARG":
            key, _, value = text.partition("=")
            arguments[key] = value
            continue
        if name == "FROM":
            stages.append(Stage(name=text.partition(" AS ")[2] or "image"))
        stage = stages[-1]
        stage.instructions.setdefault(name, []).append(text)
        if name not in _KNOWN:
            raise ValueError(f"{path.name}: an unknown instruction: {name} {text}")
        _record(stage, name, _ARGUMENT.sub(lambda match: arguments.get(match[1], match[0]), text))
    return stages


def _record(stage: Stage, name: str, text: str) -> None:
    match name:
        case "WORKDIR" | "COPY" | "RUN":
            stage.steps.append((name, text))
        case "ENV":
            for variable, _, value in (pair.partition("=") for pair in shlex.split(text)):
                stage.variables[variable] = value
        case "ENTRYPOINT" | "CMD":
            stage.exec_forms[name] = json.loads(text)
        case "HEALTHCHECK":
            stage.exec_forms[name] = json.loads(text.partition("CMD ")[2])


def _copy(text: str, stage: Stage, stages: dict[str, Stage]) -> None:
    *sources, target = text.split()
    origin = ROOT
    if sources[0].startswith("--from="):
        origin = stages[sources.pop(0).partition("=")[2]].root
    for source in sources:
        found = origin / source.lstrip("/")
        if found.is_dir():
            caches = None if source.startswith("/") else shutil.ignore_patterns("__pycache__")
            shutil.copytree(found, stage.path(target), symlinks=True, ignore=caches)
        else:
            shutil.copy(found, stage.path(target))


def _run(words: list[str], stage: Stage) -> None:
    match words:
        case ["python", "-m", "compileall", *options]:
            assert options[-1].startswith("/usr/local/lib/python3.")  # this library is compiled
        case ["python", "-m", "venv", "--without-pip", folder]:
            venv.create(stage.installed(folder), symlinks=True)
        case ["python", "-m", "pip", *options] if "-r" in options:
            _link(options, stage)
        case ["python", "-m", "pip", *options]:
            arguments = [stage.installed(word) for word in options]
            run(sys.executable, "-m", "pip", *arguments, folder=stage.path("."))
        case _:
            raise ValueError(f"an unknown command: {shlex.join(words)}")


def _link(options: list[str], stage: Stage) -> None:
    """Link the packages of this environment, instead of downloading those of a lock."""
    assert set(options) >= _LOCK_OPTIONS
    assert stage.path(options[options.index("-r") + 1]).is_file()
    if "--python" not in options:
        return  # the environment of these tests has the packages that build a wheel
    python = stage.installed(options[options.index("--python") + 1])
    where = 'import sysconfig; print(sysconfig.get_path("purelib"))'
    site = run(python, "-c", where, folder=stage.root).stdout.strip()
    packages = "\n".join(map(str, installed_packages()))
    (Path(site) / "packages.pth").write_text(packages)

"""Our Dockerfile contract: each rule a code, a message, a fix, and a function that finds lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from baseimages.declare import HEADER_FIELDS, Dockerfile, Instruction, expand
from baseimages.lint.finding import Finding

Places = Iterator[tuple[int, str]]
PIPE_TO_SHELL = re.compile(
    r"\b(curl|wget)\b[^\n;&]*\|\s*(sudo\s+)?(ba|da|z)?sh\b|\b(ba)?sh\b[^\n]*<\(\s*(curl|wget)\b"
)
DOWNLOAD = re.compile(r"\b(curl|wget)\b[^\n]*https?://")
VERIFIED = re.compile(r"sha256sum\s+(-c|--check)|gpg\s[^\n]*--verify|cosign\s+verify")
SECRET_NAME = re.compile(r"(PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|CREDENTIALS?)$")
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
MOUNTED = re.compile(r"^--mount=(?=.*\btype=bind\b)(?!.*\bfrom=).*\bsource=([^,\s]+)")
STRICT = re.compile(r"set -(eux|euxo pipefail)\b")
# Ignores in Python stand behind the line they are about; a second comment or `--` gives the reason.
PYTHON_IGNORE = re.compile(r"#\s*(noqa|type: ignore)(\S*(?: [A-Z]+\d+)?)(.*)$")
IGNORE = re.compile(r"^\s*#\s*(hadolint ignore=|shellcheck disable=|baseimages: ignore )(\S+)(.*)$")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule; `find` yields a line and what exactly is wrong there."""

    code: str
    fix: str
    find: Callable[[Dockerfile, str], Places]


def check_dockerfile(dockerfile: Dockerfile, text: str, path: str) -> tuple[Finding, ...]:
    """All findings of the contract, less those that a line above ignores with a reason."""
    lines = text.splitlines()
    found = [
        Finding(file=path, line=line, code=rule.code, message=message, fix=rule.fix, tool="contract")
        for rule in RULES
        for line, message in rule.find(dockerfile, text)
    ]
    return tuple(f for f in found if not _is_ignored(f, lines))


def find_bare_ignores(text: str, path: str) -> tuple[Finding, ...]:
    """Ignores of a linter that do not say why on the same line."""
    find = PYTHON_IGNORE.search if path.endswith(".py") else IGNORE.match
    return tuple(
        Finding(
            file=path,
            line=number,
            code="BI012",
            tool="contract",
            message=f"`{match[1]}{match[2]}` gives no reason",
            fix="add ` -- reason` on the same line",
        )
        for number, line in enumerate(text.splitlines(), 1)
        if (match := find(line)) and not re.search(r"(--|#)\s*\S+", match[3])
    )


def _is_ignored(finding: Finding, lines: list[str]) -> bool:
    above = lines[finding.line - 2] if finding.line >= 2 else ""
    match = IGNORE.match(above)
    return bool(match and finding.code in match[2].split(",") and "--" in match[3])


def _runs(dockerfile: Dockerfile) -> Iterator[Instruction]:
    for stage in dockerfile.stages:
        yield from (item for item in stage.instructions if item.keyword == "RUN")


def _headers(dockerfile: Dockerfile, _: str) -> Places:
    for stage in dockerfile.stages:
        names = [field.name for field in stage.header]
        missing = [name for name in HEADER_FIELDS if name not in names]
        if missing:
            yield stage.line, f"stage {stage.name or '?'} lacks {', '.join(missing)}"
        elif names != list(HEADER_FIELDS):
            yield stage.line, f"stage {stage.name}: fields stand in another order"


def _header_names(dockerfile: Dockerfile, _: str) -> Places:
    for stage in dockerfile.stages:
        if not stage.name:
            yield stage.line, "a stage has no name"
        for field in stage.header:
            if field.name == "Stage name" and field.text != stage.name:
                yield field.line, f"header says {field.text!r}, AS says {stage.name!r}"


def _intents(dockerfile: Dockerfile, _: str) -> Places:
    for item in _runs(dockerfile):
        if not item.comment_above.strip():
            yield item.line_start, "RUN without its intent above it"


def _syntax(_: Dockerfile, text: str) -> Places:
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"^#\s*syntax\s*=", line):
            yield number, "a frontend is pulled by `# syntax=`"


def _pipes(dockerfile: Dockerfile, _: str) -> Places:
    for item in _runs(dockerfile):
        if PIPE_TO_SHELL.search(item.text):
            yield item.line_start, "a download is piped into a shell"


def _bases(dockerfile: Dockerfile, _: str) -> Places:
    stages, values = {stage.name for stage in dockerfile.stages}, dockerfile.values({})
    for stage in dockerfile.stages:
        base = expand(stage.base, values)
        if base not in stages and base != "scratch" and not DIGEST.search(base):
            yield stage.line, f"FROM {base} is not pinned by digest"


def _additions(dockerfile: Dockerfile, _: str) -> Places:
    for stage in dockerfile.stages:
        for item in stage.instructions:
            remote = item.keyword == "ADD" and re.search(r"https?://|_URL\b", item.text)
            if remote and not any(flag.startswith("--checksum=") for flag in item.flags):
                yield item.line_start, "ADD of a URL without --checksum"


def _downloads(dockerfile: Dockerfile, _: str) -> Places:
    for item in _runs(dockerfile):
        if DOWNLOAD.search(item.text) and not VERIFIED.search(item.text):
            yield item.line_start, "a download is not verified in the step that makes it"


def _env_form(dockerfile: Dockerfile, _: str) -> Places:
    for stage in dockerfile.stages:
        for item in stage.instructions:
            words = item.text.split()
            if item.keyword == "ENV" and words and ("=" not in words[0] or words[0].endswith("=")):
                yield item.line_start, f"ENV {words[0]} is not in the form key=value"


def _secrets(dockerfile: Dockerfile, _: str) -> Places:
    named = [(arg.line, arg.name) for arg in dockerfile.args]
    for stage in dockerfile.stages:
        for item in stage.instructions:
            if item.keyword in {"ARG", "ENV"}:
                named += [(item.line_start, word.partition("=")[0]) for word in item.text.split()]
    for line, name in named:
        if SECRET_NAME.search(name.upper()):
            yield line, f"{name} looks like a secret, and an image keeps it for ever"


def _strict(dockerfile: Dockerfile, _: str) -> Places:
    for item in _runs(dockerfile):
        if "<<" in item.text and not STRICT.search(item.text):
            yield item.line_start, "a RUN heredoc does not start with set -eux"


def _mounted_folders(dockerfile: Dockerfile, _: str) -> Places:
    for item in _runs(dockerfile):
        for match in filter(None, map(MOUNTED.match, item.flags)):
            if "." not in match[1].rpartition("/")[2]:
                yield item.line_start, f"{match[1]} is mounted whole: any edit below it runs this step again"


RULES = (
    Rule(
        code="BI001",
        find=_headers,
        fix=f"write {', '.join(HEADER_FIELDS)} above FROM, in this order",
    ),
    Rule(code="BI002", find=_header_names, fix="name the stage, and name it equally in its header"),
    Rule(code="BI003", find=_intents, fix="say above the RUN why it is there"),
    Rule(code="BI004", find=_syntax, fix="remove it: the engine's own frontend is used"),
    Rule(code="BI005", find=_pipes, fix="download, verify by hash, then run"),
    Rule(code="BI006", find=_bases, fix="pin it as tag@sha256:..."),
    Rule(code="BI007", find=_additions, fix="add --checksum=sha256:..."),
    Rule(code="BI008", find=_downloads, fix="use ADD --checksum, or `sha256sum -c` in the same RUN"),
    Rule(code="BI009", find=_env_form, fix="write ENV key=value"),
    Rule(code="BI010", find=_secrets, fix="hand it in as a secret mount"),
    Rule(code="BI011", find=_strict, fix="start the heredoc with `set -eux`"),
    Rule(code="BI013", find=_mounted_folders, fix="mount the files that the step reads, one by one"),
)

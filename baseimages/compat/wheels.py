"""Checks of one answer: each wheel runs on the base, is the locked file and comes from its index."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from baseimages.compat.answer import Answer, Missing, Package, Wheel
from baseimages.compat.combination import Combination
from baseimages.compat.finding import Finding
from baseimages.declare.locks import parse_versions

LOCK_AGAIN = "run `nox -s lock` and commit the locks"
# Newer than any C library there is: tells a wheel that wants a newer one from one that never fits.
ANY_GLIBC = "2.99"
OLDEST_MANYLINUX_MINOR = 5
LEGACY_MANYLINUX = {"x86_64": ("manylinux2014", "manylinux2010", "manylinux1"), "aarch64": ("manylinux2014",)}
CODES = {
    "CM001": "a pinned version has no fitting wheel",
    "CM002": "a wheel is for another Python, ABI or platform",
    "CM003": "a wheel needs a newer C library than the base has",
    "CM004": "a pinned version is yanked",
    "CM005": "a wheel's hash is not in the lock",
    "CM006": "a wheel lies elsewhere than the files of its declared index",
    "CM007": "the resolution needs a package that the lock lacks",
    "CM008": "the lock has a package that nothing asks for",
    "CM009": "the locks do not resolve",
}


@cache
def list_tags(python: str, machine: str, glibc: str) -> tuple[Tag, ...]:
    """The tags that a Python on that platform accepts, best first."""
    minor = int(glibc.partition(".")[2])
    platforms = [f"manylinux_2_{n}_{machine}" for n in range(minor, OLDEST_MANYLINUX_MINOR - 1, -1)]
    platforms += [f"{name}_{machine}" for name in LEGACY_MANYLINUX[machine]] + [f"linux_{machine}"]
    version = tuple(int(part) for part in python.split("."))
    interpreter = f"cp{version[0]}{version[1]}"
    return (
        *cpython_tags(version, abis=[interpreter], platforms=platforms),
        *compatible_tags(version, interpreter=interpreter, platforms=platforms),
    )


def choose_wheel(package: Package, combination: Combination, glibc: str) -> Wheel | None:
    """The wheel that an installer takes on that C library; None where none fits."""
    tags = list_tags(combination.python, combination.image.platform.machine, glibc)
    ranked = [
        (min(map(tags.index, fitting)), wheel)
        for wheel in package.wheels
        if (fitting := _tags_of(wheel) & set(tags))
    ]
    return min(ranked, key=lambda pair: pair[0])[1] if ranked else None


def check_answer(answer: Answer, combination: Combination) -> Iterator[Finding]:
    """Everything that is wrong with the answer for this combination."""
    if answer.silence:
        return
    if answer.refusal:
        yield _refused(answer, combination)
        return
    blocks = answer.question.lock_blocks()
    for package in answer.packages:
        wheel = choose_wheel(package, combination, combination.glibc)
        if wheel is None:
            yield _does_not_fit(package, combination)
        else:
            yield from _check_file(package, wheel, answer, blocks.get(package.name, ""))
        if package.name in answer.yanked:
            yield _yanked(package, answer.yanked[package.name])
    yield from _check_lock(answer, blocks, combination)


def _check_file(package: Package, wheel: Wheel, answer: Answer, block: str) -> Iterator[Finding]:
    index = answer.question.index
    if block and f"--hash=sha256:{wheel.hashes.get('sha256', '')}" not in block.split():
        yield Finding(
            code="CM005",
            package=package.name,
            message=f"the lock has no hash of {wheel.file_name}",
            next_step=LOCK_AGAIN,
        )
    if index.files and not wheel.url.startswith(index.files):
        yield Finding(
            code="CM006",
            package=package.name,
            message=f"{wheel.file_name} lies at {wheel.url[:120]}, not with the files of {index.place}",
            next_step="look who serves it before anything is installed",
        )


def _check_lock(answer: Answer, blocks: dict[str, str], combination: Combination) -> Iterator[Finding]:
    resolved = {package.name: package.version for package in answer.packages}
    locked = {name: parse_versions(block)[name] for name, block in blocks.items()}
    names = " and ".join(answer.question.locks)
    for name, version in resolved.items():
        if locked.get(name) != version:
            message = f"{name} {version} is needed, {names} has {locked.get(name, 'none')}"
            yield Finding(code="CM007", package=name, message=message, next_step=LOCK_AGAIN)
    # Locks are made for the first Python; what only it needs is no fault of another.
    is_first = combination.python == combination.pythons[0]
    for name in sorted(locked.keys() - resolved.keys()) if is_first else ():
        message = f"{name} {locked[name]} is in {names}, and nothing asks for it"
        yield Finding(code="CM008", package=name, message=message, next_step=LOCK_AGAIN)


def _refused(answer: Answer, combination: Combination) -> Finding:
    missing = answer.missing
    if missing is None:
        return Finding(
            code="CM009", package="", message=answer.refusal, next_step="mend the .in file, then lock"
        )
    where = f"Python {combination.python} on {combination.base}"
    return Finding(
        code="CM001",
        package=missing.package,
        message=f"{missing.package} {missing.version} has no wheel for {where}",
        next_step=_mend(missing),
    )


def _mend(missing: Missing) -> str:
    if missing.nearest is None:
        return "no other version has one: drop or replace it"
    if not missing.fits:
        return f"{missing.nearest} has one, and does not resolve with what else is asked for: see who asks"
    return f"{missing.nearest} has one and resolves: pin it in the .in file and run `nox -s lock`"


def _does_not_fit(package: Package, combination: Combination) -> Finding:
    files = ", ".join(wheel.file_name for wheel in package.wheels) or "no wheel at all"
    if choose_wheel(package, combination, ANY_GLIBC):
        code, message = "CM003", f"{files} needs a newer C library than {combination.glibc}"
    else:
        code, message = "CM002", f"{files} does not fit Python {combination.python}"
    return Finding(
        code=code,
        package=package.name,
        message=f"{message} of {combination.base}",
        next_step="pin a version with a fitting wheel",
    )


def _yanked(package: Package, why: str) -> Finding:
    return Finding(
        code="CM004",
        package=package.name,
        message=f"{package.name} {package.version} is yanked: {why}",
        next_step="pin another version and run `nox -s lock`",
    )


def _tags_of(wheel: Wheel) -> frozenset[Tag]:
    try:
        return parse_wheel_filename(wheel.file_name)[3]
    except InvalidWheelFilename:
        return frozenset()

"""A package is judged by the strongest evidence there is; without a trace none is called dead."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from baseimages.declare.necessity import Inclusion
from baseimages.errors import DeclarationError
from baseimages.inspect import (
    AuditRecord,
    Inventory,
    Promised,
    TraceRecord,
    audit_packages,
    check_inclusions,
    describe_audit,
)
from baseimages.inspect.audit import find_heavy_paths
from baseimages.inspect.inventory import OwnedFile
from baseimages.inspect.packages import Package
from tests.inspect.test_packages import read_debs

SITE = "/usr/local/lib/python3.13/dist-packages"


def own(
    path: str, size_bytes: int, owner: str, *, shared_by: Sequence[str] = (), imports: Sequence[str] = ()
) -> OwnedFile:
    return OwnedFile(
        names=(path,), size_bytes=size_bytes, owner=owner,
        shared_by=frozenset(shared_by), imports=frozenset(imports),
    )  # fmt: skip


# Packages as recorded (fixtures/audit), with one file each of a size that can be told from the others.
FILES = (
    own("/usr/bin/git", 1, "deb:git"),
    own("/usr/share/perl/x.pm", 2, "deb:perl-modules-5.40"),
    own("/usr/bin/perl", 4, "deb:perl-base"),
    own("/usr/bin/bash", 8, "deb:bash"),
    own("/usr/lib/libxcb.so.1.1.0", 16, "deb:libxcb1"),
    own("/usr/lib/libxtables.so.12", 32, "deb:libxtables12"),
    own("/usr/sbin/iptables", 64, "deb:iptables"),
    own("/usr/local/bin/node", 128, "part:node"),
    own("/usr/share/doc/libxau6/copyright", 256, "deb:libxau6"),
)
ENGINE = Inclusion(name="engine", packages=("deb:iptables",), need="optional", reason="EE_DD asks for it")


def take(
    *files: OwnedFile, packages: Sequence[Package] = (), commands: dict[str, str] | None = None
) -> Inventory:
    others = {file.owner: Package(id=file.owner) for file in files}
    return Inventory(
        manifest_digest="sha256:1",
        packages=others | read_debs() | {package.id: package for package in packages},
        files=files,
        commands=commands or {},
        entry=frozenset(),
    )


def trace(*opened: str, reason: str = "") -> TraceRecord:
    return TraceRecord(
        manifest_digest="sha256:1", suite="test.sh", containers=1, passed=1, opened=opened, reason=reason
    )


def judged(record: AuditRecord) -> dict[str, tuple[str, str]]:
    return {package.id: (package.need, package.why) for package in record.packages}


OPENED = ("/usr/bin/bash", "/usr/lib/libxtables.so.12", "/usr/share/doc/libxau6/copyright")


def test_each_kind_of_evidence_gives_its_class_and_the_rest_is_dead() -> None:
    inventory = take(*FILES, commands={"git": "deb:git"})
    found = judged(audit_packages(inventory, trace(*OPENED), Promised(commands=("git",)), (ENGINE,)))
    assert found["deb:bash"] == ("runtime", "opened by the suite")
    assert found["deb:git"] == ("runtime", "promised: command git")
    assert found["deb:perl"] == ("runtime", "required by deb:git")
    assert found["deb:perl-modules-5.40"] == ("runtime", "required by deb:perl")
    assert found["deb:perl-base"] == ("runtime", "essential, says dpkg")
    assert found["deb:iptables"] == ("optional", "engine")
    assert found["deb:libxcb1"][0] == "dead"
    assert found["part:node"] == (
        "dead", "of no package; nothing opened it, nothing in use requires it"
    )  # fmt: skip


def test_what_came_along_for_an_inclusion_alone_goes_with_it_though_it_was_opened() -> None:
    found = judged(audit_packages(take(*FILES), trace(*OPENED), Promised(), (ENGINE,)))
    assert found["deb:libxtables12"] == ("optional", "comes with engine")
    record = audit_packages(take(*FILES), trace(*OPENED), Promised(), (ENGINE,))
    (engine,) = record.inclusions
    assert (engine.size_bytes, engine.freed_bytes, engine.opened) == (64, 96, True)


def test_opened_documentation_and_metadata_are_no_use() -> None:
    found = judged(audit_packages(take(*FILES), trace(*OPENED), Promised(), ()))
    assert found["deb:libxau6"][0] == "dead"


def test_without_a_trace_nothing_is_called_dead_and_no_path_is_listed() -> None:
    record = audit_packages(
        take(*FILES), trace(reason="no permission"), Promised(commands=("git",)), (ENGINE,)
    )
    needs = {package.need for package in record.packages}
    assert needs == {"runtime", "optional", "not measured"}
    assert (record.unopened, record.unopened_rest_bytes) == ((), 0)
    assert {package.opened_bytes for package in record.packages} == {None}
    assert (record.opened_files, record.inclusions[0].opened) == (None, None)
    assert "not measured: no permission" in describe_audit(record)
    assert "opened 0" not in describe_audit(record)


@pytest.mark.parametrize("reason", ["", "no permission"])
def test_the_packages_add_up_to_all_files(reason: str) -> None:
    opened = () if reason else OPENED
    record = audit_packages(take(*FILES), trace(*opened, reason=reason), Promised(), (ENGINE,))
    assert sum(package.size_bytes for package in record.packages) == record.file_bytes == 511
    opened_bytes = sum(package.opened_bytes or 0 for package in record.packages)
    unopened = sum(row.size_bytes for row in record.unopened) + record.unopened_rest_bytes
    assert opened_bytes + unopened == (0 if reason else 511)


def test_a_package_whose_link_leads_to_an_opened_file_is_used_but_not_one_for_who_compiles() -> None:
    file = own(
        "/usr/bin/python3.13", 5, "deb:python3.13-minimal", shared_by=["deb:python3-minimal", "deb:a-dev"]
    )
    packages = [Package(id="deb:python3-minimal"), Package(id="deb:a-dev", for_building=True)]
    found = judged(audit_packages(take(file, packages=packages), trace(file.names[0]), Promised(), ()))
    assert found["deb:python3-minimal"][0] == "runtime"
    assert found["deb:a-dev"][0] == "build-only"


def test_python_packages_are_found_by_promises_requirements_and_imports() -> None:
    files = (
        own(f"{SITE}/app/__init__.py", 1, "python:app", imports=["maybe", "os", "app"]),
        own(f"{SITE}/maybe.py", 2, "python:maybe"),
        own(f"{SITE}/needed.cpython-313-x86_64-linux-gnu.so", 4, "python:needed"),
        own(f"{SITE}/alone/__init__.py", 8, "python:alone", imports=["maybe"]),
    )
    app = Package(id="python:app", needs=(("python:needed",),))
    found = judged(
        audit_packages(take(*files, packages=[app]), trace("/usr/bin/x"), Promised(modules=("app.sub",)), ())
    )
    assert found["python:app"] == ("runtime", "promised: import app.sub")
    assert found["python:needed"] == ("runtime", "required by python:app")
    assert found["python:maybe"] == ("optional", "imported where it is there, by python:app")
    assert found["python:alone"][0] == "dead"


def test_packages_that_require_each_other_are_dead_together() -> None:
    ring = [Package(id=f"deb:{a}", needs=((f"deb:{b}",),), asked_for=False) for a, b in ("xy", "yx")]
    found = judged(audit_packages(take(packages=ring), trace("/x"), Promised(), ()))
    assert (found["deb:x"][0], found["deb:y"][0]) == ("dead", "dead")


def test_a_judgement_about_what_the_image_has_not_is_refused_with_the_nearest() -> None:
    row = Inclusion(name="engine", packages=("deb:iptable",), need="optional", reason="x")
    said = r"engine: the image has no deb:iptable\nNext: did you mean deb:iptables"
    with pytest.raises(DeclarationError, match=said):
        check_inclusions((row,), take(*FILES))
    check_inclusions((ENGINE,), take(*FILES))


def test_a_hostile_name_reaches_the_record_as_text() -> None:
    name = "/srv/new\nline \udcff|x"
    record = audit_packages(take(own(name, 9, "folder:/srv")), trace("/x"), Promised(), ())
    assert record.unopened[0].path == "/srv/new\nline \\xff|x"
    assert AuditRecord.model_validate_json(record.model_dump_json()) == record
    opened = audit_packages(
        take(own(name, 9, "folder:/srv")), trace("/srv/new\nline \\xff|x"), Promised(), ()
    )
    assert judged(opened)["folder:/srv"][0] == "runtime"


def test_heavy_paths_leave_out_what_heavier_paths_below_them_hold() -> None:
    files = [
        own("/usr/lib/big.so", 100, "deb:a"),
        *(own(f"/usr/share/locale/{n}/x.mo", 4, "deb:a") for n in range(10)),
        own("/usr/share/man/x", 3, "deb:a"),
        own("/top", 1, "deb:a"),
    ]
    found = {path: sum(file.size_bytes for file in held) for path, held in find_heavy_paths(files, 30)}
    assert found == {"/usr/lib/big.so": 100, "/usr/share/locale": 40}
    assert list(find_heavy_paths([], 1)) == []

"""bootstrap.sh --with-emulation on a fake machine: what it changes, only when told to, and says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_bootstrap import Machine

pytestmark = pytest.mark.process
RULE = ":qemu-aarch64:M::a:b:/usr/libexec/qemu-binfmt/aarch64-binfmt-P:OPF\n"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A Debian machine without emulation, whose programs do nothing but say how they were called."""
    made = Machine(tmp_path)
    made.env |= {
        "BASEIMAGES_BINFMT": str(tmp_path / "binfmt"),
        "BASEIMAGES_BINFMT_RULE": str(tmp_path / "qemu-aarch64.conf"),
    }
    (tmp_path / "binfmt").mkdir()
    (tmp_path / "binfmt" / "register").touch()
    (tmp_path / "qemu-aarch64.conf").write_text(RULE)
    (tmp_path / "os-release").write_text("ID=debian\nVERSION_CODENAME=trixie\n")
    made.stub("uname", '[ "$1" = -m ] && echo x86_64 || echo Linux')
    made.stub("apt-get", f'echo "$@" >> {tmp_path}/installed')
    # The kernel takes a rule that is written to `register`.
    made.stub("cp", f'cat "$1" > "$2"; echo enabled > {tmp_path}/binfmt/qemu-aarch64')
    made.stub("mount", f'echo "$@" >> {tmp_path}/mounted; echo > {tmp_path}/binfmt/register')
    return made


def emulate(machine: Machine, *words: str, **env: str) -> tuple[int, str]:
    """Exit code and what was said."""
    done = machine.run("--no-engine", "--with-emulation", *words, **env)
    return done.returncode, done.stderr


def installed(machine: Machine) -> str:
    path = machine.folder / "installed"
    return path.read_text() if path.exists() else ""


def test_without_the_option_nothing_is_registered(machine: Machine) -> None:
    assert machine.run("--no-engine", "true").returncode == 0
    assert installed(machine) == ""
    assert not (machine.folder / "binfmt" / "qemu-aarch64").exists()


@pytest.mark.parametrize(
    ("system", "packages"),
    [
        ("ID=debian\nVERSION_CODENAME=trixie\n", "qemu-user qemu-user-binfmt"),
        ("ID=ubuntu\nVERSION_CODENAME=noble\n", "qemu-user-static"),
        ("ID=ubuntu\nVERSION_CODENAME=resolute\n", "qemu-user qemu-user-binfmt"),
    ],
)
def test_the_package_is_the_one_that_the_release_has_a_static_interpreter_in(
    machine: Machine, system: str, packages: str
) -> None:
    (machine.folder / "os-release").write_text(system)
    code, said = emulate(machine, "true")
    assert code == 0, said
    assert installed(machine).splitlines()[-1].endswith(f"--no-install-recommends {packages}")


def test_what_was_changed_and_how_to_undo_it_is_said(machine: Machine) -> None:
    code, said = emulate(machine, "true")
    assert code == 0, said
    assert "changed: installed qemu-user qemu-user-binfmt; the kernel now starts arm64 programs" in said
    assert "to undo it: apt-get purge qemu-user qemu-user-binfmt; echo -1 > " in said
    assert (machine.folder / "binfmt" / "register").read_text() == RULE


def test_debian_12_takes_the_interpreter_of_testing_and_nothing_else_from_there(machine: Machine) -> None:
    (machine.folder / "os-release").write_text("ID=debian\nVERSION_CODENAME=bookworm\n")
    (machine.folder / "apt" / "preferences.d").mkdir()
    code, said = emulate(machine, "true")
    assert code == 0, said
    assert installed(machine).endswith("qemu-user/forky qemu-user-binfmt/forky\n")
    assert "Pin-Priority: 50" in (machine.folder / "apt/preferences.d/baseimages-engine").read_text()
    assert "apt-get purge qemu-user qemu-user-binfmt;" in said


def test_a_dry_run_says_each_step_and_changes_nothing(machine: Machine) -> None:
    code, said = emulate(machine, "--dry-run", "true")
    assert code == 0
    for step in ("apt-get install", "qemu-user qemu-user-binfmt", "binfmt/register"):
        assert step in said
    assert "changed:" not in said
    assert installed(machine) == ""
    assert (machine.folder / "binfmt" / "register").read_text() == ""


def test_where_systemd_has_registered_it_the_kernel_is_told_nothing(machine: Machine) -> None:
    machine.stub("apt-get", f"echo enabled > {machine.folder}/binfmt/qemu-aarch64")
    code, said = emulate(machine, "true")
    assert code == 0, said
    assert (machine.folder / "binfmt" / "register").read_text() == ""


def test_a_kernel_table_that_is_not_mounted_is_mounted(machine: Machine) -> None:
    (machine.folder / "binfmt" / "register").unlink()
    assert emulate(machine, "true")[0] == 0
    assert (machine.folder / "mounted").read_text().startswith("-t binfmt_misc binfmt_misc ")


def test_emulation_that_is_there_is_left_as_it_is(machine: Machine) -> None:
    (machine.folder / "binfmt" / "qemu-aarch64").write_text("enabled\nflags: F\n")
    code, said = emulate(machine, "true")
    assert (code, "registered already: nothing changed" in said) == (0, True)
    assert installed(machine) == ""


def test_an_arm64_machine_gets_no_emulation(machine: Machine) -> None:
    machine.stub("uname", '[ "$1" = -m ] && echo aarch64 || echo Linux')
    code, said = emulate(machine, "true")
    assert (code, "runs arm64 programs itself" in said) == (0, True)
    assert installed(machine) == ""


def test_without_root_the_package_is_named(machine: Machine) -> None:
    code, said = emulate(machine, "true", BASEIMAGES_UID="1000")
    assert (code, "run this again as root, which installs qemu-user qemu-user-binfmt" in said) == (22, True)


def test_another_system_is_told_what_emulation_needs(machine: Machine) -> None:
    (machine.folder / "os-release").write_text("ID=fedora\n")
    code, said = emulate(machine, "true")
    assert (code, "static qemu-aarch64 with flag F" in said) == (22, True)


def test_a_kernel_that_takes_no_rule_is_said_and_where_to_go(machine: Machine) -> None:
    machine.stub("cp", "exit 1")
    code, said = emulate(machine, "true")
    assert (code, "run this on the host itself" in said) == (22, True)


def test_an_installation_without_a_registration_is_an_error(machine: Machine) -> None:
    machine.stub("cp", "exit 0")
    code, said = emulate(machine, "true")
    assert (code, "is installed and qemu-aarch64 is not in" in said) == (22, True)
    assert "changed:" not in said


def test_an_archive_that_does_not_answer_is_an_exit_code_of_its_own(machine: Machine) -> None:
    machine.stub("apt-get", "exit 100")
    assert emulate(machine, "true")[0] == 25

"""The one door to processes, tried on real small programs."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from baseimages.command import ProcessRunner
from baseimages.errors import CommandError, DeadlineError, MissingToolError

pytestmark = pytest.mark.process

PYTHON = sys.executable


def run_python(code: str, **options: object):
    return ProcessRunner().run([PYTHON, "-c", code], **({"deadline_s": 30.0} | options))


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # whoever adopts a dead orphan may be slow to collect it


def test_streams_are_kept_apart_and_lines_arrive_as_they_come() -> None:
    seen: list[str] = []
    done = run_python(
        "import sys; print('a'); print('b'); print('e', file=sys.stderr)", on_stdout=seen.append
    )
    assert (done.stdout, done.stderr, seen) == ("a\nb\n", "e\n", ["a", "b"])


def test_a_failing_program_shows_its_exit_code_and_the_tail_of_its_output() -> None:
    code = "import sys; [print(n) for n in range(99)]; print('why', file=sys.stderr); sys.exit(7)"
    with pytest.raises(CommandError, match="ended with 7") as caught:
        run_python(code)
    assert caught.value.returncode == 7
    assert caught.value.tail.endswith("why")
    assert "\n5\n" not in caught.value.tail


def test_an_exit_code_that_the_caller_expects_is_no_error() -> None:
    assert run_python("import sys; sys.exit(1)", ok_codes=(0, 1)).returncode == 1


def test_arguments_reach_the_program_untouched_by_any_shell() -> None:
    done = ProcessRunner().run(
        [PYTHON, "-c", "import sys; print(sys.argv[1:])", "$(id)", "a b", "; true", "*"],
        deadline_s=30,
    )
    assert done.stdout.strip() == str(["$(id)", "a b", "; true", "*"])


def test_the_command_is_logged_quoted(capfd: pytest.CaptureFixture[str]) -> None:
    ProcessRunner().run([PYTHON, "-c", "pass", "a b"], deadline_s=30)
    assert capfd.readouterr().err.strip().endswith("-c pass 'a b'")


def test_a_missing_program_is_named_with_the_next_step() -> None:
    with pytest.raises(MissingToolError, match=r"no-such-program.*\nNext: install"):
        ProcessRunner().run(["no-such-program"], deadline_s=1)


def test_text_is_fed_to_standard_input() -> None:
    assert run_python("print(input()[::-1])", stdin="abc\n").stdout == "cba\n"


def test_standard_output_can_go_to_a_file_byte_for_byte(tmp_path: Path) -> None:
    target = tmp_path / "out"
    run_python("import sys; sys.stdout.buffer.write(bytes(range(256)))", stdout_path=target)
    assert target.read_bytes() == bytes(range(256))


def test_undecodable_output_is_escaped_and_not_lost() -> None:
    done = run_python("import sys; sys.stdout.buffer.write(b'\\xff\\n')")
    assert done.stdout == "\\xff\n"


def test_a_program_over_its_deadline_is_stopped() -> None:
    with pytest.raises(DeadlineError, match=r"did not end within 0\.5 s"):
        run_python("import time; time.sleep(60)", deadline_s=0.5)


def test_a_silent_program_is_stopped_by_the_idle_deadline() -> None:
    code = "import time; print('x', flush=True); time.sleep(60)"
    with pytest.raises(DeadlineError, match="said nothing") as caught:
        run_python(code, idle_deadline_s=0.5)
    assert caught.value.tail == "x"


def test_grandchildren_end_with_their_group(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = (
        "import subprocess,sys,time;"
        "p=subprocess.Popen([sys.executable,'-c','import time; time.sleep(60)']);"
        f"open({str(note)!r},'w').write(str(p.pid)); time.sleep(60)"
    )
    with pytest.raises(DeadlineError):
        run_python(code, deadline_s=2)
    assert not lives(int(note.read_text()))


def test_a_program_that_ignores_the_polite_signal_is_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("baseimages.command.STOP_GRACE_S", 0.3)
    code = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    with pytest.raises(DeadlineError):
        run_python(code, deadline_s=1)


def test_an_error_in_a_line_listener_stops_the_program_and_reaches_the_caller() -> None:
    def refuse(line: str) -> None:
        raise ValueError(line)

    with pytest.raises(ValueError, match="boom"):
        run_python("import time; print('boom', flush=True); time.sleep(60)", on_stdout=refuse)


def test_ctrl_c_stops_the_whole_tree_and_is_passed_on(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    child = f"import os,time; open({str(note)!r},'w').write(str(os.getpid())); time.sleep(60)"
    parent = (
        "from baseimages.command import ProcessRunner; import sys;"
        f"ProcessRunner().run([sys.executable,'-c',{child!r}], deadline_s=60)"
    )
    import subprocess

    process = subprocess.Popen(
        [PYTHON, "-c", parent], cwd=Path(__file__).parent.parent, stderr=subprocess.DEVNULL
    )
    limit = time.monotonic() + 20
    while not (note.exists() and note.read_text()) and time.monotonic() < limit:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(20) in (-signal.SIGINT, 130, 1)
    assert not lives(int(note.read_text()))

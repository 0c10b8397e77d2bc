"""What a start costs a device: time until the command runs, memory of an idle container and of torch.

Asked inside one container, so that the engine's own start is not in it. An emulated start is told
as such: it says nothing about a board; memory of an emulator is none of the image's.
"""

from __future__ import annotations

from statistics import median

from baseimages.build import BuildRecord, Engine
from baseimages.command import Runner
from baseimages.errors import CommandError
from baseimages.records import Record

START_S = 300.0
REPEATS = 7
TORCH_TARGET = "full"
# Each line: seconds from here to the command, by bash's own clock.
TIME_ENTRYPOINT = f"""\
for run in {{1..{REPEATS}}}; do
  began=${{EPOCHREALTIME/[.,]/}}
  tini -g -- entrypoint.sh bash -c 'echo ${{EPOCHREALTIME/[.,]/}}' > /tmp/then
  echo $(($(< /tmp/then) - began))
done
"""
# cgroup v2, or v1; without page cache, which the host takes back whenever it needs it.
IDLE_MEMORY = """\
awk '$1 == "anon" { print $2 }' /sys/fs/cgroup/memory.stat 2> /dev/null ||
  awk '$1 == "rss" { print $2 }' /sys/fs/cgroup/memory/memory.stat
"""
TORCH_MEMORY = "import resource, torch; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"


class StartRecord(Record):
    """Raw values. `entrypoint_s` are seconds from the start of tini to the command, all runs in order.

    `idle_bytes` is the anonymous memory of a container that runs tini and a shell, `torch_bytes` the
    peak resident memory of a Python that has imported torch; None where not measured.
    """

    manifest_digest: str
    emulated: bool
    entrypoint_s: tuple[float, ...]
    idle_bytes: int | None
    torch_bytes: int | None
    note: str = ""

    @property
    def entrypoint_median_s(self) -> float | None:
        """The median, None where nothing was measured."""
        return median(self.entrypoint_s) if self.entrypoint_s else None


def run_start(built: BuildRecord, engine: Engine, runner: Runner) -> StartRecord:
    """Ask a container of the built image. What cannot be run here is not measured and says why."""
    emulated = built.platform != engine.platform.value
    try:
        lines = _ask(built, engine, runner, "bash", "-c", TIME_ENTRYPOINT).split()
        idle = None if emulated else _ask(built, engine, runner, "bash", "-c", IDLE_MEMORY)
        has_torch = built.target == TORCH_TARGET and not emulated
        torch = _ask(built, engine, runner, "python", "-c", TORCH_MEMORY) if has_torch else None
    except CommandError as error:
        note = f"no container of {built.platform} runs here: {error.tail.strip()[-200:]}"
        return StartRecord(
            manifest_digest=built.manifest_digest,
            emulated=emulated,
            entrypoint_s=(),
            idle_bytes=None,
            torch_bytes=None,
            note=note,
        )
    return StartRecord(
        manifest_digest=built.manifest_digest,
        emulated=emulated,
        entrypoint_s=tuple(int(line) / 1e6 for line in lines),
        idle_bytes=int(idle) if idle else None,
        torch_bytes=int(torch) * 1024 if torch else None,
        note="emulated: seconds are those of the emulator, memory cannot be told" if emulated else "",
    )


def _ask(built: BuildRecord, engine: Engine, runner: Runner, *command: str) -> str:
    words = engine.argv("run", "--rm", f"--platform={built.platform}", "--env=EE_DD=false", built.tags[0])
    return runner.run([*words, *command], deadline_s=START_S).stdout

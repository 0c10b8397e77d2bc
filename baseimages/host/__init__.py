"""Host: what surrounds the flow, the programs it needs and the machine it runs on.

Enters: tools/pins.toml, the machine. Leaves: paths of verified programs, `Check`s of the doctor.
"""

from baseimages.host.doctor import CONTAINERD_STORE, Check, check_emulation, render_checks, run_doctor
from baseimages.host.tools import find_tool

__all__ = ["CONTAINERD_STORE", "Check", "check_emulation", "find_tool", "render_checks", "run_doctor"]

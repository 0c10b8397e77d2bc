"""necessity.toml as declared, and as it must not be; promises and requests as the audit reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from baseimages.declare import load_dockerfile, load_family
from baseimages.declare.necessity import FILE_NAME, Necessity, load_necessity
from baseimages.declare.promises import load_promises, load_requests
from baseimages.errors import DeclarationError
from tests.conftest import ROOT

ROW = """
[[inclusions]]
name = "engine"
packages = ["deb:docker.io"]
need = "optional"
reason = "EE_DD asks for it"
"""


def load(folder: Path, text: str) -> Necessity:
    path = folder / FILE_NAME
    path.write_text(text, encoding="utf-8")
    return load_necessity(path, load_family(ROOT / "images.toml"))


def test_the_committed_judgements_name_what_the_family_has() -> None:
    family = load_family(ROOT / "images.toml")
    rows = load_necessity(ROOT / FILE_NAME, family).inclusions
    assert {"container engine", "Node with npm", "ngrok", "git"} <= {row.name for row in rows}
    args = {arg.name for arg in load_dockerfile(ROOT / family.image("cpu").dockerfile).args}
    assert {row.switch for row in rows} - {None} <= args


def test_a_row_is_about_the_images_bases_targets_and_switches_that_it_names(tmp_path: Path) -> None:
    text = ROW + 'images = ["cpu"]\nbases = ["debian-13"]\ntargets = ["core"]\nswitch = "WITH_NGROK"\n'
    necessity = load(tmp_path, text)
    words = {"image": "cpu", "base": "debian-13", "target": "core"}
    assert len(necessity.choose(**words, build_args={})) == 1
    assert len(necessity.choose(**words, build_args={"WITH_NGROK": "1"})) == 1
    assert necessity.choose(**words, build_args={"WITH_NGROK": "0"}) == ()
    for other in ({"image": "gpu"}, {"base": "ubuntu-24.04"}, {"target": "full"}):
        assert necessity.choose(**words | other, build_args={}) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ROW + 'image = ["cpu"]\n', "did you mean images"),
        (ROW + 'images = ["cpus"]\n', "did you mean cpu"),
        (ROW + 'bases = ["debian-31"]\n', "did you mean debian-13"),
        (ROW + 'targets = ["ful"]\n', "did you mean full"),
        (ROW.replace("optional", "dead"), "need"),
        (ROW.replace("deb:docker.io", "docker.io"), "packages"),
        (ROW.replace("deb:docker.io", "deb:a\\nb"), "packages"),
        (ROW.replace("EE_DD asks for it", ""), "reason"),
        ("", "inclusions"),
    ],
)
def test_what_is_unknown_or_has_no_reason_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        load(tmp_path, text)


def test_promises_are_those_of_the_suites_and_a_missing_file_is_refused(tmp_path: Path) -> None:
    promises = load_promises(ROOT)
    assert "nano" in promises.core.commands
    assert "torch" in promises.full.imports
    with pytest.raises(DeclarationError, match=r"promises\.toml"):
        load_promises(tmp_path)


def test_requests_are_the_names_in_the_requirements_of_an_image(tmp_path: Path) -> None:
    (tmp_path / "requirements.in").write_text("# x\nuvicorn[standard]>=1  # why\n-r other.in\n\n")
    (request,) = load_requests(tmp_path)
    assert (request.name, request.extras) == ("uvicorn", {"standard"})
    (tmp_path / "requirements-b.in").write_text("no version ==\n")
    with pytest.raises(DeclarationError, match=r"requirements-b\.in"):
        load_requests(tmp_path)
    names = {request.name for request in load_requests(ROOT / "base_edge_node_amd64_cpu")}
    assert {"pip", "numpy", "torch"} <= names

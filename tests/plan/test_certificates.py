"""Which certificate bundle a build gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from baseimages.errors import UsageError
from baseimages.plan import find_ca_bundle

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def bundle(folder: Path, name: str = "ca.pem", text: str = PEM) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_named_bundle_wins(tmp_path: Path) -> None:
    named, other = bundle(tmp_path), bundle(tmp_path, "other.pem")
    assert find_ca_bundle({"SSL_CERT_FILE": str(other)}, named, [other]) == named


def test_the_environment_is_honoured(tmp_path: Path) -> None:
    path = bundle(tmp_path)
    assert find_ca_bundle({"SSL_CERT_FILE": str(path)}, None, []) == path


def test_else_a_build_trusts_what_the_host_trusts(tmp_path: Path) -> None:
    path = bundle(tmp_path)
    assert find_ca_bundle({}, None, [tmp_path / "absent", path]) == path


def test_no_bundle_means_no_secret() -> None:
    assert find_ca_bundle({"SSL_CERT_FILE": ""}, None, []) is None


def test_a_relative_bundle_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bundle(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert find_ca_bundle({}, Path("ca.pem"), []) == path


@pytest.mark.parametrize(
    ("name", "text", "cause"),
    [
        ("empty.pem", "", "holds no PEM certificate"),
        ("key.pem", "-----BEGIN PRIVATE KEY-----", "holds no PEM certificate"),
        ("large.pem", PEM * 9000, "BuildKit takes 512000"),
        ("a,id=b.pem", PEM, "a comma or a quote"),
    ],
)
def test_a_bundle_that_cannot_serve_is_refused(tmp_path: Path, name: str, text: str, cause: str) -> None:
    with pytest.raises(UsageError, match=cause):
        find_ca_bundle({}, bundle(tmp_path, name, text), [])


def test_a_missing_bundle_is_refused_with_the_name_of_its_source(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="let SSL_CERT_FILE name a file"):
        find_ca_bundle({"SSL_CERT_FILE": str(tmp_path / "absent")}, None, [])


def test_a_hostile_path_is_refused_in_one_line() -> None:
    with pytest.raises(UsageError) as caught:
        find_ca_bundle({}, Path("a\nb\0"), [])
    assert "\n" not in caught.value.message


def test_an_unusable_bundle_of_the_host_is_skipped(tmp_path: Path) -> None:
    assert find_ca_bundle({}, None, [bundle(tmp_path, text="")]) is None

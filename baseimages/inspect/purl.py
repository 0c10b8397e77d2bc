"""Package URLs as identities: of the qualifiers only the architecture tells packages apart."""

from __future__ import annotations

from packageurl import PackageURL

from baseimages.errors import ScanError


def name_package(purl: str) -> str:
    """The PURL with its version. Raises ScanError for a text that is none."""
    parsed = _parse(purl)
    return _spell(parsed, parsed.version)


def split_package(purl: str) -> tuple[str, str]:
    """The PURL without its version, and the version; empty for none. Raises ScanError."""
    parsed = _parse(purl)
    return _spell(parsed, None), parsed.version or ""


def type_of_package(purl: str) -> str:
    """The PURL's type, such as deb or pypi. Raises ScanError."""
    return _parse(purl).type


def _parse(purl: str) -> PackageURL:
    try:
        return PackageURL.from_string(purl)
    except ValueError as error:
        raise ScanError(
            f"{purl[:100]!a} is not a package URL: {error}",
            next_step="run `nox -s scan` again; if it stays, look at the versions of Syft and Trivy",
        ) from error


def _spell(purl: PackageURL, version: str | None) -> str:
    arch = purl.qualifiers.get("arch") if isinstance(purl.qualifiers, dict) else None
    qualifiers = {"arch": arch} if arch else None
    return PackageURL(purl.type, purl.namespace, purl.name, version, qualifiers).to_string()

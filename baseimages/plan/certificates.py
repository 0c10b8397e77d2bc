"""Which certificate bundle build steps may trust: a secret mount, never a layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from baseimages.errors import UsageError

# BuildKit's own limit for a secret (session/secrets/secretsprovider).
LARGEST_SECRET_BYTES = 500 * 1024
# What this host trusts, a build on it may trust: Debian and Ubuntu; Fedora; Alpine and macOS.
SYSTEM_BUNDLES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
    Path("/etc/ssl/cert.pem"),
)


def find_ca_bundle(
    environ: Mapping[str, str],
    explicit: Path | None,
    system_bundles: Sequence[Path] = SYSTEM_BUNDLES,
) -> Path | None:
    """The bundle of `--ca-bundle`, else of SSL_CERT_FILE, else this host's own, else None.

    Raises UsageError when a bundle that a person named cannot serve; the host's own is then
    skipped.
    """
    if explicit:
        return _check("--ca-bundle", explicit)
    if environ.get("SSL_CERT_FILE"):
        return _check("SSL_CERT_FILE", Path(environ["SSL_CERT_FILE"]))
    return next((bundle for bundle in system_bundles if not _fault(bundle)), None)


def _check(source: str, bundle: Path) -> Path:
    fault = _fault(bundle)
    if fault:
        raise UsageError(
            f"{source} names {str(bundle)!a}, which {fault}",
            next_step=f"let {source} name a file of PEM certificates, or leave it out",
        )
    return bundle.absolute()


def _fault(bundle: Path) -> str | None:
    try:
        size_bytes = bundle.stat().st_size
        if size_bytes > LARGEST_SECRET_BYTES:
            return f"has {size_bytes} bytes; BuildKit takes {LARGEST_SECRET_BYTES} as a secret"
        if b"-----BEGIN CERTIFICATE-----" not in bundle.read_bytes():
            return "holds no PEM certificate"
    except (OSError, ValueError) as error:
        return f"cannot be read ({error})"
    # buildx splits `id=ca,src=...` at commas and reads quotes as CSV does.
    return "has a comma or a quote in its path" if {",", '"'} & set(str(bundle)) else None

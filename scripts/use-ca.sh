# shellcheck shell=sh
# Sourced by build steps: trust the bundle of the secret mount `ca`, if one is there, for as long
# as this shell lives. Nothing is written, so no layer ever holds it.
if [ -s /run/secrets/ca ]; then
  export SSL_CERT_FILE=/run/secrets/ca PIP_CERT=/run/secrets/ca REQUESTS_CA_BUNDLE=/run/secrets/ca
  export CURL_CA_BUNDLE=/run/secrets/ca NODE_EXTRA_CA_CERTS=/run/secrets/ca
fi

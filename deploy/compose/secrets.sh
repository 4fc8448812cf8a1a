#!/bin/sh
# Write the secrets that compose.yaml asks for into .env, once; only its owner can read them.
set -eu
cd "$(dirname -- "$0")/../.."

secret() {
    od -An -N16 -tx1 /dev/urandom | tr -d ' \n'
}

umask 077
touch .env
for name in RABBITMQ_PASSWORD S3_SECRET_ACCESS_KEY DAWNCHORUS_INTERNAL_TOKEN GRAFANA_PASSWORD; do
    grep -q "^$name=" .env || echo "$name=$(secret)" >>.env
done

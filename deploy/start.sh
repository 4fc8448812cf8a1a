#!/bin/sh
# Start the service of this image; what is given as arguments goes to its command line.
set -eu

# Numba reads only where it can write, and everything but /tmp may be read-only.
mkdir -p "$NUMBA_CACHE_DIR"
cp -R "$COMPILED/." "$NUMBA_CACHE_DIR"

exec python -m "services.$SERVICE" "$@"

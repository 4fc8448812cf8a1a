#!/bin/sh
# Install what the local stack needs and this machine lacks: Debian packages, then .venv from requirements/dev.txt.
# With the word prometheus also Prometheus and promtool, for tests of rules and dashboards.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
venv=$root/.venv
lock=$root/requirements/dev.txt
stamp=$venv/.installed-lock
python=${PYTHON:-python3}
policy=/usr/sbin/policy-rc.d
own_policy=
output=$(mktemp)

clean_up() {
    rm -f "$output"
    [ -z "$own_policy" ] || as_root rm -f "$policy"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
    echo "$1" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

quietly() {
    what=$1
    shift
    echo "$what …"
    "$@" >"$output" 2>&1 || {
        cat "$output" >&2
        fail "$what failed; the lines above say why."
    }
}

has_library() {
    "$python" -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$1" 2>/dev/null
}

missing_packages() {
    "$python" -c 'import ensurepip, venv' 2>/dev/null || printf 'python3-venv '
    [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || printf 'rabbitmq-server '
    # mongod links against these two.
    has_library libcurl.so.4 || printf 'libcurl4 '
    has_library libssl.so.3 || printf 'libssl3 '
    [ "$1" != prometheus ] || command -v promtool >/dev/null || printf 'prometheus '
}

keep_services_down() {
    # Debian starts a server as soon as it is installed; a system-wide broker is not what anybody asked for.
    [ ! -e "$policy" ] || return 0
    own_policy=yes
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
}

install_packages() {
    command -v apt-get >/dev/null || fail "Please install $1 (this machine has no apt-get, so it cannot be done here)."
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        fail "Missing: $1. Run this as root, install sudo, or have somebody run: apt-get install --no-install-recommends $1"
    fi
    keep_services_down
    quietly "Reading the package lists" as_root apt-get update
    # shellcheck disable=SC2086  # one word per package
    quietly "Installing $1" as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $1
    case $1 in *rabbitmq-server*) keep_down_after_boot rabbitmq-server ;; esac
    case $1 in *prometheus*) keep_down_after_boot prometheus ;; esac
}

keep_down_after_boot() {
    if command -v systemctl >/dev/null; then
        as_root systemctl disable --quiet "$1" >/dev/null 2>&1 || true
    fi
}

make_venv() {
    "$venv/bin/python" -m pip --version >/dev/null 2>&1 && return
    quietly "Making .venv" "$python" -m venv --clear "$venv"
}

install_requirements() {
    wanted=$(sha256sum <"$lock")
    [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || return 0
    quietly "Installing requirements/dev.txt into .venv (a few minutes)" \
        "$venv/bin/python" -m pip install --disable-pip-version-check --require-hashes -r "$lock"
    # What is compiled here, no worker has to compile when it starts.
    (cd "$root" && quietly "Compiling the numeric loops" "$venv/bin/python" -c 'import services.analysis.job, services.spectrogram.job')
    echo "$wanted" >"$stamp"
}

command -v "$python" >/dev/null || fail "python3 is not installed; run: apt-get install python3"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version) is too old; Dawnchorus needs 3.11 or later (set PYTHON to choose one)."
packages=$(missing_packages "${1:-}")
packages=${packages% }
[ -z "$packages" ] || install_packages "$packages"
make_venv
install_requirements

# Shared by the scripts beside it; source it, do not run it.

say() { echo "$(basename "$0"): $*" >&2; }
fail() { say "$*"; exit 1; }

# Where emotiond looks for what is installed for this user.
data_dir="${XDG_DATA_HOME:-$HOME/.local/share}/emotiond"

# Installs the Debian packages among "$@" that are missing.
need_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    command -v apt-get >/dev/null || fail "these are missing, install them with your package manager: ${missing[*]}"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "run as root: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    say "installing ${missing[*]}"
    "${as_root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
        fail "apt-get could not install ${missing[*]}"
}

# python_environment FOLDER REQUIREMENT...: a virtual environment with these packages from PyPI, made unless it is there.
python_environment() {
    local folder=$1
    shift
    [ "$(cat "$folder/installed" 2>/dev/null)" = "$*" ] && return 0
    need_packages python3 python3-venv
    python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir "$@" ||
        fail "$* could not be installed: is the network there?"
    echo "$*" >"$folder/installed"
}

# take_wheel FOLDER REQUIREMENT SHA256 PLATFORM...: downloads one wheel, checks its hash and unpacks it into FOLDER.
take_wheel() {
    local folder=$1 requirement=$2 hash=$3 platforms=() platform download
    shift 3
    for platform in "$@"; do platforms+=(--platform "$platform"); done
    download=$(mktemp -d)
    echo "$requirement --hash=sha256:$hash" >"$download/requirements.txt"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.11 \
        "${platforms[@]}" --require-hashes --dest "$download" --requirement "$download/requirements.txt" ||
        { rm -rf "$download"; return 1; }
    python3 -m zipfile -e "$download"/*.whl "$folder"
    rm -rf "$download"
}

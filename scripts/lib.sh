# Shared by the scripts beside it; source it, do not run it.

say() { echo "$(basename "$0"): $*" >&2; }
fail() { say "$*"; exit 1; }

# Where emotiond looks for what is installed for this user.
data_dir="${XDG_DATA_HOME:-$HOME/.local/share}/emotiond"

# Installs the Debian packages among "$@" that are missing.
need_packages() {
    local missing=() package command as_root=()
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    command -v apt-get >/dev/null || fail "these are missing, install them with your package manager: ${missing[*]}"
    command="apt-get update && apt-get install --no-install-recommends ${missing[*]}"
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "packages are missing; run this as root, then start again: $command"
        as_root=(sudo)
    fi
    say "installing ${missing[*]}"
    # What an interrupted installation left is brought on as far as it goes; --fix-broken does the rest.
    if [ -n "$(dpkg --audit)" ]; then
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive dpkg --configure -a >/dev/null 2>&1 || true
    fi
    # Lists that cannot be had now may be there from before: what is missing is told below.
    "${as_root[@]}" apt-get update -qq || true
    # Another installation may be at work, as on a machine that has just started.
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --fix-broken \
        -o DPkg::Lock::Timeout=300 "${missing[@]}" >/dev/null ||
        fail "packages could not be installed: is the network there? As root: $command"
}

# put_in_place NEW TARGET: moves a file or folder to its place, which holds the old one or the whole new one.
put_in_place() {
    # Across file systems, moving is copying, which may be interrupted; renaming is not.
    rm -rf "$2.part"
    mv "$1" "$2.part"
    [ ! -d "$2" ] || rm -rf "$2"
    mv "$2.part" "$2"
}

# python_environment FOLDER REQUIREMENT...: a virtual environment with these packages from PyPI, made unless it is there.
python_environment() {
    local folder=$1
    shift
    [ "$(cat "$folder/installed" 2>/dev/null)" = "$*" ] && "$folder/bin/python" -c '' 2>/dev/null && return 0
    need_packages python3 python3-venv
    python3 -m venv --clear "$folder"
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
        "${platforms[@]}" --require-hashes --dest "$download" --requirement "$download/requirements.txt" 2>"$download/log" || {
        # The first line says why; the others follow from it.
        head -n 1 "$download/log" | cut -c 1-400 >&2
        rm -rf "$download"
        return 1
    }
    python3 -m zipfile -e "$download"/*.whl "$folder"
    rm -rf "$download"
}

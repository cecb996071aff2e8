# Functions shared by the scripts in this folder. Source it, do not run it.

say() { echo "$(basename "$0"): $*" >&2; }
fail() { say "$*"; exit 1; }

# The folder in which emotiond looks for files installed for this user.
data_dir="${XDG_DATA_HOME:-$HOME/.local/share}/emotiond"

# The face detectors that are no part of the repository.
yunet_file=face_detection_yunet_2023mar.onnx
yunet_sha256=8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4
centerface_file=centerface.onnx
centerface_sha256=09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc

# Installs the Debian packages among "$@" that are missing.
need_packages() {
    local missing=() package command as_root=()
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    command -v apt-get >/dev/null || fail "packages are missing, install them with your package manager: ${missing[*]}"
    command="apt-get update && apt-get install --no-install-recommends ${missing[*]}"
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "packages are missing; run this as root, then try again: $command"
        as_root=(sudo)
    fi
    say "installing ${missing[*]}"
    # Complete an interrupted installation as far as possible; --fix-broken does the rest.
    if [ -n "$(dpkg --audit)" ]; then
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive dpkg --configure -a >/dev/null 2>&1 || true
    fi
    # If this fails, the lists of an earlier update may suffice; otherwise the installation reports the error.
    "${as_root[@]}" apt-get update -qq || true
    # Another installation may hold the lock, for example on a machine that has just started.
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --fix-broken \
        -o DPkg::Lock::Timeout=300 "${missing[@]}" >/dev/null ||
        fail "packages could not be installed: check the network, and run as root: $command"
}

# has_hash FILE SHA256
has_hash() { [ "$(sha256sum <"$1" | cut -d' ' -f1)" = "$2" ]; }

# put_in_place NEW TARGET: replaces TARGET by the file or folder NEW. TARGET never contains a part of NEW.
put_in_place() {
    # A move across file systems is a copy, which may be interrupted; renaming is atomic.
    rm -rf "$2.part"
    mv "$1" "$2.part"
    [ ! -d "$2" ] || rm -rf "$2"
    mv "$2.part" "$2"
}

# python_environment FOLDER REQUIREMENT...: creates a virtual environment with these PyPI packages unless it exists.
python_environment() {
    local folder=$1
    shift
    [ "$(cat "$folder/installed" 2>/dev/null)" = "$*" ] && "$folder/bin/python" -c '' 2>/dev/null && return 0
    need_packages python3 python3-venv
    python3 -m venv --clear "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir "$@" ||
        fail "$* could not be installed: check the network"
    echo "$*" >"$folder/installed"
}

# find_trainer: sets `train` to the trainer, which is the release build unless EMOTIOND_TRAIN names another.
find_trainer() {
    train=${EMOTIOND_TRAIN:-target/release/emotiond-train}
    [ -x "$train" ] || fail "$train does not exist: run cargo build --release -p emotiond-train"
}

# What scripts/quantize needs.
quantize_environment=${XDG_CACHE_HOME:-$HOME/.cache}/emotiond/quantize
quantize_environment() { python_environment "$quantize_environment" onnx==1.23.2 onnxruntime==1.31.1 pillow==13.0.0; }

# take_wheel FOLDER REQUIREMENT SHA256 PLATFORM...: downloads one wheel, checks its hash and unpacks it into FOLDER.
take_wheel() {
    local folder=$1 requirement=$2 hash=$3 platforms=() platform download
    shift 3
    for platform in "$@"; do platforms+=(--platform "$platform"); done
    download=$(mktemp -d)
    echo "$requirement --hash=sha256:$hash" >"$download/requirements.txt"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.11 \
        "${platforms[@]}" --require-hashes --dest "$download" --requirement "$download/requirements.txt" 2>"$download/log" || {
        # The first line contains the cause; the others are its consequences.
        head -n 1 "$download/log" | cut -c 1-400 >&2
        rm -rf "$download"
        return 1
    }
    python3 -m zipfile -e "$download"/*.whl "$folder"
    rm -rf "$download"
}

# install_runtime KIND MACHINE TARGET: puts ONNX Runtime of KIND (cpu, cuda, openvino) for processors of MACHINE (x86_64,
# aarch64) into the folder TARGET, unless it is there.
install_runtime() {
    local kind=$1 machine=$2 target=$3 wheel hash scratch
    # The wheels that contain the library, and their SHA-256 hashes.
    case $kind-$machine in
        cpu-x86_64) wheel=onnxruntime==1.31.1
            hash=5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f ;;
        cpu-aarch64) wheel=onnxruntime==1.31.1
            hash=da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3 ;;
        cuda-x86_64) wheel=onnxruntime-gpu==1.31.1
            hash=e26c475fe361b2015f45b4b824bd13f0bb20204e59b62814e6f0acd5f3d491a6 ;;
        openvino-x86_64) wheel=onnxruntime-openvino==1.24.1
            hash=3007c803634cc69c6d52af1dea7ce729d9bb62b9a11070fd2f959119199007a8 ;;
        *) fail "there is no ONNX Runtime wheel for $kind on $machine" ;;
    esac
    [ "$(cat "$target/wheel" 2>/dev/null)" != "$hash" ] || return 0
    say "installing $wheel for $machine into $target"
    scratch=$(mktemp -d)
    take_wheel "$scratch/wheel" "$wheel" "$hash" "manylinux_2_28_$machine" || {
        rm -rf "$scratch"
        fail "$wheel could not be downloaded or does not match the pinned hash: check the network"
    }
    mkdir "$scratch/runtime"
    find "$scratch/wheel/onnxruntime/capi" -maxdepth 1 -name '*.so*' ! -name '*pybind11*' -exec mv {} "$scratch/runtime/" \;
    cp "$scratch/wheel/onnxruntime/LICENSE" "$scratch/wheel/onnxruntime/ThirdPartyNotices.txt" "$scratch/runtime/" 2>/dev/null || true
    echo "$hash" >"$scratch/runtime/wheel"
    mkdir -p "$(dirname "$target")"
    put_in_place "$scratch/runtime" "$target"
    rm -rf "$scratch"
}

# A minimal Debian 12 in a folder, for scripts that must not depend on this machine. Source it after lib.sh, do not run it.

# make_debian ROOT: creates it. It resolves names and trusts authorities as this machine does.
make_debian() {
    local root=$1 log file
    [ "$(id -u)" = 0 ] || fail "must run as root"
    need_packages debootstrap
    say "creating a minimal Debian in $root"
    log=$(mktemp)
    debootstrap --variant=minbase --include=ca-certificates bookworm "$root" >"$log" || { tail "$log"; fail "debootstrap has failed"; }
    rm "$log"
    for file in /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt; do cp "$file" "$root$file"; done
    [ ! -f /etc/pip.conf ] || cp /etc/pip.conf "$root/etc/"
}

# in_debian ROOT [--no-network] COMMAND...: runs a command in it, with its own processes.
in_debian() {
    local root=$1 namespaces=(--mount --pid --fork --kill-child)
    shift
    [ "$1" != --no-network ] || { namespaces+=(--net); shift; }
    # A root that is mounted can have such a Debian inside, too.
    unshare "${namespaces[@]}" sh -c '
        mount --bind "$0" "$0" && mount -t proc proc "$0/proc" && mount -t sysfs sysfs "$0/sys" &&
            mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"' \
        "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

# debian_install ROOT [OPTION...] PACKAGE...
debian_install() {
    local root=$1 log
    shift
    log=$(mktemp)
    in_debian "$root" apt-get install -qq --no-install-recommends "$@" >"$log" 2>&1 || { tail "$log"; fail "apt cannot install $*"; }
    rm "$log"
}

# make_debian_with_source ROOT PACKAGE...: a Debian with its own Rust, these packages and, in /emotiond, the commit of this
# checkout. If ROOT contains one already, only the commit is updated, so that a build goes on.
make_debian_with_source() {
    local root=$1 mirror
    shift
    [ -z "$(git status --porcelain)" ] || say "uncommitted changes are not included"
    if [ ! -f "$root/ready" ]; then
        make_debian "$root"
        mirror=$(sed -n 's/^deb \([^ ]*\) .*/\1/p' "$root/etc/apt/sources.list" | head -n 1)
        # Debian 12 gets new versions of Rust with its security updates.
        echo "deb $mirror-security bookworm-security main" >>"$root/etc/apt/sources.list"
        # The settings of the crates' registry.
        [ ! -f "${CARGO_HOME:-$HOME/.cargo}/config.toml" ] ||
            install -D "${CARGO_HOME:-$HOME/.cargo}/config.toml" "$root/root/.cargo/config.toml"
        in_debian "$root" dpkg --add-architecture arm64
        in_debian "$root" apt-get update -qq
        debian_install "$root" git cargo-web rustc-web "$@"
        touch "$root/ready"
    fi
    [ -d "$root/emotiond" ] || git clone --quiet . "$root/emotiond"
    git -C "$root/emotiond" fetch --quiet "$PWD" HEAD
    git -C "$root/emotiond" reset --quiet --hard FETCH_HEAD
}

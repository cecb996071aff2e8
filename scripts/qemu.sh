# qemu's emulators of processors. Source it after lib.sh, do not run it.

# need_qemu: sets `qemu` to a folder with qemu-user 8 or later; Debian 12's (7.2) crashes in ONNX Runtime. If this system has
# an older one, that of Debian 13 is unpacked in the user's cache. QEMU names another folder.
need_qemu() {
    local cache=${XDG_CACHE_HOME:-$HOME/.cache}/emotiond/qemu work apt
    if [ -n "${QEMU:-}" ]; then qemu=$QEMU; return; fi
    qemu=/usr/bin
    if dpkg --compare-versions "$(dpkg-query -W -f '${Version}' qemu-user 2>/dev/null)" ge 1:8; then return; fi
    qemu=$cache/usr/bin
    [ ! -x "$qemu/qemu-aarch64" ] || return 0
    say "downloading qemu-user of Debian 13"
    work=$(mktemp -d)
    # The sources of this system stay as they are.
    apt=(apt-get -qq -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$work/lists"
        -o APT::Sandbox::User=root)
    mkdir -p "$work/lists/partial"
    echo "deb $(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1) trixie main" \
        >"$work/sources.list"
    (cd "$work" && "${apt[@]}" update && "${apt[@]}" download qemu-user && dpkg-deb -x qemu-user_*.deb unpacked) ||
        { rm -rf "$work"; fail "qemu-user of Debian 13 cannot be downloaded: check the network"; }
    mkdir -p "$(dirname "$cache")"
    put_in_place "$work/unpacked" "$cache"
    rm -rf "$work"
}

# need_arm64_libraries: sets `arm64_root` to the folder with arm64's C and C++ libraries. A program hangs if its loader and
# its C library come from different packages, so those of a system that has both kinds are its own.
need_arm64_libraries() {
    if [ -e /lib/ld-linux-aarch64.so.1 ]; then
        need_packages libstdc++6:arm64
        arm64_root=/
    else
        need_packages libc6-arm64-cross libstdc++6-arm64-cross
        arm64_root=/usr/aarch64-linux-gnu
    fi
}

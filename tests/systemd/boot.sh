#!/bin/sh
# boot.sh PROGRAM LIBRARIES MODEL: runs checks.sh beside this file under systemd, in the guest of the camera rig, on
# its copy of the machine's file tree that is gone afterwards. There systemd is the first process of a namespace.
set -eu
program=$1 libraries=$2 model=$3
here=$(dirname "$0")
root=$here/../..

# What docs/reliability.md says to install.
mkdir -p /usr/local/bin /usr/local/share/emotiond/runtime/cpu /etc/emotiond /etc/logrotate.d
touch /usr/local/bin/emotiond
mount --bind "$program" /usr/local/bin/emotiond
mount --bind "$libraries" /usr/local/share/emotiond/runtime/cpu
cp "$model" /etc/emotiond/emotion.onnx
cp "$root/config/emotiond.service" /etc/systemd/system/
cp "$root/config/emotiond.logrotate" /etc/logrotate.d/emotiond
# As udev does.
chgrp video /dev/video0
chmod 660 /dev/video0

# A disk that can be filled, with the events and the journal on it.
mount -t tmpfs -o size=64m,mode=755 tmpfs /var/log
mkdir -p /var/log/journal /run/systemd/journal
touch /run/systemd/journal/flushed
# Nothing starts but the journal, and the unit with what it needs.
rm -rf /lib/systemd/system/*.wants /etc/systemd/system/*.wants
printf '[Unit]\nDefaultDependencies=no\nWants=systemd-journald.socket systemd-journald.service\n' \
    >/etc/systemd/system/checks.target
mount -t cgroup2 cgroup2 /sys/fs/cgroup

export container=other checks="$here/checks.sh"
unshare --pid --fork --mount --mount-proc sh -c '
    (sh "$checks"; echo $? >/run/checked.part; mv /run/checked.part /run/checked) &
    exec /lib/systemd/systemd --system --unit=checks.target >/run/systemd.log 2>&1' &
until [ -e /run/checked ]; do sleep 0.2; done
exit "$(cat /run/checked)"

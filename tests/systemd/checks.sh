#!/bin/sh
# Runs beside systemd (boot.sh) and puts the unit through what happens to it in service. Ends with the events that were
# written, one a line after the line `events`.
set -eu
unit=emotiond.service
events=/var/log/emotiond.jsonl
config=/etc/emotiond/emotiond.toml

now() { cut -d. -f1 /proc/uptime; }
say() { echo "$(now) $*"; }
fail() { say "FAILED: $*"; systemctl status --no-pager "$unit" || true; journalctl --no-pager -o short-monotonic -u "$unit"; exit 1; }
property() { systemctl show --value -p "$1" "$unit"; }
# wait_for WHAT COMMAND...: until the command succeeds. In an emulator on a busy machine all takes its time.
wait_for() {
    what=$1 deadline=$(($(now) + 120)); shift
    until "$@"; do
        [ "$(now)" -lt $deadline ] || fail "waited in vain: $what"
        sleep 0.2
    done
    say "$what"
}
is() { [ "$(property "$1")" = "$2" ]; }
log_count() { journalctl --no-pager -o cat -u "$unit" | grep -c -e "$1"; }
log_has() { [ "$(log_count "$1")" -ge 1 ]; }
log_has_twice() { [ "$(log_count "$1")" -ge 2 ]; }
# configure NAME: the camera by that name, and a line every second although nobody is in sight.
configure() {
    cat >$config <<END
[detector]
name = "seetaface"
interval_s = 2.0
min_face_px = 80.0
[model]
file = "emotion.onnx"
[runtime]
ep = "cpu"
[audience]
every_s = 1.0
[[source]]
name = "$1"
uri = "camera:0"
width = 320
height = 180
max_fps = 2
END
}
# has_line SOURCE PATTERN
has_line() { grep -e "\"source\":\"$1\"" $events | grep -q -e "$2"; }

wait_for "systemd listens" [ -S /run/systemd/private ]

configure lobby
systemctl start $unit || fail "the start"
is ActiveState active || fail "it is not active"
say "started"
wait_for "the camera is up" has_line lobby '"state":"up"'
wait_for "frames are analysed" has_line lobby '"type":"audience"'
process=$(property MainPID)
[ "$(stat -c %a:%U $events)" = 600:root ] || fail "others can read the events: $(ls -l $events)"
grep -q 'Max core file size *0 *0' "/proc/$process/limits" || fail "cores are dumped"
[ "$(stat -c %U /proc/"$process")" != root ] || fail "it runs as root"
is MemoryMax 1073741824 || fail "memory is not limited"
[ -d /var/cache/emotiond ] || fail "there is no cache folder"

configure hall
systemctl reload $unit || fail "the reload"
wait_for "reloaded" has_line hall '"state":"up"'
is MainPID "$process" || fail "the reload has started another process"

logrotate --force --state /run/logrotate.status /etc/logrotate.d/emotiond || fail "logrotate"
grep -q '"source":"lobby"' $events.1 || fail "the old events are gone"
has_line lobby . && fail "the old events are still there"
wait_for "rotated" has_line hall '"type":"audience"'

# Stopped, it feeds no watchdog. What systemd starts instead finds a full disk, with room for a part of a line.
kill -STOP "$process"
dd if=/dev/zero of=/var/log/filler bs=4096 2>/dev/null || true
room=$((4096 - $(stat -c %s $events) % 4096))
[ $room -lt 100 ] || printf '{"filler":"%*s"}\n' $((room - 64)) '' >>$events
wait_for "killed by the watchdog" log_has 'Watchdog timeout'
wait_for "ended by the full disk, and again" log_has_twice 'status=74'
grep -q '"state":"up"' $events && fail "the disk was not full"
[ "$(tail -c 1 $events | od -An -c | tr -d ' ')" = '\n' ] || fail "a part of a line is left"
rm /var/log/filler
wait_for "back with room on the disk" has_line hall '"state":"up"'
wait_for "active" is ActiveState active
[ "$(property NRestarts)" -ge 3 ] || fail "it was not systemd that has started it"

systemctl stop $unit || fail "the stop"
took=$(journalctl --no-pager -o short-unix -u $unit |
    awk '/\]: Stopping /{from = $1} /\]: Stopped /{to = $1} END {printf "%d", (to - from) * 1000}')
say "stopped in $took ms"
[ "$took" -gt 0 ] && [ "$took" -lt 2000 ] || fail "the stop took $took ms"
log_has 'Deactivated successfully' || fail "the stop was a failure"
has_line hall '"state":"ended"' || fail "the end is not told"

echo 'emit = "never"' >$config
systemctl start $unit && fail "a broken configuration is taken"
is ExecMainStatus 78 || fail "a broken configuration is not told"
is ActiveState failed || fail "a broken configuration is tried again"
say "a broken configuration ends it for good"

echo events
cat $events.1 $events

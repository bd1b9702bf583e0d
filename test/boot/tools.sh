#!/bin/sh
# The first process of the guest of tools.test.ts: runs each line of /rows, and prints a section for each.
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tracefs tracefs /sys/kernel/tracing
ln -s /proc/self/fd /dev/fd
export PATH=/bin:/usr/bin HOME=/ TMPDIR=/tmp
mkdir -p /tmp /boot
cd /tmp
tracing=/sys/kernel/tracing

# How often a probe fires shows which functions it probes: rtc's once, irq's twice, regulator's four times.
cat > /read <<'end'
cat /sys/class/rtc/rtc0/name
for i in 1 2; do cat /sys/kernel/irq/4/name; done
for i in 1 2 3 4; do cat /sys/class/regulator/regulator.0/name; done
end
echo 'sh /read > /dev/null' > /quiet
hits() {
	echo > $tracing/trace
	echo 1 > "$1"
	sh /read > /dev/null
	echo 0 > "$1"
	echo "$(grep -c '^ .*: (' $tracing/trace) hits"
}

# A line for a file of tracefs.
tracefs() {
	echo "$2" > "$tracing/$1" && echo accepted
	tail -n 3 $tracing/error_log | grep -o 'error: .*'
	[ ! -e $tracing/events/kas ] || hits $tracing/events/kas/enable
	[ "$1" != set_ftrace_filter ] || grep -c '^name_show$' $tracing/set_ftrace_filter
	echo > $tracing/error_log
	echo > $tracing/dynamic_events
	echo > $tracing/set_ftrace_filter
}
count() { timeout 120 bpftrace "$@" -c '/bin/sh /quiet'; }
system_count() { timeout 120 /system/ld-linux-x86-64.so.2 --library-path /system /system/bpftrace "$@" -c '/bin/sh /quiet'; }
perf_probe() {
	perf probe "$@"
	[ ! -e $tracing/events/probe ] || hits $tracing/events/probe/enable
	perf probe -q -d '*'
}
trace_cmd() {
	trace-cmd record "$@" sh /read > /dev/null
	trace-cmd report 2> /dev/null | grep -v '^cpus=' > report
	echo "$(wc -l < report) lines, $(grep -c name_show report) of name_show, $(grep -c ' rtc: ' report) of the event"
	rm -f trace.dat report
	trace-cmd reset
}

alias=$(sed -n 's/.* \(name_show@drivers_rtc_sysfs_c_[0-9]*\)$/\1/p' /proc/kallsyms)
address=$(sed -n "s/^\([0-9a-f]*\) . $alias\$/0x\1/p" /proc/kallsyms)
text=$(sed -n 's/^\([0-9a-f]*\) T _text$/0x\1/p' /proc/kallsyms)
offset=$(printf 0x%x $((address - text)))
event=e23456789012345678901234567890123456789012345678901234567890123
while IFS= read -r row; do
	echo "== $row"
	eval "$row" < /dev/null 2>&1 | sed 's/\x1b\[[0-9;]*m//g'
done < /rows
echo "== end"
reboot -f

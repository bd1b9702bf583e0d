#!/bin/sh
# The first process of the guest: what it prints between two "== " lines is read by guest.ts.
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tracefs tracefs /sys/kernel/tracing
cd /sys/kernel/tracing

# The address of a name, and whether it is accepted, fires, and how often.
count() { grep -c " $1: " trace; }
try() { echo "$1" 2> /dev/null > "$2" && echo accepted || echo refused; }

echo "== lines"
wc -l < /proc/kallsyms
echo "== names"
sed 's/^[0-9a-f]* //' /proc/kallsyms | grep -v @ | md5sum | cut -d' ' -f1
echo "== aliases"
grep -B1 @ /proc/kallsyms | grep -v '^--$'

alias=$(sed -n 's/.* \(name_show@drivers_rtc_sysfs_c_[0-9]*\)$/\1/p' /proc/kallsyms)
echo "== bare"
try "p:kas/bare name_show" kprobe_events
echo "== error"
tail -n 3 error_log
if [ -n "$alias" ]; then
	echo "== alias"
	try "p:kas/one $alias" kprobe_events
	echo 1 > options/stacktrace
	echo 1 > events/kas/one/enable
	cat /sys/kernel/irq/*/name > /dev/null
	echo "== namesake read"
	count one
	cat /sys/class/rtc/rtc0/name > /dev/null
	echo "== read"
	count one
	echo "== trace"
	grep -v '^#' trace
	echo 0 > events/kas/one/enable
	echo > kprobe_events
	echo > trace
	echo "== long event"
	try "p:kas/$(echo "$alias" | tr -c 'A-Za-z0-9\n' _)_and_so_on_until_it_is_longer_than_sixty_three $alias" kprobe_events
	echo "== event of 63"
	try "p:kas/e23456789012345678901234567890123456789012345678901234567890123 $alias" kprobe_events
	echo > kprobe_events
	echo "== ftrace alias"
	try "$alias" set_ftrace_filter
	echo "== ftrace name"
	try name_show set_ftrace_filter
	grep -c '^name_show$' set_ftrace_filter
	echo > set_ftrace_filter
fi
if [ -e /probes ]; then
	echo "== notes"
	md5sum < /sys/kernel/notes | cut -d' ' -f1
	echo "== probes"
	cat /probes >> kprobe_events && echo accepted
	echo 1 > events/kas/enable
	cat /sys/class/rtc/rtc0/name /sys/kernel/irq/4/name /sys/class/regulator/regulator.0/name > /dev/null
	echo "== probes fired"
	sed -n 's/.* \([a-z_A-Z0-9]*\): (.*/\1/p' trace
	echo 0 > events/kas/enable
	echo > kprobe_events
	echo > trace
fi
echo "== insmod"
insmod /i2c-core.ko && insmod /hwmon.ko && insmod /cordic.ko && insmod /hello.ko && echo done || dmesg | tail -n 5
echo "== shared with a module"
try "p:kas/shared modalias_show" kprobe_events
echo > kprobe_events
echo "== names with modules"
# Pages of instructions that probes took are there for a while.
sed 's/^[0-9a-f]* //' /proc/kallsyms | grep -v '@\|\[__builtin__' | md5sum | cut -d' ' -f1
echo "== module aliases"
grep -B1 '@.*\[' /proc/kallsyms | grep -v '^--$'
alias=$(sed -n 's/.* \(name_show@hello_c_[0-9]*\)\t.*/\1/p' /proc/kallsyms)
if [ -n "$alias" ]; then
	echo "== module alias"
	try "p:kas/two $alias" kprobe_events
	echo > trace
	echo 1 > events/kas/two/enable
	cat /sys/class/rtc/rtc0/name > /dev/null
	echo "== module namesake read"
	count two
	cat /sys/kernel/hello/name > /dev/null
	echo "== module read"
	count two
	echo "== module trace"
	grep -v '^#' trace
	echo 0 > events/kas/two/enable
	echo > kprobe_events
fi
if [ -e /three_names.ko ]; then
	insmod /three_names.ko
	echo "== namesakes"
	awk '!/@|\[__builtin__/ { n[$3]++; line[NR] = $0; name[NR] = $3 }
		END { for (i = 1; i <= NR; i++) if (n[name[i]] > 1) print line[i] }' /proc/kallsyms
	answers() {
		echo "irq $(cat /sys/kernel/irq/4/name)"
		echo "regulator $(cat /sys/class/regulator/regulator.0/name)"
		echo "rtc $(cat /sys/class/rtc/rtc0/name)"
		for i in first second third; do echo "$i $(cat /sys/kernel/target/$i/name)"; done
	}
	echo "== answers"
	answers
	for patch in irq regulator rtc first second third; do
		echo "== patched $patch"
		insmod /$patch.ko
		answers
		echo 0 > /sys/kernel/livepatch/$patch/enabled
		while [ -e /sys/kernel/livepatch/$patch ]; do sleep 0.1; done
		rmmod $patch
		echo "== restored $patch"
		answers
	done
	rmmod three_names
fi
echo "== rmmod"
rmmod hello && rmmod cordic && rmmod hwmon && rmmod i2c-core && echo done
echo "== after rmmod"
grep -c '\[\(i2c_core\|hwmon\|cordic\|hello\)\]' /proc/kallsyms
echo "== end"
reboot -f

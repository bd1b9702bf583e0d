#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Builds the sample kernel: CC, CFLAGS, LD, LDFLAGS, TEXT_BASE and OUT change how and where.
set -euo pipefail
export LC_ALL=C
unset CPATH C_INCLUDE_PATH GCC_COLORS SOURCE_DATE_EPOCH

here=$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${OUT:-$here/vmlinux}
[[ $out == /* ]] || out=$PWD/$out
read -r -a cc <<<"${CC:-gcc}"
read -r -a extra_cflags <<<"${CFLAGS:-}"
read -r -a ld <<<"${LD:-ld}"
read -r -a ldflags <<<"${LDFLAGS:-}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
work=$(cd -P "$work" && pwd)

# As make O=build does: the sources are ../linux to the compiler.
cp -R "$here/linux" "$work/linux"
mkdir -p "$work/build/include/generated"
cd "$work/build"

cat >include/generated/timeconst.h <<'EOF'
/* SPDX-License-Identifier: GPL-2.0-only */
#define HZ 250

static inline unsigned int hz_to_msecs(unsigned int ticks)
{
	return ticks * (1000 / HZ);
}
EOF

cflags=(
	-std=gnu11 -O2 -g -Wall -Wextra
	-ffreestanding -nostdinc -fno-pic -fno-pie -fno-common -fno-strict-aliasing
	-fno-asynchronous-unwind-tables -fno-stack-protector
	"-ffile-prefix-map=$work=/usr/src/sample" "-fdebug-prefix-map=$work=/usr/src/sample"
	-I../linux/include -I./include
	"${extra_cflags[@]}"
)

macros=$("${cc[@]}" "${extra_cflags[@]}" -dM -E -x c /dev/null)
has() { grep -q "^#define $1\( \|\$\)" <<<"$macros"; }
if has __x86_64__; then
	cflags+=(-mcmodel=kernel -mno-red-zone -mno-mmx -mno-sse -fcf-protection=none)
elif has __i386__; then
	cflags+=(-mno-mmx -mno-sse -fcf-protection=none)
elif has __mips__; then
	cflags+=(-mno-abicalls -G0)
elif has __riscv; then
	cflags+=(-mcmodel=medany -mno-relax)
elif has __aarch64__; then
	cflags+=(-mgeneral-regs-only)
fi

# As the kernel's ftrace does, so that a function's first address is of its first line.
traced=()
if has __x86_64__ || has __i386__; then
	traced=(-fpatchable-function-entry=5)
fi

# Without it, clang's assembler records the real directory in DWARF 5.
if has __clang__; then
	cflags+=(-fdebug-compilation-dir=/usr/src/sample/build)
fi

text_base=${TEXT_BASE:-0xffffffff81000000}
if [[ -z ${TEXT_BASE:-} ]] && has '__SIZEOF_POINTER__ 4'; then
	text_base=0xc1000000
fi

objects=()

# compile <object> <source> [flag...]
compile() {
	local object=$1 source=$2
	shift 2
	mkdir -p "$(dirname "$object")"
	local flags=("${cflags[@]}" "$@")
	if [[ $source == *.S ]]; then
		flags+=(-D__ASSEMBLY__)
	fi
	"${cc[@]}" "${flags[@]}" -c -o "$object" "../linux/$source"
}

# add <source> [flag...]
add() {
	local object=${1%.*}.o
	compile "$object" "$@"
	objects+=("$object")
}

add arch/x86/kernel/head_64.S
add arch/x86/kernel/head64.c
add arch/x86/kernel/entry.S
add init/main.c "${traced[@]}"
add kernel/params.c "${traced[@]}"
add kernel/panic.c "${traced[@]}"
add kernel/sys_ni.c "${traced[@]}"
add kernel/irq/irqdesc.c "${traced[@]}"
add kernel/time/time.c "${traced[@]}"
add kernel/time/jiffies.c "${traced[@]}"
add mm/slub.c "${traced[@]}"
add mm/vmalloc.c "${traced[@]}"
add fs/binfmt_elf.c "${traced[@]}"
add fs/compat_binfmt_elf.c "${traced[@]}"
add crypto/oddnames.c
add lib/vsprintf.c
add lib/nodebug.c -g0
add lib/oddnames.c
compile lib/template_u32.o lib/template.c -DKEY=u32 -DSORT=sort_u32
compile lib/template_u64.o lib/template.c -DKEY=u64 -DSORT=sort_u64
"${ld[@]}" "${ldflags[@]}" -r -o lib/template.o lib/template_u32.o lib/template_u64.o
objects+=(lib/template.o)
add drivers/pnp/card.c "${traced[@]}"
add drivers/rtc/class.c "${traced[@]}"
add drivers/rtc/sysfs.c "${traced[@]}"
add net/ipv4/ip_output.c "${traced[@]}"
add net/ipv6/ip6_output.c "${traced[@]}"

# As the kernel's build does with LTO: code is made of bitcode once, with all global symbols kept.
if [[ ${CFLAGS:-} == *-flto* ]]; then
	"${ld[@]}" "${ldflags[@]}" -r -o vmlinux.o "${objects[@]}"
	objects=(vmlinux.o)
fi

sed "s/@TEXT_BASE@/$text_base/" ../linux/vmlinux.lds >vmlinux.lds
"${ld[@]}" "${ldflags[@]}" -static -z max-page-size=4096 -z noexecstack --build-id=sha1 \
	-T vmlinux.lds -o vmlinux "${objects[@]}"

# With -gsplit-dwarf, the debug information of each object, where it is relative to vmlinux.
find . -name '*.dwo' -exec cp --parents -t "$(dirname "$out")" {} +

chmod 644 vmlinux
cp vmlinux "$out.tmp.$$"
mv -f "$out.tmp.$$" "$out"


# The nm that the kernel's Makefile would select.
if [ -z "${nm}" ]; then
	case "${LLVM}" in
	'') nm="${CROSS_COMPILE}nm" ;;
	*/) nm="${LLVM}llvm-nm" ;;
	-*) nm="llvm-nm${LLVM}" ;;
	*) nm=llvm-nm ;;
	esac
fi

table=.tmp_vmlinux.aliases
listing=.tmp_vmlinux.nm

# scripts/link-vmlinux.sh lists the images of a kernel with symbols, and no others,
# with -n alone; alpha and powerpc add an option of their own.
is_listing()
{
	case "$*" in
	"-n ${image}" | "-B -n ${image}" | "--synthetic -n ${image}") ;;
	*) return 1 ;;
	esac
	[ -e include/config/auto.conf ] && is_enabled CONFIG_KALLSYMS || return 1
	case "${image}" in
	*.o) return 1 ;;
	.tmp_vmlinux*) ;;
	vmlinux | vmlinux.unstripped) [ -e "${table}" ] ;;
	*) return 1 ;;
	esac
}

# In a pipe nobody sees the status of this script, but scripts/kallsyms refuses a
# line that is no symbol, or a listing that has no other.
fail()
{
	echo "kas-alias failed"
	exit 1
}

# The last argument.
for image; do :; done

is_listing "$@" || exec ${nm} "$@"

case "${KBUILD_VERBOSE}" in
*1*)
	set -x
	;;
esac

${nm} "$@" > "${listing}.new" || fail
# The final image has the addresses of the last temporary one.
if [ "${image}" != "${image#.tmp_vmlinux}" ] || ! cmp -s "${listing}.new" "${listing}"; then
	alias_with_options "${image}" "${listing}.new" "${listing}.aliased" || fail
	echo "${stamp}" > .tmp_vmlinux.stamp || fail
	mv "${listing}.new" "${listing}"
fi
cat "${listing}.aliased"

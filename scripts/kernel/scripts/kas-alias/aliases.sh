# SPDX-License-Identifier: GPL-2.0-only
#
# Adds second, unique names to the listing of a vmlinux.

is_enabled()
{
	grep -q "^$1=y" include/config/auto.conf
}

# Run kas-alias, whose path is in ${program}.
kas_alias()
{
	if ! command -v "${NODE:-node}" > /dev/null; then
		echo >&2 "kas-alias: ${NODE:-node}: no such command; name a Node.js of version 20.19 or later with NODE="
		return 1
	fi
	if ! [ -r "${program}" ]; then
		echo >&2 "kas-alias: ${program}: no such file; run kernel wrap or kernel install again"
		return 1
	fi
	"${NODE:-node}" "${program}" "$@"
}

# The file with the debug info of the image ${1}: with CONFIG_DEBUG_INFO_BTF the
# image itself or, before 6.11, another link that BTF is made from; otherwise the
# object that all images are linked from.
debug_file()
{
	if "${READELF:-readelf}" -S "${1}" | grep -q '\.debug_line'; then
		echo "${1}"
	elif [ .tmp_vmlinux.btf -nt vmlinux.o ]; then
		echo .tmp_vmlinux.btf
	else
		echo vmlinux.o
	fi
}

# Write the listing ${2} of the image ${1} to ${3}, with a line for each second
# name. The other arguments are options.
# The links of vmlinux are numbered. The first one takes the source lines from
# debug info, and writes the names to a table. The others, in which only addresses
# differ, use the names of the first.
alias_listing()
{
	local image="${1}"
	local listing="${2}"
	local output="${3}"
	local debug_file
	local table=.tmp_vmlinux.aliases
	shift 3

	case "${quiet}" in
	silent_) ;;
	*) printf >&2 "  %-7s %s\n" ALIAS "${image}" ;;
	esac

	rm -f "${output}"
	case "${image}" in
	*1)
		rm -f "${table}"
		# Another link of the same build has another build ID.
		debug_file="$(debug_file "${image}")"
		[ "${debug_file}" = vmlinux.o ] || image=
		kas_alias vmlinux ${image} --nm "${listing}"			\
			--debug-file "${debug_file}"				\
			--kernel-release "$(cat include/config/kernel.release)"	\
			-o "${output}" --table "${table}" "$@"
		;;
	*)
		kas_alias vmlinux --nm "${listing}" --reuse-table "${table}" -o "${output}"
		;;
	esac
}

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Second, unique names for the symbols of vmlinux, and kas-alias for other scripts.
#
# kas-alias.sh COMMAND [OPTION...] IMAGE.syms
#	Run scripts/kallsyms. With CONFIG_KALLSYMS_ALIAS_SRCLINE, give it a listing
#	with second names. System.map is still compared with that without.
# kas-alias.sh --run ARGUMENT...
#	Run scripts/kas-alias.mjs.
# kas-alias.sh --dependencies
#	Print the files that a link of vmlinux depends on.

set -e

folder="${srctree}/scripts/kas-alias"
program="${srctree}/scripts/kas-alias.mjs"
counts=scripts/kas-alias/modules.symbfreq

. "${folder}/aliases.sh"

case "${KBUILD_VERBOSE}" in
*1*)
	set -x
	;;
esac

case "${1}" in
--run)
	shift
	kas_alias "$@"
	exit
	;;
--dependencies)
	is_enabled CONFIG_KALLSYMS_ALIAS_SRCLINE_MODULES || counts=
	echo "${folder}/kas-alias.sh ${folder}/aliases.sh ${program} ${counts}"
	exit
	;;
esac

# The last argument.
for listing; do :; done

# The first listing of 6.12 and later is empty.
if is_enabled CONFIG_KALLSYMS_ALIAS_SRCLINE && [ -s "${listing}" ]; then
	is_enabled CONFIG_KALLSYMS_ALIAS_SRCLINE_MODULES || counts=
	data=
	is_enabled CONFIG_KALLSYMS_ALIAS_SRCLINE_DATA && data=--data
	alias_listing "${listing%.syms}" "${listing}" "${listing}.aliased"	\
		${counts:+--symbol-frequency "${counts}"} ${data}
	"$@".aliased
else
	exec "$@"
fi

/*
 * What libdw knows of functions: reads lines `<address> <size>`, in hexadecimal, and prints for each a line of columns separated by
 * tabs: the offset and name of the unit; the name, the linkage name, the declaration (path:line) of the function whose code ends the
 * symbol; then, with -r, the locations (path:line) of its rows, or without such a function those of the symbol, or of a label the row at
 * it. Unknown is `-`.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct piece {
	Dwarf_Addr low, high;
	Dwarf_Die die;
};

struct pieces {
	struct piece *at;
	size_t count, room;
};

static struct pieces units, functions;

static void add(struct pieces *all, Dwarf_Die *die)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t offset = 0;

	while ((offset = dwarf_ranges(die, offset, &base, &low, &high)) > 0) {
		if (all->count == all->room) {
			all->room = all->room ? 2 * all->room : 1024;
			all->at = realloc(all->at, all->room * sizeof(*all->at));
			if (!all->at)
				err(1, "realloc");
		}
		all->at[all->count++] = (struct piece){ low, high, *die };
	}
}

/* Functions of C are children of the unit; those of Rust are inside namespaces and types. */
static void walk(Dwarf_Die *parent)
{
	Dwarf_Die die;

	if (dwarf_child(parent, &die) != 0)
		return;
	do {
		switch (dwarf_tag(&die)) {
		case DW_TAG_subprogram:
			add(&functions, &die);
			break;
		case DW_TAG_namespace:
		case DW_TAG_structure_type:
		case DW_TAG_enumeration_type:
		case DW_TAG_union_type:
			walk(&die);
		}
	} while (dwarf_siblingof(&die, &die) == 0);
}

static int by_low(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	return x->low < y->low ? -1 : x->low > y->low;
}

static struct piece *find(struct pieces *all, Dwarf_Addr address)
{
	size_t from = 0, to = all->count;

	while (from < to) {
		size_t middle = (from + to) / 2;

		if (all->at[middle].low <= address)
			from = middle + 1;
		else
			to = middle;
	}
	return from > 0 && address < all->at[from - 1].high ? &all->at[from - 1] : NULL;
}

static const char *linkage_name(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	const char *name = NULL;

	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute))
		name = dwarf_formstring(&attribute);
	return name ? name : "-";
}

static void print_rows(Dwarf_Die *unit, Dwarf_Addr low, Dwarf_Addr high)
{
	Dwarf_Lines *lines;
	size_t count;

	if (dwarf_getsrclines(unit, &lines, &count) != 0)
		return;
	for (size_t i = 0; i < count; i++) {
		Dwarf_Line *line = dwarf_onesrcline(lines, i);
		Dwarf_Addr address;
		bool is_end;
		int number;

		if (dwarf_lineaddr(line, &address) != 0 || address < low || address >= high)
			continue;
		if (dwarf_lineendsequence(line, &is_end) != 0 || is_end)
			continue;
		if (dwarf_lineno(line, &number) == 0 && number > 0)
			printf("\t%s:%d", dwarf_linesrc(line, NULL, NULL), number);
	}
}

static void print_row_at(Dwarf_Die *unit, Dwarf_Addr address)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, address);
	int number;

	if (line && dwarf_lineno(line, &number) == 0)
		printf("\t%s:%d", dwarf_linesrc(line, NULL, NULL), number);
}

int main(int count, char **arguments)
{
	int with_rows = count == 3 && strcmp(arguments[1], "-r") == 0;
	int file = open(arguments[count - 1], O_RDONLY);
	Dwarf *dwarf = dwarf_begin(file, DWARF_C_READ);
	Dwarf_CU *unit = NULL;
	Dwarf_Die die, split;
	uint8_t kind;
	unsigned long long address, size;

	if (!dwarf)
		errx(1, "%s: %s", arguments[count - 1], dwarf_errmsg(-1));
	while (dwarf_get_units(dwarf, unit, &unit, NULL, &kind, &die, &split) == 0) {
		add(&units, &die);
		walk(&die);
	}
	qsort(units.at, units.count, sizeof(*units.at), by_low);
	qsort(functions.at, functions.count, sizeof(*functions.at), by_low);

	while (scanf("%llx %llx", &address, &size) == 2) {
		Dwarf_Addr body = size ? address + size - 1 : address;
		struct piece *function = find(&functions, body), *owner = find(&units, body);
		const char *unit_name = NULL, *name = NULL, *path = NULL;
		Dwarf_Die own;
		int line = 0;

		if (function)
			own = *dwarf_diecu(&function->die, &own, NULL, NULL);
		else if (owner)
			own = owner->die;
		if (function || owner)
			unit_name = dwarf_diename(&own);
		if (function) {
			name = dwarf_diename(&function->die);
			path = dwarf_decl_file(&function->die);
			dwarf_decl_line(&function->die, &line);
		}
		printf("%llx\t%s\t%s\t%s\t%s:%d", function || owner ? (long long)dwarf_dieoffset(&own) : 0,
		       unit_name ? unit_name : "-", name ? name : "-", function ? linkage_name(&function->die) : "-",
		       path ? path : "-", line);
		if (with_rows && function)
			print_rows(&own, function->low, function->high);
		else if (with_rows && owner && size)
			print_rows(&own, address, address + size);
		else if (with_rows && owner)
			print_row_at(&own, address);
		putchar('\n');
	}
	return 0;
}

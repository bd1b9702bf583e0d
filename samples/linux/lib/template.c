// SPDX-License-Identifier: GPL-2.0-only
/* Compiled twice, with other KEY and SORT: same names, file, lines and unit. */
#include <linux/kernel.h>

void SORT(KEY *keys, size_t count);

static noinline int compare_keys(const KEY *a, const KEY *b)
{
	return *a > *b;
}

static noinline void swap_words(KEY *a, KEY *b)
{
	KEY key = *a;

	*a = *b;
	*b = key;
}

void SORT(KEY *keys, size_t count)
{
	size_t i, j;

	for (i = 0; i < count; i++)
		for (j = i + 1; j < count; j++)
			if (compare_keys(&keys[i], &keys[j]))
				swap_words(&keys[i], &keys[j]);
}

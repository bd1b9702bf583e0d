// SPDX-License-Identifier: GPL-2.0-only
/* Compiled without debug info: only its STT_FILE symbol tells. */
#include <linux/kernel.h>

void byte_reverse(u32 *words, size_t count);

static noinline void swap_words(u32 *a, u32 *b)
{
	u32 word = *a;

	*a = ~*b;
	*b = ~word;
}

void byte_reverse(u32 *words, size_t count)
{
	size_t i;

	for (i = 0; i < count / 2; i++)
		swap_words(&words[i], &words[count - 1 - i]);
}

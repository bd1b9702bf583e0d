// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>

ssize_t emit(char *buf, const char *text)
{
	ssize_t length = 0;

	for (; text[length]; length++)
		buf[length] = text[length];
	return length;
}

// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>
#include <generated/timeconst.h>

extern u32 (*const jiffies_convert)(u32 value);
u32 (*const jiffies_convert)(u32 value) = hz_to_msecs;

// SPDX-License-Identifier: GPL-2.0-only
#include <linux/slab.h>

unsigned long kmem_cache_total(struct kmem_cache *cache);
unsigned long kmem_cache_free(struct kmem_cache *cache);
unsigned long kmem_cache_alloc(struct kmem_cache *cache, unsigned long slot);

/* Becomes calculate_order.isra.0: only one member is used. */
static noinline unsigned long calculate_order(const struct kmem_cache *cache)
{
	unsigned long order = 0;

	while ((3UL << order) < cache->size)
		order++;
	return order;
}

/* Becomes fill_slots.constprop.0: every caller passes the same value. */
static noinline void fill_slots(struct kmem_cache *cache, unsigned long value)
{
	unsigned long i;

	for (i = 0; i < cache->objects; i++)
		cache->slots[i] = value + i * 3;
}

/* Becomes check_cache.part.0: the test is inlined, the rest is not. */
static unsigned long check_cache(struct kmem_cache *cache)
{
	unsigned long i, sum = 0;

	if (!cache)
		return 0;
	for (i = 0; i < cache->objects; i++) {
		if (cache->slots[i] & 3)
			report("slot", i);
		sum = sum * 33 + cache->slots[i];
		cache->flags ^= sum;
	}
	for (i = 0; i < cache->size; i++) {
		if (cache->flags & (1UL << (i & 7)))
			report("flag", i);
		sum ^= sum << 3;
	}
	return sum;
}

/* Gets take_slot.cold: what comes before panic() is unlikely. */
static noinline unsigned long take_slot(struct kmem_cache *cache, unsigned long slot)
{
	if (unlikely(slot >= cache->objects)) {
		report("slot out of range", slot);
		report("objects", cache->objects);
		panic("slub");
	}
	return cache->slots[slot]++;
}

unsigned long kmem_cache_total(struct kmem_cache *cache)
{
	fill_slots(cache, 7);
	return calculate_order(cache) + check_cache(cache);
}

unsigned long kmem_cache_free(struct kmem_cache *cache)
{
	fill_slots(cache, 7);
	return calculate_order(cache) * check_cache(cache);
}

unsigned long kmem_cache_alloc(struct kmem_cache *cache, unsigned long slot)
{
	return take_slot(cache, slot) + check_cache(cache) + take_slot(cache, slot + 1);
}

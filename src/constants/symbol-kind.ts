// What a symbol is, one bit or two each of a byte.

/** Bits 0 and 1: 0 for a symbol that is neither a function nor an object. */
export const KIND_MASK = 3;
export const KIND_FUNCTION = 1;
export const KIND_OBJECT = 2;
/** A variable of which each CPU has its own copy (include/linux/percpu-defs.h). */
export const IS_PER_CPU = 4;
/** STT_TLS. */
export const IS_THREAD_LOCAL = 8;
/** STB_GLOBAL or STB_GNU_UNIQUE; a symbol that is neither global nor weak is local. */
export const IS_GLOBAL = 16;
/** STB_WEAK. */
export const IS_WEAK = 32;
/** A symbol without type and size: a label in assembly. */
export const IS_LABEL = 64;

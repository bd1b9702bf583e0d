// Names of local labels and mapping symbols, which are in no kallsyms: is_mapping_symbol() of include/linux/module_symbol.h.

/** The first two bytes of assemblers' local labels, little-endian: `.L`, and `L0` of GNU as, which a control character follows. */
export const DOT_L = 0x4c2e;
export const L_0 = 0x304c;
/** The first byte of a mapping symbol of ARM, AArch64, C-SKY or RISC-V. */
export const DOLLAR = 0x24;

// The relocation types that compilers and assemblers use in .debug_… sections, by machine, from the processor supplements of
// the gABI ("Relocation Types"), or from include/elf of binutils. Each one applies S + A, the symbol's address plus the addend, to one field.

import {
  EM_68K,
  EM_386,
  EM_AARCH64,
  EM_ALPHA,
  EM_ARC_COMPACT,
  EM_ARC_COMPACT2,
  EM_ARM,
  EM_CSKY,
  EM_IA_64,
  EM_LOONGARCH,
  EM_MIPS,
  EM_OR1K,
  EM_PARISC,
  EM_PPC,
  EM_PPC64,
  EM_RISCV,
  EM_S390,
  EM_SH,
  EM_SPARC,
  EM_SPARC32PLUS,
  EM_SPARCV9,
  EM_X86_64,
  EM_XTENSA,
} from "../constants/elf.ts";

// Actions: store S + A in the field, add it to the field's value, or subtract it from that value.
export const SET = 0x10;
export const ADD = 0x20;
const SUBTRACT = 0x30;
/** Leave the field unchanged. */
export const NOTHING = 0x40;

/** Mask of an operation's action. The other bits are the field's size in bytes, or SIX_BITS, or ULEB128. */
export const ACTION = 0xf0;
/** Field: the lower six bits of a byte. */
export const SIX_BITS = 6;
/** Field: a ULEB128 number that keeps its length. */
export const ULEB128 = 7;

/**
 * An offset in thread-local storage. It depends on the program's TLS segment. No source location depends on it, and the
 * kernel has no TLS.
 */
const THREAD_LOCAL = NOTHING;

type Types = Readonly<Record<string, readonly [type: number, operation: number]>>;

const X86_64: Types = {
  R_X86_64_NONE: [0, NOTHING],
  R_X86_64_64: [1, SET | 8],
  R_X86_64_32: [10, SET | 4],
  R_X86_64_32S: [11, SET | 4],
  R_X86_64_16: [12, SET | 2],
  R_X86_64_8: [14, SET | 1],
  R_X86_64_DTPOFF64: [17, THREAD_LOCAL],
  R_X86_64_DTPOFF32: [21, THREAD_LOCAL],
};

const I386: Types = {
  R_386_NONE: [0, NOTHING],
  R_386_32: [1, SET | 4],
  R_386_16: [20, SET | 2],
  R_386_8: [22, SET | 1],
  R_386_TLS_LDO_32: [32, THREAD_LOCAL],
};

const AARCH64: Types = {
  R_AARCH64_NONE: [0, NOTHING],
  R_AARCH64_WITHDRAWN: [256, NOTHING],
  R_AARCH64_ABS64: [257, SET | 8],
  R_AARCH64_ABS32: [258, SET | 4],
  R_AARCH64_ABS16: [259, SET | 2],
  R_AARCH64_TLS_DTPREL: [1029, THREAD_LOCAL],
};

const ARM: Types = {
  R_ARM_NONE: [0, NOTHING],
  R_ARM_ABS32: [2, SET | 4],
  R_ARM_ABS16: [5, SET | 2],
  R_ARM_ABS8: [8, SET | 1],
  R_ARM_TLS_LDO32: [106, THREAD_LOCAL],
};

const S390: Types = {
  R_390_NONE: [0, NOTHING],
  R_390_8: [1, SET | 1],
  R_390_16: [3, SET | 2],
  R_390_32: [4, SET | 4],
  R_390_64: [22, SET | 8],
  R_390_TLS_LDO32: [52, THREAD_LOCAL],
  R_390_TLS_LDO64: [53, THREAD_LOCAL],
};

const PPC: Types = {
  R_PPC_NONE: [0, NOTHING],
  R_PPC_ADDR32: [1, SET | 4],
  R_PPC_ADDR16: [3, SET | 2],
  R_PPC_UADDR32: [24, SET | 4],
  R_PPC_UADDR16: [25, SET | 2],
  R_PPC_DTPREL32: [78, THREAD_LOCAL],
};

const PPC64: Types = {
  R_PPC64_NONE: [0, NOTHING],
  R_PPC64_ADDR32: [1, SET | 4],
  R_PPC64_ADDR16: [3, SET | 2],
  R_PPC64_UADDR32: [24, SET | 4],
  R_PPC64_UADDR16: [25, SET | 2],
  R_PPC64_ADDR64: [38, SET | 8],
  R_PPC64_UADDR64: [43, SET | 8],
  R_PPC64_DTPREL64: [78, THREAD_LOCAL],
};

const MIPS: Types = {
  R_MIPS_NONE: [0, NOTHING],
  R_MIPS_32: [2, SET | 4],
  R_MIPS_64: [18, SET | 8],
  R_MIPS_TLS_DTPREL32: [39, THREAD_LOCAL],
  R_MIPS_TLS_DTPREL64: [41, THREAD_LOCAL],
};

const RISCV: Types = {
  R_RISCV_NONE: [0, NOTHING],
  R_RISCV_32: [1, SET | 4],
  R_RISCV_64: [2, SET | 8],
  R_RISCV_TLS_DTPREL32: [8, THREAD_LOCAL],
  R_RISCV_TLS_DTPREL64: [9, THREAD_LOCAL],
  R_RISCV_ADD8: [33, ADD | 1],
  R_RISCV_ADD16: [34, ADD | 2],
  R_RISCV_ADD32: [35, ADD | 4],
  R_RISCV_ADD64: [36, ADD | 8],
  R_RISCV_SUB8: [37, SUBTRACT | 1],
  R_RISCV_SUB16: [38, SUBTRACT | 2],
  R_RISCV_SUB32: [39, SUBTRACT | 4],
  R_RISCV_SUB64: [40, SUBTRACT | 8],
  R_RISCV_RELAX: [51, NOTHING],
  R_RISCV_SUB6: [52, SUBTRACT | SIX_BITS],
  R_RISCV_SET6: [53, SET | SIX_BITS],
  R_RISCV_SET8: [54, SET | 1],
  R_RISCV_SET16: [55, SET | 2],
  R_RISCV_SET32: [56, SET | 4],
  R_RISCV_SET_ULEB128: [60, SET | ULEB128],
  R_RISCV_SUB_ULEB128: [61, SUBTRACT | ULEB128],
};

const LOONGARCH: Types = {
  R_LARCH_NONE: [0, NOTHING],
  R_LARCH_32: [1, SET | 4],
  R_LARCH_64: [2, SET | 8],
  R_LARCH_TLS_DTPREL32: [8, THREAD_LOCAL],
  R_LARCH_TLS_DTPREL64: [9, THREAD_LOCAL],
  R_LARCH_ADD8: [47, ADD | 1],
  R_LARCH_ADD16: [48, ADD | 2],
  R_LARCH_ADD32: [50, ADD | 4],
  R_LARCH_ADD64: [51, ADD | 8],
  R_LARCH_SUB8: [52, SUBTRACT | 1],
  R_LARCH_SUB16: [53, SUBTRACT | 2],
  R_LARCH_SUB32: [55, SUBTRACT | 4],
  R_LARCH_SUB64: [56, SUBTRACT | 8],
  R_LARCH_RELAX: [100, NOTHING],
  R_LARCH_ADD6: [105, ADD | SIX_BITS],
  R_LARCH_SUB6: [106, SUBTRACT | SIX_BITS],
  R_LARCH_ADD_ULEB128: [107, ADD | ULEB128],
  R_LARCH_SUB_ULEB128: [108, SUBTRACT | ULEB128],
};

const M68K: Types = {
  R_68K_NONE: [0, NOTHING],
  R_68K_32: [1, SET | 4],
  R_68K_16: [2, SET | 2],
  R_68K_8: [3, SET | 1],
  R_68K_TLS_LDO32: [31, THREAD_LOCAL],
};

const SPARC: Types = {
  R_SPARC_NONE: [0, NOTHING],
  R_SPARC_8: [1, SET | 1],
  R_SPARC_32: [3, SET | 4],
  R_SPARC_UA32: [23, SET | 4],
  R_SPARC_64: [32, SET | 8],
  R_SPARC_UA64: [54, SET | 8],
  R_SPARC_UA16: [55, SET | 2],
  R_SPARC_TLS_DTPOFF32: [76, THREAD_LOCAL],
  R_SPARC_TLS_DTPOFF64: [77, THREAD_LOCAL],
};

const PARISC: Types = {
  R_PARISC_NONE: [0, NOTHING],
  R_PARISC_DIR32: [1, SET | 4],
  // An offset in a section, and debug sections are at 0.
  R_PARISC_SECREL32: [41, SET | 4],
  R_PARISC_DIR64: [80, SET | 8],
  R_PARISC_TLS_DTPOFF32: [244, THREAD_LOCAL],
  R_PARISC_TLS_DTPOFF64: [245, THREAD_LOCAL],
};

const SH: Types = {
  R_SH_NONE: [0, NOTHING],
  // The field has a part of the addend: GNU ld -r puts all of it there.
  R_SH_DIR32: [1, ADD | 4],
  // With -relax: a difference that is already in the field, and notes for a linker that relaxes code.
  R_SH_SWITCH8: [24, NOTHING],
  R_SH_SWITCH16: [25, NOTHING],
  R_SH_SWITCH32: [26, NOTHING],
  R_SH_ALIGN: [29, NOTHING],
  R_SH_DIR16: [33, SET | 2],
  R_SH_DIR8: [34, SET | 1],
  R_SH_TLS_LDO_32: [146, THREAD_LOCAL],
};

const ARC: Types = {
  R_ARC_NONE: [0, NOTHING],
  R_ARC_8: [1, SET | 1],
  R_ARC_16: [2, SET | 2],
  R_ARC_32: [4, SET | 4],
  R_ARC_TLS_DTPOFF: [67, THREAD_LOCAL],
};

const OR1K: Types = {
  R_OR1K_NONE: [0, NOTHING],
  R_OR1K_32: [1, SET | 4],
  R_OR1K_TLS_DTPOFF: [33, THREAD_LOCAL],
};

const CSKY: Types = {
  R_CKCORE_NONE: [0, NOTHING],
  R_CKCORE_ADDR32: [1, SET | 4],
  R_CKCORE_TLS_LDO32: [55, THREAD_LOCAL],
};

const ALPHA: Types = {
  R_ALPHA_NONE: [0, NOTHING],
  R_ALPHA_REFLONG: [1, SET | 4],
  R_ALPHA_REFQUAD: [2, SET | 8],
  R_ALPHA_DTPREL64: [33, THREAD_LOCAL],
};

const IA_64: Types = {
  R_IA64_NONE: [0, NOTHING],
  R_IA64_DIR32LSB: [0x25, SET | 4],
  R_IA64_DIR64LSB: [0x27, SET | 8],
  // An offset in a section, and debug sections are at 0.
  R_IA64_SECREL32LSB: [0x65, SET | 4],
  R_IA64_DTPREL64LSB: [0xb7, THREAD_LOCAL],
};

const XTENSA: Types = {
  R_XTENSA_NONE: [0, NOTHING],
  // As R_SH_DIR32.
  R_XTENSA_32: [1, ADD | 4],
  // A difference that is already in the field, for a linker that relaxes code.
  R_XTENSA_DIFF8: [17, NOTHING],
  R_XTENSA_DIFF16: [18, NOTHING],
  R_XTENSA_DIFF32: [19, NOTHING],
  R_XTENSA_TLS_DTPOFF: [52, THREAD_LOCAL],
  R_XTENSA_PDIFF8: [57, NOTHING],
  R_XTENSA_PDIFF16: [58, NOTHING],
  R_XTENSA_PDIFF32: [59, NOTHING],
  R_XTENSA_NDIFF8: [60, NOTHING],
  R_XTENSA_NDIFF16: [61, NOTHING],
  R_XTENSA_NDIFF32: [62, NOTHING],
};

const TYPES: ReadonlyMap<number, Types> = new Map([
  [EM_386, I386],
  [EM_68K, M68K],
  [EM_AARCH64, AARCH64],
  [EM_ALPHA, ALPHA],
  [EM_ARC_COMPACT, ARC],
  [EM_ARC_COMPACT2, ARC],
  [EM_ARM, ARM],
  [EM_CSKY, CSKY],
  [EM_IA_64, IA_64],
  [EM_LOONGARCH, LOONGARCH],
  [EM_MIPS, MIPS],
  [EM_OR1K, OR1K],
  [EM_PARISC, PARISC],
  [EM_PPC, PPC],
  [EM_PPC64, PPC64],
  [EM_RISCV, RISCV],
  [EM_S390, S390],
  [EM_SH, SH],
  [EM_SPARC, SPARC],
  [EM_SPARC32PLUS, SPARC],
  [EM_SPARCV9, SPARC],
  [EM_X86_64, X86_64],
  [EM_XTENSA, XTENSA],
]);

const known = new Map<number, Uint8Array>();

/**
 * The operations of a machine's relocations in debug sections, by type: for example `SET | 8`, or 0 for a type that does not
 * occur there; undefined for an unknown machine.
 *
 * @param machine EM_…
 */
export function relocationOperations(machine: number): Uint8Array | undefined {
  const types = TYPES.get(machine);
  const before = known.get(machine);
  if (types === undefined || before !== undefined) return before;
  const entries = Object.values(types);
  const byType = new Uint8Array(1 + Math.max(...entries.map(([type]) => type)));
  for (const [type, operation] of entries) byType[type] = operation;
  known.set(machine, byType);
  return byType;
}

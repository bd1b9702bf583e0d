import * as elf from "../constants/elf.ts";

/** The machines that Linux supports or did. */
const NAMES: Readonly<Record<number, string>> = {
  [elf.EM_SPARC]: "sparc",
  [elf.EM_386]: "i386",
  [elf.EM_68K]: "m68k",
  [elf.EM_MIPS]: "mips",
  [elf.EM_PARISC]: "hppa",
  [elf.EM_SPARC32PLUS]: "sparc",
  [elf.EM_PPC]: "powerpc",
  [elf.EM_PPC64]: "powerpc64",
  [elf.EM_S390]: "s390",
  [elf.EM_ARM]: "arm",
  [elf.EM_SH]: "sh",
  [elf.EM_SPARCV9]: "sparc64",
  [elf.EM_IA_64]: "ia64",
  [elf.EM_X86_64]: "x86-64",
  [elf.EM_OR1K]: "or1k",
  [elf.EM_ARC_COMPACT]: "arc",
  [elf.EM_XTENSA]: "xtensa",
  [elf.EM_ALTERA_NIOS2]: "nios2",
  [elf.EM_HEXAGON]: "hexagon",
  [elf.EM_AARCH64]: "aarch64",
  [elf.EM_MICROBLAZE]: "microblaze",
  [elf.EM_ARC_COMPACT2]: "arc",
  [elf.EM_RISCV]: "riscv",
  [elf.EM_BPF]: "bpf",
  [elf.EM_CSKY]: "csky",
  [elf.EM_LOONGARCH]: "loongarch",
  [elf.EM_ALPHA]: "alpha",
};

/** The name of a machine in messages: `m68k`, or `machine 4711` for one that is not known. @param machine EM_… */
export function machineName(machine: number): string {
  return NAMES[machine] ?? `machine ${machine}`;
}

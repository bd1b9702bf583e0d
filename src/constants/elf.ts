// Names and values of the System V gABI, chapters "Object Files" and "Sections", and of elf.h. AssemblyScript imports this file too.

export const ELFCLASS32 = 1;
export const ELFCLASS64 = 2;
export const ELFDATA2LSB = 1;
export const ELFDATA2MSB = 2;

export const ET_REL = 1;
export const ET_EXEC = 2;

export const EM_SPARC = 2;
export const EM_386 = 3;
export const EM_68K = 4;
export const EM_MIPS = 8;
export const EM_PARISC = 15;
export const EM_SPARC32PLUS = 18;
export const EM_PPC = 20;
export const EM_PPC64 = 21;
export const EM_S390 = 22;
export const EM_ARM = 40;
export const EM_SH = 42;
export const EM_SPARCV9 = 43;
export const EM_IA_64 = 50;
export const EM_X86_64 = 62;
export const EM_OR1K = 92;
export const EM_ARC_COMPACT = 93;
export const EM_XTENSA = 94;
export const EM_ALTERA_NIOS2 = 113;
export const EM_HEXAGON = 164;
export const EM_AARCH64 = 183;
export const EM_MICROBLAZE = 189;
export const EM_ARC_COMPACT2 = 195;
export const EM_RISCV = 243;
export const EM_BPF = 247;
export const EM_CSKY = 252;
export const EM_LOONGARCH = 258;
export const EM_ALPHA = 0x9026;

export const SHT_NULL = 0;
export const SHT_SYMTAB = 2;
export const SHT_STRTAB = 3;
export const SHT_RELA = 4;
export const SHT_NOTE = 7;
export const SHT_NOBITS = 8;
export const SHT_REL = 9;
export const SHT_GROUP = 17;
export const SHT_SYMTAB_SHNDX = 18;
export const SHT_LLVM_ADDRSIG = 0x6fff4c03;
export const SHT_LLVM_CALL_GRAPH_PROFILE = 0x6fff4c09;

export const SHF_WRITE = 0x1;
export const SHF_ALLOC = 0x2;
export const SHF_EXECINSTR = 0x4;
export const SHF_GROUP = 0x200;
export const SHF_COMPRESSED = 0x800;
/** Small data, which code reaches from a global pointer (binutils, include/elf/alpha.h and ia64.h). */
export const SHF_ALPHA_GPREL = 0x10000000;
export const SHF_IA_64_SHORT = 0x10000000;
/** A relocation section that the kernel applies when the object that it names is loaded (include/uapi/linux/elf.h). */
export const SHF_RELA_LIVEPATCH = 0x00100000;

export const SHN_UNDEF = 0;
export const SHN_LORESERVE = 0xff00;
/** Common symbols of their own kind (x86-64 psABI; MIPS ABI supplement). */
export const SHN_X86_64_LCOMMON = 0xff02;
export const SHN_MIPS_SCOMMON = 0xff03;
/** A symbol that the live-patch core resolves (include/uapi/linux/elf.h). */
export const SHN_LIVEPATCH = 0xff20;
export const SHN_ABS = 0xfff1;
export const SHN_COMMON = 0xfff2;
export const SHN_XINDEX = 0xffff;

export const STB_LOCAL = 0;
export const STB_GLOBAL = 1;
export const STB_WEAK = 2;
export const STB_GNU_UNIQUE = 10;

export const STV_DEFAULT = 0;

export const STT_NOTYPE = 0;
export const STT_OBJECT = 1;
export const STT_FUNC = 2;
export const STT_SECTION = 3;
export const STT_FILE = 4;
export const STT_TLS = 6;
export const STT_COMMON = 5;
export const STT_GNU_IFUNC = 10;

export const ELFCOMPRESS_ZLIB = 1;
export const ELFCOMPRESS_ZSTD = 2;

export const NT_GNU_BUILD_ID = 3;

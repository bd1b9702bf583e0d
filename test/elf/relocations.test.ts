// Debug sections of relocatable files are equal to those of a linker that places the other sections at our addresses.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import {
  EM_CSKY,
  EM_LOONGARCH,
  EM_X86_64,
  ET_EXEC,
  ET_REL,
  SHF_ALLOC,
  SHN_ABS,
  SHN_COMMON,
  SHN_UNDEF,
  SHN_XINDEX,
  SHT_REL,
  SHT_RELA,
  SHT_SYMTAB,
  SHT_SYMTAB_SHNDX,
  STT_FUNC,
} from "../../src/constants/elf.ts";
import { type ElfFile, openElf, type Section, sectionBytes } from "../../src/elf/elf-file.ts";
import { relocatedSource } from "../../src/elf/relocations.ts";
import { layOutSections } from "../../src/elf/section-layout.ts";
import { readSymbolTable, symbolInfo, symbolSection, symbolValueLow } from "../../src/elf/symbol-table.ts";
import { Failure } from "../../src/failure.ts";
import { defined } from "../defined.ts";
import { expectedLocations, resolved } from "../locations.ts";
import { buildSample } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { elfBytes, numberBytes, type SectionPlan } from "./elf-bytes.ts";
import {
  type Assembler,
  assembleRelocatable,
  buildRelocatable,
  linkInPlace,
  type Toolchain,
} from "./relocatable-sample.ts";

const directory = temporaryDirectory();
const path = (name: string) => join(directory, name.replace(/\W/g, "-"));

const clang = (target: string, ...flags: string[]): Toolchain => ({
  cc: ["clang-19", `--target=${target}`, ...flags],
  ld: "ld.lld-19",
});

const GCC: Toolchain = { cc: ["gcc"], ld: "ld" };

const TOOLCHAINS: Readonly<Record<string, Toolchain>> = {
  "gcc, DWARF 2": { cc: ["gcc", "-gdwarf-2"], ld: "ld" },
  "gcc, DWARF 3": { cc: ["gcc", "-gdwarf-3"], ld: "ld" },
  "gcc, DWARF 4": { cc: ["gcc", "-gdwarf-4"], ld: "ld" },
  "gcc, DWARF 5": GCC,
  "gcc, 64-bit DWARF 5": { cc: ["gcc", "-gdwarf64"], ld: "ld" },
  "gcc -ffunction-sections": { cc: ["gcc", "-ffunction-sections"], ld: "ld" },
  "gcc, s390x": { cc: ["s390x-linux-gnu-gcc"], ld: "s390x-linux-gnu-ld" },
  "clang, x86-64": clang("x86_64-linux-gnu"),
  "clang, i386": clang("i386-linux-gnu"),
  "clang, AArch64": clang("aarch64-linux-gnu"),
  "clang, ARM": clang("arm-linux-gnueabi"),
  "clang, Thumb": clang("thumbv7-linux-gnueabi"),
  "clang, s390x": clang("s390x-linux-gnu"),
  "clang, POWER (32-bit, big-endian)": clang("powerpc-linux-gnu"),
  "clang, POWER (64-bit, big-endian)": clang("powerpc64-linux-gnu"),
  "clang, POWER (64-bit, little-endian)": clang("powerpc64le-linux-gnu"),
  "clang, MIPS (32-bit, big-endian)": clang("mips-linux-gnu"),
  "clang, MIPS (32-bit, little-endian)": clang("mipsel-linux-gnu"),
  "clang, MIPS (64-bit, big-endian)": clang("mips64-linux-gnuabi64"),
  "clang, MIPS (64-bit, little-endian)": clang("mips64el-linux-gnuabi64"),
  "clang, RISC-V (32-bit)": clang("riscv32-linux-gnu", "-march=rv32imac", "-mrelax"),
  "clang, RISC-V, linker relaxation": clang("riscv64-linux-gnu", "-mrelax"),
  "clang, RISC-V, DWARF 4": clang("riscv64-linux-gnu", "-mrelax", "-gdwarf-4"),
  "clang, RISC-V -mno-relax": clang("riscv64-linux-gnu", "-mno-relax"),
  "clang, SPARC (64-bit)": clang("sparc64-linux-gnu"),
  "clang, LoongArch": clang("loongarch64-linux-gnu"),
  "clang, LoongArch, linker relaxation": clang(
    "loongarch64-linux-gnu",
    ...["-Xclang", "-target-feature", "-Xclang", "+relax"],
  ),
};

function debugSections({ sections }: ElfFile): Section[] {
  return sections.filter(({ name }) => name.startsWith(".debug_"));
}

/** The content of the debug sections by name, read in pieces of `step` bytes from the back to the front. */
function contents(file: string, step: number, relocate: boolean): Record<string, string> {
  const elf = openElf(file);
  try {
    const bases = layOutSections(elf);
    const entries = debugSections(elf).map((section) => {
      const bytes = sectionBytes(elf, section);
      const source = relocate ? relocatedSource(elf, section, bytes, bases) : bytes;
      const content = Buffer.alloc(source.size);
      for (let at = Math.floor(source.size / step) * step; at >= 0; at -= step) {
        content.set(source.read(at, Math.min(step, source.size - at)), at);
      }
      return [section.name, content.toString("hex")];
    });
    return Object.fromEntries(entries);
  } finally {
    elf.file.close();
  }
}

describe.each(Object.entries(TOOLCHAINS))("%s", (name, toolchain) => {
  const object = path(name);
  let linked: Record<string, string>;

  beforeAll(() => {
    buildRelocatable(object, toolchain);
    linked = contents(linkInPlace(object, toolchain.ld), 1 << 20, false);
  });

  test("debug sections equal the linker's", () => {
    expect(Object.keys(linked)).toEqual(expect.arrayContaining([".debug_info", ".debug_line"]));
    expect(contents(object, 1 << 20, false)).not.toEqual(linked);
    expect(contents(object, 1 << 20, true)).toEqual(linked);
  });

  test("a read may begin and end anywhere", () => {
    expect(contents(object, 1, true)).toEqual(linked);
    expect(contents(object, 37, true)).toEqual(linked);
  });

  test("the order of the relocations does not matter", () => {
    for (const [kind, reorder] of Object.entries(ORDERS)) {
      const reordered = `${object}-${kind}`;
      reorderRelocations(object, reordered, reorder);
      expect(contents(reordered, 1 << 20, true)).toEqual(linked);
      expect(contents(reordered, 61, true)).toEqual(linked);
    }
  });
});

const ASSEMBLERS: readonly Assembler[] = [
  { target: "alpha-linux-gnu", widths: [4, 8] },
  { target: "arc-linux-gnu", widths: [1, 2, 4] },
  { target: "hppa-linux-gnu", widths: [4] },
  { target: "hppa64-linux-gnu", widths: [8] },
  { target: "ia64-linux-gnu", nop: "nop 0", widths: [4, 8] },
  { target: "m68k-linux-gnu", widths: [1, 2, 4] },
  { target: "or1k-elf", nop: "l.nop", widths: [4] },
  { target: "sh4-linux-gnu", widths: [1, 2, 4] },
  { target: "sparc64-linux-gnu", widths: [1, 2, 4, 8] },
  { target: "xtensa-lx106-elf", widths: [4] },
];

describe.each(ASSEMBLERS)("GNU as, $target", (assembler) => {
  test.each([3, 4, 5])("DWARF %i", async (dwarf) => {
    const object = assembleRelocatable(path(`${assembler.target}-${dwarf}`), assembler, dwarf);
    const image = linkInPlace(object, `${assembler.target}-ld`);
    const linked = contents(image, 1 << 20, false);
    expect(Object.keys(linked)).toEqual(expect.arrayContaining([".debug_info", ".debug_widths"]));
    expect(contents(object, 1 << 20, false)).not.toEqual(linked);
    expect(contents(object, 1 << 20, true)).toEqual(linked);
    const addresses = functionAddresses(object);
    expect(addresses).toHaveLength(8);
    const found = await resolved(object, addresses);
    expect(found).toEqual(expectedLocations(image, addresses));
    // Seven lines a function, the first instruction on the fourth.
    const lines = [
      ...[4, 11, 18, 25, 32].map((line) => `first.s:${line}`),
      ...[6, 13, 20].map((line) => `second.s:${line}`),
    ];
    expect(found.map((location) => location?.replace(/.*-/, ""))).toEqual(lines);
  });
});

type Order = <T>(groups: readonly T[]) => T[];

/** Other orders of the relocations; those at one offset stay together. */
const ORDERS: Readonly<Record<string, Order>> = {
  reversed: (groups) => groups.toReversed(),
  rotated: (groups) => [...groups.slice(groups.length / 2), ...groups.slice(0, groups.length / 2)],
  swapped: (groups) =>
    groups.map((group, i) => groups[i % 8 === 3 ? i + 1 : i % 8 === 4 ? i - 1 : i] ?? group),
};

function reorderRelocations(object: string, out: string, reorder: Order): void {
  const elf = openElf(object);
  const bytes = readFileSync(object);
  for (const { type, info, offset, size, entrySize } of elf.sections) {
    if (!elf.sections[info]?.name.startsWith(".debug_") || (type !== SHT_RELA && type !== SHT_REL)) continue;
    const groups = new Map<string, Buffer[]>();
    for (let at = offset; at < offset + size; at += entrySize) {
      const where = bytes.toString("hex", at, at + (elf.is64 ? 8 : 4));
      const entry = Buffer.from(bytes.subarray(at, at + entrySize));
      groups.set(where, [...(groups.get(where) ?? []), entry]);
    }
    const order = reorder([...groups.values()]);
    expect(order.flat().length * entrySize).toBe(size);
    bytes.set(Buffer.concat(order.flat()), offset);
  }
  elf.file.close();
  expect(bytes.equals(readFileSync(object))).toBe(false);
  writeFileSync(out, bytes);
}

/** The addresses of a file's functions, as 16 digits. */
function functionAddresses(object: string): string[] {
  const elf = openElf(object);
  const table = readSymbolTable(elf);
  const bases = layOutSections(elf);
  const addresses: string[] = [];
  for (let symbol = 1; table && symbol < table.count; symbol++) {
    const section = symbolSection(table, symbol);
    if ((symbolInfo(table, symbol) & 0xf) !== STT_FUNC || section === SHN_UNDEF) continue;
    const address = defined(bases[section], `base of section ${section}`) + symbolValueLow(table, symbol);
    addresses.push(address.toString(16).padStart(16, "0"));
  }
  elf.file.close();
  return addresses;
}

interface Kind {
  readonly name: string;
  readonly toolchain?: Toolchain;
  /** Converts the file after a copy of it has been linked. */
  readonly objcopy?: string;
}

const KINDS: readonly Kind[] = [
  { name: "as it is" },
  { name: "compressed with zlib", objcopy: "--compress-debug-sections=zlib" },
  { name: "compressed with zstd", objcopy: "--compress-debug-sections=zstd" },
  { name: "with .zdebug sections", objcopy: "--compress-debug-sections=zlib-gnu" },
  { name: "without the code, as separate debug files are", objcopy: "--only-keep-debug" },
  { name: "with a section a function", toolchain: { cc: ["gcc", "-ffunction-sections"], ld: "ld" } },
  { name: "for RISC-V, linker relaxation", toolchain: clang("riscv64-linux-gnu", "-mrelax") },
  { name: "for MIPS64", toolchain: clang("mips64-linux-gnuabi64") },
];

test.each(KINDS)("locations in a relocatable file $name", async ({ name, toolchain = GCC, objcopy }) => {
  const object = buildRelocatable(path(`located ${name}`), toolchain);
  const addresses = functionAddresses(object);
  expect(new Set(addresses).size).toBeGreaterThan(9);
  const expected = expectedLocations(linkInPlace(object, toolchain.ld), addresses);
  expect(expected).not.toContain(undefined);
  if (objcopy) tool("objcopy", [objcopy, object]);
  expect(await resolved(object, addresses)).toEqual(expected);
});

test("relocations left by --emit-relocs in a linked file are not applied again", async () => {
  // Where the addends are in their places, as i386 has them, applying them again would change the bytes.
  const image = buildSample(path("emit-relocs"), { CFLAGS: "-m32", LDFLAGS: "-m elf_i386 --emit-relocs" });
  expect(tool("readelf", ["-SW", image]).toString()).toMatch(/\.rel\.debug_info +REL/);
  const addresses =
    tool("nm", [image])
      .toString()
      .match(/^[0-9a-f]{8}(?= t name_show$)/gm) ?? [];
  expect(addresses.length).toBeGreaterThan(1);
  expect(await resolved(image, addresses)).toEqual(expectedLocations(image, addresses));
});

test("type units are skipped, even if they come first", async () => {
  const toolchain = { cc: ["gcc", "-fdebug-types-section"], ld: "ld" };
  const object = `${buildRelocatable(path("types"), toolchain)}-slub.c.o`;
  const [first] =
    tool("readelf", ["-SW", object])
      .toString()
      .match(/ \.debug_info .*/) ?? [];
  expect(first).toMatch(/ G +0 +0 +1$/);
  const addresses = functionAddresses(object);
  expect(addresses.length).toBeGreaterThan(2);
  const expected = expectedLocations(linkInPlace(object, "ld"), addresses);
  expect(expected).not.toContain(undefined);
  expect(await resolved(object, addresses)).toEqual(expected);
});

describe("the layout of sections", () => {
  const layout = (sections: readonly SectionPlan[], type = ET_REL) => {
    const file = path("laid-out");
    writeFileSync(file, elfBytes({ is64: true, littleEndian: true, type, machine: EM_X86_64, sections }));
    const elf = openElf(file);
    elf.file.close();
    return { elf, bases: [...layOutSections(elf)] };
  };
  const loaded = (name: string, size: number) => ({ name, flags: SHF_ALLOC, bytes: new Uint8Array(size) });

  test("an address, up to a section's end, belongs to one section", () => {
    const sizes = [0, 1, 63, 64, 65, 0, 5000];
    const { elf, bases } = layout(sizes.map((size, i) => loaded(`.text.${i}`, size)));
    const ranges = sizes.map((size, i) => {
      const start = defined(bases[i + 1], `base of section ${i + 1}`);
      return [start, start + size] as const;
    });
    expect(elf.sections.slice(1, -1).map(({ size }) => size)).toEqual(sizes);
    ranges.forEach(([start, end], i) => {
      expect(start).toBeGreaterThan(ranges[i - 1]?.[1] ?? 0);
      expect(end).toBeLessThan(2 ** 32);
    });
  });

  test("sections that are not loaded have no address, wherever they are", () => {
    const comment = { name: ".comment", bytes: [1, 2, 3] };
    const { bases } = layout([loaded(".text", 8), comment, loaded(".data", 8)]);
    const [text, data] = [defined(bases[1], "base of .text"), defined(bases[3], "base of .data")];
    expect(text).not.toBe(data);
    expect(layout([comment, loaded(".text", 8), loaded(".data", 8)]).bases).toEqual([0, 0, text, data, 0]);
  });

  test("of a linked file is unchanged", () => {
    expect(layout([{ ...loaded(".text", 8), address: 4096n }], ET_EXEC).bases).toEqual([0, 0, 0]);
  });

  test("over 4 GiB is refused", () => {
    const file = path("large");
    tool(
      "as",
      ["-o", file, "-"],
      '.bss\n.skip 0xf0000000\n.section .more, "aw", @nobits\n.skip 0x10000000\n',
    );
    const elf = openElf(file);
    elf.file.close();
    expect(() => layOutSections(elf)).toThrow(/its sections need more than 4 GiB of addresses; /);
  });
});

describe("a made-up file", () => {
  const { u8, u16, u32, u64 } = numberBytes(true);

  interface Symbol {
    readonly value: bigint;
    readonly section: number;
  }

  interface MadeUp {
    readonly machine?: number;
    readonly debug: readonly number[];
    readonly symbols: readonly Symbol[];
    readonly relocations: readonly { offset: number; symbol: number; type: number; addend: bigint }[];
    /** SHT_SYMTAB_SHNDX, entry by entry. */
    readonly extended?: readonly number[];
    readonly change?: (sections: SectionPlan[]) => void;
  }

  /** The debug section's content when .text is at 0x10000000, as hexadecimal digits. */
  function relocatedBytes({ machine = EM_X86_64, debug, symbols, relocations, extended, change }: MadeUp) {
    const sections: SectionPlan[] = [
      { name: ".text", bytes: u64(0), flags: SHF_ALLOC },
      { name: ".debug_info", bytes: debug },
      {
        name: ".rela.debug_info",
        type: SHT_RELA,
        entrySize: 24,
        link: 4,
        info: 2,
        bytes: relocations.flatMap(({ offset, symbol, type, addend }) => [
          ...u64(offset),
          ...u32(type),
          ...u32(symbol),
          ...u64(addend),
        ]),
      },
      {
        name: ".symtab",
        type: SHT_SYMTAB,
        entrySize: 24,
        bytes: symbols.flatMap(({ value, section }) => [
          ...u32(0),
          ...u8(0),
          ...u8(0),
          ...u16(section),
          ...u64(value),
          ...u64(0),
        ]),
      },
    ];
    if (extended) {
      const bytes = extended.flatMap((index) => u32(index));
      sections.push({ name: ".symtab_shndx", type: SHT_SYMTAB_SHNDX, link: 4, bytes });
    }
    change?.(sections);
    const file = path("made-up");
    writeFileSync(file, elfBytes({ is64: true, littleEndian: true, type: ET_REL, machine, sections }));
    const elf = openElf(file);
    try {
      const section = defined(elf.sections[2], ".debug_info");
      const source = relocatedSource(elf, section, sectionBytes(elf, section), layOutSections(elf));
      return Buffer.from(source.read(0, source.size)).toString("hex");
    } finally {
      elf.file.close();
    }
  }

  const NONE = { value: 0n, section: 0 };
  const IN_TEXT = { value: 4n, section: 1 };
  const R_X86_64_64 = 1;

  test.each([
    ["of a section", [NONE, IN_TEXT], 0x10000004n],
    ["that is absolute", [NONE, { value: 0x1_ffff_ffffn, section: SHN_ABS }], 0x1_ffff_ffffn],
    ["that is undefined", [NONE, { value: 4n, section: SHN_UNDEF }], 0n],
    ["that is common", [NONE, { value: 4n, section: SHN_COMMON }], 0n],
    ["whose value and section carry", [NONE, { value: 0xffff_ffffn, section: 1 }], 0x1_0fff_ffffn],
  ] as const)("a symbol %s", (_, symbols, value) => {
    for (const addend of [0n, 1n, -1n, 0x7fff_ffff_ffff_ffffn]) {
      const relocations = [{ offset: 0, symbol: 1, type: R_X86_64_64, addend }];
      const bytes = relocatedBytes({ debug: u64(0), symbols, relocations });
      expect(bytes).toBe(Buffer.from(u64(value + addend)).toString("hex"));
    }
  });

  test("a symbol can have its section index in SHT_SYMTAB_SHNDX", () => {
    const relocations = [{ offset: 0, symbol: 1, type: R_X86_64_64, addend: 0n }];
    const symbols = [NONE, { value: 4n, section: SHN_XINDEX }];
    expect(relocatedBytes({ debug: u64(0), symbols, relocations, extended: [0, 1] })).toBe(
      "0400001000000000",
    );
  });

  test("64-bit sums and differences carry from one half to the other", () => {
    const relocations = [
      { offset: 0, symbol: 1, type: R_LARCH_ADD64, addend: 0x1_0000_0000n },
      { offset: 0, symbol: 2, type: R_LARCH_SUB64, addend: 0n },
      { offset: 8, symbol: 1, type: R_LARCH_SUB64, addend: 0n },
    ];
    const symbols = [NONE, IN_TEXT, { value: 0xffff_ffffn, section: SHN_ABS }];
    const bytes = relocatedBytes({
      machine: EM_LOONGARCH,
      debug: [...u64(0xffff_ffffn), ...u64(0)],
      symbols,
      relocations,
    });
    const expected = [...u64(0x1_1000_0004n), ...u64(-0x1000_0004n)];
    expect(bytes).toBe(Buffer.from(expected).toString("hex"));
  });

  test("C-SKY, for which no assembler is at hand", () => {
    const relocations = [{ offset: 0, symbol: 1, type: 1, addend: 3n }];
    const bytes = relocatedBytes({ machine: EM_CSKY, debug: u64(0), symbols: [NONE, IN_TEXT], relocations });
    expect(bytes).toBe(Buffer.from(u64(0x1000_0007n)).toString("hex"));
  });

  const one = (relocation: object) => ({
    debug: u64(0),
    symbols: [NONE, IN_TEXT],
    relocations: [{ offset: 0, symbol: 1, type: R_X86_64_64, addend: 0n, ...relocation }],
  });
  const changed = (section: number, values: object) => ({
    ...one({}),
    change: (sections: SectionPlan[]) => {
      sections[section] = { ...defined(sections[section], `section ${section}`), ...values };
    },
  });

  test.each<[string, MadeUp, RegExp]>([
    ["of an unknown type", one({ type: 2 }), /relocation type 2 of x86-64 is not supported/],
    ["for an unsupported machine", { ...one({}), machine: 113 }, /relocations of nios2 are not supported/],
    [
      "for an unknown machine",
      { ...one({}), machine: 4711 },
      /relocations of machine 4711 are not supported/,
    ],
    ["outside the section", one({ offset: 8 }), /0x8 is outside the section's 8 bytes/],
    ["that reaches past the section", one({ offset: 1 }), /the relocation at 0x1 reaches past the section/],
    ["of a missing symbol", one({ symbol: 2 }), /lie outside its 48 bytes/],
    [
      "of a symbol in a missing section",
      { ...one({}), symbols: [NONE, { value: 0n, section: 9 }] },
      /symbol 1 is in section 9, which does not exist/,
    ],
    [
      "of a symbol without the SHT_SYMTAB_SHNDX that it needs",
      { ...one({}), symbols: [NONE, { value: 0n, section: SHN_XINDEX }] },
      /symbol 1 is in section 65535, which does not exist/,
    ],
    ["in a table without symbols", changed(2, { link: 1 }), /section 1 is not its symbol table/],
    ["in half a table", changed(2, { bytes: [1, 2, 3] }), /3 bytes are not a table of 24-byte relocations/],
  ])("a relocation %s is a fault", (_, plan, message) => {
    expect(() => relocatedBytes(plan)).toThrow(Failure);
    expect(() => relocatedBytes(plan)).toThrow(message);
  });

  test("an endless LEB128 number is a fault", () => {
    const relocations = [{ offset: 0, symbol: 1, type: R_LARCH_ADD_ULEB128, addend: 0n }];
    const debug = new Array<number>(20).fill(0x80);
    const plan = { machine: EM_LOONGARCH, debug, symbols: [NONE, IN_TEXT], relocations };
    expect(() => relocatedBytes(plan)).toThrow(/the relocation at 0x0 reaches past the section/);
  });
});

const R_LARCH_ADD64 = 51;
const R_LARCH_SUB64 = 56;
const R_LARCH_ADD_ULEB128 = 107;

describe("damaged relocations", () => {
  const VICTIMS: readonly (readonly [string, Toolchain])[] = [
    ["x86-64", GCC],
    ["32-bit MIPS", clang("mips-linux-gnu")],
    ["RISC-V", clang("riscv64-linux-gnu", "-mrelax")],
  ];

  test.each(VICTIMS)("%s: any change gives bytes or a one-line failure", (name, toolchain) => {
    const original = readFileSync(buildRelocatable(path(`victim ${name}`), toolchain));
    const elf = openElf(path(`victim ${name}`));
    const tables = elf.sections.filter(({ type }) => [SHT_RELA, SHT_REL, SHT_SYMTAB].includes(type));
    const headers = elf.sections.length * (elf.is64 ? 64 : 40);
    const spots = [
      ...tables.map(({ offset, size }) => ({ start: offset, length: size })),
      { start: original.length - headers, length: headers },
    ];
    elf.file.close();
    const edit = fc.record({
      spot: fc.constantFrom(...spots),
      at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      byte: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255)),
    });
    let faults = 0;
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 20 }), (edits) => {
        const damaged = Buffer.from(original);
        for (const { spot, at, byte } of edits) damaged[spot.start + Math.floor(at * spot.length)] = byte;
        writeFileSync(path("damaged"), damaged);
        try {
          contents(path("damaged"), 4096, true);
        } catch (error) {
          expect(error).toBeInstanceOf(Failure);
          expect(String(error)).not.toMatch(/\p{Cc}/u);
          faults++;
        }
      }),
      { seed: 1, numRuns: 300 },
    );
    expect(faults).toBeGreaterThan(30);
  });
});

// What `nm -n` prints, for symbols of every kind; test/formats.test.ts does the same for whole kernels.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openElf } from "../../src/elf/elf-file.ts";
import { fileSymbolOf, sectionIndexOf, symbolSize, symtabIndex } from "../../src/elf/symbol-table.ts";
import { elfListing, listingWithoutLabels } from "../../src/symbols/elf-listing.ts";
import { symbolName } from "../../src/symbols/listing.ts";
import { wasmMemory } from "../../src/wasm/program.ts";
import { defined } from "../defined.ts";
import { SAMPLE } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { nmListing, textOf } from "./listings.ts";

const directory = temporaryDirectory();
const path = (name: string) => join(directory, name);

function assemble(name: string, source: string, as = "as"): string {
  writeFileSync(path(`${name}.s`), source);
  tool(as, ["-o", path(`${name}.o`), path(`${name}.s`)]);
  return path(`${name}.o`);
}

function compile(name: string, source: string, compiler: string, ...flags: string[]): string {
  writeFileSync(path(`${name}.c`), source);
  tool(compiler, [...flags, "-c", "-o", path(`${name}.o`), path(`${name}.c`)]);
  return path(`${name}.o`);
}

function listingOfElf(file: string) {
  const elf = openElf(file);
  try {
    const listing = elfListing(elf);
    if (listing === undefined) throw new Error(`${file} has no symbol table`);
    return listing;
  } finally {
    elf.file.close();
  }
}

function expectAsNm(file: string, nm = "nm"): string {
  const expected = nmListing(file, nm);
  expect(textOf(listingOfElf(file))).toBe(expected);
  return expected;
}

const EVERY_KIND = `
	.text
	.globl entry
entry:	nop
local:	call missing
	call weak_missing
	.weak weak_missing
	.weak weak_object_missing
	.type weak_object_missing, %object
	.weak weak_function
weak_function: nop
	.type resolver, %gnu_indirect_function
	.globl resolver
resolver: ret
	.type local_resolver, %gnu_indirect_function
local_resolver: ret
	.set absolute_local, 0x1234
	.globl absolute
	.set absolute, 0xffffffff81000000
"a name with spaces": nop
"$dollar": nop
"x.llvm.123": nop
"über": nop
same_b:
same_a:
same_c:	nop
	.data
	.globl variable
variable: .quad weak_object_missing
private: .quad 1
	.weak weak_object
	.type weak_object, %object
weak_object: .quad 1
	.type unique, %gnu_unique_object
	.globl unique
unique: .quad 2
	.section .rodata
constant: .quad 3
	.globl shared_constant
shared_constant: .quad 4
	.bss
zeroed:	.zero 8
	.globl shared_zeroed
shared_zeroed: .zero 8
	.comm common_symbol, 16, 8
	.lcomm local_common, 8
	.section .tdata,"awT",@progbits
thread_local: .quad 5
	.section .tbss,"awT",@nobits
	.globl thread_zeroed
thread_zeroed: .zero 8
	.section .note.mine,"",@note
note_symbol: .long 1
	.section .comment.mine,"",@progbits
comment_symbol: .byte 1
	.globl shared_comment
shared_comment: .byte 1
	.section .writable.comment,"w",@progbits
writable_comment: .byte 1
	.section .debug_mine,"",@progbits
debug_symbol: .byte 1
	.globl shared_debug
shared_debug: .byte 1
	.section .init.text,"ax",@progbits
starter: nop
	.section .idata$5,"aw",@progbits
import_like: .byte 1
	.section .idatafoo,"aw",@progbits
no_import: .byte 1
	.section .pdata,"a",@progbits
unwind_like: .byte 1
	.section .sdata,"aw",@progbits
small: .byte 1
	.section .group,"axG",@progbits,signature,comdat
grouped: nop
`;

test("symbols of every kind in a relocatable file", () => {
  const listing = expectAsNm(assemble("kinds", EVERY_KIND));
  const letters = new Set(Array.from(listing.matchAll(/^.{16} (.) /gm), ([, letter]) => letter));
  for (const letter of "aABbCdDiNnprRtTuUvVwW") expect(letters).toContain(letter);
});

test("symbols of every kind in a linked file", () => {
  const object = assemble("linked", EVERY_KIND);
  tool("ld", ["-e", "entry", "--unresolved-symbols=ignore-all", "-o", path("linked"), object]);
  expectAsNm(path("linked"));
});

test("symbols of every kind in a 32-bit file", () => {
  const source = EVERY_KIND.replaceAll(".quad", ".long").replace("0xffffffff81000000", "0xc1000000");
  writeFileSync(path("kinds32.s"), source);
  tool("as", ["--32", "-o", path("kinds32.o"), path("kinds32.s")]);
  expectAsNm(path("kinds32.o"));
});

test("values all over 64 bits, and many equal ones", () => {
  const halves = ["0", "1", "0x7fffffff", "0x80000000", "0xffffffff"];
  const symbols = Array.from({ length: 200 }, (_, i) => {
    const value = `(${halves[(i * 7) % 5]} << 32) | ${(i * 97) % 8 === 0 ? 0xffffffff : (i * 31) % 4}`;
    return `.set s${(i * 57) % 200}, ${value}\n`;
  });
  const undefinedOnes = Array.from({ length: 30 }, (_, i) => `call missing${(i * 11) % 30}\n`);
  expectAsNm(assemble("values", symbols.concat(undefinedOnes).join("")));
});

test("more sections than 16 bits can number", () => {
  const source = `.altmacro
.macro one n
.section .text.f\\n,"ax",@progbits
f\\n: nop
.endm
.set i, 0
.rept 65600
one %i
.set i, i + 1
.endr
.data
last: .quad 1
`;
  const object = assemble("many", source);
  expect(tool("readelf", ["-hW", object]).toString()).toMatch(/section headers:\s+0 \(6/);
  const listing = expectAsNm(object);
  expect(listing).toContain(" t f65599\n");
  expect(listing).toContain(" d last\n");
});

test("nameless symbols of clang's objects", () => {
  const source = "int g(void); static int count; int f(int *x) { return g() + *x + count++; }\n";
  for (const target of [
    "arm-linux-gnueabihf",
    "aarch64-linux-gnu",
    "riscv64-linux-gnu",
    "mips64-linux-gnuabi64",
  ]) {
    expectAsNm(compile(target, source, "clang", `--target=${target}`, "-g", "-O1"), `${target}-nm`);
  }
});

/** The targets of Debian's cross binutils. */
const TARGETS = [
  "aarch64-linux-gnu",
  "alpha-linux-gnu",
  "arc-linux-gnu",
  "arm-linux-gnueabihf",
  "hppa-linux-gnu",
  "ia64-linux-gnu",
  "m68k-linux-gnu",
  "mips-linux-gnu",
  "mips64-linux-gnuabi64",
  "or1k-elf",
  "powerpc64le-linux-gnu",
  "riscv64-linux-gnu",
  "s390x-linux-gnu",
  "sh4-linux-gnu",
  "sparc64-linux-gnu",
  "x86_64-linux-gnu",
];

/** Names that some architecture's bfd takes for a mapping symbol or a local label, and names like them. */
const ODD_NAMES = [
  ...["$a", "$b", "$d", "$f", "$m", "$p", "$s", "$t", "$x", "$y", "$"],
  ...["$b.x", "$d.7", "$d.50", "$d7", "$x.1", "$xfoo", "$xrv64i2p0", "a$d", "$Lmips", "$$dyncall"],
  ...[".Lone", ".L1", "..two", "_.L_three", "_.L4", "L0", "L0x", "L$5", "four", ".text_five", "ü 6"],
  ...["L0\x01", "L1\x01x", "L0\x01\x02", "L1\x02", "L12\x02", "L12\x01", "L3\x02foo", "L45\x0145"],
];

/** Sections with a letter of their own somewhere, and their flags and type. */
const ODD_SECTIONS = {
  ".sdata": '"aw",%progbits',
  ".sbss": '"aw",%nobits',
  ".sdata.one": '"aw",%progbits',
  ".sdata2": '"a",%progbits',
  ".srodata": '"a",%progbits',
  ".scommon": '"aw",%nobits',
  ".lit4": '"aw",%progbits',
  ".lit8": '"aw",%progbits',
  ".got": '"aw",%progbits',
  ".tdata": '"awT",%progbits',
  ".tbss": '"awT",%nobits',
  ".mdebug.abi32": '"",%progbits',
  ".debugging": '"",%progbits',
  ".writable": '"w",%progbits',
  ".init.text": '"ax",%progbits',
};

test.each(TARGETS)("odd names and sections: %s", (target) => {
  const names = ODD_NAMES.map(
    (name) => `"${name}":\n\t.skip 4\n\t.globl "g${name}"\n"g${name}":\n\t.skip 4\n\t.globl "${name}"\n`,
  );
  const local = [".Llocal", "..local", "_.L_local", "$d.local", "$local", "local"].map(
    (name) => `"${name}":\n\t.skip 4\n`,
  );
  const sections = Object.entries(ODD_SECTIONS).map(
    ([name, flags], i) =>
      `\t.section ${name},${flags}\nlocal${i}:\n\t.skip 4\n\t.globl global${i}\nglobal${i}:\n\t.skip 4\n`,
  );
  const others = `
	.weak weak_missing
	.weak weak_object_missing
	.type weak_object_missing, %object
	.globl hidden
	.hidden hidden
hidden:
	.skip 4
absolute_local = 0x1234
	.globl absolute
absolute = 0xc1000000
	.comm common4, 4, 4
	.comm common16, 16, 8
`;
  const source = ["\t.text\n", ...names, ...local, others, ...sections].join("");
  writeFileSync(path(`odd-${target}.s`), source);
  tool(`${target}-as`, ["-L", "-o", path(`odd-${target}.o`), path(`odd-${target}.s`)]);
  expectAsNm(path(`odd-${target}.o`), `${target}-nm`);
});

test("mapping symbols of RISC-V as binutils 2.44 knows them", () => {
  const listing = textOf(listingOfElf(path("odd-riscv64-linux-gnu.o")));
  for (const name of ["$d.50", "$x.1", "$xfoo"]) expect(listing).toContain(` ${name}\n`);
  for (const name of ["$d", "$x", "$xrv64i2p0"]) expect(listing).not.toContain(` ${name}\n`);
});

test("large common symbols of x86-64, and small ones of MIPS", () => {
  expectAsNm(assemble("large", "\t.largecomm large, 16, 8\n\t.comm other, 8, 8\n"));
  const object = assemble("common", "\t.comm small, 4, 4\n", "mips-linux-gnu-as");
  const bytes = readFileSync(object);
  const entry = bytes.indexOf(Buffer.from([0, 0, 0, 4, 0, 0, 0, 4, 0x11, 0, 0xff, 0xf2]));
  expect(entry).toBeGreaterThan(0);
  bytes.writeUInt16BE(0xff03, entry + 10);
  writeFileSync(object, bytes);
  expect(expectAsNm(object, "mips-linux-gnu-nm")).toBe("00000004 c small\n");
});

test("lines with other names come after those of their symbols, for names of any length", () => {
  const lengths = [
    5,
    300_000,
    7,
    262_000,
    90,
    262_144,
    ...Array.from({ length: 3000 }, (_, i) => 1 + (i % 500)),
  ];
  const source = lengths.map((length, i) => `s${i}_${"x".repeat(length)}: nop\n`).join("");
  const object = assemble("lengths", source);
  const printed = tool("nm", ["-n", object]).toString().trimEnd().split("\n");
  const symbols = printed.flatMap((_, i) => (i % 3 === 0 || i < 8 ? [i] : []));
  const added = new Map(
    symbols.map((symbol) => {
      const length = defined(lengths[(symbol + 1) % 8], "length of an alias");
      return [symbol, `alias${symbol}@${"y".repeat(length)}`];
    }),
  );
  const expected = printed.flatMap((line, i) => {
    const name = added.get(i);
    return name === undefined ? [line] : [line, line.slice(0, 19) + name];
  });
  const pieces = Array.from(listingOfElf(object).lines(added), (piece) => Buffer.from(piece));
  expect(Buffer.concat(pieces).toString()).toBe(`${expected.join("\n")}\n`);
});

test("a C++ object, with unique objects, guards and groups", () => {
  const source = `
template <class T> struct S { static T value; static T &get() { static T x = T(); return x; } };
template <class T> T S<T>::value = 1;
thread_local int t = 1;
int use() { return S<int>::value + S<int>::get() + S<long>::value + t; }
`;
  writeFileSync(path("cpp.cc"), source);
  tool("clang++", ["-g", "-c", "-o", path("cpp.o"), path("cpp.cc")]);
  expect(expectAsNm(path("cpp.o"))).toMatch(/ [Vu] /);
});

test("a stripped file has no symbol table", () => {
  tool("strip", ["-o", path("stripped"), SAMPLE]);
  const elf = openElf(path("stripped"));
  expect(elfListing(elf)).toBeUndefined();
  elf.file.close();
});

test("each line has the index of its symbol table entry", () => {
  const { table, tableIndex, count, addressLow, ...listing } = listingOfElf(SAMPLE);
  expect(new Set(tableIndex).size).toBe(count);
  const entries = tool("readelf", ["-sW", SAMPLE]).toString().split("\n");
  expect(count).toBeGreaterThan(100);
  for (let symbol = 0; symbol < count; symbol++) {
    const index = defined(tableIndex[symbol], `index of line ${symbol}`);
    const entry = entries.find((line) => line.startsWith(`${String(index).padStart(6)}: `));
    const fields = entry?.trim().split(/\s+/);
    expect(fields?.[7]).toBe(symbolName(listing, symbol));
    expect(Number.parseInt(fields?.[1]?.slice(8) ?? "", 16)).toBe(addressLow[symbol]);
    expect(Number(fields?.[2])).toBe(symbolSize(table, index));
  }
});

test("a listing is invalid once its memory is reused", () => {
  const memory = wasmMemory();
  const list = () => {
    const elf = openElf(SAMPLE);
    try {
      return elfListing(elf, undefined, memory);
    } finally {
      elf.file.close();
    }
  };
  const first = list();
  const lines = first?.lines()[Symbol.iterator]();
  const second = list();
  const ended = /memory of this data has been reused/;
  expect(() => first?.nameStart).toThrow(ended);
  expect(() => first?.table).toThrow(ended);
  expect(() => lines?.next()).toThrow(ended);
  expect(second?.nameStart.length).toBe(second?.count);
});

// LoongArch's modules have a hundred labels for each other symbol. With more than 65,280 sections, a symbol's section is in SHT_SYMTAB_SHNDX.
test.each([
  { objects: "few sections", count: 3 },
  { objects: "many sections", count: 66_000 },
])(
  "a listing without labels has the other symbols, with their entries in .symtab and in $objects, and no room for the labels",
  ({ count }) => {
    const labels = 20;
    const source = `
      .file "L0.c"
      .macro one
      .section .text.\\@, "ax"
      .type function\\@, %function
      $x\\@: .L\\@: L0\\@: nop
      function\\@: nop
      .endm
      .rept ${count}
      one
      .endr
      ${Array.from({ length: labels * 1000 }, (_, i) => `.Lmore${i}:`).join("\n")}
      L1: nop`;
    writeFileSync(path("labels.s"), source);
    const object = path("labels.o");
    tool("as", ["-L", "-o", object, path("labels.s")]);

    const memory = wasmMemory();
    const elf = openElf(object);
    const listing = defined(
      listingWithoutLabels(elf, new Uint32Array(elf.sections.length), memory),
      "symbols",
    );
    elf.file.close();
    const { table, tableIndex } = listing;
    const listed = Array.from({ length: listing.count }, (_, symbol) => {
      const index = defined(tableIndex[symbol], `index of symbol ${symbol}`);
      return `${symtabIndex(table, index)} ${sectionIndexOf(table, index)} ${symbolName(listing, symbol)}`;
    });
    const printed = tool("readelf", ["-sW", object]).toString();
    const entries = Array.from(
      printed.matchAll(/^ *(\d+): \S+ +\S+ (?:NOTYPE|FUNC) .* (\d+) (function\d+|L1)$/gm),
      ([, index, section, name]) => `${index} ${section} ${name}`,
    );
    expect(entries).toHaveLength(count + 1);
    expect(listed.sort()).toEqual(entries.sort());
    // A file whose name looks like a label is none.
    expect(fileSymbolOf(table, defined(tableIndex.at(-1), "the last symbol"))).toBe("L0.c");
    expect(table.count).toBeLessThan(2 * count + 10);
    const bytesEach = 150;
    expect(memory.buffer().byteLength).toBeLessThan(table.strings.length + (count + 10_000) * bytesEach);
  },
);

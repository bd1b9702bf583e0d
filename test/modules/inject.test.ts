// With aliases, objects of every format are the same objects for readelf, eu-elflint and the linkers.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { SHT_REL } from "../../src/constants/elf.ts";
import { openElf } from "../../src/elf/elf-file.ts";
import { hasModuleSignature } from "../../src/elf/module-signature.ts";
import { withMovedSymbols } from "../../src/elf/symbol-indices.ts";
import { readSymbolTable } from "../../src/elf/symbol-table.ts";
import { Failure } from "../../src/failure.ts";
import { defined } from "../defined.ts";
import { SAMPLE } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { expectOnlyAliasesAdded, injected, type ObjectView, objectView } from "./injected.ts";

/** Linux's scripts/sign-file. */
const SIGN_FILE = "/usr/lib/linux-kbuild-6.1/scripts/sign-file";

const directory = temporaryDirectory();
const path = (name: string) => join(directory, name);

/** Functions and variables of every binding and visibility, per-function sections, and a group with its own symbol. */
const SOURCE = `
  #define APART __attribute__((noinline))
  static APART int first(int x) { return x * 3; }
  static int counter;
  APART int shared(int x) { return first(x) + counter++; }
  __attribute__((weak)) APART int replaceable(int x) { return first(x) + shared(x + 1); }
  __attribute__((visibility("hidden"))) APART int internal(int x) { return replaceable(x) / 3; }
  static APART int last(int x) { return internal(x) + 1; }
  extern int elsewhere(int);
  int (*table[])(int) = { first, shared, replaceable, internal, last, elsewhere };
  int entry(int x) { return last(x) + elsewhere(x) + table[x & 3](x); }
  __asm__(".section .text.grouped,\\"axG\\",%progbits,signature,comdat\\n.weak signature\\nsignature: .long 0\\n.text");
`;

function compile(name: string, source: string, compiler: string, ...flags: string[]): string {
  writeFileSync(path(`${name}.c`), source);
  const usual = ["-O2", "-g", "-ffunction-sections", "-fno-pic", "-ffreestanding"];
  tool(compiler, [...usual, ...flags, "-c", "-o", path(`${name}.o`), path(`${name}.c`)]);
  return path(`${name}.o`);
}

function assemble(name: string, source: string): string {
  writeFileSync(path(`${name}.s`), source);
  tool("as", ["-o", path(`${name}.o`), path(`${name}.s`)]);
  return path(`${name}.o`);
}

const viewOf = (object: string) => objectView(object, tool("readelf", ["-hSsW", object]).toString());

/** Aliases for the defined symbols of these types; functions by default. */
function aliasesFor({ symbols }: ObjectView, types: readonly string[] = ["FUNC"]): Map<number, string> {
  const aliases = new Map<number, string>();
  symbols.forEach(({ type, section, name }, index) => {
    if (types.includes(type) && /^\d/.test(section)) aliases.set(index, `${name}@dir_file_c_${index}`);
  });
  return aliases;
}

/** Writes an object with aliases next to the one without. @returns its path */
function inject(object: string, aliases: ReadonlyMap<number, string>): string {
  writeFileSync(`${object}.aliased`, injected(object, aliases));
  return `${object}.aliased`;
}

/** The relocations as readelf prints them, without the places of sections in the file and symbols' indices. */
function relocations(object: string): string {
  const printed = tool("readelf", ["-rW", object]).toString();
  return printed
    .replace(/^(Relocation section '.*') at offset .* contains/gm, "$1")
    .replace(/^([0-9a-f]+) +[0-9a-f]+ /gm, "$1 ");
}

/** The findings of eu-elflint, without the numbers of symbols. */
function complaints(object: string): string {
  const { stdout } = spawnSync("eu-elflint", ["--gnu", object], { env: { ...process.env, LC_ALL: "C" } });
  return stdout.toString().replace(/symbol \[ *\d+\]/g, "symbol");
}

interface Format {
  readonly name: string;
  readonly compiler: readonly [command: string, ...flags: string[]];
  readonly linker: readonly [command: string, ...flags: string[]];
}

const clangFor = (target: string, linker: Format["linker"] = ["ld.lld"], ...flags: string[]): Format => ({
  name: `clang, ${target}`,
  compiler: ["clang", `--target=${target}`, ...flags],
  linker,
});

const FORMATS: readonly Format[] = [
  { name: "gcc, x86-64", compiler: ["gcc"], linker: ["ld"] },
  { name: "gcc -m32", compiler: ["gcc", "-m32"], linker: ["ld.lld"] },
  { name: "gcc, s390x", compiler: ["s390x-linux-gnu-gcc"], linker: ["s390x-linux-gnu-ld"] },
  clangFor("x86_64-linux-gnu", ["ld.lld"], "-faddrsig"),
  clangFor("i386-linux-gnu", ["ld.lld"], "-faddrsig"),
  clangFor("aarch64-linux-gnu", ["aarch64-linux-gnu-ld"]),
  clangFor("arm-linux-gnueabihf", ["arm-linux-gnueabihf-ld"]),
  clangFor("armeb-linux-gnueabihf", ["arm-linux-gnueabihf-ld", "-EB"]),
  clangFor("riscv64-linux-gnu", ["riscv64-linux-gnu-ld"]),
  clangFor("riscv32-linux-gnu"),
  clangFor("powerpc64le-linux-gnu", ["powerpc64le-linux-gnu-ld"]),
  clangFor("powerpc64-linux-gnu"),
  clangFor("powerpc-linux-gnu"),
  clangFor("mips-linux-gnu", ["mips-linux-gnu-ld"]),
  clangFor("mipsel-linux-gnu"),
  clangFor("mips64-linux-gnuabi64", ["mips64-linux-gnuabi64-ld"]),
  clangFor("mips64el-linux-gnuabi64"),
];

describe.each(FORMATS)("$name", ({ name, compiler: [command, ...flags], linker: [link, ...linkFlags] }) => {
  let object: string;
  let before: ObjectView;
  let aliases: ReadonlyMap<number, string>;
  let aliased: string;

  beforeAll(() => {
    object = compile(name.replace(/\W/g, "-"), SOURCE, command, ...flags);
    before = viewOf(object);
    aliases = aliasesFor(before, ["FUNC", "OBJECT"]);
    aliased = inject(object, aliases);
  });

  test("each alias comes after its original, and nothing else changes", () => {
    expect(before.sections.filter(({ type }) => type === "GROUP")).toHaveLength(1);
    expect(aliases.size).toBeGreaterThan(6);
    expectOnlyAliasesAdded(before, viewOf(aliased), aliases);
    expect(relocations(aliased)).toBe(relocations(object));
    expect(complaints(aliased)).toBe(complaints(object));
  });

  test("it links", () => {
    for (const input of [object, aliased]) tool(link, [...linkFlags, "-r", "-o", `${input}.linked`, input]);
    const { symbols } = viewOf(`${aliased}.linked`);
    const columns = new Map(symbols.map((symbol) => [symbol.name, symbol.columns]));
    for (const [index, alias] of aliases) {
      const { name } = defined(before.symbols[index], `symbol ${index}`);
      expect(columns.get(alias)).toBe(defined(columns.get(name), `${name} in the linked object`));
    }
    expect(relocations(`${aliased}.linked`)).toBe(relocations(`${object}.linked`));
  });

  test("an object that already has its aliases does not change", () => {
    const again = new Map<number, string>();
    viewOf(aliased).symbols.forEach(({ name }, index) => {
      for (const [original, alias] of aliases)
        if (before.symbols[original]?.name === name) again.set(index, alias);
    });
    expect(again.size).toBe(aliases.size);
    expect(injected(aliased, again).equals(readFileSync(aliased))).toBe(true);
  });
});

describe("the order of the symbol table", () => {
  let object: string;
  const names = (object: string) =>
    viewOf(object).symbols.flatMap(({ name, section }) =>
      section === "1" && name !== ".text" ? [name] : [],
    );
  const indexOf = (object: string, name: string) =>
    viewOf(object).symbols.findIndex((symbol) => symbol.name === name);

  beforeAll(() => {
    object = assemble("namesakes", "f: g: nop\nh: nop\n .globl k\nk: nop");
    expect(names(object)).toEqual(["f", "g", "h", "k"]);
  });

  test("an alias comes before another name at the same address", () => {
    const aliases = new Map([[indexOf(object, "f"), "f@a_c_1"]]);
    expect(names(inject(object, aliases))).toEqual(["f", "f@a_c_1", "g", "h", "k"]);
    aliases.set(indexOf(object, "g"), "g@a_c_1");
    expect(names(inject(object, aliases))).toEqual(["f", "f@a_c_1", "g", "g@a_c_1", "h", "k"]);
  });

  test("a second alias comes after the first, and no alias occurs twice", () => {
    const once = inject(object, new Map([[indexOf(object, "f"), "f@a_c_1"]]));
    const f = indexOf(once, "f");
    const twice = inject(
      once,
      new Map([
        [f, "f@a_c_2"],
        [indexOf(once, "h"), "h@a_c_3"],
      ]),
    );
    expect(names(twice)).toEqual(["f", "f@a_c_1", "f@a_c_2", "g", "h", "h@a_c_3", "k"]);
    for (const alias of ["f@a_c_1", "f@a_c_2"]) {
      const again = new Map([
        [indexOf(twice, "h"), "h@a_c_3"],
        [f, alias],
      ]);
      expect(injected(twice, again).equals(readFileSync(twice))).toBe(true);
    }
  });

  test("the order in which aliases are given does not matter", () => {
    const aliases = viewOf(object)
      .symbols.map(({ name }, index): [number, string] => [index, `${name}@x`])
      .slice(1);
    expect(injected(object, new Map(aliases.toReversed())).equals(injected(object, new Map(aliases)))).toBe(
      true,
    );
  });

  test("without aliases, nothing changes", () => {
    expect(injected(object, new Map()).equals(readFileSync(object))).toBe(true);
    expect(injected(SAMPLE, new Map()).equals(readFileSync(SAMPLE))).toBe(true);
  });
});

describe("special objects", () => {
  /** Injects aliases of all functions and expects nothing else to be different. */
  function expectOnlyAliases(object: string): string {
    const before = viewOf(object);
    const aliases = aliasesFor(before);
    expect(aliases.size).toBeGreaterThan(3);
    const aliased = inject(object, aliases);
    expectOnlyAliasesAdded(before, viewOf(aliased), aliases);
    expect(relocations(aliased)).toBe(relocations(object));
    return aliased;
  }

  let plain: string;

  beforeAll(() => {
    plain = compile("plain", SOURCE, "gcc");
  });

  test("more than 65,280 sections", () => {
    const source = `
      .altmacro
      .macro define n
      .section .text.f\\n,"ax",@progbits
      .type f\\n,@function
      f\\n: nop
      .endm
      .set i,0
      .rept 65400
      define %i
      .set i,i+1
      .endr
      .globl g
      .type g,@function
      g: call f65399
      .data
      .quad f65390, f12, g`;
    const object = assemble("many", source);
    const before = viewOf(object);
    const aliases = new Map([...aliasesFor(before)].filter((_, i) => i % 100 === 99 || i > 65_300));
    // The next symbol has this name, and is alike but for its section: no alias.
    aliases.set(
      before.symbols.findIndex(({ name }) => name === "f65390"),
      "f65391",
    );
    const aliased = inject(object, aliases);
    expectOnlyAliasesAdded(before, viewOf(aliased), aliases);
    expect(relocations(aliased)).toBe(relocations(object));
    expect(complaints(aliased)).toBe(complaints(object));
  });

  test.each(["objcopy", "llvm-objcopy"])("sections emptied by %s --only-keep-debug", (objcopy) => {
    const object = path(`${objcopy}-debug.o`);
    tool(objcopy, ["--only-keep-debug", plain, object]);
    expect(viewOf(object).sections.find(({ name }) => name === ".text.shared")?.type).toBe("NOBITS");
    expectOnlyAliases(object);
  });

  test("compressed debug sections", () => {
    const object = path("compressed.o");
    tool("objcopy", ["--compress-debug-sections=zlib", plain, object]);
    expectOnlyAliases(object);
  });

  test("an aligned section after the symbol table, and bytes outside sections", () => {
    const object = path("late.o");
    tool("llvm-objcopy", ["--add-section", `.late=${plain}`, plain, object]);
    tool("llvm-objcopy", ["--set-section-alignment", ".late=4096", object]);
    writeFileSync(object, "the end", { flag: "a" });
    const { sections } = viewOf(object);
    const symtab = sections.find(({ type }) => type === "SYMTAB");
    const { offset } = defined(symtab, "symbol table");
    expect(sections.find(({ name }) => name === ".late")?.offset).toBeGreaterThan(offset);
    const aliased = readFileSync(expectOnlyAliases(object)).toString("latin1");
    expect(aliased.endsWith("the end")).toBe(true);
  });

  test("address-significant symbols and a call-graph profile", () => {
    const functions = Array.from(
      { length: 300 },
      (_, i) => `.type f${i},@function\nf${i}: nop\n.addrsig_sym f${i}`,
    );
    const profile =
      ".cg_profile f1, f299, 32\n.cg_profile f200, shared, 7\n.addrsig\n.globl shared\nshared: nop";
    writeFileSync(path("profile.s"), [...functions, profile, ""].join("\n"));
    const object = path("profile.o");
    tool("clang", ["-c", "-o", object, path("profile.s")]);
    const aliased = expectOnlyAliases(object);
    const told = (file: string) => {
      const output = tool("llvm-readelf", ["--elf-output-style=LLVM", "--addrsig", "--cg-profile", file]);
      // A name is followed by its index.
      return output
        .toString()
        .replace(/^File: .*/m, "")
        .replace(/ \(\d+\)$/gm, "");
    };
    expect(told(object)).toMatch(/From: f200\s+To: shared\s+Weight: 7\b/);
    expect(told(object)).toMatch(/Sym: f299$/m);
    expect(told(aliased)).toBe(told(object));
  });
});

describe("signed modules", () => {
  let plain: string;
  let signed: string;
  let aliases: ReadonlyMap<number, string>;

  beforeAll(() => {
    const modinfo = '__asm__(".section .modinfo,\\"a\\"\\n.asciz \\"license=GPL\\"\\n.text");';
    plain = compile("module", SOURCE + modinfo, "gcc");
    aliases = aliasesFor(viewOf(plain));
    const keys = ["-keyout", path("key.pem"), "-out", path("certificate.pem")];
    tool("openssl", ["req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", ...keys]);
    signed = path("signed.ko");
    tool(SIGN_FILE, ["sha256", path("key.pem"), path("certificate.pem"), plain, signed]);
  });

  test("are detected", () => {
    for (const [object, isSigned] of [
      [plain, false],
      [signed, true],
    ] as const) {
      const elf = openElf(object);
      expect(hasModuleSignature(elf)).toBe(isSigned);
      elf.file.close();
    }
    expect(tool("modinfo", ["-F", "signer", signed]).toString()).toBe("test\n");
  });

  test("are refused", () => {
    expect(() => injected(signed, aliases)).toThrow(
      new Failure("WRONG_KIND", signed, "is signed", "inject before signing, or give --drop-signature"),
    );
  });

  test("lose their signature on request", () => {
    expect(injected(signed, aliases, { dropSignature: true }).equals(injected(plain, aliases))).toBe(true);
  });

  test("stay signed if they already have their aliases", () => {
    const resigned = path("resigned.ko");
    tool(SIGN_FILE, ["sha256", path("key.pem"), path("certificate.pem"), inject(plain, aliases), resigned]);
    const moved = expectOnlyAliasesAdded(viewOf(plain), viewOf(resigned), aliases);
    const again = new Map(
      Array.from(aliases, ([index, alias]) => [defined(moved[index], `new index of symbol ${index}`), alias]),
    );
    expect(injected(resigned, again).equals(readFileSync(resigned))).toBe(true);
  });
});

/** A copy of an object in which something is wrong. */
function damaged(
  object: string,
  damage: (bytes: Buffer, headerOf: (name: string) => number) => void,
): string {
  const bytes = readFileSync(object);
  const { sections } = viewOf(object);
  // e_shoff, and the size of a 64-bit section header.
  const headers = Number(bytes.readBigUInt64LE(0x28));
  damage(bytes, (wanted) => headers + 64 * sections.findIndex(({ name }) => name === wanted));
  writeFileSync(`${object}.damaged`, bytes);
  return `${object}.damaged`;
}

// Members of a 64-bit section header.
const SH_TYPE = 4;
const SH_OFFSET = 24;
const SH_SIZE = 32;
const SH_LINK = 40;
const SH_INFO = 44;

describe("an object that is refused", () => {
  let object: string;
  let aliases: ReadonlyMap<number, string>;
  const messageOf = (file: string, options?: { dropSignature: boolean }) => {
    try {
      injected(file, aliases, options);
    } catch (error) {
      if (error instanceof Failure) return error.message.replace(`${file}: `, "");
      throw error;
    }
    return "is taken";
  };

  beforeAll(() => {
    object = compile("refused", SOURCE, "gcc");
    aliases = aliasesFor(viewOf(object));
  });

  test("is an executable", () => {
    expect(messageOf(SAMPLE)).toBe("is not a relocatable object; give .ko or .o files");
  });

  test("is stripped", () => {
    tool("strip", ["-o", path("stripped.o"), object]);
    expect(messageOf(path("stripped.o"))).toBe("has no symbol table; give the unstripped file");
  });

  test("has program headers", () => {
    const file = damaged(object, (bytes) => bytes.writeUInt16LE(1, 56));
    expect(messageOf(file)).toMatch(/^has program headers; /);
  });

  test("has a section of unknown type that belongs to the symbol table", () => {
    const file = damaged(object, (bytes, headerOf) => {
      bytes.writeUInt32LE(5, headerOf(".comment") + SH_TYPE); // SHT_HASH
      bytes.writeUInt32LE(
        bytes.readUInt32LE(headerOf(".rela.data") + SH_LINK),
        headerOf(".comment") + SH_LINK,
      );
    });
    expect(messageOf(file)).toMatch(/^\.comment: .*\(section type 0x5\); .*--remove-section$/);
  });

  test("has a gap that would fill a disk, at its end or before the section headers", () => {
    const file = path("sparse.o");
    tool("cp", [object, file]);
    tool("truncate", ["-s", "1T", file]);
    expect(messageOf(file)).toMatch(/^\d+ bytes from offset \d+ on belong to no section; /);

    const bytes = readFileSync(object);
    const headers = bytes.subarray(Number(bytes.readBigUInt64LE(40)));
    const last = path("headers");
    writeFileSync(last, headers);
    tool("cp", [object, file]);
    tool("dd", [`if=${last}`, `of=${file}`, "bs=1M", "seek=1M", "conv=notrunc"]);
    const header = path("header");
    bytes.writeBigUInt64LE(2n ** 40n, 40);
    writeFileSync(header, bytes.subarray(0, 64));
    tool("dd", [`if=${header}`, `of=${file}`, "conv=notrunc"]);
    expect(messageOf(file)).toMatch(/^\d+ bytes from offset \d+ on belong to no section; /);
  });

  test("has overlapping sections", () => {
    const file = damaged(object, (bytes, headerOf) => {
      bytes.copy(
        bytes,
        headerOf(".comment") + SH_OFFSET,
        headerOf(".symtab") + SH_OFFSET,
        headerOf(".symtab") + SH_SIZE,
      );
    });
    expect(messageOf(file)).toMatch(/^section \d+ and another part of the file overlap; /);
  });

  test("has a relocation with a missing symbol", () => {
    const file = damaged(object, (bytes, headerOf) => {
      const start = Number(bytes.readBigUInt64LE(headerOf(".rela.data") + SH_OFFSET));
      bytes.writeUInt32LE(99_999, start + 12);
    });
    expect(messageOf(file)).toMatch(/^\.rela\.data: refers to symbol 99999, which does not exist; /);
  });

  test("has half a relocation", () => {
    const file = damaged(object, (bytes, headerOf) => {
      bytes.writeUInt32LE(
        bytes.readUInt32LE(headerOf(".rela.data") + SH_SIZE) - 12,
        headerOf(".rela.data") + SH_SIZE,
      );
    });
    expect(messageOf(file)).toMatch(/^\.rela\.data: 132 bytes are not a table of 24-byte relocations; /);
  });

  test.each([".group", ".symtab"])("refers in the header of %s to a missing symbol", (name) => {
    const file = damaged(object, (bytes, headerOf) => bytes.writeUInt32LE(99_999, headerOf(name) + SH_INFO));
    expect(messageOf(file)).toMatch(`${name}: refers to symbol 99999, which does not exist; `);
  });

  test("has too few extended section indices", () => {
    const file = damaged(object, (bytes, headerOf) => {
      bytes.writeUInt32LE(18, headerOf(".comment") + SH_TYPE); // SHT_SYMTAB_SHNDX
      bytes.writeUInt32LE(
        bytes.readUInt32LE(headerOf(".rela.data") + SH_LINK),
        headerOf(".comment") + SH_LINK,
      );
    });
    expect(messageOf(file)).toMatch(/^\.comment: does not have an entry for each symbol; /);
  });

  test.each([
    [0xffffffff, "module signature: is longer than the file"],
    [40, "the section headers and another part of the file overlap"],
  ])("claims a signature of %i bytes that does not exist", (length, problem) => {
    const header = Buffer.alloc(12);
    header.writeUInt32BE(length, 8);
    writeFileSync(
      path("signed.o"),
      Buffer.concat([readFileSync(object), header, Buffer.from("~Module signature appended~\n")]),
    );
    expect(messageOf(path("signed.o"), { dropSignature: true })).toMatch(problem);
  });

  test("cannot hold a symbol's index", () => {
    const elf = openElf(compile("narrow", SOURCE, "gcc", "-m32"));
    const section = defined(
      elf.sections.find(({ type }) => type === SHT_REL),
      "section of relocations",
    );
    const moved = new Uint32Array(1000).fill(2 ** 24);
    const change = withMovedSymbols(elf, section, moved);
    expect(() => [...(change?.content?.() ?? [])]).toThrow(
      "cannot hold the symbol index 16777216; alias fewer symbols",
    );
    elf.file.close();
  });
});

const FUZZED = ["gcc, x86-64", "clang, i386-linux-gnu", "clang, mips64-linux-gnuabi64"];

test.each(FORMATS.filter(({ name }) => FUZZED.includes(name)))(
  "an object with any damage gives a readable object or a one-line failure: $name",
  ({ name, compiler: [command, ...flags] }) => {
    const object = compile(`fuzzed-${name.replace(/\W/g, "-")}`, SOURCE, command, ...flags);
    const original = readFileSync(object);
    const { sections } = viewOf(object);
    const spots = sections.flatMap(({ type, offset, size }) =>
      ["SYMTAB", "REL", "RELA", "LOOS+0xfff4c03"].includes(type) ? [{ start: offset, size }] : [],
    );
    const headers = { start: original.length - sections.length * 64, size: sections.length * 64 };
    spots.push(headers, headers, headers, { start: 0, size: 64 }, { start: 0, size: original.length });
    const edit = fc.record({
      spot: fc.constantFrom(...spots),
      at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      value: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255)),
    });
    let taken = 0;
    const damage = fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      const bytes = Buffer.from(original);
      for (const { spot, at, value } of edits) bytes[spot.start + Math.floor(at * spot.size)] = value;
      if (aliasAll(`${object}.fuzzed`, bytes)) taken++;
    });
    fc.assert(damage, { numRuns: 600, seed: 3 });
    expect(taken).toBeGreaterThan(50);
    expect(taken).toBeLessThan(550);
  },
);

/** Gives every symbol of an object an alias; false when the object is refused. */
function aliasAll(file: string, bytes: Buffer): boolean {
  writeFileSync(file, bytes);
  let count: number;
  try {
    count = symbolCount(file);
    const aliases = new Map(Array.from({ length: count - 1 }, (_, i) => [i + 1, `@${i}`]));
    writeFileSync(`${file}.aliased`, injected(file, aliases));
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
  expect(symbolCount(`${file}.aliased`)).toBe(2 * count - 1);
  return true;
}

function symbolCount(file: string): number {
  const elf = openElf(file);
  try {
    return readSymbolTable(elf)?.count ?? 1;
  } finally {
    elf.file.close();
  }
}

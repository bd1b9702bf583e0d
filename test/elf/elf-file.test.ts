import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { openDebugSections } from "../../src/dwarf/debug-sections.ts";
import { openElf, sectionBytes } from "../../src/elf/elf-file.ts";
import { buildId } from "../../src/elf/notes.ts";
import { readSymbolTable } from "../../src/elf/symbol-table.ts";
import { Failure } from "../../src/failure.ts";
import { elfListing } from "../../src/symbols/elf-listing.ts";
import { defined } from "../defined.ts";
import { resolved } from "../locations.ts";
import { SAMPLE } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { elfBytes } from "./elf-bytes.ts";

const directory = temporaryDirectory();
const path = (name: string) => join(directory, name);
const original = readFileSync(SAMPLE);
const SECTION_TABLE = Number(original.readBigUInt64LE(40));

const sample = openElf(SAMPLE);
function sectionOf(name: string) {
  const section = sample.sections.find((candidate) => candidate.name === name);
  if (section === undefined) throw new Error(`the sample has no ${name}`);
  return section;
}

const TEXT = Array.from(
  tool("nm", ["-n", SAMPLE])
    .toString()
    .matchAll(/^(\w{16}) [tT] /gm),
  ([, address]) => defined(address, "address in nm's line"),
);

let copies = 0;

/** A copy of the sample kernel with some of its bytes changed. */
function changed(change: (bytes: Buffer) => void): string {
  const bytes = Buffer.from(original);
  change(bytes);
  const copy = path(`vmlinux-${++copies}`);
  writeFileSync(copy, bytes);
  return copy;
}

/** A copy with a member of a section's header changed; offsets within Elf64_Shdr. */
const MEMBERS = {
  type: [4, 4],
  flags: [8, 8],
  offset: [24, 8],
  size: [32, 8],
  link: [40, 4],
  entrySize: [56, 8],
} as const;
function withHeader(name: string, member: keyof typeof MEMBERS, value: bigint): string {
  const [offset, size] = MEMBERS[member];
  return changed((bytes) => {
    const at = SECTION_TABLE + sectionOf(name).index * 64 + offset;
    if (size === 8) bytes.writeBigUInt64LE(value, at);
    else bytes.writeUInt32LE(Number(value), at);
  });
}

/** A copy with bytes of a section's content changed. */
function withContent(name: string, at: number, ...values: number[]): string {
  return changed((bytes) => bytes.set(values, sectionOf(name).offset + at));
}

/** The message that refuses a file when it is opened, its symbols are read, or an address is looked up. */
async function refusal(file: string): Promise<string> {
  try {
    const elf = openElf(file);
    try {
      elfListing(elf);
      buildId(elf);
    } finally {
      elf.file.close();
    }
    await resolved(file, ["0", ...TEXT]);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    expect(error.message).not.toMatch(/\p{Cc}/u);
    expect(error.message).toContain("; ");
    return error.message.replace(file, "FILE");
  }
  throw new Error(`${file} was taken`);
}

describe("an ELF file", () => {
  test("has the sections that readelf lists", () => {
    const listed = tool("readelf", ["-SW", SAMPLE])
      .toString()
      .matchAll(
        /^ +\[ *(\d+)\] (\S*) +(NULL|[A-Z]+\S*) +([0-9a-f]{16}) ([0-9a-f]{6}) ([0-9a-f]{6}) ([0-9a-f]{2}) +[A-Z]* +(\d+) +(\d+)/gm,
      );
    const expected = Array.from(listed, ([, index, name, type, address, offset, size, entry, link, info]) =>
      type === "NULL"
        ? [Number(index), "", "0".repeat(16), 0, 0, 0, 0, 0]
        : [
            Number(index),
            name,
            address,
            ...[offset, size, entry].map((digits) => Number.parseInt(digits ?? "", 16)),
            Number(link),
            Number(info),
          ],
    );
    expect(expected.length).toBeGreaterThan(10);
    const hex = (value: number) => value.toString(16).padStart(8, "0");
    expect(
      sample.sections.map(({ index, name, addressHigh, addressLow, offset, size, entrySize, link, info }) => [
        ...[index, name, hex(addressHigh) + hex(addressLow), offset, size, entrySize, link, info],
      ]),
    ).toEqual(expected);
  });

  test("has the build ID that readelf prints, or no build ID", () => {
    expect(buildId(sample)).toBe(/Build ID: (\S+)/.exec(tool("readelf", ["-n", SAMPLE]).toString())?.[1]);
    tool("objcopy", ["-R", ".notes", SAMPLE, path("no-notes")]);
    const without = openElf(path("no-notes"));
    expect(buildId(without)).toBeNull();
    without.file.close();
  });

  test("has no build ID if a note has a wrong length", () => {
    const elf = openElf(withContent(".notes", 4, 0xff, 0xff, 0xff, 0x7f));
    expect(buildId(elf)).toBeNull();
    elf.file.close();
  });

  test.each([
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ])("of 64 bits (%j), little-endian (%j)", (is64, littleEndian) => {
    const file = path(`elf-${is64}-${littleEndian}`);
    const sections = [
      { name: ".data", bytes: [1, 2, 3], address: 0x12345678n, flags: 3 },
      { name: ".other", bytes: [4], type: 7, link: 1, info: 9, entrySize: 5 },
    ];
    writeFileSync(file, elfBytes({ is64, littleEndian, machine: 8, type: 1, sections }));
    const elf = openElf(file);
    expect(elf).toMatchObject({ is64, littleEndian, machine: 8, type: 1 });
    expect(elf.sections[1]).toMatchObject({
      name: ".data",
      type: 1,
      flags: 3,
      addressLow: 0x12345678,
      size: 3,
    });
    expect(elf.sections[2]).toMatchObject({ name: ".other", type: 7, link: 1, info: 9, entrySize: 5 });
    const data = elf.sections[1];
    expect(data && [...sectionBytes(elf, data).read(0, 3)]).toEqual([1, 2, 3]);
    elf.file.close();
    expect(tool("readelf", ["-SW", file]).toString()).toMatch(
      /\.data +PROGBITS +0*12345678 .* WA .*\n.*\.other +NOTE /,
    );
  });
});

describe("a Failure reports", () => {
  test.each<[string, () => string, RegExp]>([
    [
      "a missing file",
      () => path("missing"),
      /^FILE: cannot be read: no such file or directory; check the path$/,
    ],
    ["a path through a file", () => join(SAMPLE, "x"), /^FILE: cannot be read: not a directory; /],
    ["a directory", () => directory, /^FILE: is a directory; name a file$/],
    ["a device", () => "/dev/null", /^FILE: is not a regular file; /],
    [
      "a link to itself",
      () => {
        symlinkSync("loop", path("loop"));
        return path("loop");
      },
      /^FILE: cannot be read: too many symbolic links encountered; /,
    ],
    [
      "an empty file",
      () => {
        writeFileSync(path("empty"), "");
        return path("empty");
      },
      /^FILE: is empty; /,
    ],
    [
      "a text",
      () => {
        writeFileSync(path("text"), "0000000000000000 T _text\n");
        return path("text");
      },
      /^FILE: is not an ELF file; give a vmlinux or a module, not a bzImage or text$/,
    ],
    ["a class that does not exist", () => changed((bytes) => bytes.set([3], 4)), /unknown ELF class 3; /],
    [
      "an encoding that does not exist",
      () => changed((bytes) => bytes.set([0], 5)),
      /unknown ELF data encoding 0; /,
    ],
    ["the other byte order", () => changed((bytes) => bytes.set([2], 5)), /^FILE: .*; /],
    ["the other class", () => changed((bytes) => bytes.set([1], 4)), /^FILE: .*; /],
    [
      "no section headers",
      () => changed((bytes) => bytes.fill(0, 40, 48)),
      /^FILE: has no section headers; /,
    ],
    [
      "section headers past the end of the file",
      () => changed((bytes) => bytes.writeBigUInt64LE(1n << 40n, 40)),
      /^FILE: section header 0 is past the end of the file; /,
    ],
    [
      "section headers at an impossible offset",
      () => changed((bytes) => bytes.writeBigUInt64LE(2n ** 64n - 1n, 40)),
      /too large; /,
    ],
    [
      "section headers of a wrong size",
      () => changed((bytes) => bytes.writeUInt16LE(40, 58)),
      /headers have 40 bytes instead of 64; /,
    ],
    [
      "a section header count that is too large",
      () => changed((bytes) => bytes.writeUInt16LE(60000, 60)),
      /past the end/,
    ],
    [
      "an absurd number of sections",
      () =>
        changed((bytes) => {
          bytes.writeUInt16LE(0, 60);
          bytes.writeBigUInt64LE(0xffffffffffffn, SECTION_TABLE + 32);
        }),
      /past the end/,
    ],
    [
      "a missing section name table",
      () => changed((bytes) => bytes.writeUInt16LE(500, 62)),
      /the section name table, section 500, does not exist; /,
    ],
    [
      "a section past the end of the file",
      () => withHeader(".text", "offset", 1n << 33n),
      /^FILE: section 1 ends at byte \d+, the file at \d+; /,
    ],
    [
      "a section larger than the file",
      () => withHeader(".strtab", "size", 1n << 52n),
      /^FILE: section \d+ ends at byte /,
    ],
    [
      "symbols of a wrong size",
      () => withHeader(".symtab", "entrySize", 16n),
      /\.symtab: .* not a table of 24-byte symbols; /,
    ],
    ["half a symbol", () => withHeader(".symtab", "size", 100n), /\.symtab: 100 bytes are not a table/],
    [
      "symbols without names",
      () => withHeader(".symtab", "link", 0n),
      /\.symtab: section 0 is not its string table; /,
    ],
    [
      "a symbol name outside the string table",
      () => withContent(".symtab", 24, 0xff, 0xff, 0xff, 0x7f),
      /a symbol's name is outside/,
    ],
    [
      "a string table without a final NUL",
      () => withContent(".strtab", sectionOf(".strtab").size - 1, 0x41),
      /the string table does not end with NUL; /,
    ],
    [
      "no lines",
      () => withHeader(".debug_line", "type", 8n),
      /^FILE: no line information \(\.debug_line\); build with CONFIG_DEBUG_INFO$/,
    ],
    [
      "a line program longer than its section",
      () => withContent(".debug_line", 0, 0xff, 0xff, 0xff, 0),
      /\.debug_line: at .* past the section's end; /,
    ],
    [
      "a reserved unit length",
      () => withContent(".debug_line", 0, 0xf5, 0xff, 0xff, 0xff),
      /\.debug_line: .*reserved unit length 0xfffffff5; /,
    ],
    [
      "a line program of an unknown version",
      () => withContent(".debug_line", 4, 6, 0),
      /\.debug_line: .*unknown version 6; /,
    ],
    [
      "a line program header longer than the program",
      () => withContent(".debug_line", 8, 0xff, 0xff, 0, 0),
      /\.debug_line: .*header reaches past its end; /,
    ],
    [
      "a unit of an unknown version",
      () => withContent(".debug_info", 4, 77),
      /\.debug_info: .*unknown DWARF version 77; /,
    ],
    [
      "a missing abbreviation table",
      () => withContent(".debug_info", 8, 0xff, 0xff, 0xff),
      /\.debug_abbrev: .*; /,
    ],
    [
      "a missing abbreviation code",
      () => withContent(".debug_info", 12, 0xff, 0x7f),
      /\.debug_abbrev: .*has no code 16383; /,
    ],
    [
      "an endless LEB128 number",
      () => withContent(".debug_info", 12, ...new Array(40).fill(0x80)),
      /\.debug_info: .*LEB128 number does not end; /,
    ],
    ["strings beyond their section", () => withHeader(".debug_str", "size", 1n), /\.debug_(line_)?str: .*; /],
    [
      "a string offset past the end of .debug_line_str",
      () => withHeader(".debug_line_str", "size", 1n),
      /\.debug_line_str: .*; /,
    ],
  ])("%s", async (_, make, message) => {
    expect(await refusal(make())).toMatch(message);
  });

  test("a truncated ELF file", async () => {
    for (const size of [1, 3, 4, 5, 15, 16, 17, 40, 63, 64, 65, 100, 4096, original.length - 1]) {
      writeFileSync(path("cut"), original.subarray(0, size));
      expect(await refusal(path("cut"))).toMatch(/^FILE/);
    }
  });
});

describe("compressed sections", () => {
  const compressed = (format: string) => {
    const file = path(`compressed-${format}`);
    tool("objcopy", [`--compress-debug-sections=${format}`, SAMPLE, file]);
    return file;
  };

  test.each(["zlib", "zstd", "zlib-gnu"])("have the same content with %s as uncompressed", async (format) => {
    const elf = openElf(compressed(format));
    expect(elf.sections.some(({ flags, name }) => (flags & 0x800) !== 0 || name.startsWith(".zdebug_"))).toBe(
      true,
    );
    const sections = await openDebugSections(elf);
    for (const [name, source] of [
      [".debug_line", sections.line],
      [".debug_info", sections.info],
      [".debug_abbrev", sections.abbrev],
      [".debug_str", sections.str],
      [".debug_line_str", sections.lineStr],
    ] as const) {
      tool("objcopy", [
        "-O",
        "binary",
        "--only-section",
        name,
        "--set-section-flags",
        `${name}=alloc`,
        SAMPLE,
        path("plain"),
      ]);
      expect(Buffer.from(source.read(0, source.size)).equals(readFileSync(path("plain")))).toBe(true);
    }
    elf.file.close();
  });

  /** A compressed copy with bytes changed at the start of .debug_line, or of its older form. */
  function damaged(format: string, at: number, ...values: number[]): string {
    const file = compressed(format);
    const elf = openElf(file);
    const section = elf.sections.find(({ name }) => /^\.z?debug_line$/.test(name));
    elf.file.close();
    const bytes = readFileSync(file);
    bytes.set(values, defined(section, ".debug_line").offset + at);
    writeFileSync(file, bytes);
    return file;
  }

  test.each<[string, () => string, RegExp]>([
    [
      "an unknown format",
      () => damaged("zlib", 0, 9),
      /\.debug_line: unknown compression 9; use objcopy --decompress-debug-sections$/,
    ],
    [
      "more bytes than the header gives (zlib)",
      () => damaged("zlib", 8, 16, 0),
      /\.debug_line: does not decompress to the 16 bytes that its header gives; /,
    ],
    ["more than they say (zstd)", () => damaged("zstd", 8, 16, 0), /\.debug_line: .*; /],
    ["less than they say", () => damaged("zlib", 8, 0xff, 0xff, 0xff, 0xff, 0xff), /\.debug_line: .*; /],
    ["no zlib", () => damaged("zlib", 24, 0xff, 0xff), /\.debug_line: cannot be decompressed: .*; /],
    ["no zstd", () => damaged("zstd", 24, 0xff, 0xff), /\.debug_line: cannot be decompressed: .*; /],
    ["damaged zlib", () => damaged("zlib", 40, 0xff, 0xff, 0xff, 0xff), /\.debug_line: .*; /],
    ["damaged zstd", () => damaged("zstd", 40, 0xff, 0xff, 0xff, 0xff), /\.debug_line: .*; /],
    ["no .zdebug magic", () => damaged("zlib-gnu", 0, 0x58), /\.zdebug_line: does not begin with ZLIB; /],
  ])("refuse %s", async (_, make, message) => {
    expect(await refusal(make())).toMatch(message);
  });
});

test("no temporary file is left, even if decompression fails", async () => {
  const temporary = path("temporary");
  mkdirSync(temporary);
  vi.stubEnv("TMPDIR", temporary);
  try {
    const file = path("compressed-good");
    tool("objcopy", ["--compress-debug-sections=zlib", SAMPLE, file]);
    expect((await resolved(file, TEXT)).filter((location) => location !== undefined).length).toBeGreaterThan(
      50,
    );
    expect(readdirSync(temporary)).toEqual([]);
    const bytes = readFileSync(file);
    const elf = openElf(file);
    const lines = elf.sections.find(({ name }) => name === ".debug_line");
    elf.file.close();
    const { offset } = defined(lines, ".debug_line");
    bytes.fill(0xff, offset + 24, offset + 40);
    writeFileSync(file, bytes);
    expect(await refusal(file)).toMatch(/^FILE: \.debug_line: cannot be decompressed/);
    expect(readdirSync(temporary)).toEqual([]);
  } finally {
    vi.unstubAllEnvs();
  }
});

test("an image can have debug information past 4 GiB", async () => {
  const file = path("huge");
  const BEYOND = 5 * 2 ** 30;
  const handle = openSync(file, "w");
  const headers = Buffer.from(original.subarray(SECTION_TABLE));
  const moved = sample.sections.filter(
    ({ name }) => name.startsWith(".debug_") || name === ".symtab" || name === ".strtab",
  );
  expect(moved.length).toBeGreaterThan(6);
  const write = (bytes: Uint8Array, position: number) => writeSync(handle, bytes, 0, bytes.length, position);
  write(original.subarray(0, SECTION_TABLE), 0);
  for (const { index, offset, size } of moved) {
    write(original.subarray(offset, offset + size), BEYOND + offset);
    write(new Uint8Array(size), offset);
    headers.writeBigUInt64LE(BigInt(BEYOND + offset), index * 64 + 24);
  }
  write(headers, BEYOND + SECTION_TABLE);
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(BigInt(BEYOND + SECTION_TABLE));
  write(start, 40);
  closeSync(handle);

  expect(tool("nm", ["-n", file]).toString()).toBe(tool("nm", ["-n", SAMPLE]).toString());
  const locations = await resolved(file, TEXT);
  expect(locations.filter((location) => location !== undefined).length).toBeGreaterThan(50);
  expect(locations).toEqual(await resolved(SAMPLE, TEXT));
  const elf = openElf(file);
  const table = readSymbolTable(elf);
  elf.file.close();
  expect(table?.count).toBe(
    Number(/'\.symtab' contains (\d+) entries/.exec(tool("readelf", ["-sW", SAMPLE]).toString())?.[1]),
  );
});

test("a file of split DWARF is refused by name", async () => {
  writeFileSync(path("a.c"), "int f(void) { return 1; }\n");
  tool("gcc", ["-g", "-gsplit-dwarf", "-c", "-o", path("a.o"), path("a.c")]);
  await expect(resolved(path("a.dwo"), ["0"])).rejects.toThrow(
    /a\.dwo: is a split DWARF file \(\.dwo\); give the vmlinux that it belongs to$/,
  );
});

// Variables and functions of hand-made units: forms, references and locations that no compiler here writes, and
// damaged units.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openDebugSections } from "../../src/dwarf/debug-sections.ts";
import { forEachObject } from "../../src/dwarf/declarations.ts";
import { openElf } from "../../src/elf/elf-file.ts";
import { defined } from "../defined.ts";
import { text } from "../elf/elf-bytes.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import {
  type Attribute,
  type DiePlan,
  debugImage,
  debugInfo,
  type Encoding,
  numbers,
} from "./debug-info-bytes.ts";
import { sleb, uleb } from "./line-program-bytes.ts";

const directory = temporaryDirectory();
let images = 0;

const USUAL: Encoding = { version: 5, littleEndian: true, addressSize: 8, offsetSize: 4 };
const VARIABLE = 0x34;
const SUBPROGRAM = 0x2e;
const STRUCTURE = 0x13;
const MEMBER = 0x0d;
const LEXICAL_BLOCK = 0x0b;

/** Addresses of the variables, 16 bytes apart. */
const ADDRESSES = Array.from({ length: 8 }, (_, i) => 0x81000000 + 16 * i);

const addressOf = (index: number) => defined(ADDRESSES[index], `address of variable ${index}`);

function open(image: Buffer) {
  const path = join(directory, `image-${images++}`);
  writeFileSync(path, image);
  return openElf(path);
}

/** The objects found, by the index of the address: `name path:line function`. */
async function found(image: Buffer, functions = false): Promise<Record<number, string>> {
  const elf = open(image);
  try {
    const sections = await openDebugSections(elf, true);
    const answers: Record<number, string> = {};
    const count = ADDRESSES.length;
    const addresses = {
      high: new Uint32Array(count),
      low: Uint32Array.from(ADDRESSES),
      size: new Float64Array(count),
    };
    forEachObject(sections, { variables: true, functions }, addresses, (address, object) => {
      const place = object.declaration();
      answers[address] = `${object.name()} ${place?.path}:${place?.line} ${object.functionName()}`;
    });
    return answers;
  } finally {
    elf.file.close();
  }
}

function imageOf(
  encoding: Encoding,
  children: readonly DiePlan[],
  others: Readonly<Record<string, readonly number[]>> = {},
  attributes: readonly Attribute[] = [],
): Buffer {
  const { info, abbreviations } = debugInfo(encoding, [{ attributes, children }]);
  return debugImage(encoding, info, abbreviations, others);
}

const FILE: Attribute = [0x3a, 0x0b, [1]];
const line = (line: number): Attribute => [0x3b, 0x0b, [line]];
const name = (name: string): Attribute => [0x03, 0x08, text(name)];

/** A location that is an address, in DW_FORM_block1, which all versions have. */
function at(encoding: Encoding, index: number, more: readonly number[] = []): Attribute {
  const operations = [0x03, ...numbers(encoding).address(addressOf(index)), ...more];
  return [0x02, 0x0a, [operations.length, ...operations]];
}

function variable(encoding: Encoding, index: number, ...attributes: readonly Attribute[]): DiePlan {
  const own = [name(`v${index}`), FILE, line(index + 10), at(encoding, index)];
  return { tag: VARIABLE, attributes: [...attributes, ...own] };
}

/** 2^64 - 1 in LEB128. */
const LARGEST = [...new Array<number>(9).fill(0xff), 1];
const ones = (bytes: number) => new Array<number>(bytes).fill(0xff);

const declared = (index: number, holder: string | null = null) =>
  `v${index} /src/main.c:${index + 10} ${holder}`;

const ENCODINGS = ([2, 3, 4, 5] as const).flatMap((version) =>
  [true, false].flatMap((littleEndian) =>
    ([4, 8] as const).flatMap((addressSize) =>
      ([4, 8] as const)
        // DWARF 2 has 32 bits alone.
        .filter((offsetSize) => version > 2 || offsetSize === 4)
        .map((offsetSize): Encoding => ({ version, littleEndian, addressSize, offsetSize })),
    ),
  ),
);

describe.each(ENCODINGS)(
  "DWARF $version, little-endian $littleEndian, $addressSize-byte addresses, $offsetSize-byte offsets",
  (encoding) => {
    const { u8, u16, u32, u64, address, offset } = numbers(encoding);

    test("attributes of every form are skipped", async () => {
      const block = [1, 2, 3];
      const forms: readonly (readonly [form: number, value: number[], abbreviated?: number[]])[] = [
        [0x01, address(1)],
        [0x03, [...u16(3), ...block]],
        [0x04, [...u32(3), ...block]],
        [0x05, u16(1)],
        [0x06, u32(1)],
        [0x07, u64(1)],
        [0x08, text("text")],
        [0x09, [3, ...block]],
        [0x0a, [3, ...block]],
        [0x0b, u8(1)],
        [0x0c, u8(1)],
        [0x0d, sleb(-1000)],
        [0x0e, offset(0)],
        [0x0f, uleb(100000)],
        [0x10, encoding.version === 2 ? address(0) : offset(0)],
        [0x11, u8(0)],
        [0x12, u16(0)],
        [0x13, u32(0)],
        [0x14, u64(0)],
        [0x15, uleb(300)],
        [0x16, [0x0b, 7]],
        [0x16, [0x16, 0x0f, ...uleb(300)]],
        [0x16, [0x08, ...text("text")]],
        [0x16, [0x09, 3, ...block]],
        [0x17, offset(0)],
        [0x18, [3, ...block]],
        [0x19, []],
        [0x1a, uleb(300)],
        [0x1b, uleb(300)],
        [0x1c, u32(0)],
        [0x1d, offset(0)],
        [0x1e, [...u64(0), ...u64(0)]],
        [0x1f, offset(0)],
        [0x20, u64(0)],
        [0x21, [], sleb(-70)],
        [0x22, uleb(300)],
        [0x23, uleb(300)],
        [0x24, u64(0)],
        [0x25, [1]],
        [0x26, u16(1)],
        [0x27, [1, 2, 3]],
        [0x28, u32(1)],
        [0x29, [1]],
        [0x2a, u16(1)],
        [0x2b, [1, 2, 3]],
        [0x2c, u32(1)],
        [0x1f20, offset(0)],
        [0x1f21, offset(0)],
        ...[0x0f, 0x15, 0x1a, 0x1b, 0x22, 0x23].map((form): [number, number[]] => [form, LARGEST]),
        ...[0x0e, 0x17, 0x1d, 0x1f, 0x1f20].map((form): [number, number[]] => [form, ones(offset(0).length)]),
        [0x07, ones(8)],
      ];
      const others = forms.map(([form, value, abbreviated]): DiePlan => {
        const attribute: Attribute = [0x2200, form, value, abbreviated];
        return { tag: VARIABLE, attributes: [name("other"), attribute, FILE] };
      });
      const all = forms.map(([form, value, abbreviated]): Attribute => [0x2200, form, value, abbreviated]);
      const image = imageOf(encoding, [...others, variable(encoding, 0, ...all), variable(encoding, 1)]);
      expect(await found(image)).toEqual({ 0: declared(0), 1: declared(1) });
    });

    test("a number that is too large is as good as none", async () => {
      const large: DiePlan = {
        tag: VARIABLE,
        attributes: [name("v0"), FILE, [0x3b, 0x0f, LARGEST], at(encoding, 0)],
      };
      expect(await found(imageOf(encoding, [large, variable(encoding, 1)]))).toEqual({
        0: "v0 undefined:undefined null",
        1: declared(1),
      });
    });

    test("siblings are followed in every form", async () => {
      const forms: [number, (value: number) => readonly number[]][] = [
        [0x11, u8],
        [0x12, u16],
        [0x13, u32],
        [0x14, u64],
        // Two bytes, however small the number.
        [0x15, (value) => [(value & 0x7f) | 0x80, value >> 7]],
      ];
      const children = forms.flatMap(([form, write], i): DiePlan[] => [
        {
          tag: STRUCTURE,
          attributes: [name("s"), [0x01, form, (places) => write(places(`v${i}`).inUnit)]],
          // What nobody may look into: a member of no known form, were its bytes read.
          children: [{ tag: MEMBER, attributes: [name("m")] }],
        },
        { ...variable(encoding, i), label: `v${i}` },
      ]);
      const wanted = Object.fromEntries(forms.map((_, i) => [i, declared(i)]));
      expect(await found(imageOf(encoding, children))).toEqual(wanted);
    });

    test("names and lines come from the referenced declarations, also in another unit", async () => {
      const forms: [number, "inUnit" | "inSection", (value: number) => readonly number[]][] = [
        [0x11, "inUnit", u8],
        [0x12, "inUnit", u16],
        [0x13, "inUnit", u32],
        [0x14, "inUnit", u64],
        [0x15, "inUnit", (value) => [(value & 0x7f) | 0x80, value >> 7]],
        [0x10, "inSection", encoding.version === 2 ? address : offset],
      ];
      const plain = (index: number): DiePlan => ({
        tag: VARIABLE,
        label: `declaration ${index}`,
        attributes: [name(`v${index}`), FILE, line(index + 10)],
      });
      const concrete = forms.map(([form, from, write], i): DiePlan => {
        const refer: Attribute = [
          i % 2 === 0 ? 0x47 : 0x31,
          form,
          (places) => write(places(`declaration ${i}`)[from]),
        ];
        return { tag: VARIABLE, attributes: [refer, at(encoding, i)] };
      });
      const last = forms.length - 1;
      const { info, abbreviations } = debugInfo(encoding, [
        { children: [...forms.slice(0, last).map((_, i) => plain(i)), ...concrete] },
        { children: [plain(last)] },
      ]);
      const wanted = Object.fromEntries(forms.map((_, i) => [i, declared(i)]));
      expect(await found(debugImage(encoding, info, abbreviations))).toEqual(wanted);
    });

    test("a static local belongs to the innermost function", async () => {
      const inner: DiePlan = {
        tag: SUBPROGRAM,
        attributes: [name("inner")],
        children: [variable(encoding, 1)],
      };
      const block: DiePlan = {
        tag: LEXICAL_BLOCK,
        children: [variable(encoding, 2), inner, variable(encoding, 3)],
      };
      const outer: DiePlan = {
        tag: SUBPROGRAM,
        attributes: [name("outer")],
        children: [variable(encoding, 0), block],
      };
      const image = imageOf(encoding, [outer, variable(encoding, 4)]);
      expect(await found(image)).toEqual({
        0: declared(0, "outer"),
        1: declared(1, "inner"),
        2: declared(2, "outer"),
        3: declared(3, "outer"),
        4: declared(4),
      });
    });

    test("a variable's location is an address, an address plus an offset, or pieces at addresses, not a value", async () => {
      const place = (index: number) => [0x03, ...address(addressOf(index))];
      const located = (
        form: number,
        length: (value: number) => readonly number[],
        operations: readonly number[],
      ): DiePlan => ({
        tag: VARIABLE,
        attributes: [name("v"), FILE, line(1), [0x02, form, [...length(operations.length), ...operations]]],
      });
      const image = imageOf(encoding, [
        located(0x03, u16, place(0)),
        located(0x04, u32, place(1)),
        located(0x09, uleb, [...place(1), 0x23, 16]),
        located(0x0a, u8, [...place(3), 0x93, 4, ...place(4), 0x93, 4]),
        // A value, and a variable in thread-local storage.
        located(0x0a, u8, [...place(5), 0x9f]),
        located(0x0a, u8, [...place(6), 0xe0]),
        located(0x0a, u8, []),
      ]);
      expect(Object.keys(await found(image))).toEqual(["0", "1", "2", "3", "4"]);
    });

    test("functions begin at DW_AT_low_pc or at each of their ranges", async () => {
      const ranges = [...address(addressOf(1)), ...address(addressOf(1) + 4)];
      const list = [...ranges, ...address(addressOf(3)), ...address(addressOf(3) + 4)];
      const lists = [0x06, ...ranges, 0x06, ...list.slice(ranges.length), 0x00];
      const section = encoding.version >= 5 ? ".debug_rnglists" : ".debug_ranges";
      const bytes = encoding.version >= 5 ? lists : [...list, ...address(0), ...address(0)];
      const image = imageOf(
        encoding,
        [
          {
            tag: SUBPROGRAM,
            attributes: [name("one"), FILE, line(5), [0x11, 0x01, address(addressOf(0))]],
          },
          { tag: SUBPROGRAM, attributes: [name("two"), FILE, line(6), [0x55, 0x17, offset(0)]] },
        ],
        { [section]: bytes },
      );
      expect(await found(image, true)).toEqual({
        0: "one /src/main.c:5 null",
        1: "two /src/main.c:6 null",
        3: "two /src/main.c:6 null",
      });
    });
  },
);

describe("indexed addresses", () => {
  const { u16, u32, u64 } = numbers(USUAL);
  const table = ADDRESSES.flatMap((address) => u64(address));
  const section = [...u32(table.length + 4), ...u16(5), 8, 0, ...table];
  const BASE: Attribute = [0x73, 0x17, u32(8)];

  test("are read from .debug_addr, for variables and functions", async () => {
    const located = (index: number): DiePlan => ({
      tag: VARIABLE,
      attributes: [name(`v${index}`), FILE, line(index + 10), [0x02, 0x18, [2, 0xa1, index]]],
    });
    const starting = (form: number, value: readonly number[]): DiePlan => ({
      tag: SUBPROGRAM,
      attributes: [name("f"), FILE, line(1), [0x11, form, value]],
    });
    const image = imageOf(
      USUAL,
      [
        located(0),
        located(2),
        starting(0x1b, [3]),
        starting(0x29, [4]),
        starting(0x2a, u16(5)),
        starting(0x2c, u32(6)),
      ],
      { ".debug_addr": section },
      [BASE],
    );
    const answers = await found(image, true);
    expect(answers).toMatchObject({ 0: declared(0), 2: declared(2) });
    expect(Object.keys(answers)).toEqual(["0", "2", "3", "4", "5", "6"]);
  });

  test("outside .debug_addr are ignored", async () => {
    const wild = (index: readonly number[]): DiePlan => ({
      tag: VARIABLE,
      attributes: [name("wild"), [0x02, 0x18, [index.length + 1, 0xa1, ...index]]],
    });
    const image = imageOf(
      USUAL,
      [wild([8]), wild(uleb(2 ** 40)), wild([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1])],
      { ".debug_addr": section },
      [BASE],
    );
    expect(await found(image)).toEqual({});
  });
});

describe("a one-line failure reports", () => {
  const { u32, u64 } = numbers(USUAL);
  const first = variable(USUAL, 0);

  test.each<[string, readonly DiePlan[], RegExp]>([
    [
      "cyclic references",
      [
        {
          tag: VARIABLE,
          label: "a",
          attributes: [[0x47, 0x13, (places) => u32(places("b").inUnit)], at(USUAL, 0)],
        },
        { tag: VARIABLE, label: "b", attributes: [[0x47, 0x13, (places) => u32(places("a").inUnit)]] },
      ],
      /^\.debug_info: at 0x[0-9a-f]+: DIE references form a cycle; /,
    ],
    [
      "a sibling before its DIE",
      [first, { tag: STRUCTURE, attributes: [[0x01, 0x13, u32(12)]], children: [{ tag: MEMBER }] }],
      /^\.debug_info: at 0x[0-9a-f]+: DW_AT_sibling does not lead to a later DIE of the unit; /,
    ],
    [
      "a sibling after the unit",
      [{ tag: STRUCTURE, attributes: [[0x01, 0x14, u64(2n ** 40n)]], children: [{ tag: MEMBER }] }],
      /^\.debug_info: at 0x[0-9a-f]+: DW_AT_sibling does not lead to a later DIE of the unit; /,
    ],
    [
      "a block longer than the unit",
      [{ tag: VARIABLE, attributes: [[0x2200, 0x04, u32(0xfffffff0)]] }],
      /^\.debug_info: at 0x[0-9a-f]+: a DIE reaches past the end of its unit; /,
    ],
    [
      "a location longer than the unit",
      [{ tag: VARIABLE, attributes: [[0x02, 0x18, [0xff, 0xff, 0x7f]]] }],
      /^\.debug_info: at 0x[0-9a-f]+: a DIE reaches past the end of its unit; /,
    ],
    [
      "an unknown form",
      [{ tag: VARIABLE, attributes: [[0x2200, 0x99, []]] }],
      /^\.debug_abbrev: the abbreviations at 0x0: unknown form 0x99; /,
    ],
    [
      "an unknown form through DW_FORM_indirect",
      [{ tag: VARIABLE, attributes: [[0x2200, 0x16, [...uleb(0x99)]]] }],
      /^\.debug_info: at 0x[0-9a-f]+: unknown form 0x99; /,
    ],
    [
      "a file that the line program does not list",
      [{ tag: VARIABLE, attributes: [name("v"), [0x3a, 0x0b, [77]], line(1), at(USUAL, 0)] }],
      /^\.debug_line: the line program at 0x0 has no file 77; /,
    ],
  ])("%s", async (_, children, message) => {
    const fault = await found(imageOf(USUAL, children)).then(() => "no fault", String);
    expect(fault.replace(/^.*image-\d+: /, "")).toMatch(message);
  });

  test("functions nested too deeply", async () => {
    const { info, abbreviations } = debugInfo(USUAL, [{ children: [{ tag: SUBPROGRAM, children: [] }] }]);
    const deep = [...info.slice(4, -3), ...new Array<number>(5000).fill(2), ...info.slice(-3)];
    const fault = await found(debugImage(USUAL, [...u32(deep.length), ...deep], abbreviations)).then(
      () => "no fault",
      String,
    );
    expect(fault).toMatch(/\.debug_info: at 0x[0-9a-f]+: functions nested too deeply; /);
  });

  test("a missing abbreviation", async () => {
    const { info, abbreviations } = debugInfo(USUAL, [{ children: [first] }]);
    const broken = info.slice();
    broken[info.indexOf(2, 12)] = 99;
    const fault = await found(debugImage(USUAL, broken, abbreviations)).then(() => "no fault", String);
    expect(fault).toMatch(/: the unit has no abbreviation 99; |reaches past|outside/);
  });

  test("an abbreviation table without an end", async () => {
    const { info, abbreviations } = debugInfo(USUAL, [{ children: [first] }]);
    const fault = await found(debugImage(USUAL, info, abbreviations.slice(0, -4))).then(
      () => "no fault",
      String,
    );
    expect(fault).toMatch(/\.debug_abbrev: the abbreviations at 0x0: the table does not end; /);
  });

  test("a unit without null entries is read to its end", async () => {
    const { info, abbreviations } = debugInfo(USUAL, [{ children: [first] }]);
    const shorter = [...u32(info.length - 5), ...info.slice(4, -1)];
    expect(await found(debugImage(USUAL, shorter, abbreviations))).toEqual({ 0: declared(0) });
  });

  test("more DIEs at one address than fit in a batch are all found", async () => {
    const many = Array.from({ length: 3000 }, () => variable(USUAL, 1));
    const elf = open(imageOf(USUAL, many));
    let count = 0;
    const addresses = {
      high: new Uint32Array(1),
      low: Uint32Array.of(addressOf(1)),
      size: new Float64Array(1),
    };
    const sections = await openDebugSections(elf);
    forEachObject(sections, { variables: true, functions: false }, addresses, () => count++);
    elf.file.close();
    expect(count).toBe(3000);
  });
});

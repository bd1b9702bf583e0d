// Units put together by hand: attributes in every form, and ranges of every kind.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { elfBytes, numberBytes, text } from "../elf/elf-bytes.ts";
import { answersOf, resolved } from "../locations.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { instructions, lineSection, sleb, uleb } from "./line-program-bytes.ts";

const directory = temporaryDirectory();
let images = 0;

const { u8, u16, u32, u64 } = numberBytes(true);
const { setAddress, copy, advancePc, advanceLine, endSequence } = instructions(true);
const BASE = 0xffffffff81000000n;
const at = (offset: number) => (BASE + BigInt(offset)).toString(16);

/** An attribute: DW_AT_, DW_FORM_, the value's bytes, and the value in the abbreviation (implicit_const). */
type Attribute = readonly [name: number, form: number, value: number[], abbreviated?: number[]];

const NAME: Attribute = [0x03, 0x08, text("main.c")];
const DIRECTORY: Attribute = [0x1b, 0x08, text("/src")];
const LINES: Attribute = [0x10, 0x17, u32(0)];
const LOW: Attribute = [0x11, 0x01, u64(BASE)];
const HIGH: Attribute = [0x12, 0x06, u32(0x1000)];

interface UnitPlan {
  readonly version: 2 | 3 | 4 | 5;
  /** DW_UT_, in DWARF 5. */
  readonly kind?: number;
  readonly tag?: number;
  readonly attributes: readonly Attribute[];
}

/** An image with these units, the first at offset 0; every line of /src/main.c has 0x100 bytes. */
function imageOf(
  units: readonly UnitPlan[],
  sections: Readonly<Record<string, readonly number[]>> = {},
): string {
  let info: number[] = [];
  const abbreviations: number[] = [];
  for (const { version, kind = 1, tag = 0x11, attributes } of units) {
    const table = u32(abbreviations.length);
    abbreviations.push(1, ...uleb(tag), 0);
    for (const [name, form, , abbreviated = []] of attributes) {
      abbreviations.push(...uleb(name), ...uleb(form), ...abbreviated);
    }
    abbreviations.push(0, 0, 0);
    const die = [1, ...attributes.flatMap(([, , value]) => value)];
    // A type unit has its signature and the position of its type: here, after the header. A skeleton has the ID of its split unit.
    const extra = kind === 2 ? [...u64(1), ...u32(24)] : kind === 4 ? u64(1) : [];
    const header = version === 5 ? [...u16(5), kind, 8, ...table, ...extra] : [...u16(version), ...table, 8];
    info = info.concat(u32(header.length + die.length), header, die);
  }
  const rows = Array.from({ length: 16 }, () => [
    ...copy,
    ...advancePc(0x80),
    ...advancePc(0x80),
    ...advanceLine(1),
  ]);
  const program = [...setAddress(BASE), ...rows.flat(), ...endSequence];
  const path = join(directory, `image-${++images}`);
  const image = elfBytes({
    is64: true,
    littleEndian: true,
    machine: 62,
    sections: [
      { name: ".text", bytes: new Array(64).fill(0), address: BASE, flags: 6 },
      { name: ".debug_abbrev", bytes: abbreviations },
      { name: ".debug_info", bytes: info },
      { name: ".debug_line", bytes: lineSection({ version: 4, program, low: BASE, high: BASE }) },
      ...Object.entries(sections).map(([name, bytes]) => ({ name, bytes })),
    ],
  });
  writeFileSync(path, image);
  return path;
}

/** The lines at the offsets, from us and llvm-addr2line; undefined for an offset of no unit. */
async function expectLines(
  path: string,
  expected: Readonly<Record<number, number | undefined>>,
  agreeing = true,
) {
  const addresses = Object.keys(expected).map((offset) => at(Number(offset)));
  const wanted = Object.values(expected).map((line) => line && `/src/main.c:${line}`);
  expect(await resolved(path, addresses)).toEqual(wanted);
  if (agreeing) expect(answersOf("llvm-addr2line", path, addresses)).toEqual(wanted);
}

const ALL = { 0: 1, 128: 1, 256: 2, 4095: 16, 4096: undefined };

describe("a unit's attributes", () => {
  const DW_AT_X = 0x2200;
  const block = [1, 2, 3];
  const forms: readonly (readonly [form: number, value: number[], abbreviated?: number[]])[] = [
    [0x01, u64(1)],
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
    [0x0e, u32(0)],
    [0x0f, uleb(100000)],
    [0x10, u32(0)],
    [0x11, u8(0)],
    [0x12, u16(0)],
    [0x13, u32(0)],
    [0x14, u64(0)],
    [0x15, uleb(0)],
    [0x16, [0x0b, 7]],
    [0x16, [0x16, 0x0f, ...uleb(300)]],
    [0x17, u32(0)],
    [0x18, [3, ...block]],
    [0x19, []],
    [0x1a, uleb(300)],
    [0x1b, uleb(300)],
    [0x1c, u32(0)],
    [0x1d, u32(0)],
    [0x1e, [...u64(0), ...u64(0)]],
    [0x1f, u32(0)],
    [0x20, u64(0)],
    [0x21, [], sleb(-70)],
    [0x22, uleb(300)],
    [0x23, uleb(300)],
    [0x24, u64(0)],
    [0x25, u8(0)],
    [0x26, u16(0)],
    [0x27, [0, 0, 0]],
    [0x28, u32(0)],
    [0x29, u8(0)],
    [0x2a, u16(0)],
    [0x2b, [0, 0, 0]],
    [0x2c, u32(0)],
    [0x1f20, u32(0)],
    [0x1f21, u32(0)],
  ];

  test.each(forms.map((form) => [form[0].toString(16), form] as const))(
    "of form 0x%s are skipped",
    async (_, [form, value, abbreviated]) => {
      const attribute: Attribute = [DW_AT_X, form, value, abbreviated ?? []];
      const path = imageOf([
        { version: 5, attributes: [attribute, NAME, DIRECTORY, LINES, attribute, LOW, HIGH] },
      ]);
      await expectLines(path, ALL, false);
    },
  );

  test("of all forms can occur together", async () => {
    const all = forms.map(
      ([form, value, abbreviated]): Attribute => [DW_AT_X, form, value, abbreviated ?? []],
    );
    await expectLines(
      imageOf([{ version: 5, attributes: [...all, NAME, DIRECTORY, LINES, LOW, HIGH] }]),
      ALL,
      false,
    );
  });

  test("of an unknown form are refused", async () => {
    const path = imageOf([{ version: 5, attributes: [[DW_AT_X, 0x7e, []], NAME, LINES, LOW, HIGH] }]);
    await expect(resolved(path, [at(0)])).rejects.toThrow(/\.debug_info: .*unknown form 0x7e; /);
  });

  test("with an endless chain of DW_FORM_indirect are refused", async () => {
    const path = imageOf([
      { version: 5, attributes: [[DW_AT_X, 0x16, new Array(200_000).fill(0x16)], NAME, LINES, LOW] },
    ]);
    await expect(resolved(path, [at(0)])).rejects.toThrow(/\.debug_info: .*; /);
  });

  test("may have strings in other sections", async () => {
    const strings = [...text("x"), ...text("/src"), ...text("main.c")];
    const offsets = [...u32(12), ...u16(5), ...u16(0), ...u32(7), ...u32(2)];
    const encodings: readonly (readonly Attribute[])[] = [
      [
        [0x03, 0x0e, u32(7)],
        [0x1b, 0x1f, u32(2)],
      ],
      [
        [0x72, 0x17, u32(8)],
        [0x03, 0x25, u8(0)],
        [0x1b, 0x26, u16(1)],
      ],
      [
        [0x03, 0x1a, uleb(0)],
        [0x1b, 0x27, [1, 0, 0]],
        [0x72, 0x17, u32(8)],
      ],
      [
        [0x72, 0x17, u32(8)],
        [0x03, 0x28, u32(0)],
        [0x1b, 0x0e, u32(2)],
      ],
    ];
    for (const attributes of encodings) {
      const path = imageOf([{ version: 5, attributes: [...attributes, LINES, LOW, HIGH] }], {
        ".debug_str": strings,
        ".debug_line_str": strings,
        ".debug_str_offsets": offsets,
      });
      await expectLines(path, ALL);
    }
  });

  test("may lack name and directory", async () => {
    const path = imageOf([{ version: 4, attributes: [LINES, LOW, HIGH] }]);
    expect(await resolved(path, [at(0)])).toEqual(["main.c:1"]);
  });

  test("may lack a line program", async () => {
    await expectLines(imageOf([{ version: 4, attributes: [NAME, DIRECTORY, LOW, HIGH] }]), { 0: undefined });
  });
});

describe("a unit's ranges", () => {
  test("are given by DW_AT_low_pc and DW_AT_high_pc, an address or a length", async () => {
    const ends: readonly Attribute[] = [
      [0x12, 0x01, u64(BASE + 0x200n)],
      [0x12, 0x07, u64(0x200)],
      [0x12, 0x0f, uleb(0x200)],
      [0x12, 0x05, u16(0x200)],
    ];
    for (const high of ends) {
      const path = imageOf([{ version: 4, attributes: [NAME, DIRECTORY, LINES, LOW, high] }]);
      await expectLines(path, { 0: 1, 511: 2, 512: undefined });
    }
  });

  test("can be in .debug_ranges, with base addresses", async () => {
    const base = (address: bigint) => [...u64(0xffffffffffffffffn), ...u64(address)];
    const pair = (start: number, end: number) => [...u64(start), ...u64(end)];
    const ranges = [
      ...[0, 0, 0, 0, 0, 0, 0, 0],
      ...[
        ...pair(0x100, 0x180),
        ...base(BASE + 0x400n),
        ...pair(0, 0x80),
        ...pair(0x50, 0x50),
        ...pair(0x100, 0x110),
      ],
      ...[...base(0n), ...u64(BASE + 0x800n), ...u64(BASE + 0x900n), ...u64(0), ...u64(0)],
    ];
    const attributes: Attribute[] = [NAME, DIRECTORY, LINES, LOW, [0x55, 0x17, u32(8)]];
    const expected = {
      0: undefined,
      256: 2,
      383: 2,
      384: undefined,
      1024: 5,
      1151: 5,
      1152: undefined,
      1280: 6,
      1296: undefined,
      2048: 9,
      2303: 9,
      2304: undefined,
    };
    await expectLines(imageOf([{ version: 4, attributes }], { ".debug_ranges": ranges }), expected);
  });

  const addresses = [
    ...u32(4 + 8 * 4),
    ...u16(5),
    8,
    0,
    ...[0n, 0x100n, 0x400n, 0x480n].flatMap((offset) => u64(BASE + offset)),
  ];
  const list = [
    ...[0x04, ...uleb(0x200), ...uleb(0x240)],
    ...[0x01, ...uleb(2), 0x04, ...uleb(0x100), ...uleb(0x110)],
    ...[0x02, ...uleb(2), ...uleb(3)],
    ...[0x03, ...uleb(1), ...uleb(0x20)],
    ...[0x05, ...u64(BASE + 0x700n), 0x04, ...uleb(0), ...uleb(0x10)],
    ...[0x06, ...u64(BASE + 0x800n), ...u64(BASE + 0x900n)],
    ...[0x07, ...u64(BASE + 0xa00n), ...uleb(0x180)],
    ...[0x07, ...u64(BASE + 0xf00n), ...uleb(0)],
    0x00,
  ];
  const listed = {
    0: undefined,
    256: 2,
    287: 2,
    288: undefined,
    512: 3,
    575: 3,
    576: undefined,
    1024: 5,
    1151: 5,
    1152: undefined,
    1280: 6,
    1295: 6,
    1296: undefined,
    1792: 8,
    1807: 8,
    1808: undefined,
    2048: 9,
    2303: 9,
    2304: undefined,
    2560: 11,
    2943: 12,
    2944: undefined,
    3840: undefined,
  };
  const header = (offsets: number) => [...u16(5), 8, 0, ...u32(offsets)];

  test("can be in .debug_rnglists, at an offset, with entries of every kind", async () => {
    const rnglists = [...u32(8 + list.length), ...header(0), ...list];
    const attributes: Attribute[] = [
      NAME,
      DIRECTORY,
      LINES,
      LOW,
      [0x73, 0x17, u32(8)],
      [0x55, 0x17, u32(12)],
    ];
    await expectLines(
      imageOf([{ version: 5, attributes }], { ".debug_rnglists": rnglists, ".debug_addr": addresses }),
      listed,
    );
  });

  test("can be in .debug_rnglists, by an index", async () => {
    const rnglists = [...u32(16 + list.length + 1), ...header(2), ...u32(8), ...u32(9), 0x00, ...list];
    const attributes: Attribute[] = [
      ...[NAME, DIRECTORY, LINES],
      [0x11, 0x1b, uleb(0)],
      [0x73, 0x17, u32(8)],
      [0x74, 0x17, u32(12)],
      [0x55, 0x23, uleb(1)],
    ];
    await expectLines(
      imageOf([{ version: 5, attributes }], { ".debug_rnglists": rnglists, ".debug_addr": addresses }),
      listed,
    );
  });

  test("of an unknown kind, or without an end, are refused", async () => {
    const attributes: Attribute[] = [NAME, DIRECTORY, LINES, LOW, [0x55, 0x17, u32(0)]];
    const ranges = (bytes: number[]) =>
      resolved(imageOf([{ version: 5, attributes }], { ".debug_rnglists": bytes }), [at(0)]);
    await expect(ranges([0x09])).rejects.toThrow(/\.debug_rnglists: .*unknown range list entry 9; /);
    await expect(ranges([0x04, 0, 1])).rejects.toThrow(/\.debug_rnglists: .*; /);
    const old = imageOf([{ version: 4, attributes }], { ".debug_ranges": [...u64(0), ...u64(4)] });
    await expect(resolved(old, [at(0)])).rejects.toThrow(/\.debug_ranges: .*; /);
  });
});

describe("units without code of their own", () => {
  test("are skipped: type units and partial units from dwz", async () => {
    const path = imageOf([
      { version: 5, kind: 2, tag: 0x41, attributes: [NAME, LINES] },
      { version: 5, kind: 3, tag: 0x3c, attributes: [NAME, DIRECTORY, LINES] },
      { version: 4, tag: 0x3c, attributes: [NAME, DIRECTORY, LINES] },
      { version: 4, attributes: [NAME, DIRECTORY, LINES, LOW, HIGH] },
    ]);
    await expectLines(path, ALL);
  });
});

test("a skeleton of split DWARF has lines without its split unit", async () => {
  await expectLines(
    imageOf([
      {
        version: 5,
        kind: 4,
        tag: 0x4a,
        attributes: [[0x76, 0x08, text("main.dwo")], DIRECTORY, LINES, LOW, HIGH],
      },
    ]),
    ALL,
  );
  const id: Attribute = [0x2131, 0x07, u64(1)];
  await expectLines(
    imageOf([
      { version: 4, attributes: [[0x2130, 0x08, text("main.dwo")], id, DIRECTORY, LINES, LOW, HIGH] },
    ]),
    ALL,
  );
});

test("if two units claim an address, the one that starts last wins", async () => {
  const outer: UnitPlan = { version: 4, attributes: [NAME, [0x1b, 0x08, text("/outer")], LINES, LOW, HIGH] };
  const inner: UnitPlan = {
    version: 4,
    attributes: [NAME, DIRECTORY, LINES, [0x11, 0x01, u64(BASE + 0x200n)], [0x12, 0x06, u32(0x100)]],
  };
  const path = imageOf([outer, inner]);
  expect(await resolved(path, [at(0), at(0x200), at(0x2ff), at(0x300)])).toEqual([
    "/outer/main.c:1",
    "/src/main.c:3",
    "/src/main.c:3",
    "/outer/main.c:4",
  ]);
});

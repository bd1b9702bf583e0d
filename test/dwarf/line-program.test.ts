// Line programs that compilers rarely or never write, put together by hand. Where another tool reads them too, it must agree.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { numberBytes } from "../elf/elf-bytes.ts";
import { type Asked, answersOf, resolved } from "../locations.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import {
  instructions,
  type LinePlan,
  lineProgramImage,
  lineStringOffset,
  uleb,
} from "./line-program-bytes.ts";

const directory = temporaryDirectory();
let images = 0;

function imageFile(plan: LinePlan): string {
  const path = join(directory, `image-${++images}`);
  writeFileSync(path, lineProgramImage(plan));
  return path;
}

const BASE = 0xffffffff81000000n;
const at = (offset: number | bigint) => (BASE + BigInt(offset)).toString(16);
const {
  copy,
  advancePc,
  advanceLine,
  setFile,
  setColumn,
  negateStatement,
  constAddPc,
  fixedAdvancePc,
  setIsa,
  special,
  endSequence,
  setAddress,
  defineFile,
  setDiscriminator,
  unknownExtended,
} = instructions(true);

const range = { low: BASE, high: BASE + 0x1000n };

/** Asks for each address, and the tools given too. */
async function expectLines(
  plan: LinePlan,
  expected: Readonly<Record<string, string | undefined>>,
  agreeing: readonly string[] = ["llvm-addr2line"],
) {
  const path = imageFile(plan);
  const addresses = Object.keys(expected);
  const wanted = Object.values(expected);
  expect(await resolved(path, addresses)).toEqual(wanted);
  for (const name of agreeing) expect([name, ...answersOf(name, path, addresses)]).toEqual([name, ...wanted]);
}

describe.each([
  ["DWARF 2", { version: 2 }],
  ["DWARF 3", { version: 3 }],
  ["DWARF 4", { version: 4 }],
  ["DWARF 5", { version: 5 }],
  ["DWARF 5 with names in .debug_line_str", { version: 5, offsets: true }],
] as const)("%s", (_, form) => {
  const plan = (program: number[], more: Partial<LinePlan> = {}): LinePlan => ({
    ...form,
    program,
    ...range,
    ...more,
  });

  test("rows by special opcodes, copies and advances", async () => {
    const program = [
      ...setAddress(BASE),
      ...advanceLine(9),
      ...copy,
      ...special(4, 2),
      ...setFile(2),
      ...advancePc(300),
      ...advanceLine(1000),
      ...copy,
      ...advanceLine(-1005),
      ...constAddPc,
      ...setColumn(200),
      ...negateStatement,
      ...setIsa(3),
      ...special(0, 0),
      ...advancePc(16),
      ...endSequence,
    ];
    await expectLines(plan(program), {
      [at(0)]: "/src/main.c:10",
      [at(3)]: "/src/main.c:10",
      [at(4)]: "/src/main.c:12",
      [at(303)]: "/src/main.c:12",
      [at(304)]: "/src/sub/inner.h:1012",
      [at(323)]: "/src/sub/inner.h:1012",
      [at(324)]: "/src/sub/inner.h:7",
      [at(339)]: "/src/sub/inner.h:7",
      [at(340)]: undefined,
    });
  });

  test("several rows at one address: the last one counts", async () => {
    const program = [
      ...setAddress(BASE),
      ...copy,
      ...special(0, 4),
      ...special(0, 4),
      ...advancePc(8),
      ...endSequence,
    ];
    await expectLines(plan(program), { [at(0)]: "/src/main.c:9", [at(7)]: "/src/main.c:9" });
  });

  test("the last row of a sequence may cover no bytes", async () => {
    const program = [
      ...[...setAddress(BASE), ...copy, ...advancePc(8), ...special(0, 5), ...endSequence],
      ...[...setAddress(BASE + 8n), ...advanceLine(20), ...copy, ...advancePc(8), ...endSequence],
    ];
    await expectLines(plan(program), { [at(7)]: "/src/main.c:1", [at(8)]: "/src/main.c:21" }, [
      "llvm-addr2line",
    ]);
  });

  test("a gap between sequences has no line", async () => {
    const program = [
      ...[...setAddress(BASE + 0x40n), ...copy, ...advancePc(8), ...endSequence],
      ...[...setAddress(BASE), ...advanceLine(5), ...copy, ...advancePc(8), ...endSequence],
    ];
    await expectLines(plan(program), {
      [at(0)]: "/src/main.c:6",
      [at(8)]: undefined,
      [at(0x3f)]: undefined,
      [at(0x40)]: "/src/main.c:1",
      [at(0x48)]: undefined,
    });
  });

  test("set_address may occur in mid-sequence", async () => {
    const program = [
      ...[...setAddress(BASE), ...copy, ...setAddress(BASE + 0x20n), ...special(0, 3)],
      ...[...setAddress(BASE + 0x30n), ...special(1, 3), ...advancePc(7), ...endSequence],
    ];
    await expectLines(plan(program), {
      [at(0)]: "/src/main.c:1",
      [at(0x1f)]: "/src/main.c:1",
      [at(0x20)]: "/src/main.c:4",
      [at(0x30)]: "/src/main.c:4",
      [at(0x31)]: "/src/main.c:7",
      [at(0x37)]: "/src/main.c:7",
    });
  });

  test("fixed_advance_pc advances by bytes, for any instruction length", async () => {
    const program = [
      ...[...setAddress(BASE), ...copy, ...fixedAdvancePc(0x102), ...special(0, 1)],
      ...[...advancePc(2), ...special(0, 1), ...advancePc(1), ...endSequence],
    ];
    await expectLines(plan(program, { minimumInstructionLength: 4 }), {
      [at(0x101)]: "/src/main.c:1",
      [at(0x102)]: "/src/main.c:2",
      [at(0x109)]: "/src/main.c:2",
      [at(0x10a)]: "/src/main.c:3",
      [at(0x10d)]: "/src/main.c:3",
    });
  });

  test("instructions may have four bytes each", async () => {
    const program = [
      ...setAddress(BASE),
      ...copy,
      ...special(3, 1),
      ...constAddPc,
      ...special(1, 1),
      ...advancePc(1),
      ...endSequence,
    ];
    await expectLines(plan(program, { minimumInstructionLength: 4 }), {
      [at(11)]: "/src/main.c:1",
      [at(12)]: "/src/main.c:2",
      [at(95)]: "/src/main.c:2",
      [at(96)]: "/src/main.c:3",
    });
  });

  test("rows need not ascend", async () => {
    const program = [
      ...[...setAddress(BASE), ...copy, ...setAddress(BASE + 0x10n), ...special(0, 1)],
      ...[...setAddress(BASE + 8n), ...special(0, 1), ...setAddress(BASE + 0x18n), ...endSequence],
    ];
    const path = imageFile(plan(program));
    expect(await resolved(path, [at(0), at(8), at(0xf), at(0x10), at(0x17)])).toEqual([
      "/src/main.c:1",
      "/src/main.c:3",
      "/src/main.c:3",
      "/src/main.c:2",
      "/src/main.c:2",
    ]);
  });

  test("DW_LNE_define_file adds a file", async () => {
    const program = [
      ...[
        ...defineFile("late.c", 1),
        ...setAddress(BASE),
        ...setFile(3),
        ...copy,
        ...advancePc(8),
        ...endSequence,
      ],
    ];
    await expectLines(plan(program), { [at(0)]: "/src/sub/late.c:1" }, []);
  });

  test("there may be fewer or more standard opcodes than in the standard", async () => {
    const few = [...setAddress(BASE), ...special(0, 4, 4), ...special(0, 3, 4), ...special(2, 1, 4)];
    const end = [...advancePc(8), ...endSequence];
    await expectLines(plan([...few, ...end], { opcodeBase: 4 }), {
      [at(1)]: "/src/main.c:8",
      [at(2)]: "/src/main.c:9",
    });
    // LLVM reckons opcode 8 as another (docs/locations.md).
    const known = [...setAddress(BASE), ...special(0, 1, 4), ...special(0, -2, 4), ...special(2, 4, 4)];
    await expectLines(
      plan([...known, ...special(0, 4, 4), ...end], { opcodeBase: 4 }),
      { [at(2)]: "/src/main.c:8" },
      ["addr2line"],
    );
    const many = [
      ...setAddress(BASE),
      19,
      0x85,
      1,
      6,
      ...special(0, 4, 20),
      13,
      1,
      0x80,
      0,
      ...special(3, 2, 20),
    ];
    await expectLines(plan([...many, ...end], { opcodeBase: 20 }), {
      [at(2)]: "/src/main.c:5",
      [at(3)]: "/src/main.c:7",
    });
  });

  test("extended instructions that are unknown, or do not affect lines, are skipped", async () => {
    const program = [
      ...[...setAddress(BASE), ...setDiscriminator(300), ...unknownExtended(1, 0x80, 0), ...special(0, 4)],
      ...[...unknownExtended(), ...advancePc(8), ...endSequence],
    ];
    await expectLines(plan(program), { [at(7)]: "/src/main.c:5" });
  });

  test("a sequence at address 0 is valid", async () => {
    const program = [
      ...[...setAddress(0n), ...copy, ...advancePc(0x10), ...endSequence],
      ...[...setAddress(BASE), ...advanceLine(6), ...copy, ...advancePc(0x10), ...endSequence],
    ];
    const path = imageFile(plan(program, { low: 0n, high: BASE + 0x1000n }));
    expect(await resolved(path, ["0", "f", "10", at(0), at(0xf), at(0x10)])).toEqual([
      "/src/main.c:1",
      "/src/main.c:1",
      undefined,
      "/src/main.c:7",
      "/src/main.c:7",
      undefined,
    ]);
  });

  test("a sequence of dead code at 0 does not hide others", async () => {
    const program = [
      ...[...setAddress(0n), ...advanceLine(50), ...copy, ...advancePc(0x2000), ...endSequence],
      ...[...setAddress(BASE), ...copy, ...advancePc(0x10), ...endSequence],
    ];
    await expectLines(plan(program), { [at(0)]: "/src/main.c:1", [at(0xf)]: "/src/main.c:1" });
  });

  test("a sequence may cross a 4 GiB boundary", async () => {
    const low = 0xfffffff0n;
    const program = [
      ...setAddress(low),
      ...copy,
      ...special(12, 1),
      ...special(12, 1),
      ...advancePc(8),
      ...endSequence,
    ];
    await expectLines(plan(program, { low, high: low + 0x20n }), {
      fffffff0: "/src/main.c:1",
      fffffffc: "/src/main.c:2",
      "100000007": "/src/main.c:2",
      "100000008": "/src/main.c:3",
      "10000000f": "/src/main.c:3",
    });
  });

  test("code of line 0 has no line; the symbol's next row with a line is used", async () => {
    const program = [
      ...[
        ...setAddress(BASE),
        ...advanceLine(-1),
        ...copy,
        ...special(8, 5),
        ...special(8, 1),
        ...advancePc(8),
      ],
      ...endSequence,
    ];
    const path = imageFile(plan(program));
    const asked: Asked[] = [
      at(0),
      { address: at(0), size: 8 },
      { address: at(0), size: 9 },
      { address: at(2), size: 64 },
    ];
    expect(await resolved(path, asked)).toEqual([undefined, undefined, "/src/main.c:5", "/src/main.c:5"]);
  });

  test("a symbol that starts before its first row gets that row", async () => {
    const program = [
      ...setAddress(BASE + 0x10n),
      ...advanceLine(7),
      ...copy,
      ...special(8, 1),
      ...advancePc(8),
      ...endSequence,
    ];
    const path = imageFile(plan(program));
    const asked: Asked[] = [
      { address: at(0), size: 0x11 },
      { address: at(0), size: 0x10 },
      { address: at(8), size: 0x100 },
      { address: at(0x10), size: 4 },
      { address: at(0x20), size: 4 },
    ];
    expect(await resolved(path, asked)).toEqual([
      "/src/main.c:8",
      undefined,
      "/src/main.c:8",
      "/src/main.c:8",
      undefined,
    ]);
  });

  test("the nearest row within a symbol is used, for any order of the sequences", async () => {
    const sequence = (offset: bigint, line: number) => [
      ...[...setAddress(BASE + offset), ...advanceLine(line - 1), ...copy, ...advancePc(4), ...endSequence],
    ];
    const path = imageFile(plan([...sequence(0x30n, 30), ...sequence(0x10n, 10), ...sequence(0x20n, 20)]));
    expect(
      await resolved(path, [
        { address: at(0), size: 0x80 },
        { address: at(0x14), size: 0x80 },
      ]),
    ).toEqual(["/src/main.c:10", "/src/main.c:20"]);
  });
});

test.each([false, true])("DWARF 5 files with MD5 sums, offsets: %s", async (offsets) => {
  const program = [
    ...setAddress(BASE),
    ...setFile(2),
    ...copy,
    ...special(4, 1),
    ...advancePc(4),
    ...endSequence,
  ];
  await expectLines(
    { version: 5, program, md5: true, offsets, ...range },
    { [at(0)]: "/src/sub/inner.h:1", [at(4)]: "/src/sub/inner.h:2" },
  );
});

test.each([false, true])("DWARF 5 numbers files from 0, offsets: %s", async (offsets) => {
  const program = [...setAddress(BASE), ...setFile(0), ...copy, ...advancePc(4), ...endSequence];
  await expectLines({ version: 5, program, offsets, ...range }, { [at(0)]: "/src/main.c:1" });
});

const lineString = (string: string) => numberBytes(true).u32(lineStringOffset(string));
const DIRECTORIES = [1, 1, 0x1f, 2, ...lineString("/src"), ...lineString("sub")];

test.each([
  ["a vendor's number after each", [3, 1, 0x1f, 2, 0x0f, 0x81, 0x40, 0x0f], [1, 0x80, 0], "sub/inner.h"],
  [
    "a vendor's text after each",
    [3, 1, 0x1f, 2, 0x0f, 0x81, 0x40, 0x1f],
    [1, ...lineString("sub")],
    "sub/inner.h",
  ],
  ["no directories", [1, 1, 0x1f], [], "inner.h"],
])("a DWARF 5 table of files with %s", async (_, format, rest, path) => {
  const entries = ["main.c", "inner.h"].flatMap((name) => [...lineString(name), ...rest]);
  const tables = [...DIRECTORIES, ...format, 2, ...entries];
  const program = [...setAddress(BASE), ...copy, ...advancePc(4), ...endSequence];
  await expectLines({ version: 5, program, tables, ...range }, { [at(0)]: `/src/${path}:1` });
});

test.each([4, 5] as const)("DWARF %i with several operations in one instruction", async (version) => {
  // Three operations in 16 bytes: an advance of 4 is one instruction and one operation.
  const program = [
    ...[...setAddress(BASE), ...copy, ...special(4, 1), ...special(2, 1), ...advancePc(3), ...special(1, 1)],
    ...[
      ...constAddPc,
      ...special(0, 1),
      ...fixedAdvancePc(2),
      ...special(2, 1),
      ...advancePc(1),
      ...endSequence,
    ],
  ];
  const path = imageFile({ version, program, minimumInstructionLength: 16, maximumOperations: 3, ...range });
  // Operations 0, 4, 6, 10, 30 are at instructions 0, 1, 2, 3, 10; then two bytes on, and 2 operations and 1 more.
  const offsets = [0, 15, 16, 31, 32, 47, 48, 159, 160, 161, 162, 177, 178];
  expect(await resolved(path, offsets.map(at))).toEqual(
    [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, undefined].map((line) => line && `/src/main.c:${line}`),
  );
});

test.each([
  [4, false],
  [5, false],
  [5, true],
] as const)("big-endian DWARF %i, offsets: %s", async (version, offsets) => {
  const big = instructions(false);
  const program = [
    ...big.setAddress(BASE),
    ...copy,
    ...big.fixedAdvancePc(0x102),
    ...special(0, 1),
    ...advancePc(2),
    ...endSequence,
  ];
  await expectLines(
    { version, program, littleEndian: false, offsets, ...range },
    { [at(0x101)]: "/src/main.c:1", [at(0x102)]: "/src/main.c:2" },
  );
});

describe("a line program is refused with", () => {
  const failing = async (program: number[], version: 4 | 5 = 5, more: Partial<LinePlan> = {}) =>
    resolved(imageFile({ version, program, ...range, ...more }), [at(0)]);

  test("a wrong file number", async () => {
    const program = [...setAddress(BASE), ...setFile(77), ...copy, ...advancePc(4), ...endSequence];
    await expect(failing(program)).rejects.toThrow(/\.debug_line: .*file 77/);
    await expect(failing(program, 5, { offsets: true })).rejects.toThrow(/\.debug_line: .*file 77/);
    const next = [...setAddress(BASE), ...setFile(3), ...copy, ...advancePc(4), ...endSequence];
    await expect(failing(next, 5, { offsets: true })).rejects.toThrow(/\.debug_line: .*file 3/);
    const zero = [...setAddress(BASE), ...setFile(0), ...copy, ...advancePc(4), ...endSequence];
    await expect(failing(zero, 4)).rejects.toThrow(/\.debug_line: .*file 0/);
  });

  test("a wrong directory number", async () => {
    const program = [
      ...defineFile("x.c", 9),
      ...setAddress(BASE),
      ...setFile(3),
      ...copy,
      ...advancePc(4),
      ...endSequence,
    ];
    await expect(failing(program)).rejects.toThrow(/\.debug_line: .*directory 9/);
  });

  test("a wrong length of an extended instruction", async () => {
    await expect(failing([0, 200, 2, 1, 2, 3])).rejects.toThrow(
      /an instruction reaches past the end of the program/,
    );
    await expect(failing([0, 0, 1])).rejects.toThrow(/an instruction reaches past the end of the program/);
    for (const discriminator of [
      [0, 200, 4, 1],
      [0, 0xfd, 0xff, 0xff, 0xff, 0x0f, 4],
      [0, 0, 4, 1],
      [0, 0x80, 4],
      [0, 2, 4],
    ]) {
      await expect(failing([...setAddress(BASE), ...discriminator])).rejects.toThrow(
        /past the end of the program/,
      );
    }
    await expect(failing([0, 4, 2, 1, 2, 3])).rejects.toThrow(
      /DW_LNE_set_address has an unsupported address size/,
    );
  });

  test.each([
    ["no bytes each", [1, 0x01, 0x19]],
    ["DW_FORM_implicit_const", [1, 0x01, 0x21]],
    ["no content at all", [0]],
    ["an unknown content without bytes", [2, 0x01, 0x08, 0x7f, 0x19]],
  ])("a wrong number of files, with %s", async (_, format) => {
    const endless = [...format, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
    const program = [...setAddress(BASE), ...copy, ...advancePc(4), ...endSequence];
    const path = imageFile({ version: 5, program, tables: endless, ...range });
    await expect(resolved(path, [at(0)])).rejects.toThrow(/\.debug_line: .*; /);
  });

  const FORMAT = [2, 1, 0x1f, 2, 0x0f];
  test.each([
    [
      "more directories than fit in memory",
      [1, 1, 0x1f, ...uleb(2 ** 28), ...lineString("/src")],
      /268435456 file names/,
    ],
    ["more directories than there are", [1, 1, 0x1f, 0xc8, 1, ...lineString("/src")], /200 file names/],
    [
      "no directory",
      [1, 1, 0x1f, 0, ...FORMAT, 2, ...lineString("main.c"), 0, ...lineString("main.c"), 0],
      /directory 0/,
    ],
    [
      "a missing directory",
      [...DIRECTORIES, ...FORMAT, 2, ...lineString("main.c"), 0, ...lineString("main.c"), 2],
      /directory 2/,
    ],
    [
      "more files than there are",
      [...DIRECTORIES, ...FORMAT, 0xc8, 1, ...lineString("main.c"), 0, ...lineString("main.c"), 0],
      /200 file names/,
    ],
    [
      "a truncated file entry",
      [...DIRECTORIES, ...FORMAT, 2, ...lineString("main.c"), 0, 9, 0, 0],
      /needs \d+ bytes/,
    ],
    [
      "an endless directory index",
      [...DIRECTORIES, ...FORMAT, 2, ...lineString("main.c"), 0, ...lineString("main.c"), 0x80],
      /needs \d+ bytes/,
    ],
    [
      "a name outside .debug_line_str",
      [...DIRECTORIES, ...FORMAT, 2, ...lineString("main.c"), 0, 0, 0, 0, 9, 0],
      /\.debug_line_str/,
    ],
  ])("about %s", async (_, tables, problem) => {
    const program = [...setAddress(BASE), ...copy, ...advancePc(4), ...endSequence];
    await expect(failing(program, 5, { tables })).rejects.toThrow(problem);
  });

  test("a wrong end", async () => {
    await expect(failing([...setAddress(BASE), 2])).rejects.toThrow(/past the end of the program|cut short/);
    await expect(failing([...setAddress(BASE), 3, 0x80, 0x80])).rejects.toThrow(
      /past the end of the program|cut short/,
    );
  });
});

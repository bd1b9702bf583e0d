// Line programs, and the units they belong to, put together byte by byte (DWARF 5 sections 6.2.4, 6.2.5 and 7.5).
import { elfBytes, numberBytes, text } from "../elf/elf-bytes.ts";

export function uleb(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) | 0x80);
  }
}

export function sleb(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    const byte = ((rest % 128) + 128) % 128;
    if (rest >= -64 && rest < 64) return [...bytes, byte];
    bytes.push(byte | 0x80);
  }
}

/** The instructions of a line program, for a target of 64 bits. */
export function instructions(littleEndian: boolean) {
  const { u16, u64 } = numberBytes(littleEndian);
  return {
    copy: [1],
    advancePc: (amount: number) => [2, ...uleb(amount)],
    advanceLine: (amount: number) => [3, ...sleb(amount)],
    setFile: (file: number) => [4, ...uleb(file)],
    setColumn: (column: number) => [5, ...uleb(column)],
    negateStatement: [6],
    constAddPc: [8],
    fixedAdvancePc: (bytes: number) => [9, ...u16(bytes)],
    setIsa: (isa: number) => [12, ...uleb(isa)],
    /** Adds to address and line, and appends a row. */
    special: (advance: number, line: number, opcodeBase = OPCODE_BASE) => [
      advance * LINE_RANGE + line - LINE_BASE + opcodeBase,
    ],
    endSequence: [0, 1, 1],
    setAddress: (address: bigint) => [0, 9, 2, ...u64(address)],
    defineFile: (name: string, directory: number) => {
      const operand = [...text(name), ...uleb(directory), 0, 0];
      return [0, ...uleb(operand.length + 1), 3, ...operand];
    },
    setDiscriminator: (discriminator: number) => [
      0,
      ...uleb(uleb(discriminator).length + 1),
      4,
      ...uleb(discriminator),
    ],
    unknownExtended: (...operands: number[]) => [0, ...uleb(operands.length + 1), 0x90, ...operands],
  };
}

const LINE_BASE = -3;
const LINE_RANGE = 12;
const OPCODE_BASE = 13;
const STANDARD_OPERANDS = [0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1];

const DW_FORM_string = 0x08;
const DW_FORM_data1 = 0x0b;
const DW_FORM_udata = 0x0f;
const DW_FORM_data16 = 0x1e;
const DW_FORM_line_strp = 0x1f;

/** The content of .debug_line_str. */
const LINE_STRINGS = "\0/src\0sub\0main.c\0inner.h\0";

/** The offset of one of the strings in .debug_line_str. */
export function lineStringOffset(string: string): number {
  return LINE_STRINGS.indexOf(`\0${string}\0`) + 1;
}

export interface LinePlan {
  readonly version: 2 | 3 | 4 | 5;
  readonly littleEndian?: boolean;
  /** In bytes of the instructions; set_address and advances put them together. */
  readonly program: readonly number[];
  readonly minimumInstructionLength?: number;
  readonly maximumOperations?: number;
  /** The lowest special opcode; opcodes from 13 on below it have two operands. */
  readonly opcodeBase?: number;
  /** Whether the files of DWARF 5 have MD5 sums (DW_FORM_data16). */
  readonly md5?: boolean;
  /**
   * Whether the names of DWARF 5 are offsets in .debug_line_str, and directories' indices LEB128 numbers, as compilers write
   * them; otherwise the names are in the tables, and the indices have one byte.
   */
  readonly offsets?: boolean;
  /** The directory and file tables, instead of those that list main.c (0 and 1) and sub/inner.h (2). */
  readonly tables?: readonly number[];
  /** The unit's range. */
  readonly low: bigint;
  readonly high: bigint;
}

/** A line program with its header, as in .debug_line. */
export function lineSection(plan: LinePlan): number[] {
  const { version, littleEndian = true, program, opcodeBase = OPCODE_BASE } = plan;
  const { u16, u32 } = numberBytes(littleEndian);
  const nameForm = plan.offsets ? DW_FORM_line_strp : DW_FORM_string;
  const indexForm = plan.offsets ? DW_FORM_udata : DW_FORM_data1;
  const name = (string: string) => (plan.offsets ? u32(lineStringOffset(string)) : text(string));
  const md5 = Array.from({ length: 16 }, (_, i) => i * 17);
  const ownTables =
    version === 5
      ? [
          ...[1, 1, nameForm, ...uleb(2), ...name("/src"), ...name("sub")],
          ...(plan.md5 ? [3, 1, nameForm, 2, indexForm, 5, DW_FORM_data16] : [2, 1, nameForm, 2, indexForm]),
          ...uleb(3),
          ...[["main.c", 0] as const, ["main.c", 0] as const, ["inner.h", 1] as const].flatMap(
            ([file, directory]) => [...name(file), directory, ...(plan.md5 ? md5 : [])],
          ),
        ]
      : [...text("sub"), 0, ...text("main.c"), 0, 0, 0, ...text("inner.h"), 1, 0, 0, 0];
  const header = [
    plan.minimumInstructionLength ?? 1,
    ...(version >= 4 ? [plan.maximumOperations ?? 1] : []),
    1,
    LINE_BASE & 0xff,
    LINE_RANGE,
    opcodeBase,
    ...Array.from({ length: opcodeBase - 1 }, (_, i) => STANDARD_OPERANDS[i] ?? 2),
    ...(plan.tables ?? ownTables),
  ];
  const body = [
    ...u16(version),
    ...(version === 5 ? [8, 0] : []),
    ...u32(header.length),
    ...header,
    ...program,
  ];
  return [...u32(body.length), ...body];
}

/** An x86-64 image with one unit, /src/main.c, and one line program. */
export function lineProgramImage(plan: LinePlan): Buffer {
  const { version, littleEndian = true } = plan;
  const { u16, u32, u64 } = numberBytes(littleEndian);
  // name, comp_dir: string; stmt_list: data4, or sec_offset since DWARF 4; low_pc, high_pc: addr.
  const offsetForm = version >= 4 ? 0x17 : 0x06;
  const abbreviations = [1, 0x11, 0, 0x03, 8, 0x1b, 8, 0x10, offsetForm, 0x11, 1, 0x12, 1, 0, 0, 0];
  const die = [1, ...text("main.c"), ...text("/src"), ...u32(0), ...u64(plan.low), ...u64(plan.high)];
  const unit = version === 5 ? [...u16(5), 1, 8, ...u32(0), ...die] : [...u16(version), ...u32(0), 8, ...die];
  return elfBytes({
    is64: true,
    littleEndian,
    machine: littleEndian ? 62 : 22,
    sections: [
      { name: ".text", bytes: new Array(64).fill(0), address: plan.low, flags: 6 },
      { name: ".debug_abbrev", bytes: abbreviations },
      { name: ".debug_info", bytes: [...u32(unit.length), ...unit] },
      { name: ".debug_line", bytes: lineSection(plan) },
      { name: ".debug_line_str", bytes: [...Buffer.from(LINE_STRINGS)] },
    ],
  });
}

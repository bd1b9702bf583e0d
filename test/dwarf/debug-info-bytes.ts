// Units of .debug_info put together byte by byte (DWARF 5 section 7.5), with their abbreviations, one for each DIE.

import { defined } from "../defined.ts";
import { elfBytes, numberBytes, text } from "../elf/elf-bytes.ts";
import { lineSection, uleb } from "./line-program-bytes.ts";

export interface Encoding {
  readonly version: 2 | 3 | 4 | 5;
  readonly littleEndian: boolean;
  readonly addressSize: 4 | 8;
  readonly offsetSize: 4 | 8;
}

/** Where the DIE of a label begins: from the start of its unit, and of the section. */
type Places = (label: string) => { readonly inUnit: number; readonly inSection: number };

/** DW_AT_, DW_FORM_, the value's bytes, whose number must not depend on the places, and what the abbreviation has. */
export type Attribute = readonly [
  name: number,
  form: number,
  value: readonly number[] | ((places: Places) => readonly number[]),
  abbreviated?: readonly number[] | undefined,
];

export interface DiePlan {
  readonly tag: number;
  readonly label?: string;
  readonly attributes?: readonly Attribute[];
  readonly children?: readonly DiePlan[];
}

/** The numbers of an encoding. */
export function numbers({ littleEndian, addressSize, offsetSize }: Encoding) {
  const { u8, u16, u32, u64 } = numberBytes(littleEndian);
  return {
    u8,
    u16,
    u32,
    u64,
    address: addressSize === 8 ? u64 : u32,
    offset: offsetSize === 8 ? u64 : u32,
  };
}

const DW_TAG_compile_unit = 0x11;

/** The sections of units whose root DIEs have these children; /src/main.c is file 1 of all. */
export function debugInfo(
  encoding: Encoding,
  units: readonly { readonly attributes?: readonly Attribute[]; readonly children: readonly DiePlan[] }[],
): { info: number[]; abbreviations: number[] } {
  const { version, offsetSize, addressSize } = encoding;
  const { u16, u32, u8, offset } = numbers(encoding);
  const abbreviations: number[] = [];
  const tables = units.map(() => 0);
  const places = new Map<string, { inUnit: number; inSection: number }>();
  const lookUp: Places = (label) => places.get(label) ?? { inUnit: 0, inSection: 0 };
  const rootOf = (unit: (typeof units)[number]): DiePlan => ({
    tag: DW_TAG_compile_unit,
    attributes: [
      [0x03, 0x08, text("main.c")],
      [0x1b, 0x08, text("/src")],
      [0x10, version >= 4 ? 0x17 : offsetSize === 8 ? 0x07 : 0x06, offset(0)],
      ...(unit.attributes ?? []),
    ],
    children: unit.children,
  });

  units.forEach((unit, i) => {
    tables[i] = abbreviations.length;
    let code = 0;
    const describe = ({ tag, attributes = [], children }: DiePlan): void => {
      abbreviations.push(...uleb(++code), ...uleb(tag), children === undefined ? 0 : 1);
      for (const [name, form, , abbreviated = []] of attributes) {
        abbreviations.push(...uleb(name), ...uleb(form), ...abbreviated);
      }
      abbreviations.push(0, 0);
      for (const child of children ?? []) describe(child);
    };
    describe(rootOf(unit));
    abbreviations.push(0);
  });

  const encode = (): number[] => {
    const info: number[] = [];
    units.forEach((unit, i) => {
      const start = info.length;
      const lengthSize = offsetSize === 8 ? 12 : 4;
      const table = offset(defined(tables[i], `abbreviations of unit ${i}`));
      const header =
        version >= 5
          ? [...u16(version), 1, addressSize, ...table]
          : [...u16(version), ...table, ...u8(addressSize)];
      const bytes = [...header];
      let code = 0;
      const write = ({ label, attributes = [], children }: DiePlan): void => {
        const inUnit = lengthSize + bytes.length;
        if (label !== undefined) places.set(label, { inUnit, inSection: start + inUnit });
        bytes.push(...uleb(++code));
        for (const [, , value] of attributes) {
          bytes.push(...(typeof value === "function" ? value(lookUp) : value));
        }
        if (children === undefined) return;
        for (const child of children) write(child);
        bytes.push(0);
      };
      write(rootOf(unit));
      info.push(
        ...(offsetSize === 8 ? [...u32(0xffffffff), ...offset(bytes.length)] : u32(bytes.length)),
        ...bytes,
      );
    });
    return info;
  };
  // The first time tells the places.
  encode();
  return { info: encode(), abbreviations };
}

/** An image with these debug sections. */
export function debugImage(
  encoding: Encoding,
  info: readonly number[],
  abbreviations: readonly number[],
  others: Readonly<Record<string, readonly number[]>> = {},
): Buffer {
  const { littleEndian, addressSize } = encoding;
  const low = 0x81000000n;
  return elfBytes({
    is64: addressSize === 8,
    littleEndian,
    machine: addressSize === 8 ? (littleEndian ? 62 : 22) : littleEndian ? 3 : 8,
    sections: [
      { name: ".data", bytes: new Array(64).fill(0), address: low, flags: 3 },
      { name: ".debug_abbrev", bytes: abbreviations },
      { name: ".debug_info", bytes: info },
      { name: ".debug_line", bytes: lineSection({ version: 4, littleEndian, program: [], low, high: low }) },
      ...Object.entries(others).map(([name, bytes]) => ({ name, bytes })),
    ],
  });
}

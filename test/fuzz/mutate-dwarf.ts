// Changes to debug information (DWARF 5, chapter 7) at the places of its fields.

import { at } from "../../src/checked-index.ts";
import { type ElfLayout, inSection, readNumber, unexpectedNumber, writeNumber } from "./elf-layout.ts";
import { changeByte, copyRange, fillRange, type Mutate, weighted } from "./mutate-bytes.ts";
import type { Random } from "./random.ts";

/** Sections that consist of units, each of which begins with its length. */
const WITH_UNITS = /^\.debug_(info|types|line|aranges|rnglists|loclists|str_offsets|addr)$/;
const LONGEST_HEADER = 40;

/** The start of each unit. */
function unitStarts(bytes: Buffer, littleEndian: boolean): number[] {
  const starts: number[] = [];
  for (let unit = 0; unit < bytes.length && starts.length < 100; ) {
    starts.push(unit);
    unit += 4 + Number(readNumber(bytes, unit, 4, littleEndian));
  }
  return starts;
}

/** Changes a number in the header of a unit, or in the first entry after it. */
function changeUnit(layout: ElfLayout): Mutate {
  return (bytes, random) => {
    const unit = random.pick(unitStarts(bytes, layout.littleEndian));
    const place = unit + random.below(random.pick([6, 14, LONGEST_HEADER]));
    const width = random.pick([1, 1, 2, 4, 8]);
    const old = readNumber(bytes, place, width, layout.littleEndian);
    writeNumber(bytes, place, width, layout.littleEndian, unexpectedNumber(old, bytes, layout, random));
    return bytes;
  };
}

/** LEB128 numbers of too many bytes, of 2^32, 2^63 and -1, and one that does not end. */
const LEB128 = [
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0x80, 0x80, 0x80, 0x80, 0x10],
  [...new Array<number>(8).fill(0xff), 0x7f],
  [...new Array<number>(9).fill(0x80), 0x01],
  [...new Array<number>(30).fill(0x80), 0],
  new Array<number>(300).fill(0xff),
  [0x7f],
  [0],
];
/** Line number programs (6.2.5): set_address of every size, end_sequence, advances to the bounds, define_file, unknown opcodes. */
const LINE_OPCODES = [
  [0, 9, 2, ...new Array<number>(8).fill(0xff)],
  [0, 5, 2, 0, 0, 0, 0],
  [0, 2, 2, 1],
  [0, 1, 1],
  [0, 0],
  [0, 0xff, 0xff, 0x7f],
  [2, 0xff, 0xff, 0xff, 0xff, 0x0f],
  [3, 0xff, 0xff, 0xff, 0xff, 0x7f],
  [3, 0x80, 0x80, 0x80, 0x80, 0x78],
  [4, 0],
  [4, 0xff, 0x7f],
  [9, 0xff, 0xff],
  new Array<number>(8).fill(8),
  new Array<number>(64).fill(0xff),
  [0, 5, 3, 0x41, 0, 0, 0],
  [12, 0x80, 1],
  [0, 2, 4, 0xff],
];

/** Writes one of some sequences of bytes. */
function write(sequences: readonly (readonly number[])[]): Mutate {
  return (bytes, random) => {
    const start = random.below(bytes.length);
    bytes.set(random.pick(sequences).slice(0, bytes.length - start), start);
    return bytes;
  };
}

/** Where the numbers of abbreviations begin: each has a code, a tag, a flag, and pairs of attribute and form (7.5.3). */
function abbreviationNumbers(bytes: Buffer): number[] {
  return Array.from(bytes.keys()).filter((place) => place === 0 || at(bytes, place - 1) < 0x80);
}

/** The numbers of tags, attributes and forms of DWARF 2 to 5 and of GNU's forms, and none of them. */
function abbreviationNumber(random: Random): number {
  return random.pick([random.below(0x4b), random.below(0x2d), random.below(0x8c), 0, 1, 0x21, 0x16, 0x7f]);
}

/** Gives an abbreviation another code, tag, attribute or form. */
const changeAbbreviation: Mutate = (bytes, random) => {
  bytes[random.pick(abbreviationNumbers(bytes))] = abbreviationNumber(random);
  return bytes;
};

/** Mutators for the debug information of an ELF file; none if it has no such sections. */
export function dwarfMutators(layout: ElfLayout): Mutate[] {
  const choices: [weight: number, names: RegExp, ...changes: Mutate[]][] = [
    [6, WITH_UNITS, changeUnit(layout)],
    [3, /^\.debug_abbrev$/, changeAbbreviation],
    [3, /^\.debug_line$/, write(LINE_OPCODES)],
    [2, /^\.debug_(info|abbrev|line|rnglists|loclists)$/, write(LEB128)],
    [4, /^\.z?debug_/, changeByte, copyRange, fillRange],
  ];
  return choices.flatMap(([weight, names, ...changes]) => {
    const sections = layout.sections.filter(({ name }) => names.test(name));
    return sections.length === 0 ? [] : weighted([weight, inSection(sections, ...changes)]);
  });
}

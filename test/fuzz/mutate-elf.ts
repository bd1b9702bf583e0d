// Changes to ELF files at the places of their fields.
import { at } from "../../src/checked-index.ts";
import {
  SHF_COMPRESSED,
  SHT_NOTE,
  SHT_REL,
  SHT_RELA,
  SHT_STRTAB,
  SHT_SYMTAB,
} from "../../src/constants/elf.ts";
import type { Section } from "../../src/elf/elf-file.ts";
import { type ElfLayout, inSection, readNumber, unexpectedNumber, writeNumber } from "./elf-layout.ts";
import { changeByte, copyRange, type Mutate, splice, truncate, weighted } from "./mutate-bytes.ts";
import { dwarfMutators } from "./mutate-dwarf.ts";

/** Records of one type: where they begin, and the sizes of the fields of each. */
interface Records {
  readonly start: number;
  readonly end: number;
  readonly fields: readonly number[];
}

function recordsOf({ is64, headers, sections }: ElfLayout, fileSize: number): Records[] {
  const word = is64 ? 8 : 4;
  const ofSections = (fields: readonly number[], wanted: (section: Section) => boolean): Records[] =>
    sections.filter(wanted).map(({ offset, size }) => ({ start: offset, end: offset + size, fields }));
  const header = [4, 1, 1, 1, 1, 8, 2, 2, 4, word, word, word, 4, 2, 2, 2, 2, 2, 2];
  const sectionHeaders = {
    start: headers,
    end: fileSize,
    fields: [4, 4, word, word, word, word, 4, 4, word, word],
  };
  return [
    { start: 0, end: is64 ? 64 : 52, fields: header },
    // Most of a reader's work depends on these.
    sectionHeaders,
    sectionHeaders,
    ...ofSections(is64 ? [4, 1, 1, 2, 8, 8] : [4, 4, 4, 1, 1, 2], ({ type }) => type === SHT_SYMTAB),
    ...ofSections([word, word, word], ({ type }) => type === SHT_RELA),
    ...ofSections([word, word], ({ type }) => type === SHT_REL),
    ...ofSections([4, 4, 4], ({ type }) => type === SHT_NOTE),
    ...ofSections(is64 ? [4, 4, 8, 8] : [4, 4, 4], ({ flags }) => (flags & SHF_COMPRESSED) !== 0),
  ];
}

function changeField(layout: ElfLayout, fileSize: number): Mutate {
  const all = recordsOf(layout, fileSize);
  return (bytes, random) => {
    const { start, end, fields } = random.pick(all);
    const length = fields.reduce((sum, size) => sum + size, 0);
    const record = start + length * random.below(Math.floor((end - start) / length));
    const field = random.below(fields.length);
    const place = record + fields.slice(0, field).reduce((sum, size) => sum + size, 0);
    const size = at(fields, field);
    const old = readNumber(bytes, place, size, layout.littleEndian);
    writeNumber(bytes, place, size, layout.littleEndian, unexpectedNumber(old, bytes, layout, random));
    return bytes;
  };
}

/** Swaps two section headers, or writes one over another. */
function moveHeader({ headers, headerSize, sections }: ElfLayout): Mutate {
  return (bytes, random) => {
    const [one = 0, two = 0] = [random, random].map(() => headers + headerSize * random.pick(sections).index);
    const held = Buffer.from(bytes.subarray(one, one + headerSize));
    if (random.chance(0.5)) bytes.copyWithin(one, two, two + headerSize);
    held.copy(bytes, two);
    return bytes;
  };
}

/** Makes a section refer to itself or to another: sh_link and sh_info. */
function relink({ is64, littleEndian, headers, headerSize, sections }: ElfLayout): Mutate {
  return (bytes, random) => {
    const { index } = random.pick(sections);
    const field = headers + headerSize * index + (is64 ? 40 : 24) + random.pick([0, 4]);
    writeNumber(bytes, field, 4, littleEndian, BigInt(random.pick([index, random.pick(sections).index])));
    return bytes;
  };
}

const NAMES = [
  "\n",
  "\t",
  "\x1b[2J",
  "\u202e",
  "\u2028",
  "\xff",
  "*/",
  "??/",
  "@",
  ".",
  " ",
  "\r",
  "$(id)",
  "\0",
  ".llvm.1",
  '"',
  "\\",
  "/",
  "__pfx_",
  "vmlinux",
];

/** Writes into the names of symbols, sections and source files. */
function changeName({ sections }: ElfLayout): Mutate {
  const texts = sections.filter(
    ({ type, name }) => type === SHT_STRTAB || /str$|modinfo|klp|rodata\.str/.test(name),
  );
  return (bytes, random) => {
    const { offset, size } = random.pick(texts);
    Buffer.from(random.pick(NAMES), random.pick(["utf8", "latin1"])).copy(bytes, offset + random.below(size));
    return bytes;
  };
}

/** Mutators for an ELF file. */
export function elfMutators(layout: ElfLayout, fileSize: number): Mutate[] {
  return [
    ...weighted(
      [16, changeField(layout, fileSize)],
      [2, moveHeader(layout)],
      [2, relink(layout)],
      [3, changeName(layout)],
      [1, truncate],
      [1, splice],
      [5, inSection(layout.sections, changeByte, changeByte, copyRange)],
    ),
    ...dwarfMutators(layout),
  ];
}

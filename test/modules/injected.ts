// What an object is, before and after aliases are put into it, as readelf and its bytes say.
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { openElf } from "../../src/elf/elf-file.ts";
import { injectAliases } from "../../src/modules/inject.ts";
import { defined } from "../defined.ts";

/** The bytes of an object with aliases. @param aliases by index of the original */
export function injected(
  path: string,
  aliases: ReadonlyMap<number, string>,
  options?: Parameters<typeof injectAliases>[2],
): Buffer {
  const elf = openElf(path);
  try {
    return Buffer.concat([...injectAliases(elf, aliases, options)]);
  } finally {
    elf.file.close();
  }
}

export interface ObjectView {
  readonly bytes: Buffer;
  /** The ELF header as readelf prints it, but for the place of the section headers. */
  readonly header: string;
  readonly sections: readonly SectionView[];
  readonly symbols: readonly SymbolView[];
}

interface SectionView {
  readonly name: string;
  readonly type: string;
  readonly offset: number;
  readonly size: number;
  readonly info: number;
  readonly alignment: number;
  /** readelf's other columns. */
  readonly others: string;
}

interface SymbolView {
  readonly type: string;
  readonly binding: string;
  readonly section: string;
  readonly name: string;
  /** All of readelf's columns but the number and the name. */
  readonly columns: string;
}

const SECTION =
  /^ +\[ *\d+\] (.*?) +([A-Z]\S*(?: SECTION INDICES)?) +([0-9a-f]{8,16}) ([0-9a-f]+) ([0-9a-f]+) (.* +\d+) +(\d+) +(\d+)$/gm;
const SYMBOL = /^ *\d+: ([0-9a-f]{8,16} +\S+ (\S+) +(\S+) +[A-Z]+ +(?:\[.*?\] +)?(\S+)) (.*)$/gm;

/** @param readelf what `readelf -hSsW` prints about the file */
export function objectView(path: string, readelf: string): ObjectView {
  const sections = Array.from(readelf.matchAll(SECTION), (found): SectionView => {
    const [, name = "", type = "", address, offset = "", size = "", others, info, alignment] = found;
    return {
      name,
      type,
      offset: Number.parseInt(offset, 16),
      size: Number.parseInt(size, 16),
      info: Number(info),
      alignment: Number(alignment),
      others: `${address} ${others}`,
    };
  });
  const symbols = Array.from(readelf.matchAll(SYMBOL), (found): SymbolView => {
    const [, columns = "", type = "", binding = "", section = "", name = ""] = found;
    return { type, binding, section, name, columns };
  });
  const count = (pattern: RegExp) => Number(pattern.exec(readelf)?.[1]);
  expect(sections.length).toBe(count(/Number of section headers: +(?:0 \()?(\d+)/));
  expect(symbols.length).toBe(count(/^Symbol table '.symtab' contains (\d+) /m));
  const [header = ""] = readelf.split(/^Section Headers:/m, 1);
  return {
    bytes: readFileSync(path),
    header: header.replace(/^.*start(s|ing).*offset.*|^ *Start of section headers:.*/gim, ""),
    sections,
    symbols,
  };
}

/** Sections whose content refers to symbols by index: what they refer to is to be compared, not their bytes. */
const REFERS = ["REL", "RELA", "SYMTAB", "SYMTAB SECTION INDICES", "LOOS+0xfff4c03"];

/**
 * Expects that an object has aliases, each behind its original, and is otherwise what it was.
 *
 * @returns the new index of each old symbol
 */
export function expectOnlyAliasesAdded(
  before: ObjectView,
  after: ObjectView,
  aliases: ReadonlyMap<number, string>,
): number[] {
  const symbols: string[] = [];
  const moved = before.symbols.map(({ columns, name }, index) => {
    const at = symbols.push(`${columns} ${name}`) - 1;
    const alias = aliases.get(index);
    if (alias !== undefined) symbols.push(`${columns} ${alias}`);
    return at;
  });
  expectSame(
    after.symbols.map(({ columns, name }) => `${columns} ${name}`),
    symbols,
  );
  const symtab = before.sections.findIndex(({ type }) => type === "SYMTAB");
  const firstGlobal = after.symbols.findIndex(({ binding }) => binding !== "LOCAL");
  expect(after.sections[symtab]?.info).toBe(firstGlobal === -1 ? symbols.length : firstGlobal);

  expect(after.header).toBe(before.header);
  const describeSection = ({ name, type, info, others }: SectionView) => `${name} ${type} ${info} ${others}`;
  expectSame(
    after.sections.map(describeSection),
    before.sections.map((section, index) => {
      if (index === symtab) return describeSection({ ...section, info: after.sections[symtab]?.info ?? 0 });
      const info =
        section.type === "GROUP"
          ? defined(moved[section.info], `symbol of group ${section.name}`)
          : section.info;
      return describeSection({ ...section, info });
    }),
  );
  expectSameContents(before, after, Number(before.sections[symtab]?.others.split(" ").at(-1)));
  return moved;
}

function expectSameContents(before: ObjectView, after: ObjectView, strtab: number): void {
  let firstChange = Number.POSITIVE_INFINITY;
  before.sections.forEach(({ type, offset }, index) => {
    if (index === strtab || REFERS.includes(type)) firstChange = Math.min(firstChange, offset);
  });
  const faults = before.sections.flatMap(({ name, type, offset, size, alignment }, index) => {
    const now = defined(after.sections[index], `section ${index}, ${name}`);
    const bytes = before.bytes.subarray(offset, offset + size);
    const same = bytes.equals(
      after.bytes.subarray(now.offset, now.offset + (index === strtab ? size : now.size)),
    );
    const empty = size === 0 || type === "NOBITS" || type === "NULL";
    return [
      ...(offset < firstChange && now.offset !== offset ? [`${name} has moved`] : []),
      ...(!empty && offset % alignment === 0 && now.offset % alignment !== 0
        ? [`${name} is not aligned`]
        : []),
      ...(!empty && !same && !REFERS.includes(type) ? [`${name} is not the same`] : []),
    ];
  });
  expect(faults).toEqual([]);
}

/** Expects lists to be equal; faster than toEqual for long ones. */
function expectSame(actual: readonly string[], expected: readonly string[]): void {
  const at = expected.findIndex((line, index) => line !== actual[index]);
  expect(actual[at]).toBe(expected[at]);
  expect(actual.length).toBe(expected.length);
}

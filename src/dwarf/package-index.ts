import { formatAddress } from "../elf/address.ts";
import { pagedSource } from "../elf/byte-source.ts";
import { smallSectionContent } from "../elf/compression.ts";
import { Cursor } from "../elf/cursor.ts";
import { type ElfFile, findSection } from "../elf/elf-file.ts";
import { Scratch } from "../elf/scratch.ts";
import { damaged, Failure } from "../failure.ts";

/** A part of a section, in bytes. */
interface Contribution {
  readonly offset: number;
  readonly size: number;
}

/** The index of the units in a package file (.dwp). */
export interface PackageIndex {
  /** 2 for the GNU extension, or 5. */
  readonly version: number;
  /** Returns a function with a unit's part of the section of a column, DW_SECT_…; undefined for an ID that no unit has. */
  row(id: string): ((column: number) => Contribution | undefined) | undefined;
}

const PAGE_BYTES = 1 << 16;

/**
 * Reads .debug_cu_index (DWARF 5 section 7.3.5.3).
 *
 * @throws Failure for an unknown version or a damaged index
 */
export function packageIndex(elf: ElfFile): PackageIndex {
  const section = findSection(elf, ".debug_cu_index");
  if (section === undefined)
    throw new Failure("WRONG_KIND", elf.path, "has no index of units (.debug_cu_index)");
  const source = pagedSource(smallSectionContent(elf, section, new Scratch()), PAGE_BYTES);
  const cursor = new Cursor(source, 0, source.size, elf.littleEndian);
  // A word before DWARF 5; then a half and padding.
  const version = cursor.u16() || cursor.u16();
  if (version === 5 || version === 2) cursor.moveTo(4);
  else throw new Failure("UNSUPPORTED", source.name, `index of unknown version ${version}`);
  const columns = cursor.u32();
  const units = cursor.u32();
  const slots = cursor.u32();
  const ids = cursor.position;
  const rows = ids + slots * 8;
  const table = rows + slots * 4;
  const sizes = table + (units + 1) * columns * 4;
  if (sizes + units * columns * 4 > source.size)
    throw damaged(source.name, `${units} units with ${columns} columns reach past its end`);
  const wordAt = (offset: number) => {
    cursor.moveTo(offset);
    return cursor.u32();
  };
  const rowOf = new Map<string, number>();
  for (let slot = 0; slot < slots; slot++) {
    const row = wordAt(rows + slot * 4);
    if (row === 0) continue;
    if (row > units) throw damaged(source.name, `row ${row} of ${units}`);
    cursor.moveTo(ids + slot * 8);
    const low = cursor.address(8);
    rowOf.set(formatAddress(cursor.addressHigh, low), row);
  }
  const columnOf = new Map(Array.from({ length: columns }, (_, i) => [wordAt(table + i * 4), i]));
  return {
    version,
    row(id) {
      const row = rowOf.get(id);
      if (row === undefined) return undefined;
      return (wanted) => {
        const column = columnOf.get(wanted);
        if (column === undefined) return undefined;
        return {
          offset: wordAt(table + (row * columns + column) * 4),
          size: wordAt(sizes + ((row - 1) * columns + column) * 4),
        };
      };
    },
  };
}

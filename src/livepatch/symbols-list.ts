import { at } from "../checked-index.ts";
import { SHF_ALLOC } from "../constants/elf.ts";
import type { ElfFile } from "../elf/elf-file.ts";
import { sectionIndexOf } from "../elf/symbol-table.ts";
import type { ElfListing } from "../symbols/elf-listing.ts";
import { symbolName, unlistable } from "../symbols/listing.ts";
import { isInKallsyms } from "../symbols/sympos.ts";

/** The first line of a Symbols.list (scripts/livepatch/klp-convert.c). */
export const SYMBOLS_LIST_MAGIC = "klp-convert-symbol-data.0.1\n";

/** An object's part of a Symbols.list: `*<object>` and the names of its symbols, one per line. */
function part(object: string, names: Iterable<string>): string {
  let text = `*${object}\n`;
  for (const name of names) text += `${name}\n`;
  return text;
}

/** The part for vmlinux: the symbols in kallsyms, by address. */
export function vmlinuxSymbols(listing: ElfListing): string {
  return part(
    "vmlinux",
    namesIn(
      listing,
      allSymbols(listing).filter((symbol) => isInKallsyms(listing, symbol)),
    ),
  );
}

/** The part for a module: the symbols that remain once it is loaded, in the order of its symbol table. */
export function moduleSymbolNames(module: string, elf: ElfFile, listing: ElfListing): string {
  const { table, tableIndex, nameHash } = listing;
  const indexOf = (symbol: number) => at(tableIndex, symbol);
  const isLoaded = (symbol: number) =>
    nameHash[symbol] !== 0 &&
    ((elf.sections[sectionIndexOf(table, indexOf(symbol))]?.flags ?? 0) & SHF_ALLOC) !== 0;
  const symbols = allSymbols(listing).filter(isLoaded);
  return part(
    module,
    namesIn(
      listing,
      symbols.sort((a, b) => indexOf(a) - indexOf(b)),
    ),
  );
}

function allSymbols({ count }: ElfListing): number[] {
  return Array.from({ length: count }, (_, symbol) => symbol);
}

function* namesIn(listing: ElfListing, symbols: readonly number[]): Generator<string> {
  for (const symbol of symbols) {
    const name = symbolName(listing, symbol);
    // klp-convert takes such a line for that of an object.
    if (/^\*|\n/.test(name)) throw unlistable(listing.source, name);
    yield name;
  }
}

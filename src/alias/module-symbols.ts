import { at } from "../checked-index.ts";
import { ET_REL, SHF_ALLOC } from "../constants/elf.ts";
import type { MissingFiles } from "../dwarf/missing-files.ts";
import { formatAddress } from "../elf/address.ts";
import { type ElfFile, findSection, type Section } from "../elf/elf-file.ts";
import { isInitSection } from "../elf/init-sections.ts";
import { buildId } from "../elf/notes.ts";
import { layOutSections } from "../elf/section-layout.ts";
import { sectionIndexOf, symbolValueHigh, symbolValueLow, symtabIndex } from "../elf/symbol-table.ts";
import { Failure } from "../failure.ts";
import { addTo } from "../grouping.ts";
import { openObjectLocator } from "../source-lines/open-locator.ts";
import { emptyQueries } from "../source-lines/resolver.ts";
import type { SourceRoots } from "../source-lines/source-root.ts";
import { type ElfListing, listingWithoutLabels } from "../symbols/elf-listing.ts";
import type { KallsymsNames } from "../symbols/name-anatomy.ts";
import { modulePositions } from "../symbols/sympos.ts";
import type { TableRow } from "../table/alias-table.ts";
import type { WasmMemory } from "../wasm/program.ts";
import type { Surroundings } from "./candidates.ts";
import { nameFilter } from "./filters.ts";
import {
  lookUpLocations,
  numberReporter,
  originsOf,
  ownSize,
  queriedSymbols,
  type SymbolOrigin,
  symbolEntry,
} from "./locate.ts";
import { type NamedSymbol, namedSymbols, namesWithSeparator } from "./name-symbols.ts";
import type { ModulesOptions } from "./options.ts";
import { reportUnprintable, type Selection, selectSymbols } from "./select.ts";
import { symbolRow } from "./symbol-row.ts";
import { tableSymbols } from "./table-scope.ts";

/** The options of a run over modules whose kernel is known. */
export type ModuleOptions = ModulesOptions & {
  readonly kallsymsNames: KallsymsNames;
  readonly scope: "global" | "object";
};

/** A module's symbols, located but not yet named. */
export interface ModuleSymbols {
  readonly buildId: string | null;
  /** Without aliases. */
  readonly rows: readonly TableRow[];
  /** The symbols to alias: the parts of their aliases, their row, and their index in `.symtab`. */
  readonly named: readonly (NamedSymbol & { readonly row: number; readonly symtabIndex: number })[];
  /** The names that contain the separator. */
  readonly taken: ReadonlySet<string>;
  readonly counts: Selection["counts"];
}

/**
 * The listing of a module's symbols but local labels, with the addresses that `layOutSections` gives them.
 *
 * @throws Failure for a file that is not a relocatable object, or has no symbols
 */
export function moduleListing(elf: ElfFile, memory: WasmMemory): ElfListing {
  if (elf.type !== ET_REL)
    throw new Failure("WRONG_KIND", elf.path, "is not a relocatable object", "give .ko or .o files");
  const listing = listingWithoutLabels(elf, layOutSections(elf), memory);
  if (listing !== undefined) return listing;
  throw new Failure("NO_SYMBOLS", elf.path, "has no symbol table", "give the unstripped file");
}

/** Names that every module has: its entry points, and those that modpost, module-common.c and module.lds of scripts/ add. */
const MODULES_OWN = [
  "init_module",
  "cleanup_module",
  "__this_module",
  "____versions",
  "orc_header",
  "__start_alloc_tags",
  "__stop_alloc_tags",
];

/** Selects the symbols of a module to alias. */
function selectModuleSymbols(
  listing: ElfListing,
  sectionOf: (tableIndex: number) => Section | undefined,
  options: ModuleOptions,
  countOf: Surroundings["countOf"],
): Selection {
  const { defaults, include } = options.filters;
  const ownFilter = nameFilter({ defaults: false, exclude: defaults ? MODULES_OWN : [], include });
  return selectSymbols(listing, options, {
    ...(countOf && { countOf }),
    excludedBy(symbol, name) {
      if (!options.init && isInitSection(sectionOf(at(listing.tableIndex, symbol))?.name)) return ".init*";
      return ownFilter(name);
    },
  });
}

/**
 * Selects the symbols of a module to alias, and locates them. Opens debug information only for a module that has such
 * symbols.
 *
 * @param missing receives the files that locating needed and that cannot be used
 */
export async function moduleSymbols(
  name: string,
  elf: ElfFile,
  memory: WasmMemory,
  options: ModuleOptions,
  countOf: Surroundings["countOf"],
  roots: SourceRoots,
  missing: MissingFiles,
): Promise<ModuleSymbols> {
  const listing = moduleListing(elf, memory);
  const { table, tableIndex } = listing;
  const sectionOf = (index: number) => elf.sections[sectionIndexOf(table, index)];
  const selection = selectModuleSymbols(listing, sectionOf, options, countOf);
  const symbols = tableSymbols(selection, options);
  reportUnprintable(selection, missing);
  const origins = symbols.length === 0 ? [] : await locate(elf, listing, symbols, roots, options, missing);

  const isLoaded = (index: number) => ((sectionOf(index)?.flags ?? 0) & SHF_ALLOC) !== 0;
  const positions = modulePositions(
    listing,
    symbols,
    selection.namesakes,
    (index, beside) =>
      isLoaded(index) && (!isInitSection(sectionOf(index)?.name) || isInitSection(sectionOf(beside)?.name)),
  );
  const rows = Array.from(symbols, (symbol, i): TableRow => {
    const index = at(tableIndex, symbol);
    const address = formatAddress(symbolValueHigh(table, index), symbolValueLow(table, index));
    const unnamed = { object: name, alias: null, address, sympos: at(positions, i), ordinal: 0 };
    return symbolRow(listing, symbol, at(origins, i), unnamed);
  });
  const rowOf = new Map(Array.from(symbols, (symbol, i) => [symbol, i]));
  const rowsNamed = Array.from(selection.symbols, (symbol) => rowOf.get(symbol) ?? -1);
  const places = rowsNamed.map((row) => origins[row]?.place ?? null);
  return {
    buildId: buildId(elf),
    rows,
    named: namedSymbols(listing, selection.symbols, places, options.data).map((named, i) => {
      const index = symtabIndex(table, at(tableIndex, at(selection.symbols, i)));
      return { ...named, row: at(rowsNamed, i), symtabIndex: index };
    }),
    taken: namesWithSeparator(listing, options.separator, selection.existing),
    counts: selection.counts,
  };
}

async function locate(
  elf: ElfFile,
  listing: ElfListing,
  symbols: Int32Array,
  roots: SourceRoots,
  options: ModuleOptions,
  missing: MissingFiles,
): Promise<SymbolOrigin[]> {
  const locator = await openObjectLocator(elf, options.debugDirectories, options);
  const { table, tableIndex } = listing;
  try {
    const bases = layOutSections(locator.elf);
    const sections = sameSections(elf, locator.elf);
    const queries = emptyQueries(symbols.length);
    const indices = Array.from(symbols, (symbol) => at(tableIndex, symbol));
    for (const [i, index] of indices.entries()) {
      const section = sections.get(sectionIndexOf(table, index));
      // An address outside all sections has no location.
      queries.addressLow[i] = section === undefined ? 0 : at(bases, section) + symbolValueLow(table, index);
      queries.size[i] = ownSize(listing, at(symbols, i));
    }
    // klp-build merges objects without debug information, which have no STT_FILE symbol: the one before them is another's.
    const isKlpBuild = findSection(elf, ".init.klp_objects") !== undefined;
    const entries = indices.map((index) => {
      const entry = symbolEntry(elf, table, index);
      return isKlpBuild ? { ...entry, fileSymbol: () => null } : entry;
    });
    const queried = queriedSymbols(listing, symbols, entries);
    return originsOf(
      entries,
      await lookUpLocations(locator, queries, queried, symbols.length, options),
      roots,
      numberReporter(listing, symbols, missing),
    );
  } finally {
    missing.addAll(locator.missing);
    locator.close();
  }
}

/** Maps each loaded section to that of another file of the same build: by name, and by order among sections of one name. */
function sameSections(elf: ElfFile, other: ElfFile): Map<number, number> {
  if (other === elf) return new Map(elf.sections.map(({ index }) => [index, index]));
  const byName = new Map<string, number[]>();
  for (const { name, index, flags } of other.sections) {
    if ((flags & SHF_ALLOC) !== 0) addTo(byName, name, index);
  }
  const same = new Map<number, number>();
  for (const { name, index, flags } of elf.sections) {
    if ((flags & SHF_ALLOC) === 0) continue;
    const found = byName.get(name)?.shift();
    if (found !== undefined) same.set(index, found);
  }
  return same;
}

import { ET_REL, SHF_ALLOC } from "../constants/elf.ts";
import { formatAddress } from "../elf/address.ts";
import type { ElfFile, Section } from "../elf/elf-file.ts";
import { buildId } from "../elf/notes.ts";
import { layOutSections } from "../elf/section-layout.ts";
import { sectionIndexOf, symbolSize, symbolValueHigh, symbolValueLow } from "../elf/symbol-table.ts";
import { Failure } from "../failure.ts";
import { addTo } from "../grouping.ts";
import type { Locator } from "../source-lines/open-locator.ts";
import { emptyQueries } from "../source-lines/resolver.ts";
import type { SourceRoots } from "../source-lines/source-root.ts";
import { type ElfListing, elfListing } from "../symbols/elf-listing.ts";
import { symbolName } from "../symbols/listing.ts";
import { isData } from "../symbols/name-anatomy.ts";
import { modulePositions } from "../symbols/sympos.ts";
import type { TableRow } from "../table/alias-table.ts";
import type { WasmMemory } from "../wasm/program.ts";
import { type Surroundings, stemReader } from "./candidates.ts";
import { nameFilter } from "./filters.ts";
import {
  type LocatingOptions,
  lookUpLocations,
  originsOf,
  type SymbolOrigin,
  symbolEntry,
} from "./locate.ts";
import { type NamedSymbol, namesWithSeparator } from "./name-symbols.ts";
import { type AliasOptions, type Selection, selectSymbols } from "./select.ts";
import { tableSymbols } from "./table-scope.ts";

export interface ModuleOptions extends AliasOptions, LocatingOptions {
  /** Whether symbols in .init sections get aliases. */
  readonly init: boolean;
  /** Whether all text symbols get into the table, or only those with an alias. */
  readonly locateAll: boolean;
}

/** A module's symbols, located but not named yet. */
export interface ModuleSymbols {
  readonly buildId: string | null;
  /** Without aliases. */
  readonly rows: readonly TableRow[];
  /** The symbols that are to get an alias: what it is made of, their row, and their index in the symbol table. */
  readonly named: readonly (NamedSymbol & { readonly row: number; readonly tableIndex: number })[];
  /** The names with the separator in them. */
  readonly taken: ReadonlySet<string>;
  readonly counts: Selection["counts"];
}

/**
 * The listing of a module's symbols, with the addresses that `layOutSections` gives them.
 *
 * @throws Failure for a file that is no relocatable object with symbols
 */
export function moduleListing(elf: ElfFile, memory: WasmMemory): ElfListing {
  if (elf.type !== ET_REL) throw new Failure(elf.path, "is no relocatable object", "give .ko or .o files");
  const listing = elfListing(elf, layOutSections(elf), memory);
  if (listing !== undefined) return listing;
  throw new Failure(elf.path, "has no symbol table", "give it as it was before strip");
}

/** Names that every module has: its entry points, and what modpost, module-common.c and module.lds of scripts/ add. */
const MODULES_OWN = [
  "init_module",
  "cleanup_module",
  "__this_module",
  "____versions",
  "orc_header",
  "__start_alloc_tags",
  "__stop_alloc_tags",
];

/** Whether the kernel frees a section when the module has been loaded (module_init_section of kernel/module/main.c). */
function isInit(section: Section | undefined): boolean {
  return section?.name.startsWith(".init") ?? false;
}

/**
 * Chooses the symbols of a module that are to get an alias, and locates them.
 *
 * @param openLocator opens what answers addresses as `layOutSections` gives them out; is called only for a module that has such symbols
 */
export async function moduleSymbols(
  name: string,
  elf: ElfFile,
  memory: WasmMemory,
  options: ModuleOptions,
  bearersOf: Surroundings["bearersOf"],
  openLocator: () => Promise<Locator>,
  roots: SourceRoots,
): Promise<ModuleSymbols> {
  const listing = moduleListing(elf, memory);
  const { table, tableIndex } = listing;
  const indexOf = (symbol: number) => tableIndex[symbol] as number;
  const sectionOf = (index: number) => elf.sections[sectionIndexOf(table, index)];
  const { defaults, include } = options.filters;
  const ownFilter = nameFilter({ defaults: false, exclude: defaults ? MODULES_OWN : [], include });
  const selection = selectSymbols(listing, options, {
    ...(bearersOf && { bearersOf }),
    excludedBy(symbol, name) {
      if (!options.init && isInit(sectionOf(indexOf(symbol)))) return ".init*";
      return ownFilter(name);
    },
  });
  const symbols = tableSymbols(selection, options);
  const indices = Array.from(symbols, indexOf);
  const origins =
    symbols.length === 0 ? [] : await locate(elf, listing, symbols, await openLocator(), roots, options);

  const isLoaded = (index: number) => ((sectionOf(index)?.flags ?? 0) & SHF_ALLOC) !== 0;
  const positions = modulePositions(
    listing,
    symbols,
    selection.namesakes,
    (index, beside) => isLoaded(index) && (!isInit(sectionOf(index)) || isInit(sectionOf(beside))),
  );
  const rows = Array.from(symbols, (symbol, i): TableRow => {
    const index = indices[i] as number;
    const { place, via, size, section, functionName, parameters } = origins[i] as SymbolOrigin;
    return {
      object: name,
      name: symbolName(listing, symbol),
      alias: null,
      type: String.fromCharCode(listing.type[symbol] as number),
      address: formatAddress(symbolValueHigh(table, index), symbolValueLow(table, index)),
      section,
      size,
      file: place?.file ?? null,
      line: place?.line ?? null,
      unit: place?.unit ?? null,
      sympos: positions[i] as number,
      ordinal: 0,
      via,
      function: functionName,
      parameters: parameters?.count ?? null,
      arriving: parameters?.arriving ?? null,
    };
  });
  const rowOf = new Map(Array.from(symbols, (symbol, i) => [symbol, i]));
  const stemOf = stemReader(listing, options.data);
  return {
    buildId: buildId(elf),
    rows,
    named: Array.from(selection.symbols, (symbol) => {
      const row = rowOf.get(symbol) as number;
      return { stem: stemOf(symbol), place: origins[row]?.place ?? null, row, tableIndex: indexOf(symbol) };
    }),
    taken: namesWithSeparator(listing, options.separator, selection.existing),
    counts: selection.counts,
  };
}

async function locate(
  elf: ElfFile,
  listing: ElfListing,
  symbols: Int32Array,
  debug: Locator,
  roots: SourceRoots,
  options: LocatingOptions,
): Promise<SymbolOrigin[]> {
  const { table, tableIndex } = listing;
  const indices = Array.from(symbols, (symbol) => tableIndex[symbol] as number);
  try {
    const bases = layOutSections(debug.elf);
    const sections = sameSections(elf, debug.elf);
    const queries = emptyQueries(indices.length);
    indices.forEach((index, i) => {
      const section = sections.get(sectionIndexOf(table, index));
      // An address that lies in no section has no location.
      queries.addressLow[i] =
        section === undefined ? 0 : (bases[section] as number) + symbolValueLow(table, index);
      queries.size[i] = symbolSize(table, index);
    });
    const entries = indices.map((index) => symbolEntry(elf, table, index));
    const queried = {
      name: (query: number) => symbolName(listing, symbols[query] as number),
      isData: (query: number) => isData(listing.type[symbols[query] as number] as number),
      fileSymbol: (query: number) => entries[query]?.fileSymbol() ?? null,
    };
    return originsOf(entries, await lookUpLocations(debug, queries, queried, symbols.length, options), roots);
  } finally {
    if (debug.elf !== elf) debug.elf.file.close();
  }
}

/** The section of another file of the same build for each loaded section: by name, and by order among those of one name. */
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

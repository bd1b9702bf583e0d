import { at } from "../checked-index.ts";
import { formatAt } from "../elf/address.ts";
import type { ElfFile } from "../elf/elf-file.ts";
import { buildId } from "../elf/notes.ts";
import { Failure } from "../failure.ts";
import { addTo } from "../grouping.ts";
import { isKallsymsNames, livePatchNames } from "../symbols/kallsyms-names.ts";
import { type Listing, symbolName } from "../symbols/listing.ts";
import { symbolPositions } from "../symbols/sympos.ts";
import type { TableRow } from "../table/alias-table.ts";
import type { AliasTableReader } from "../table/read-alias-table.ts";
import { VERSION } from "../version.ts";
import { imageListing, type Timer, untimed, type VmlinuxInput, type VmlinuxResult } from "./alias-vmlinux.ts";
import { aliasedLines } from "./aliased-listing.ts";
import type { FilterOptions } from "./filters.ts";
import { nameSymbols } from "./name-symbols.ts";
import { separatorFault } from "./naming.ts";
import type { AliasOptions } from "./options.ts";
import { type Selection, selectSymbols } from "./select.ts";

/**
 * Gives the symbols of a vmlinux the aliases that they got in an earlier link of the same build, in which their addresses
 * differ but not their order. Matches symbols by name, and by order among namesakes. The options are those of the table.
 *
 * @param input the listing, the image's own unless given; the build ID in the new table is the image's
 * @throws Failure for a name whose number of symbols, or whose order, differs between listing and table
 * @example
 * const result = await reuseAliases({ image: openElf("vmlinux") }, readAliasTable("vmlinux.kas.jsonl"));
 * await writeFiles([{ target: "vmlinux.aliased", pieces: result.lines() }]);
 */
export async function reuseAliases(
  { image, listing: given }: Pick<VmlinuxInput, "listing" | "image">,
  table: AliasTableReader,
  time: Timer = untimed,
): Promise<VmlinuxResult> {
  const listing = await time("symbols", () => given ?? (image && imageListing(image)));
  if (listing === undefined)
    throw new Failure("WRONG_USAGE", "input", "has no symbols", "give a listing or an image");
  return time("reuse", () => reuse(listing, table, image));
}

function reuse(listing: Listing, table: AliasTableReader, image: ElfFile | undefined): VmlinuxResult {
  const options = optionsOf(table);
  const rows = aliasedRows(table);
  const chosen = selectSymbols(listing, options);
  const found = matchRows(chosen, rows, table);
  const symbols = chosen.inScope.filter((symbol) => found.has(symbol));
  const rowOf = (symbol: number) => found.get(symbol) ?? withoutRow(symbol);
  checkOrder(listing, symbols, rowOf, table.source);

  const selection = { ...chosen, symbols };
  const ordered = Array.from(symbols, rowOf);
  const places = ordered.map(({ file, line, unit }) => (file === null ? null : { file, line, unit }));
  const { counts } = nameSymbols(listing, symbols, places, options, chosen.existing);
  const unresolved = Object.values(table.header.unresolved ?? {}).reduce((sum, count) => sum + count, 0);
  const aliases = {
    alias: ordered.map(({ alias }) => alias),
    ordinal: Uint32Array.from(ordered, ({ ordinal }) => ordinal),
    counts: { ...counts, aliases: ordered.length, unresolved },
  };
  return {
    source: listing.source,
    counts: { ...selection.counts, ...aliases.counts },
    missing: [],
    lines: () => aliasedLines(selection, aliases),
    header: {
      ...table.header,
      objects: [{ name: VMLINUX, buildId: (image && buildId(image)) ?? null }],
      rows: ordered.length,
      generator: `kas-alias ${VERSION}`,
    },
    *rows() {
      for (const symbol of symbols) {
        yield { ...rowOf(symbol), address: formatAt(listing, symbol) };
      }
    },
  };
}

function withoutRow(symbol: number): never {
  throw new RangeError(`symbol ${symbol} has no row`);
}

const VMLINUX = "vmlinux";
const ADVICE = "give the table of an earlier link of the same build";

/** The options that a table was written with. */
function optionsOf({ source, header }: AliasTableReader): AliasOptions {
  const { separator, disambiguate, maxNameLength, kallsymsNames, data, defaults, exclude, include } =
    header.options;
  const areGlobs = (value: unknown): value is string[] =>
    Array.isArray(value) && value.every((glob) => typeof glob === "string");
  if (
    typeof separator !== "string" ||
    separatorFault(separator) !== undefined ||
    typeof disambiguate !== "boolean" ||
    typeof maxNameLength !== "number" ||
    !(kallsymsNames === undefined || isKallsymsNames(kallsymsNames)) ||
    typeof data !== "boolean" ||
    (typeof defaults !== "boolean" && defaults !== "text") ||
    !areGlobs(exclude) ||
    !areGlobs(include)
  ) {
    throw new Failure(
      "DAMAGED",
      source,
      "line 1 is damaged: its options are incomplete",
      "regenerate the table",
    );
  }
  const filters: FilterOptions = { defaults, exclude, include };
  // Tables without kallsymsNames come from versions that compared names this way.
  return { separator, disambiguate, maxNameLength, kallsymsNames: kallsymsNames ?? "llvm", data, filters };
}

/** The rows with an alias, by name. */
function aliasedRows({ source, rows }: AliasTableReader): Map<string, TableRow[]> {
  const named = new Map<string, TableRow[]>();
  for (const row of rows) {
    if (row.object !== VMLINUX) {
      throw new Failure(
        "WRONG_KIND",
        source,
        `has aliases of the module ${row.object}`,
        "give a table of vmlinux only",
      );
    }
    if (row.alias === null) continue;
    addTo(named, row.name, row);
  }
  return named;
}

/** Maps each symbol to its row, if it has one. */
function matchRows(
  selection: Selection,
  rows: ReadonlyMap<string, readonly TableRow[]>,
  { source, header }: AliasTableReader,
): Map<number, TableRow> {
  const { listing, inScope, namesakes } = selection;
  const symbolsOf = new Map<string, number[]>(Array.from(rows.keys(), (name) => [name, []]));
  for (const symbol of inScope) symbolsOf.get(symbolName(listing, symbol))?.push(symbol);
  for (const symbol of selection.symbols) {
    const name = symbolName(listing, symbol);
    if (!rows.has(name)) addTo(symbolsOf, name, symbol);
  }

  const unresolved = new Map(Object.entries(header.unresolved ?? {}));
  const found = new Map<number, TableRow>();
  for (const [name, symbols] of symbolsOf) {
    const named = rows.get(name) ?? [];
    const wanted = named.length + (unresolved.get(name) ?? 0);
    if (symbols.length !== wanted) {
      const times = (n: number) => (n === 1 ? "once" : `${n} times`);
      const problem = `has ${name} ${times(symbols.length)}, but ${source} has it ${times(wanted)}`;
      throw new Failure("OTHER_BUILD", listing.source, problem, ADVICE);
    }
    // Symbols without an alias are not in the table; the positions of the others identify which ones those are.
    const positions =
      named.length === wanted
        ? undefined
        : symbolPositions(
            listing,
            Int32Array.from(symbols),
            namesakes,
            livePatchNames(selection.kallsymsNames, header.kernel),
          );
    named.forEach((row, i) => {
      const symbol = symbols[positions === undefined ? i : positions.indexOf(row.sympos)];
      if (symbol === undefined) {
        const problem = `has no ${name} at position ${row.sympos}, but ${source} does`;
        throw new Failure("OTHER_BUILD", listing.source, problem, ADVICE);
      }
      found.set(symbol, row);
    });
  }
  return found;
}

/** @throws Failure when the order or the types of symbols differ from those of their rows */
function checkOrder(
  listing: Listing,
  symbols: Int32Array,
  rowOf: (symbol: number) => TableRow,
  table: string,
): void {
  let last: TableRow | undefined;
  for (const symbol of symbols) {
    const row = rowOf(symbol);
    if (last !== undefined && row.address.padStart(16, "0") < last.address.padStart(16, "0")) {
      throw new Failure(
        "OTHER_BUILD",
        listing.source,
        `has ${row.name} after ${last.name}, but ${table} has it before`,
        ADVICE,
      );
    }
    const type = String.fromCharCode(at(listing.type, symbol));
    if (type !== row.type) {
      throw new Failure(
        "OTHER_BUILD",
        listing.source,
        `has ${type} ${row.name} where ${table} has ${row.type} ${row.name}`,
        ADVICE,
      );
    }
    last = row;
  }
}

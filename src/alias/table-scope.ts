import { at } from "../checked-index.ts";
import { type Listing, symbolName } from "../symbols/listing.ts";
import { isFunction, isLabel, kindOfRow } from "../symbols/symbol-kind.ts";
import type { TableRow } from "../table/alias-table.ts";
import { isUnlisted, nameFilter } from "./filters.ts";
import type { Selection } from "./select.ts";

/** The symbols that are in the table in addition to those with an alias. */
export interface TableScope {
  /** All symbols in scope that can be looked up. */
  readonly locateAll: boolean;
  /** Functions with a suffix, since only their parameters can have changed. */
  readonly signatures?: boolean | undefined;
}

const DOT = 0x2e;
const isNoFunction = nameFilter({ defaults: true, exclude: [], include: [] });

/** Whether a compiler has renamed a function, which a dot in the name shows. */
function hasSuffix(name: string, kind: number): boolean {
  return isFunction(kind) && name.includes(".", 1) && isNoFunction(name) === undefined;
}

/** The symbols of a selection that may be in the table, in address order. */
export function tableSymbols(selection: Selection, { locateAll, signatures }: TableScope): Int32Array {
  if (!locateAll && !signatures) return selection.symbols;
  const { listing, inScope, symbols } = selection;
  const chosen = new Set(symbols);
  if (locateAll) {
    const isLabelOnly = (kind: number) => isFunction(kind) && isLabel(kind);
    return inScope.filter(
      (symbol) =>
        chosen.has(symbol) ||
        !(isLabelOnly(at(listing.kind, symbol)) || isUnlisted(symbolName(listing, symbol))),
    );
  }
  return inScope.filter((symbol) => chosen.has(symbol) || isSuffixed(listing, symbol));
}

function isSuffixed(listing: Listing, symbol: number): boolean {
  const dot = listing.text.indexOf(DOT, at(listing.nameStart, symbol) + 1);
  if (dot === -1 || dot >= at(listing.nameEnd, symbol)) return false;
  return hasSuffix(symbolName(listing, symbol), at(listing.kind, symbol));
}

/** Whether a row is in the table. */
export function isInTable(
  row: Pick<TableRow, "alias" | "name" | "type" | "kind">,
  { locateAll, signatures }: TableScope,
): boolean {
  return locateAll || row.alias !== null || (signatures === true && hasSuffix(row.name, kindOfRow(row)));
}

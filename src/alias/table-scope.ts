import { at } from "../checked-index.ts";
import { hasControl } from "../printable.ts";
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
  const { listing, inScope, symbols, unprintable } = selection;
  const chosen = new Set(symbols);
  const isPrintable = (name: string) => {
    if (!hasControl(name)) return true;
    unprintable.add(name);
    return false;
  };
  if (locateAll) {
    const isLabelOnly = (kind: number) => isFunction(kind) && isLabel(kind);
    return inScope.filter((symbol) => {
      if (chosen.has(symbol)) return true;
      if (isLabelOnly(at(listing.kind, symbol))) return false;
      const name = symbolName(listing, symbol);
      return !isUnlisted(name) && isPrintable(name);
    });
  }
  return inScope.filter(
    (symbol) =>
      chosen.has(symbol) || (isSuffixed(listing, symbol) && isPrintable(symbolName(listing, symbol))),
  );
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

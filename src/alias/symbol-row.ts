import { type Listing, symbolName } from "../symbols/listing.ts";
import { kindName } from "../symbols/symbol-kind.ts";
import type { TableRow } from "../table/alias-table.ts";
import type { SymbolOrigin } from "./locate.ts";

/** The columns of a row that neither the listing nor the origin of its symbol provides. */
export type RowPlace = Pick<TableRow, "object" | "alias" | "address" | "sympos" | "ordinal">;

/** The row of a symbol in an alias table. */
export function symbolRow(
  listing: Listing,
  symbol: number,
  { place, via, size, section, functionName, parameters }: SymbolOrigin,
  { object, alias, address, sympos, ordinal }: RowPlace,
): TableRow {
  return {
    object,
    name: symbolName(listing, symbol),
    alias,
    type: String.fromCharCode(listing.type[symbol] ?? 0),
    address,
    section,
    size,
    file: place?.file ?? null,
    line: place?.line ?? null,
    unit: place?.unit ?? null,
    sympos,
    ordinal,
    via,
    function: functionName,
    parameters: parameters?.count ?? null,
    arriving: parameters?.arriving ?? null,
    kind: kindName(listing.kind[symbol] ?? 0),
  };
}

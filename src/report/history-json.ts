import type { SymbolHistory } from "../table/history.ts";

/** One line of JSON per symbol, as docs/alias-table.md describes it. */
export function historyAsJson({ object, name, file, unit, events }: SymbolHistory): string {
  return `${JSON.stringify({ name, object, file, unit, events: events() })}\n`;
}

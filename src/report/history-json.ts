import type { SymbolHistory } from "../table/history.ts";

/** One line of JSON a symbol, as docs/diff.md describes it. */
export function historyAsJson({ object, name, file, unit, events }: SymbolHistory): string {
  const plain = events.map(({ kernel, event, line, alias, sympos }) => ({
    kernel,
    event,
    line,
    alias,
    sympos,
  }));
  return `${JSON.stringify({ name, object, file, unit, events: plain })}\n`;
}

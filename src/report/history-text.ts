import type { SymbolHistory, SymbolState } from "../table/history.ts";
import { printable } from "./diff-words.ts";

/** One line a symbol: its name, object and file, and where it was in each kernel. */
export function historyAsText({ object, name, file, unit, states }: SymbolHistory): string {
  const place = unit === null || unit === file ? (file ?? "?") : `${file ?? "?"} (${unit})`;
  return `${printable([name, object, place, ...states.map(stateAsText)].join("  "))}\n`;
}

function stateAsText({ kernel, isGone, line, events, sympos }: SymbolState): string {
  if (isGone) return `${kernel}:gone`;
  const remarks = events.flatMap((event) => {
    if (event === "ambiguous" || event === "unique") return event;
    return event === "sympos" ? `sympos=${sympos}` : [];
  });
  return [`${kernel}:${line ?? "?"}`, ...remarks].join(",");
}

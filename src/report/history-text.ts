import { printable } from "../printable.ts";
import type { SymbolHistory, SymbolState } from "../table/history.ts";

/** One line per symbol: its name, object and file, and its line in each kernel. */
export function historyAsText({ object, name, file, unit, states }: SymbolHistory): string {
  let text = `${name}  ${object}  ${file ?? "?"}`;
  if (unit !== null && unit !== file) text += ` (${unit})`;
  for (const state of states()) text += `  ${stateAsText(state)}`;
  return `${printable(text)}\n`;
}

function stateAsText({ kernel, isGone, line, events, sympos }: SymbolState): string {
  if (isGone) return `${kernel}:gone`;
  let text = `${kernel}:${line ?? "?"}`;
  for (const event of events) {
    if (event === "ambiguous" || event === "unique") text += `,${event}`;
    else if (event === "sympos") text += `,sympos=${sympos}`;
  }
  return text;
}

import type { CheckedPatch } from "../livepatch/check-patch.ts";
import { formatOldSymbol } from "../livepatch/old-symbol.ts";
import { printable } from "../printable.ts";
import { formatPlace } from "../table/place.ts";

/** One line for each symbol that a live patch names, with its row in the table, then one for each fault. */
export function checkAsText({ meanings, faults }: CheckedPatch): string {
  const lines = meanings.map(({ reference, row }) => {
    const place = row?.file ? formatPlace(row.file, row.line) : undefined;
    const meant = row === null ? [] : [row.alias ?? row.name, place].filter(Boolean);
    return `${reference.kind} ${formatOldSymbol(reference)}: ${meant.join(", ") || "not in the table"}`;
  });
  const found = faults.map(({ subject, problem }) => `fault: ${subject}: ${problem}`);
  return [...lines, ...found].map((line) => `${printable(line)}\n`).join("");
}

import { compareTexts } from "../table/symbol-order.ts";
import type { DiffReport } from "./diff-report.ts";

/** Old aliases and their replacements. */
export interface AliasMap {
  /** Lines `old alias, tab, new alias`, sorted in the C locale. */
  readonly lines: Iterable<string>;
  /** Aliases of several symbols whose new aliases differ; they are not in the lines. */
  readonly ambiguous: readonly string[];
}

/** Maps the old aliases of symbols to their new ones, where they differ. */
export function diffAsMap({ changes, newAliases }: Pick<DiffReport, "changes" | "newAliases">): AliasMap {
  // A character for each byte of UTF-8, whose order is that of the C locale.
  const lines: string[] = [];
  const ambiguous = new Set<string>();
  for (const { old } of changes) {
    if (!old?.alias) continue;
    const [new_, more] = newAliases(old.alias);
    if (more !== undefined) ambiguous.add(old.alias);
    else if (new_ !== undefined && new_ !== old.alias)
      lines.push(Buffer.from(`${old.alias}\t${new_}\n`).toString("latin1"));
  }
  lines.sort(compareTexts);
  return { lines: texts(lines), ambiguous: [...ambiguous] };
}

/** The lines, each once. */
function* texts(sorted: readonly string[]): Generator<string> {
  for (const [i, line] of sorted.entries())
    if (line !== sorted[i - 1]) yield Buffer.from(line, "latin1").toString();
}

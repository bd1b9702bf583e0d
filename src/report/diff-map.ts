import type { DiffReport } from "./diff-report.ts";

/** Old aliases and their replacements. */
export interface AliasMap {
  /** Lines `old alias, tab, new alias`, sorted in the C locale. */
  readonly text: string;
  /** Aliases of several symbols whose new aliases differ; they are not in the text. */
  readonly ambiguous: readonly string[];
}

/** Maps the old aliases of symbols to their new ones, where they differ. */
export function diffAsMap({ changes, newAliases }: Pick<DiffReport, "changes" | "newAliases">): AliasMap {
  const lines: Buffer[] = [];
  const ambiguous: string[] = [];
  for (const alias of new Set(changes.flatMap(({ old }) => old?.alias ?? []))) {
    const [new_, more] = newAliases.get(alias) ?? [];
    if (more !== undefined) ambiguous.push(alias);
    else if (new_ !== undefined && new_ !== alias) lines.push(Buffer.from(`${alias}\t${new_}\n`));
  }
  return { text: Buffer.concat(lines.sort(Buffer.compare)).toString(), ambiguous };
}

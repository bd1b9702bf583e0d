import type { DiffReport } from "./diff-report.ts";

/** Old aliases and what stands for them now. */
export interface AliasMap {
  /** Lines `old alias, tab, new alias`, sorted in the C locale. */
  readonly text: string;
  /** Aliases that several symbols bear whose new aliases differ; they are left out. */
  readonly ambiguous: readonly string[];
}

/** What has another alias now. */
export function diffAsMap({ changes }: Pick<DiffReport, "changes">): AliasMap {
  const renamed = new Map<string, Set<string>>();
  for (const { group, old, new: new_ } of changes) {
    if (!old?.alias) continue;
    const known = renamed.get(old.alias) ?? new Set();
    // A symbol that is gone does not make another one's new alias wrong.
    if (group !== "removed" && new_?.alias) known.add(new_.alias);
    renamed.set(old.alias, known);
  }
  const lines: Buffer[] = [];
  const ambiguous: string[] = [];
  for (const [alias, news] of renamed) {
    if (news.size > 1) ambiguous.push(alias);
    else if (news.size === 1 && !news.has(alias)) lines.push(Buffer.from(`${alias}\t${[...news][0]}\n`));
  }
  return { text: Buffer.concat(lines.sort(Buffer.compare)).toString(), ambiguous };
}

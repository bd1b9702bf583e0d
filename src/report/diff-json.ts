import { type ComparedRow, rowOf } from "../table/diff-tables.ts";
import type { DiffReport, ListedChange } from "./diff-report.ts";

/** The schema of the JSON form, described in docs/diff.md. */
const DIFF_SCHEMA = "kas-alias/diff@1";

/** A difference as one JSON object, one change per line. */
export function* diffAsJson({ changes, newAliases, ...summary }: DiffReport): Generator<string> {
  const head = JSON.stringify({ schema: DIFF_SCHEMA, ...summary });
  yield `${head.slice(0, -1)},"changes":[`;
  for (const [i, change] of changes.entries())
    yield `${i === 0 ? "" : ","}\n${JSON.stringify(plain(change))}`;
  yield "\n]}\n";
}

function plain(change: ListedChange) {
  const { group, reason, other, old, new: new_, uses = [] } = change;
  const { object, name } = rowOf(change);
  return { group, reason, other, object, name, old: side(old), new: side(new_), uses };
}

function side(row: ComparedRow | null) {
  if (row === null) return null;
  const { name, alias, file, line, unit, sympos } = row;
  return { name, alias, file, line, unit, sympos };
}

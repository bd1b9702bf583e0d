import { type Change, type ComparedRow, GROUPS, rowOf } from "../table/diff-tables.ts";
import type { PageChange, PageData, PageSide } from "./diff-page/page-data.ts";
import type { DiffReport } from "./diff-report.ts";
import { GROUP_WORDS, kernelOf, REASON_WORDS, reasonOf } from "./diff-words.ts";

/** The page of src/report/diff-page with its style and script, which scripts/build.mjs puts into the bundle. */
declare const DIFF_PAGE: string;

/** The placeholder for the data in the page. */
const DATA_MARK = '"DATA"';

/** A difference as one self-contained page. */
export function* diffAsHtml(report: DiffReport): Generator<string> {
  const [head = "", tail = ""] = DIFF_PAGE.split(DATA_MARK);
  yield head;
  yield* pageData(report);
  yield tail;
}

/** The data as JSON, in pieces, escaped so that it cannot end the element around it. */
function* pageData(report: DiffReport): Generator<string> {
  const { old, new: new_, counts, notes, changes } = report;
  const texts: string[] = [];
  const indices = new Map<string, number>();
  const indexOf = (text: string | null) => {
    if (text === null || text === "") return -1;
    let index = indices.get(text);
    if (index === undefined) {
      index = texts.push(text) - 1;
      indices.set(text, index);
    }
    return index;
  };
  // Hardly two symbols have the same alias, only the two sides of a change.
  const aliasOf = (row: ComparedRow | null) => (row?.alias ? texts.push(row.alias) - 1 : -1);
  const side = (row: ComparedRow | null, alias: number): PageSide | null =>
    row && [indexOf(row.name), alias, indexOf(row.file), row.line ?? -1, indexOf(row.unit), row.sympos];
  const arch = new_.arch ?? old.arch;
  const head: Omit<PageData, "changes" | "texts"> = {
    kernels: [kernelOf(old), kernelOf(new_)],
    facts: [
      arch,
      `${old.rows.toLocaleString("en")} → ${new_.rows.toLocaleString("en")} symbols`,
      `${report.symposChanged.toLocaleString("en")} with another position (sympos)`,
    ]
      .filter(Boolean)
      .join(" · "),
    groups: GROUPS.map((name) => ({ name, words: GROUP_WORDS[name], count: counts[name] })),
    notes,
  };
  yield `${escaped(head).slice(0, -1)},"changes":[`;
  for (const [i, change] of changes.entries()) {
    const uses = (change.uses ?? []).map(({ file, line }) => indexOf(`${file}:${line}`));
    const alias = aliasOf(change.old);
    const row: PageChange = [
      GROUPS.indexOf(change.group),
      indexOf(rowOf(change).object),
      indexOf(reasonOf(change)),
      indexOf(summaryReason(change)),
      side(change.old, alias),
      side(change.new, change.new?.alias === change.old?.alias ? alias : aliasOf(change.new)),
      uses,
    ];
    yield `${i === 0 ? "" : ","}${JSON.stringify(row)}`;
  }
  yield '],"texts":[';
  for (const [i, text] of texts.entries()) yield `${i === 0 ? "" : ","}${escaped(text)}`;
  yield "]}";
}

function summaryReason({ group, reason }: Change): string {
  return reason === null || (group !== "added" && group !== "removed") ? "" : REASON_WORDS[reason][group];
}

function escaped(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}

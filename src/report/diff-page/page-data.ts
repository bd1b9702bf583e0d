/** An index into the page's texts; -1 for none. */
type Text = number;

/** A symbol in one of the tables; the line is -1 when unknown. */
export type PageSide = [name: Text, alias: Text, file: Text, line: number, unit: Text, sympos: number];

/** A change in the page's data. */
export type PageChange = [
  group: number,
  object: Text,
  /** The reason why it was added or removed, in the words of reasonOf. */
  why: Text,
  /** The reason in the words of a summary, to filter by. */
  reason: Text,
  old: PageSide | null,
  new_: PageSide | null,
  /** Its uses in scripts, `file:line`. */
  uses: Text[],
];

/** The data that src/report/diff-html.ts puts into the page. */
export interface PageData {
  readonly kernels: readonly [old: string, new_: string];
  readonly facts: string;
  readonly groups: readonly { readonly name: string; readonly words: string; readonly count: number }[];
  readonly notes: readonly string[];
  readonly changes: readonly PageChange[];
  readonly texts: readonly string[];
}

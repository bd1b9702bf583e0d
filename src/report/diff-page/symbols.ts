import type { PageData, PageSide } from "./page-data.ts";

/** A symbol in one of the tables. */
export interface SymbolSide {
  readonly name: string;
  readonly alias: string | null;
  readonly file: string | null;
  readonly line: number | null;
  readonly unit: string | null;
  readonly sympos: number;
}

/** A change of the page's data. */
export interface PageSymbol {
  /** Its index in the data. */
  readonly index: number;
  readonly group: number;
  readonly object: string;
  readonly name: string;
  readonly why: string;
  readonly reason: string;
  readonly old: SymbolSide | null;
  readonly new: SymbolSide | null;
  readonly uses: readonly string[];
  readonly positionChanged: boolean;
  /** The searchable text, in lower case. */
  readonly searched: string;
}

export function readSymbols({ changes, texts }: PageData): PageSymbol[] {
  const text = (index: number) => texts[index] ?? "";
  const readSide = (side: PageSide | null): SymbolSide | null => {
    if (side === null) return null;
    const [name, alias, file, line, unit, sympos] = side;
    return {
      name: text(name),
      alias: texts[alias] ?? null,
      file: texts[file] ?? null,
      line: line === -1 ? null : line,
      unit: texts[unit] ?? null,
      sympos,
    };
  };
  return changes.map(([group, object, why, reason, old, new_, uses], index) => {
    const [before, after] = [readSide(old), readSide(new_)];
    const searched = [before, after].flatMap((side) =>
      side === null ? [] : [side.name, side.alias, `${side.file}:${side.line}`, side.unit],
    );
    return {
      index,
      group,
      object: text(object),
      name: (after ?? before)?.name ?? "",
      why: text(why),
      reason: text(reason),
      old: before,
      new: after,
      uses: uses.map(text),
      positionChanged: before !== null && after !== null && before.sympos !== after.sympos,
      searched: [text(object), ...searched].join("\n").toLowerCase(),
    };
  });
}

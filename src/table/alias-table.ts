import type { Via } from "../source-lines/resolver.ts";

/** The schema that tables of this form name in their first line. */
export const TABLE_SCHEMA = "kas-alias/table@1";

/** The first line of an alias table. */
export interface TableHeader {
  readonly schema: typeof TABLE_SCHEMA;
  /** The kernel's release, as `uname -r`. */
  readonly kernel: string | null;
  /** As `uname -m`. */
  readonly arch: string | null;
  readonly scope: "global" | "object";
  readonly objects: readonly { readonly name: string; readonly buildId: string | null }[];
  /** The number of lines that follow. */
  readonly rows: number;
  /** How many bearers of a duplicated name got no alias, by name; left out when there are none. */
  readonly unresolved?: Readonly<Record<string, number>>;
  readonly generator: string;
  /** The options that change answers. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** One symbol of an alias table. Every key is always there, null when unknown. */
export interface TableRow {
  /** "vmlinux" or the module's name. */
  readonly object: string;
  readonly name: string;
  /** null for a symbol that needs or has none. */
  readonly alias: string | null;
  /** nm's letter. */
  readonly type: string;
  /** Hexadecimal digits; in a module the offset in its section. */
  readonly address: string;
  readonly section: string | null;
  /** In bytes. */
  readonly size: number | null;
  /** Relative to the source root. */
  readonly file: string | null;
  readonly line: number | null;
  /** The compilation unit's primary source file. */
  readonly unit: string | null;
  /** Position among the namesakes of its object, from 1; 0 when the name is unique there. */
  readonly sympos: number;
  /** The number appended to the alias, 0 for none. */
  readonly ordinal: number;
  readonly via: Via | null;
  /** The function that holds a static local variable; null for what is in no function. */
  readonly function: string | null;
  /** How many parameters the source of a function has; null where that was not asked for, or nothing tells. */
  readonly parameters: number | null;
  /** Those of them that still arrive, from 1; null where nothing tells. */
  readonly arriving: readonly number[] | null;
}

/** An alias table as JSON Lines, line by line. */
export function* tableLines(header: TableHeader, rows: Iterable<TableRow>): Generator<string> {
  yield `${JSON.stringify(header)}\n`;
  for (const row of rows) yield `${JSON.stringify(row)}\n`;
}

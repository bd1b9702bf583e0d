import { at } from "../checked-index.ts";
import type { TableRow } from "./alias-table.ts";
import { EventLog, type EventName, type LoggedEvent } from "./event-log.ts";
import { pairByLine } from "./pair-by-line.ts";
import { chains, compareKeys, newSymbolNumbers, type SymbolNumbers } from "./symbol-numbers.ts";
import { copy } from "./text-numbers.ts";

/** The columns of a table that a history needs. */
export const HISTORY_COLUMNS = [
  "object",
  "name",
  "alias",
  "type",
  "file",
  "line",
  "unit",
  "sympos",
  "kind",
] as const;

/** The needed part of a table's row. */
export type HistoryRow = Pick<TableRow, (typeof HISTORY_COLUMNS)[number]>;

/** All tables of one kernel. */
interface KernelTables {
  /** The kernel's name. */
  readonly kernel: string;
  readonly tables: readonly { readonly objects: readonly string[]; readonly rows: Iterable<HistoryRow> }[];
}

/** The objects and symbols that a kernel's tables contain. */
interface Coverage {
  readonly vmlinux: boolean;
  readonly modules: boolean;
  readonly aliasesOnly: boolean;
}

/** An event of a symbol in one kernel. */
export interface HistoryEvent {
  readonly kernel: string;
  readonly event: EventName;
  /** Line, alias and sympos are those after the event; for "vanished", the last ones. */
  readonly line: number | null;
  readonly alias: string | null;
  readonly sympos: number;
}

/** A symbol of any table, from its first kernel to its last. */
export interface SymbolHistory {
  readonly object: string;
  /** Without `.llvm.…`. */
  readonly name: string;
  readonly file: string | null;
  readonly unit: string | null;
  events(): HistoryEvent[];
  /** Its state in each kernel, without kernels whose tables do not cover it. */
  states(): Iterable<SymbolState>;
}

/** A symbol in one kernel. */
export interface SymbolState {
  readonly kernel: string;
  readonly isGone: boolean;
  readonly line: number | null;
  /** Its events there. */
  readonly events: readonly EventName[];
  readonly sympos: number;
}

/** A history that grows kernel by kernel. */
export interface History {
  /** Adds the next kernel; its rows are read once, and only changes are stored. */
  add(kernel: KernelTables): void;
  /** The symbols by object (vmlinux first), name, file, unit and line. */
  symbols(): Generator<SymbolHistory>;
  /** Whether any table has aliases only, so that a symbol may be missing because it became unique. */
  readonly anyAliasesOnly: boolean;
  /** The names of the objects of all tables. */
  readonly objects: ReadonlySet<string>;
}

/** An added kernel. */
interface AddedKernel extends Coverage {
  readonly kernel: string;
}

/** The state of all symbols after the kernels so far. */
interface Known {
  readonly numbers: SymbolNumbers;
  /** The symbols of each key, by its number, in order of first appearance. */
  readonly symbolsOf: number[][];
  readonly log: EventLog;
}

/**
 * Matches the tables of several kernels, added from the oldest to the newest. Symbols are matched as in diffTables, except
 * relocated ones: here they vanish from one file and appear in another.
 *
 * @param isWanted whether to include a symbol of this object and name
 */
export function newHistory(isWanted: (row: HistoryRow) => boolean): History {
  const known: Known = { numbers: newSymbolNumbers(), symbolsOf: [], log: new EventLog() };
  const kernels: AddedKernel[] = [];
  const allObjects = new Set<string>();
  return {
    add({ kernel, tables }) {
      const { aliasesOnly, ...rows } = readRows(tables, isWanted, known);
      const objects = tables.flatMap((table) => table.objects);
      for (const object of objects) allObjects.add(object);
      const added = {
        kernel,
        vmlinux: objects.includes("vmlinux"),
        modules: objects.some((object) => object !== "vmlinux"),
        aliasesOnly,
      };
      const index = kernels.push(added) - 1;
      addKernel(known, rows, added, index);
    },
    symbols: () => symbolHistories(known, kernels),
    objects: allObjects,
    get anyAliasesOnly() {
      return kernels.some(({ aliasesOnly }) => aliasesOnly);
    },
  };
}

/** Whether a kernel's tables cover an object. */
function covers({ vmlinux, modules }: Coverage, object: string): boolean {
  return object === "vmlinux" ? vmlinux : modules;
}

/** The columns of one kernel's rows that are kept for the comparison. */
interface Rows {
  readonly key: readonly number[];
  readonly line: readonly (number | null)[];
  readonly sympos: readonly number[];
  /** undefined for the alias that the key's only symbol already has. */
  readonly alias: readonly (string | null | undefined)[];
}

function readRows(
  tables: KernelTables["tables"],
  isWanted: (row: HistoryRow) => boolean,
  { numbers, symbolsOf, log }: Known,
): Rows & { aliasesOnly: boolean } {
  const keys: number[] = [];
  const lines: (number | null)[] = [];
  const positions: number[] = [];
  const aliases: (string | null | undefined)[] = [];
  let aliasesOnly = true;
  for (const table of tables) {
    for (const row of table.rows) {
      if (row.alias === null) aliasesOnly = false;
      if (!isWanted(row)) continue;
      const key = numbers.of(row);
      if (key === symbolsOf.length) symbolsOf.push([]);
      keys.push(key);
      lines.push(row.line);
      positions.push(row.sympos);
      const symbols = symbolsOf[key];
      const only = symbols?.length === 1 ? symbols[0] : undefined;
      aliases.push(
        only !== undefined && log.isAlias(only, row.alias) ? undefined : row.alias && copy(row.alias),
      );
    }
  }
  return { key: keys, line: lines, sympos: positions, alias: aliases, aliasesOnly };
}

/** Records the changes in a kernel. @param index the kernel's number */
function addKernel(known: Known, rows: Rows, kernel: AddedKernel, index: number): void {
  const { numbers, symbolsOf, log } = known;
  const { first, next } = chains(rows.key, symbolsOf.length);
  const update = (symbol: number, row: number) => {
    log.update(symbol, index, rows.line[row] ?? null, rows.sympos[row] ?? 0, rows.alias[row]);
  };
  for (const [key, symbols] of symbolsOf.entries()) {
    const row = first[key] ?? -1;
    // Nearly all symbols have a unique key.
    if (row !== -1 && next[row] === -1 && symbols.length <= 1) {
      const only = symbols[0] ?? log.addSymbol();
      if (symbols.length === 0) symbols.push(only);
      update(only, row);
      continue;
    }
    const isCovered = covers(kernel, numbers.parts[key]?.object ?? "");
    const vanish = (symbol: number) => {
      if (isCovered && !(kernel.aliasesOnly && !log.hasAlias(symbol))) log.vanish(symbol, index);
    };
    if (row === -1) {
      for (const symbol of symbols) if (log.isPresent(symbol)) vanish(symbol);
    } else {
      const found: number[] = [];
      for (let each = row; each !== -1; each = next[each] ?? -1) found.push(each);
      const only = symbols[0] === undefined ? null : log.aliasOf(symbols[0]);
      addNamesakes(log, symbols, keptRows(found, rows, only), index, vanish);
    }
  }
}

/** The kept part of a kernel's row. */
interface KeptRow {
  readonly line: number | null;
  readonly sympos: number;
  readonly alias: string | null;
}

/** Some rows of one key. @param only the alias of its only symbol, for rows with that alias */
function keptRows(indices: readonly number[], rows: Rows, only: string | null): KeptRow[] {
  return indices.map((row) => {
    const alias = rows.alias[row];
    return {
      line: rows.line[row] ?? null,
      sympos: rows.sympos[row] ?? 0,
      alias: alias === undefined ? only : alias,
    };
  });
}
/** Records the rows of a key that several symbols have or had: rows and symbols with the nearest lines are paired. */
function addNamesakes(
  log: EventLog,
  symbols: number[],
  rows: readonly KeptRow[],
  index: number,
  vanish: (symbol: number) => void,
): void {
  const present = symbols.filter((symbol) => log.isPresent(symbol));
  const absent = symbols.filter((symbol) => !log.isPresent(symbol));
  const [symbolsLeft, rowsLeft] = [new Set(present), new Set(rows)];
  const update = (symbol: number, { line, sympos, alias }: KeptRow) =>
    log.update(symbol, index, line, sympos, alias);
  const pairs = pairByLine(
    present.map((symbol) => log.lineOf(symbol)),
    rows.map(({ line }) => line),
  );
  for (const [s, r] of pairs) {
    const [symbol, row] = [at(present, s), at(rows, r)];
    update(symbol, row);
    symbolsLeft.delete(symbol);
    rowsLeft.delete(row);
  }
  for (const row of rowsLeft) {
    const returned = absent.shift();
    const symbol = returned ?? log.addSymbol();
    if (returned === undefined) symbols.push(symbol);
    update(symbol, row);
  }
  for (const symbol of symbolsLeft) vanish(symbol);
}

function* symbolHistories(
  { numbers, symbolsOf, log }: Known,
  kernels: readonly AddedKernel[],
): Generator<SymbolHistory> {
  const keys = Int32Array.from(numbers.parts, (_, key) => key);
  keys.sort((a, b) => compareKeys(at(numbers.parts, a), at(numbers.parts, b)));
  for (const key of keys) {
    const { object, stem: name, file, unit } = at(numbers.parts, key);
    for (const symbol of symbolsOf[key] ?? []) {
      const logged = log.eventsOf(symbol);
      const events = () =>
        logged.map(({ index, event, line, alias, sympos }) => {
          return { kernel: kernels[index]?.kernel ?? "", event, line, alias, sympos };
        });
      const states = () => statesOf(logged, kernels, object);
      yield { object, name, file: file || null, unit: unit || null, events, states };
    }
  }
}

/** A symbol's states from its first kernel on; none between the kernel in which it vanished and the one in which it reappeared. */
function* statesOf(
  events: readonly LoggedEvent[],
  kernels: readonly AddedKernel[],
  object: string,
): Generator<SymbolState> {
  const begin = events[0]?.index ?? kernels.length;
  let next = 0;
  let last: LoggedEvent | undefined;
  for (const [i, kernel] of kernels.slice(begin).entries()) {
    const here: EventName[] = [];
    for (let event = events[next]; event?.index === begin + i; event = events[++next]) {
      last = event;
      here.push(event.event);
    }
    const isGone = last === undefined || last.event === "vanished";
    if (here.length === 0 && (isGone || !covers(kernel, object))) continue;
    if (here.length === 0 && kernel.aliasesOnly && last?.alias === null) continue;
    yield {
      kernel: kernel.kernel,
      isGone,
      line: last?.line ?? null,
      events: here,
      sympos: last?.sympos ?? 0,
    };
  }
}

import { isObject, kindOfRow } from "../symbols/symbol-kind.ts";
import type { TableRow } from "./alias-table.ts";
import { EventLog, type EventName, type LoggedEvent } from "./event-log.ts";
import { pairByLine } from "./pair-by-line.ts";
import { KEY_SEPARATOR, symbolKey } from "./symbol-key.ts";

/** All tables of one kernel. */
export interface KernelTables {
  /** What the kernel is called. */
  readonly kernel: string;
  readonly tables: readonly { readonly objects: readonly string[]; readonly rows: Iterable<TableRow> }[];
}

/** What a kernel's tables tell of. */
interface Coverage {
  readonly vmlinux: boolean;
  readonly modules: boolean;
  readonly aliasesOnly: boolean;
}

/** What became of a symbol in one kernel after the other. */
export interface HistoryEvent {
  readonly kernel: string;
  readonly event: EventName;
  /** After the event, as alias and sympos are; those of a symbol that vanished are the last ones. */
  readonly line: number | null;
  readonly alias: string | null;
  readonly sympos: number;
}

/** A symbol of any of the tables, from its first kernel to its last. */
export interface SymbolHistory {
  readonly object: string;
  /** Without `.llvm.…`. */
  readonly name: string;
  readonly file: string | null;
  readonly unit: string | null;
  events(): HistoryEvent[];
  /** Where it was in each kernel; the kernels that tell nothing of it are left out. */
  states(): Iterable<SymbolState>;
}

/** A symbol in one kernel. */
export interface SymbolState {
  readonly kernel: string;
  readonly isGone: boolean;
  readonly line: number | null;
  /** What happened to it there. */
  readonly events: readonly EventName[];
  readonly sympos: number;
}

/** A history that is being put together, kernel by kernel. */
export interface History {
  /** Adds the next kernel; its rows are read once, and only what changed is kept. */
  add(kernel: KernelTables): void;
  /** The symbols by object (vmlinux first), name, file, unit and line. */
  symbols(): Generator<SymbolHistory>;
  /** Whether any table holds aliases only, so that a symbol may be missing for having become unique. */
  readonly anyAliasesOnly: boolean;
}

/** What is kept of the rows of one kernel while they are compared. */
interface Rows {
  readonly key: number[];
  readonly line: (number | null)[];
  readonly sympos: number[];
  /** undefined for the alias that the key's only symbol has already. */
  readonly alias: (string | null | undefined)[];
}

/**
 * Lines up the tables of several kernels, which are added from the oldest to the newest. Symbols are the same ones as for
 * diffTables, but for relocated ones: here they vanish from one file and appear in another.
 *
 * @param isWanted whether a symbol of this object and name is looked at
 */
export function newHistory(isWanted: (row: TableRow) => boolean): History {
  const keys = newKeys();
  /** The symbols of each key, in the order in which they came first. */
  const symbolsOf: number[][] = [];
  const kernels: (Coverage & { readonly kernel: string })[] = [];
  const log = new EventLog();

  const readRows = (tables: KernelTables["tables"]): Rows & { aliasesOnly: boolean } => {
    const rows = { key: [] as number[], line: [] as (number | null)[], sympos: [] as number[] };
    const alias: Rows["alias"][number][] = [];
    let aliasesOnly = true;
    for (const table of tables) {
      for (const row of table.rows) {
        if (row.alias === null) aliasesOnly = false;
        if (!isWanted(row)) continue;
        const key = keys.of(row);
        if (key === symbolsOf.length) symbolsOf.push([]);
        rows.key.push(key);
        rows.line.push(row.line);
        rows.sympos.push(row.sympos);
        const [symbol, more] = symbolsOf[key] as number[];
        const isKnown = symbol !== undefined && more === undefined && log.isAlias(symbol, row.alias);
        alias.push(isKnown ? undefined : row.alias);
      }
    }
    return { ...rows, alias, aliasesOnly };
  };

  const add = ({ kernel, tables }: KernelTables) => {
    const objects = tables.flatMap((table) => table.objects);
    const { aliasesOnly, ...rows } = readRows(tables);
    const coverage = {
      vmlinux: objects.includes("vmlinux"),
      modules: objects.some((object) => object !== "vmlinux"),
      aliasesOnly,
    };
    const index = kernels.push({ kernel, ...coverage }) - 1;
    const { first, next } = chains(rows.key, symbolsOf.length);
    const update = (symbol: number, row: number) => {
      log.update(symbol, index, rows.line[row] ?? null, rows.sympos[row] ?? 0, rows.alias[row]);
    };
    for (const [key, symbols] of symbolsOf.entries()) {
      const row = first[key] as number;
      if (row !== -1 && next[row] === -1 && symbols.length <= 1) {
        if (symbols.length === 0) symbols.push(log.addSymbol());
        update(symbols[0] as number, row);
        continue;
      }
      const isCovered = keys.parts[key]?.[0] === "vmlinux" ? coverage.vmlinux : coverage.modules;
      const vanish = (symbol: number) => {
        if (isCovered && !(aliasesOnly && !log.hasAlias(symbol))) log.vanish(symbol, index);
      };
      if (row === -1) {
        for (const symbol of symbols) if (log.isPresent(symbol)) vanish(symbol);
        continue;
      }
      for (let each = row; each !== -1; each = next[each] as number) {
        if (rows.alias[each] === undefined) rows.alias[each] = log.aliasOf(symbols[0] as number);
      }
      const present = symbols.filter((symbol) => log.isPresent(symbol));
      const found: number[] = [];
      for (let each = row; each !== -1; each = next[each] as number) found.push(each);
      const pairs = pairByLine(
        present.map((symbol) => log.lineOf(symbol)),
        found.map((each) => rows.line[each] ?? null),
      );
      const [paired, taken] = [new Set<number>(), new Set<number>()];
      for (const [s, f] of pairs) {
        update(present[s] as number, found[f] as number);
        paired.add(s);
        taken.add(f);
      }
      const absent = symbols.filter((symbol) => !log.isPresent(symbol));
      for (const [f, each] of found.entries()) {
        if (taken.has(f)) continue;
        const symbol = absent.shift() ?? log.addSymbol();
        if (!symbols.includes(symbol)) symbols.push(symbol);
        update(symbol, each);
      }
      for (const [s, symbol] of present.entries()) if (!paired.has(s)) vanish(symbol);
    }
  };

  function* symbols(): Generator<SymbolHistory> {
    const order = keys.parts.map((_, key) => key);
    order.sort((a, b) => byParts(keys.parts[a] as Parts, keys.parts[b] as Parts));
    for (const key of order) {
      const [object, name, file, unit] = keys.parts[key] as Parts;
      const covers = (coverage: Coverage) => (object === "vmlinux" ? coverage.vmlinux : coverage.modules);
      for (const symbol of symbolsOf[key] as number[]) {
        const logged = log.eventsOf(symbol);
        const events = () =>
          logged.map(({ index, event, line, alias, sympos }) => {
            return { kernel: kernels[index]?.kernel ?? "", event, line, alias, sympos };
          });
        const states = () => statesOf(logged, kernels, covers);
        yield { object, name, file: file || null, unit: unit || null, events, states };
      }
    }
  }

  return {
    add,
    symbols,
    get anyAliasesOnly() {
      return kernels.some(({ aliasesOnly }) => aliasesOnly);
    },
  };
}

type Parts = readonly [object: string, stem: string, file: string, unit: string];

/** Numbers for the keys of symbols, from 0 in the order in which they come first. */
function newKeys() {
  const numbers = new Map<string, number>();
  const parts: Parts[] = [];
  /** Which key came after each the last time: one kernel's symbols mostly come in the order of the one before. */
  const following: number[] = [];
  let previous = 0;
  const isKey = (row: TableRow, key: number) => {
    const [object, stem, file, unit] = parts[key] as Parts;
    return (
      row.name === stem &&
      (row.file ?? "") === file &&
      (row.unit ?? "") === unit &&
      row.object === object &&
      !isObject(kindOfRow(row))
    );
  };
  const find = (row: TableRow): number => {
    const text = symbolKey(row);
    const known = numbers.get(text);
    if (known !== undefined) return known;
    numbers.set(text, parts.length);
    return parts.push(text.split(KEY_SEPARATOR) as unknown as Parts) - 1;
  };
  const of = (row: TableRow): number => {
    const guess = following[previous];
    const key = guess !== undefined && isKey(row, guess) ? guess : find(row);
    following[previous] = key;
    previous = key;
    return key;
  };
  return { of, parts };
}

/** The rows of each key: its first one, and the next one after each; -1 for none. */
function chains(keys: readonly number[], count: number): { first: Int32Array; next: Int32Array } {
  const first = new Int32Array(count).fill(-1);
  const next = new Int32Array(keys.length);
  for (let row = keys.length - 1; row >= 0; row--) {
    const key = keys[row] as number;
    next[row] = first[key] as number;
    first[key] = row;
  }
  return { first, next };
}

/** Where a symbol was from its first kernel on; nothing after it was gone, until it came back. */
function* statesOf(
  events: readonly LoggedEvent[],
  kernels: readonly (Coverage & { readonly kernel: string })[],
  covers: (coverage: Coverage) => boolean,
): Generator<SymbolState> {
  let at = 0;
  let last: LoggedEvent | undefined;
  for (let index = events[0]?.index ?? kernels.length; index < kernels.length; index++) {
    const here: EventName[] = [];
    for (; events[at]?.index === index; at++) {
      last = events[at] as LoggedEvent;
      here.push(last.event);
    }
    const { kernel, ...coverage } = kernels[index] as (typeof kernels)[number];
    const isGone = last === undefined || last.event === "vanished";
    if (here.length === 0 && (isGone || !covers(coverage))) continue;
    if (here.length === 0 && coverage.aliasesOnly && last?.alias === null) continue;
    yield { kernel, isGone, line: last?.line ?? null, events: here, sympos: last?.sympos ?? 0 };
  }
}

function byParts(a: Parts, b: Parts): number {
  const [x, y] = [a[0] === "vmlinux", b[0] === "vmlinux"];
  if (x !== y) return x ? -1 : 1;
  for (const [i, part] of a.entries()) {
    const other = b[i] as string;
    if (part !== other) return part < other ? -1 : 1;
  }
  return 0;
}

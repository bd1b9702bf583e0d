import { basename } from "node:path";
import { at } from "../checked-index.ts";
import type { DebugSections } from "../dwarf/debug-sections.ts";
import { type Declaration, type DeclaredObject, forEachObject } from "../dwarf/declarations.ts";
import type { DieReader } from "../dwarf/die.ts";
import { type FormalParameters, readParameters } from "../dwarf/formal-parameters.ts";
import { addressDistance, compareAt } from "../elf/address.ts";
import type { Queries } from "./resolver.ts";

/** The properties of the symbols at the queried addresses. */
export interface QueriedSymbols {
  isData(query: number): boolean;
  /** The name in the symbol table. */
  name(query: number): string;
  /** The name of the STT_FILE symbol before it. */
  fileSymbol(query: number): string | null;
}

/** The declaration of a symbol. */
interface DeclaredLocation extends Declaration {
  /** The function that holds the variable; null outside functions. */
  readonly functionName: string | null;
  /** Bytes from the symbol to the function's code: its NOPs; 0 for data. */
  readonly offset: number;
}

/** The queries for which locations, or parameters, are wanted. */
interface WantedDeclarations {
  readonly locations: readonly number[];
  readonly parameters?: readonly number[];
  /** The offsets of the units to look in; all by default. */
  readonly units?: ReadonlySet<number>;
}

/** The results by query; queries without a result are missing. */
export interface FoundDeclarations {
  readonly locations: ReadonlyMap<number, DeclaredLocation>;
  readonly parameters: ReadonlyMap<number, FormalParameters>;
}

/** Finds the declarations of symbols. @throws Failure for damaged debug information */
export type DeclarationFinder = (
  queries: Queries,
  symbols: QueriedSymbols,
  wanted: WantedDeclarations,
) => FoundDeclarations;

/** Finds declarations in .debug_info. */
export function declarationFinder(sections: DebugSections): DeclarationFinder {
  return (queries, symbols, wanted) => {
    const candidates = new Map<number, DeclaredLocation[]>();
    const parameters = new Map<number, FormalParameters>();
    const located = new Set(wanted.locations);
    const compared = new Set(wanted.parameters);
    const { addresses, queriesAt } = byAddress(queries, symbols, new Set([...located, ...compared]));
    const wants = {
      variables: wanted.locations.some((query) => symbols.isData(query)),
      functions: compared.size > 0 || wanted.locations.some((query) => !symbols.isData(query)),
    };
    const take = (address: number, object: DeclaredObject, reader: DieReader) => {
      for (const query of at(queriesAt, address)) {
        if (symbols.isData(query) !== object.isVariable) continue;
        const symbol = symbols.name(query);
        // Code belongs to its function even under another name; several empty variables may share an address.
        const { offset, isWhole } = extentOf(queries, query, object);
        const isItsCode = !object.isVariable && (object.isExact || isWhole);
        if (!isItsCode && !hasNameOf(symbol, object)) continue;
        if (located.has(query)) addCandidate(candidates, query, symbol, object, offset);
        if (!object.isEntry || !compared.has(query) || parameters.has(query)) continue;
        const isRenamed = symbol !== object.name() && symbol !== object.linkageName();
        const found = readParameters(reader, object.die, isRenamed);
        if (found !== undefined) parameters.set(query, found);
      }
    };
    forEachObject(sections, wants, addresses, take, wanted.units);
    return { locations: chosen(candidates, symbols), parameters };
  };
}

/** Where the code of a function begins in a symbol, and whether it ends with it: it is the symbol's code then, after NOPs. */
function extentOf(queries: Queries, query: number, object: DeclaredObject) {
  const code = object.isExact ? undefined : object.code();
  if (code === undefined) return { offset: 0, isWhole: false };
  const [high, low] = [at(queries.addressHigh, query), at(queries.addressLow, query)];
  const offset = addressDistance(code.high, code.low, high, low);
  return { offset, isWhole: offset + code.length === at(queries.size, query) };
}

/** More candidates do not help: the choice among them stays open. */
const MOST_CANDIDATES = 64;

function addCandidate(
  candidates: Map<number, DeclaredLocation[]>,
  query: number,
  symbol: string,
  object: DeclaredObject,
  offset: number,
): void {
  const declaration = object.declaration();
  if (declaration === undefined) return;
  const functionName = object.functionName() ?? prefixOf(symbol, object);
  const candidate = { ...declaration, functionName, offset };
  const others = candidates.get(query);
  if (others === undefined) candidates.set(query, [candidate]);
  else if (others.length < MOST_CANDIDATES && !others.some((other) => isSame(other, declaration))) {
    others.push(candidate);
  }
}

function isSame(a: Declaration, b: Declaration): boolean {
  return a.line === b.line && a.path === b.path && a.unit.id === b.unit.id;
}

/** Selects, of several declarations, the one in the symbol's STT_FILE file; none for data if that leaves more than one. */
function chosen(
  candidates: ReadonlyMap<number, readonly DeclaredLocation[]>,
  symbols: QueriedSymbols,
): Map<number, DeclaredLocation> {
  const found = new Map<number, DeclaredLocation>();
  for (const [query, declarations] of candidates) {
    const fileSymbol = symbols.fileSymbol(query);
    const own = declarations.filter(
      ({ unit }) => fileSymbol !== null && basename(unit.name ?? "") === fileSymbol,
    );
    const rest = own.length > 0 ? own : declarations;
    const [only] = rest;
    if (only !== undefined && (rest.length === 1 || !symbols.isData(query))) found.set(query, only);
  }
  return found;
}

/** The addresses of queries, without duplicates, and the queries at each. */
function byAddress(queries: Queries, symbols: QueriedSymbols, wanted: ReadonlySet<number>) {
  const { addressHigh, addressLow } = queries;
  const sorted = [...wanted].sort((a, b) => compareAt(queries, a, b));
  const high: number[] = [];
  const low: number[] = [];
  const size: number[] = [];
  const queriesAt: number[][] = [];
  for (const [i, query] of sorted.entries()) {
    if (i === 0 || compareAt(queries, at(sorted, i - 1), query) !== 0) {
      high.push(at(addressHigh, query));
      low.push(at(addressLow, query));
      size.push(0);
      queriesAt.push([]);
    }
    const last = size.length - 1;
    if (!symbols.isData(query)) size[last] = Math.max(at(size, last), at(queries.size, query));
    queriesAt[last]?.push(query);
  }
  const addresses = {
    high: Uint32Array.from(high),
    low: Uint32Array.from(low),
    size: Float64Array.from(size),
  };
  return { addresses, queriesAt };
}

/** Whether a symbol's name is an object's, as in the source or mangled: unchanged, with a suffix, or with clang's prefix of its function. */
function hasNameOf(symbol: string, object: DeclaredObject): boolean {
  if (isNameWithSuffix(symbol, object.name()) || isNameWithSuffix(symbol, object.linkageName())) return true;
  const prefix = prefixOf(symbol, object);
  // clang omits the name of a function that it inlined everywhere.
  return prefix !== null && (object.functionName() ?? prefix) === prefix;
}

/** The function in clang's `<function>.<variable>`; null for a symbol of another form. */
function prefixOf(symbol: string, object: DeclaredObject): string | null {
  const name = object.name();
  if (!object.isLocal || name === null) return null;
  for (let dot = symbol.indexOf(".", 1); dot !== -1; dot = symbol.indexOf(".", dot + 1)) {
    if (isNameWithSuffix(symbol.slice(dot + 1), name)) return symbol.slice(0, dot);
  }
  return null;
}

function isNameWithSuffix(symbol: string, name: string | null): boolean {
  return (
    name !== null && symbol.startsWith(name) && (symbol.length === name.length || symbol[name.length] === ".")
  );
}

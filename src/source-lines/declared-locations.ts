import { basename } from "node:path";
import { at } from "../checked-index.ts";
import type { DebugSections } from "../dwarf/debug-sections.ts";
import { type Declaration, type DeclaredObject, forEachObject } from "../dwarf/declarations.ts";
import { type FormalParameters, readParameters } from "../dwarf/formal-parameters.ts";
import type { Queries } from "./resolver.ts";

/** What is known of the symbols at the addresses asked for. */
export interface QueriedSymbols {
  isData(query: number): boolean;
  /** As the symbol table has it. */
  name(query: number): string;
  /** The name that the STT_FILE symbol above it gives. */
  fileSymbol(query: number): string | null;
}

/** Where a symbol is declared. */
interface DeclaredLocation extends Declaration {
  /** The function that holds the variable; null outside of functions. */
  readonly functionName: string | null;
}

/** What is wanted of which of the symbols. */
interface WantedDeclarations {
  readonly locations: readonly number[];
  readonly parameters?: readonly number[];
}

/** What was found, by query; nothing where nothing tells. */
export interface FoundDeclarations {
  readonly locations: ReadonlyMap<number, DeclaredLocation>;
  readonly parameters: ReadonlyMap<number, FormalParameters>;
}

/** Finds what declares symbols. @throws Failure for debug information that is damaged, or partly in another file */
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
    const { addresses, bearers } = byAddress(queries, new Set([...located, ...compared]));
    const wants = {
      variables: wanted.locations.some((query) => symbols.isData(query)),
      functions: compared.size > 0 || wanted.locations.some((query) => !symbols.isData(query)),
    };
    forEachObject(sections, wants, addresses, (address, object, reader) => {
      for (const query of at(bearers, address)) {
        if (symbols.isData(query) !== object.isVariable) continue;
        const symbol = symbols.name(query);
        // The code at an address is that function's, whatever it is called; several empty variables may share an address.
        if (object.isVariable && !bearsName(symbol, object)) continue;
        if (located.has(query)) addCandidate(candidates, query, symbol, object);
        if (!object.isEntry || !compared.has(query) || parameters.has(query)) continue;
        const isRenamed = symbol !== object.name() && symbol !== object.linkageName();
        const entry = {
          high: at(addresses.high, address),
          low: at(addresses.low, address),
        };
        parameters.set(query, readParameters(reader, object.die, entry, isRenamed));
      }
    });
    return { locations: chosen(candidates, symbols), parameters };
  };
}

/** More of them tell no more: which of them a symbol is stays open. */
const MOST_CANDIDATES = 64;

function addCandidate(
  candidates: Map<number, DeclaredLocation[]>,
  query: number,
  symbol: string,
  object: DeclaredObject,
): void {
  const declaration = object.declaration();
  if (declaration === undefined) return;
  const functionName = object.functionName() ?? prefixOf(symbol, object);
  const others = candidates.get(query);
  if (others === undefined) candidates.set(query, [{ ...declaration, functionName }]);
  else if (others.length < MOST_CANDIDATES && !others.some((other) => isSame(other, declaration))) {
    others.push({ ...declaration, functionName });
  }
}

function isSame(a: Declaration, b: Declaration): boolean {
  return a.line === b.line && a.path === b.path && a.unit.offset === b.unit.offset;
}

/** Of several declarations the one in the file that the symbol is of; none if that does not tell them apart. */
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

function byAddress({ addressHigh, addressLow }: Queries, wanted: ReadonlySet<number>) {
  const bearers: number[][] = [];
  const indexOf = new Map<number, Map<number, number>>();
  const high: number[] = [];
  const low: number[] = [];
  for (const query of wanted) {
    const h = at(addressHigh, query);
    const l = at(addressLow, query);
    let lows = indexOf.get(h);
    if (lows === undefined) {
      lows = new Map();
      indexOf.set(h, lows);
    }
    const index = lows.get(l);
    if (index !== undefined) {
      bearers[index]?.push(query);
      continue;
    }
    lows.set(l, bearers.push([query]) - 1);
    high.push(h);
    low.push(l);
  }
  return { addresses: { high: Uint32Array.from(high), low: Uint32Array.from(low) }, bearers };
}

/** Whether a symbol is named after a variable: as it is, numbered or promoted, or by clang after its function too. */
function bearsName(symbol: string, object: DeclaredObject): boolean {
  const name = object.name();
  if (name !== null && isBegunBy(symbol, name)) return true;
  const prefix = prefixOf(symbol, object);
  // clang leaves out the name of a function that was inlined everywhere.
  if (prefix !== null) return (object.functionName() ?? prefix) === prefix;
  return symbol === object.linkageName();
}

/** The function in clang's `<function>.<variable>`; null for a symbol of another form. */
function prefixOf(symbol: string, object: DeclaredObject): string | null {
  const name = object.name();
  if (!object.isLocal || name === null) return null;
  for (let dot = symbol.indexOf(".", 1); dot !== -1; dot = symbol.indexOf(".", dot + 1)) {
    if (isBegunBy(symbol.slice(dot + 1), name)) return symbol.slice(0, dot);
  }
  return null;
}

function isBegunBy(symbol: string, name: string): boolean {
  return symbol.startsWith(name) && (symbol.length === name.length || symbol[name.length] === ".");
}

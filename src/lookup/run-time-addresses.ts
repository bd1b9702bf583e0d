import { Failure } from "../failure.ts";
import { type Listing, moduleName, symbolName } from "../symbols/listing.ts";
import { isFunction, kindOfRow } from "../symbols/symbol-kind.ts";
import type { TableRow } from "../table/alias-table.ts";
import type { SearchedTable } from "./search-alias-table.ts";

/** A symbol of a table in a running kernel. */
export interface PlacedSymbol {
  readonly row: TableRow;
  readonly address: bigint;
}

const ADDRESS_BITS = 64;
const distance = (from: bigint, to: bigint) => BigInt.asUintN(ADDRESS_BITS, to - from);

/** The address of a symbol of a listing. */
function listedAddress({ addressHigh, addressLow }: Listing, symbol: number): bigint {
  return (BigInt(addressHigh[symbol] as number) << 32n) | BigInt(addressLow[symbol] as number);
}

/**
 * Finds symbols of a table in a running kernel's kallsyms.
 *
 * All symbols of vmlinux, and those of each section of a module, have moved by the same distance (KASLR, the address that
 * a module was loaded at). It is the one by which the aliased functions of the table come to where kallsyms has their names:
 * those of the symbol's own section, and of vmlinux those of .text.
 *
 * @param table what `wanted` are rows of
 * @throws Failure when there is no such distance, since kallsyms is of another build, or a module is not loaded
 */
export function placeInKernel(
  table: SearchedTable,
  wanted: readonly TableRow[],
  kallsyms: Listing,
): PlacedSymbol[] {
  const rowsOf = new Map<string, TableRow[]>();
  const moves = new Map<string, bigint>();
  return wanted.map((row) => {
    const { object, section } = row;
    const group = `${object} ${section}`;
    let move = moves.get(group);
    if (move === undefined) {
      const own = rowsOf.get(object) ?? table.rowsWith(object, "", "");
      rowsOf.set(object, own);
      const witnesses = own.filter(
        (other) =>
          other.object === object &&
          // Without CONFIG_KALLSYMS_ALL, kallsyms lacks .exit.text, but never .text.
          (other.section === section || (object === "vmlinux" && other.section === ".text")) &&
          other.alias !== null &&
          isFunction(kindOfRow(other)),
      );
      move = distanceMoved([row, ...witnesses], kallsyms);
      moves.set(group, move);
    }
    return { row, address: BigInt.asUintN(ADDRESS_BITS, BigInt(`0x${row.address}`) + move) };
  });
}

/** The distance by which rows of one object have moved. */
function distanceMoved(rows: readonly TableRow[], kallsyms: Listing): bigint {
  const found = addressesOf(rows, kallsyms);
  const [first] = rows as [TableRow];
  const possible = found(first).map((address) => distance(BigInt(`0x${first.address}`), address));
  const moves = new Set(
    possible.filter((move) =>
      rows.every((row) => found(row).some((at) => distance(BigInt(`0x${row.address}`), at) === move)),
    ),
  );
  // So few namesakes, and at such distances, that only the order in which kallsyms has them tells which is which.
  const byPosition = possible[Math.max(first.sympos, 1) - 1];
  const move = moves.size === 1 ? [...moves][0] : byPosition;
  if (move === undefined || !moves.has(move)) throw otherBuild(first, possible.length, kallsyms);
  return move;
}

function otherBuild({ object, name, section }: TableRow, bearers: number, { source }: Listing): Failure {
  if (section?.startsWith(".init") && object !== "vmlinux") {
    return new Failure(source, `${name} of ${object} is in ${section}, which is gone after loading`);
  }
  if (section?.startsWith(".exit") && object === "vmlinux") {
    const problem = `${name} of ${object} is in ${section}, which it lacks without CONFIG_KALLSYMS_ALL`;
    return new Failure(source, problem);
  }
  if (bearers > 0) {
    const problem = `${name} of ${object} is not where the table has it: this is another build`;
    return new Failure(source, problem, "give the table of the running kernel");
  }
  const advice = object === "vmlinux" ? "give the table of the running kernel" : `load ${object} first`;
  return new Failure(source, `has no ${name} of ${object}`, advice);
}

/** A function that gives the addresses, in the listing's order, that the name of a row has in the row's object. */
function addressesOf(rows: readonly TableRow[], kallsyms: Listing): (row: TableRow) => bigint[] {
  const found = new Map(rows.map(({ name }) => [name, [] as bigint[]]));
  const [{ object }] = rows as [TableRow];
  const module = object === "vmlinux" ? "" : object;
  for (let symbol = 0; symbol < kallsyms.count; symbol++) {
    const addresses = found.get(symbolName(kallsyms, symbol));
    if (addresses !== undefined && moduleName(kallsyms, symbol) === module) {
      addresses.push(listedAddress(kallsyms, symbol));
    }
  }
  return ({ name }) => found.get(name) as bigint[];
}

/** Where a probe goes: a symbol of one meaning and an offset from it in bytes, or an address alone. */
export interface ProbePoint {
  /** What the probe is for: the symbol's alias, or its name where it has none. */
  readonly alias: string;
  /** "" for vmlinux. */
  readonly module: string;
  /** null when no symbol is fit for it. */
  readonly symbol: string | null;
  readonly offset: bigint;
  readonly address: bigint;
}

/**
 * The points at which symbols can be probed without their names, which others bear too: in vmlinux by the offset from
 * `_text`, or `_stext`, which stays the same whatever KASLR does; in a module by that from its nearest function whose name is
 * unique in all of kallsyms.
 */
export function probePoints(placed: readonly PlacedSymbol[], kallsyms: Listing): ProbePoint[] {
  const anchors = new Map<string, Anchor[]>();
  return placed.map(({ row: { object, alias, name }, address }) => {
    if (!anchors.has(object)) {
      anchors.set(object, object === "vmlinux" ? imageAnchors(kallsyms) : moduleAnchors(object, kallsyms));
    }
    const before = (anchors.get(object) as Anchor[]).filter((anchor) => anchor.address <= address);
    const nearest = before.reduce<Anchor | undefined>(
      (best, anchor) => (best !== undefined && best.address >= anchor.address ? best : anchor),
      undefined,
    );
    return {
      alias: alias ?? name,
      module: object === "vmlinux" ? "" : object,
      symbol: nearest?.name ?? null,
      offset: nearest === undefined ? 0n : address - nearest.address,
      address,
    };
  });
}

interface Anchor {
  readonly name: string;
  readonly address: bigint;
}

function imageAnchors(kallsyms: Listing): Anchor[] {
  for (const name of ["_text", "_stext"]) {
    for (let symbol = 0; symbol < kallsyms.count; symbol++) {
      if (symbolName(kallsyms, symbol) === name && moduleName(kallsyms, symbol) === "") {
        return [{ name, address: listedAddress(kallsyms, symbol) }];
      }
    }
  }
  return [];
}

function moduleAnchors(module: string, kallsyms: Listing): Anchor[] {
  const bearers = new Map<string, number>();
  const own: Anchor[] = [];
  for (let symbol = 0; symbol < kallsyms.count; symbol++) {
    const name = symbolName(kallsyms, symbol);
    bearers.set(name, (bearers.get(name) ?? 0) + 1);
    // Other characters mean something to kprobe_events and bpftrace.
    const isFit = isFunction(kallsyms.kind[symbol] as number) && /^[A-Za-z_][\w.]*$/.test(name);
    if (isFit && moduleName(kallsyms, symbol) === module) {
      own.push({ name, address: listedAddress(kallsyms, symbol) });
    }
  }
  return own.filter(({ name }) => bearers.get(name) === 1);
}

import { isInitSection } from "../elf/init-sections.ts";
import { Failure } from "../failure.ts";
import { type Listing, moduleName, symbolName } from "../symbols/listing.ts";
import { isFunction, kindOfRow } from "../symbols/symbol-kind.ts";
import type { TableRow } from "../table/alias-table.ts";
import { listedAddress } from "./listed-address.ts";
import type { SearchedTable } from "./search-alias-table.ts";

/** A symbol of a table in a running kernel. */
export interface PlacedSymbol {
  readonly row: TableRow;
  readonly address: bigint;
}

const ADDRESS_BITS = 64;
const distance = (from: bigint, to: bigint) => BigInt.asUintN(ADDRESS_BITS, to - from);

/**
 * Finds symbols of a table in a running kernel's kallsyms.
 *
 * All symbols of vmlinux, and all symbols of a section of a module, have moved by the same distance (KASLR, or the load address
 * of a module). This function finds the distance at which every aliased function of the table is at an address that kallsyms
 * lists for its name; it uses functions of the symbol's own section, and for vmlinux also those of .text.
 *
 * @param table the table that has the rows `wanted`
 * @throws Failure when there is no such distance, because kallsyms is of a different build, or a module is not loaded
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
      move = distanceMoved(row, witnesses, kallsyms);
      moves.set(group, move);
    }
    return { row, address: BigInt.asUintN(ADDRESS_BITS, BigInt(`0x${row.address}`) + move) };
  });
}

/** The distance by which rows of one object have moved. */
function distanceMoved(first: TableRow, others: readonly TableRow[], kallsyms: Listing): bigint {
  const rows = [first, ...others];
  const found = addressesOf(rows, first.object, kallsyms);
  const possible = found(first).map((address) => distance(BigInt(`0x${first.address}`), address));
  const moves = new Set(
    possible.filter((move) =>
      rows.every((row) => found(row).some((at) => distance(BigInt(`0x${row.address}`), at) === move)),
    ),
  );
  // The few namesakes fit at several distances: only their order in kallsyms decides which is which.
  const byPosition = possible[Math.max(first.sympos, 1) - 1];
  const move = moves.size === 1 ? [...moves][0] : byPosition;
  if (move === undefined || !moves.has(move)) throw otherBuild(first, possible.length, kallsyms);
  return move;
}

function otherBuild({ object, name, section }: TableRow, namesakes: number, { source }: Listing): Failure {
  if (isInitSection(section) && object !== "vmlinux") {
    return new Failure(
      "OTHER_BUILD",
      source,
      `${name} of ${object} is in ${section}, which is freed after loading`,
      "give a symbol that stays loaded",
    );
  }
  if (section?.startsWith(".exit") && object === "vmlinux") {
    const problem = `${name} of ${object} is in ${section}, which kallsyms omits without CONFIG_KALLSYMS_ALL`;
    return new Failure("OTHER_BUILD", source, problem, "build the kernel with it");
  }
  if (namesakes > 0) {
    const problem = `${name} of ${object} is not where the table has it: this is a different build`;
    return new Failure("OTHER_BUILD", source, problem, "give the table of the running kernel");
  }
  const advice = object === "vmlinux" ? "give the table of the running kernel" : `load ${object} first`;
  return new Failure("OTHER_BUILD", source, `has no ${name} of ${object}`, advice);
}

/** Returns a function that gives the addresses of a row's name in the rows' object, in the listing's order. */
function addressesOf(
  rows: readonly TableRow[],
  object: string,
  kallsyms: Listing,
): (row: TableRow) => readonly bigint[] {
  const found = new Map<string, bigint[]>();
  for (const { name } of rows) found.set(name, []);
  const module = object === "vmlinux" ? "" : object;
  for (let symbol = 0; symbol < kallsyms.count; symbol++) {
    const addresses = found.get(symbolName(kallsyms, symbol));
    if (addresses !== undefined && moduleName(kallsyms, symbol) === module) {
      addresses.push(listedAddress(kallsyms, symbol));
    }
  }
  return ({ name }) => found.get(name) ?? [];
}

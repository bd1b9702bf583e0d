import { at } from "../checked-index.ts";
import { type Listing, moduleName, symbolName } from "../symbols/listing.ts";
import { isFunction } from "../symbols/symbol-kind.ts";
import type { PlacedSymbol } from "./kaslr.ts";
import { listedAddress } from "./listed-address.ts";

/** A probe location: an unambiguous symbol and an offset from it in bytes, or only an address. */
export interface ProbePoint {
  /** The probed symbol: its alias, or its name if it has no alias. */
  readonly alias: string;
  /** "" for vmlinux. */
  readonly module: string;
  /** null when no suitable symbol exists. */
  readonly symbol: string | null;
  readonly offset: bigint;
  readonly address: bigint;
}

/**
 * Probe locations that do not use the symbols' ambiguous names. In vmlinux: the offset from `_text` or `_stext`, whichever no module
 * has too; KASLR does not change it. In a module: the offset from its nearest function whose name is unique in all of kallsyms.
 */
export function probePoints(placed: readonly PlacedSymbol[], kallsyms: Listing): ProbePoint[] {
  const anchors = new Map<string, Anchor[]>();
  return placed.map(({ row: { object, alias, name }, address }) => {
    const known =
      anchors.get(object) ??
      (object === "vmlinux" ? imageAnchors(kallsyms) : moduleAnchors(object, kallsyms));
    anchors.set(object, known);
    const before = known.filter((anchor) => anchor.address <= address);
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
    const [symbol, another] = symbolsNamed(kallsyms, name);
    // Kernels before 7.2 refuse a name that a module has too.
    if (symbol === undefined || another !== undefined || moduleName(kallsyms, symbol) !== "") continue;
    return [{ name, address: listedAddress(kallsyms, symbol) }];
  }
  return [];
}

function symbolsNamed(kallsyms: Listing, name: string): number[] {
  const found: number[] = [];
  for (let symbol = 0; symbol < kallsyms.count; symbol++) {
    const length = at(kallsyms.nameEnd, symbol) - at(kallsyms.nameStart, symbol);
    if (length === name.length && symbolName(kallsyms, symbol) === name) found.push(symbol);
  }
  return found;
}

function moduleAnchors(module: string, kallsyms: Listing): Anchor[] {
  const counts = new Map<string, number>();
  const own: Anchor[] = [];
  for (let symbol = 0; symbol < kallsyms.count; symbol++) {
    const name = symbolName(kallsyms, symbol);
    counts.set(name, (counts.get(name) ?? 0) + 1);
    // kprobe_events and bpftrace treat other characters specially.
    const isFit = isFunction(at(kallsyms.kind, symbol)) && /^[A-Za-z_][\w.]*$/.test(name);
    if (isFit && moduleName(kallsyms, symbol) === module) {
      own.push({ name, address: listedAddress(kallsyms, symbol) });
    }
  }
  return own.filter(({ name }) => counts.get(name) === 1);
}

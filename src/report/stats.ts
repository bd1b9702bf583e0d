import type { RunCounts } from "../alias/alias-vmlinux.ts";

/** The figures of a run. */
export interface Stats {
  /** Symbols in the listing, aliases that it held already left out. */
  readonly symbols: number;
  /** Names that two or more symbols bear, whatever their types. */
  readonly duplicatedNames: number;
  readonly aliases: number;
  /** Symbols with a duplicated name that a rule left without an alias, by the rule. */
  readonly excluded: Record<string, number>;
  /** Aliases that others equal: in the plain form, without unit and ordinal, and as they are written. */
  readonly ambiguous: { readonly plain: number; readonly final: number };
  /** Aliases that carry an ordinal. */
  readonly ordinal: number;
  /** Symbols without an alias because no source location is known for them. */
  readonly unresolved: number;
  /** Wall-clock seconds by stage. */
  readonly seconds: Record<string, number>;
}

/** The figures of a run, out of what it has counted. */
export function statsOf(
  { symbols, duplicatedNames, aliases, excluded, tooLong, ambiguous, ordinal, unresolved }: RunCounts,
  seconds: Record<string, number>,
): Stats {
  return {
    symbols,
    duplicatedNames,
    aliases,
    excluded: tooLong === 0 ? excluded : { ...excluded, "--max-name-length": tooLong },
    ambiguous,
    ordinal,
    unresolved,
    seconds,
  };
}

/** The figures as one line of JSON. */
export function statsAsJson(stats: Stats): string {
  return `${JSON.stringify(stats)}\n`;
}

/** The figures in two lines for people. */
export function statsAsText(stats: Stats): string {
  const excluded = Object.values(stats.excluded).reduce((sum, count) => sum + count, 0);
  const seconds = Object.entries(stats.seconds)
    .map(([stage, s]) => `${stage} ${s.toFixed(3)}`)
    .join(", ");
  return (
    `${stats.symbols} symbols, ${stats.duplicatedNames} duplicated names; ${stats.aliases} aliases ` +
    `(${stats.ambiguous.plain} ambiguous without unit, ${stats.ambiguous.final} as written, ` +
    `${stats.ordinal} with an ordinal), ${excluded} symbols excluded, ${stats.unresolved} unresolved\n` +
    `seconds: ${seconds}\n`
  );
}

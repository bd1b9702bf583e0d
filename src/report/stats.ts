import type { RunCounts } from "../alias/alias-vmlinux.ts";

/** The figures of a run. */
export interface Stats {
  /** Symbols in the listing, without the aliases that it already had. */
  readonly symbols: number;
  /** Names of two or more symbols of any type. */
  readonly duplicatedNames: number;
  readonly aliases: number;
  /** Symbols with a duplicated name that a rule excluded, by rule. */
  readonly excluded: Record<string, number>;
  /** Aliases that are equal to others: in the plain form, without unit and ordinal, and as written. */
  readonly ambiguous: { readonly plain: number; readonly final: number };
  /** Aliases with an ordinal. */
  readonly ordinal: number;
  /** Symbols without an alias because their source location is unknown. */
  readonly unresolved: number;
  /** Wall-clock seconds by stage. */
  readonly seconds: Record<string, number>;
}

/** The figures of a run, computed from its counts. */
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

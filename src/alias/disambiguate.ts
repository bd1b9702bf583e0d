/**
 * Makes equal aliases unique: the first in address order stays unchanged, the others get `_2`, `_3`, …, skipping any
 * ordinal whose result is already an alias or a symbol.
 *
 * @param aliases the finished aliases in address order; null where there is none
 * @param isSymbol whether a symbol has this name
 * @param withOrdinal the alias with `_<ordinal>` at its end, shortened if necessary; null when it cannot fit
 * @returns the unique aliases, and the ordinal appended to each (0 for none)
 */
export function disambiguate(
  aliases: readonly (string | null)[],
  isSymbol: (name: string) => boolean,
  withOrdinal: (index: number, ordinal: number) => string | null,
): { aliases: (string | null)[]; ordinals: Uint32Array } {
  const unique: (string | null)[] = new Array(aliases.length).fill(null);
  const ordinals = new Uint32Array(aliases.length);
  // Aliases without an ordinal come first, so that one with an ordinal cannot take another symbol's own alias.
  const taken = new Set<string>();
  const clashing: { index: number; plain: string }[] = [];
  aliases.forEach((alias, index) => {
    if (alias === null) return;
    if (taken.has(alias) || isSymbol(alias)) clashing.push({ index, plain: alias });
    else {
      taken.add(alias);
      unique[index] = alias;
    }
  });
  const nextOrdinal = new Map<string, number>();
  for (const { index, plain } of clashing) {
    for (let ordinal = nextOrdinal.get(plain) ?? 2; ; ordinal++) {
      const alias = withOrdinal(index, ordinal);
      nextOrdinal.set(plain, ordinal + 1);
      if (alias === null) break;
      if (taken.has(alias) || isSymbol(alias)) continue;
      taken.add(alias);
      unique[index] = alias;
      ordinals[index] = ordinal;
      break;
    }
  }
  return { aliases: unique, ordinals };
}

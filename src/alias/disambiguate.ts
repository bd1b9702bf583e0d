/**
 * Tells apart the aliases that are still equal: the first of them in address order stays as it is, the others get
 * `_2`, `_3`, …, passing over any ordinal whose alias is an alias or a symbol already.
 *
 * @param aliases the finished aliases in address order; null where there is none
 * @param isSymbol whether a name is borne by a symbol
 * @param withOrdinal the alias with `_<ordinal>` at its end, shortened where it must be; null when it cannot fit
 * @returns the unique aliases, and the ordinal appended to each (0 for none)
 */
export function disambiguate(
  aliases: readonly (string | null)[],
  isSymbol: (name: string) => boolean,
  withOrdinal: (index: number, ordinal: number) => string | null,
): { aliases: (string | null)[]; ordinals: Uint32Array } {
  const unique: (string | null)[] = new Array(aliases.length).fill(null);
  const ordinals = new Uint32Array(aliases.length);
  // Whoever needs no ordinal comes first, so that no ordinal can take another symbol's own alias.
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

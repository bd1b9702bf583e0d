import { addTo } from "../grouping.ts";

/** A use of an alias in a script. */
export interface AliasUse {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** Of the alias's first character, in UTF-16 units from 1. */
  readonly column: number;
  readonly alias: string;
  /** The whole line. */
  readonly text: string;
}

/** Finds aliases of a set in texts of any kind. */
export interface AliasFinder {
  find(file: string, text: string): AliasUse[];
}

/**
 * @param aliases those without the separator are ignored
 * @param separator the character between an alias's parts
 */
export function aliasFinder(aliases: Iterable<string>, separator: string): AliasFinder {
  // Aliases by the part after the stem: a stem may have any characters, so its beginning cannot be found in a text.
  const stems = new Map<string, string[]>();
  for (const alias of aliases) {
    const end = alias.indexOf(separator);
    if (end === -1) continue;
    addTo(stems, alias.slice(end), alias.slice(0, end));
  }
  const part = `${separator.replace(/[^\w\s]/g, "\\$&")}[A-Za-z0-9_]+`;
  const tails = new RegExp(`(?:${part})+`, "g");
  return {
    find(file, text) {
      const uses: AliasUse[] = [];
      for (const [index, line] of text.split(/\r?\n/).entries()) {
        for (const { 0: tail, index: end } of line.matchAll(tails)) {
          const before = line.slice(0, end);
          const stem = longest(stems.get(tail)?.filter((each) => endsWithWord(before, each)));
          if (stem === undefined) continue;
          const column = end - stem.length + 1;
          uses.push({ file, line: index + 1, column, alias: stem + tail, text: line });
        }
      }
      return uses;
    },
  };
}

/** Whether a text ends with a word that is not part of a longer one. */
function endsWithWord(text: string, word: string): boolean {
  return text.endsWith(word) && !/[\w.$]/.test(text.charAt(text.length - word.length - 1));
}

function longest(words: readonly string[] = []): string | undefined {
  return words.toSorted((a, b) => b.length - a.length)[0];
}

/** A line of a script with its aliases replaced; aliases without a replacement stay unchanged. */
export function replaceUses(uses: readonly AliasUse[], newAlias: (alias: string) => string | null): string {
  let text = uses[0]?.text ?? "";
  for (const { column, alias } of uses.toSorted((a, b) => b.column - a.column)) {
    text = text.slice(0, column - 1) + (newAlias(alias) ?? alias) + text.slice(column - 1 + alias.length);
  }
  return text;
}

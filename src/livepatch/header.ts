import { printable } from "../printable.ts";
import { formatPlace } from "../table/place.ts";
import type { AliasedSymbol } from "./aliased-symbols.ts";

/**
 * A C header that gives each alias its `old_name` and `old_sympos` (struct klp_func, include/linux/livepatch.h) and, if
 * its name is a C identifier, its KLP_SYMPOS for klp-convert's KLP_MODULE_RELOC.
 *
 * @param table the table in which the aliases were looked up, and its kernel
 */
export function* livePatchHeader(
  symbols: readonly AliasedSymbol[],
  table: { readonly kernel: string | null },
): Generator<string> {
  yield `/* Positions of symbols in ${comment(table.kernel ?? "a kernel")}, by kas-alias livepatch header: good for that build alone. */\n`;
  const taken = new Set<string>();
  for (const { alias, symbol, row } of symbols) {
    const identifier = uniqueIdentifier(alias, taken);
    const place = row.file === null ? "" : `, ${formatPlace(row.file, row.line)}`;
    const { object, name, position } = symbol;
    yield `\n/* ${comment(`${alias}: ${object}${place}`)} */\n`;
    yield `#define KAS_FUNC_${identifier} \\\n\t.old_name = ${cString(name)}, .old_sympos = ${position}\n`;
    if (/^[A-Za-z_]\w*$/.test(name)) {
      yield `#define KAS_SYMPOS_${identifier} \\\n\tKLP_SYMPOS(${name}, ${position})\n`;
    }
  }
}

function uniqueIdentifier(alias: string, taken: Set<string>): string {
  const plain = alias.replace(/[^0-9A-Za-z]/gu, "_");
  let identifier = plain;
  for (let number = 2; taken.has(identifier); number++) identifier = `${plain}_${number}`;
  taken.add(identifier);
  return identifier;
}

/** Text that cannot end the comment around it: it has no line feed either, before which a backslash would join `*` and `/`. */
function comment(text: string): string {
  return printable(text).replaceAll("*/", "* /").replaceAll("/*", "/ *");
}

function cString(text: string): string {
  // Trigraphs begin with two question marks (C17 5.2.1.1).
  return `"${text.replace(/["\\?]/g, "\\$&")}"`;
}

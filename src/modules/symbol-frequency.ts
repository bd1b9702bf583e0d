import { Failure } from "../failure.ts";
import { readWhole } from "../files/read-file.ts";
import { unlistable } from "../symbols/listing.ts";

// The symbol frequency file of a kernel build: the number of symbols of vmlinux and its modules with each name. With it,
// a module that is built elsewhere gets the aliases that its symbols need. Its lines are `name:count`.

const COLON = 0x3a;
const LINE_FEED = 0x0a;

/**
 * Reads a symbol frequency file's text. A name may contain colons: the count follows the last one.
 *
 * @param source the file that `text` was read from, for messages
 * @returns the number of symbols with each name, at least 1
 * @throws Failure for an invalid line, or a repeated name, with the line's number
 */
export function parseSymbolFrequency(text: Buffer, source: string): Map<string, number> {
  const frequency = new Map<string, number>();
  let line = 1;
  for (let start = 0; start < text.length; line++) {
    const newline = text.indexOf(LINE_FEED, start);
    const end = newline === -1 ? text.length : newline;
    const colon = end === start ? -1 : text.lastIndexOf(COLON, end - 1);
    const count = colon === -1 ? "" : text.toString("latin1", colon + 1, end);
    if (colon <= start || !/^[1-9][0-9]{0,8}$/.test(count)) {
      const shown = text.toString("utf8", start, Math.min(end, start + 60));
      throw new Failure(
        "DAMAGED",
        source,
        `line ${line} is not name:count: "${shown}"`,
        "regenerate the file",
      );
    }
    const name = text.toString("utf8", start, colon);
    if (frequency.has(name))
      throw new Failure("DAMAGED", source, `line ${line} repeats ${name}`, "regenerate the file");
    frequency.set(name, Number(count));
    start = end + 1;
  }
  return frequency;
}

/** Reads a symbol frequency file. @throws Failure as parseSymbolFrequency does, and for a file that cannot be read */
export function readSymbolFrequency(path: string): Map<string, number> {
  return parseSymbolFrequency(readWhole(path, "write it with kas-alias modules --vmlinux"), path);
}

/** The text of a symbol frequency file, its lines sorted as in the C locale: ASCII by bytes. */
export function formatSymbolFrequency(frequency: ReadonlyMap<string, number>): Buffer {
  const lines = Array.from(frequency, ([name, count]) => {
    if (name.includes("\n")) throw unlistable("symbol frequency file", name);
    return `${name}:${count}\n`;
  });
  return Buffer.from(lines.sort().join(""));
}

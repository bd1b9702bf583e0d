import type { Command } from "commander";
import { openPossiblyCompressed } from "../elf/compressed-file.ts";
import { Failure } from "../failure.ts";
import { textOf } from "../files/read-file.ts";
import { printable } from "../printable.ts";
import { openLocator } from "../source-lines/open-locator.ts";
import { emptyQueries } from "../source-lines/resolver.ts";
import type { Runner } from "./exit-status.ts";
import { addResolverOptions, type ResolverOptions, silenceReporter } from "./options.ts";
import { readStdin, sayMissing, writeTexts } from "./streams.ts";

/** `kas-alias resolve`: prints `path:line` for addresses, as addr2line does. */
export function addResolveCommand(program: Command, run: Runner): void {
  const command = program
    .command("resolve")
    .description("print the source line of addresses")
    .argument("<elf>", "the vmlinux")
    .argument("[address...]", "hexadecimal addresses (default: from stdin, one per line)");
  addResolverOptions(command).action((elf: string, addresses: string[], options: ResolverOptions) =>
    run(() => resolve(elf, addresses, options)),
  );
}

async function resolve(path: string, given: string[], options: ResolverOptions): Promise<boolean> {
  const elf = await openPossiblyCompressed(path);
  const addresses = given.length > 0 ? given : textOf("standard input", await readStdin()).split("\n");
  if (given.length === 0 && addresses.at(-1) === "") addresses.pop();
  const queries = emptyQueries(addresses.length);
  addresses.forEach((text, i) => {
    const digits = /^\s*(?:0x)?([0-9a-f]{1,16})\s*$/i.exec(text)?.[1];
    if (digits === undefined) {
      throw new Failure(
        given.length > 0 ? "WRONG_USAGE" : "WRONG_KIND",
        `"${text.slice(0, 40)}"`,
        "is not an address",
        "give hexadecimal digits",
      );
    }
    queries.addressHigh[i] = Number.parseInt(digits.slice(0, -8) || "0", 16);
    queries.addressLow[i] = Number.parseInt(digits.slice(-8), 16);
  });
  const locator = await openLocator(elf, { ...options, onSilence: silenceReporter(options) });
  const { file, line, files } = await locator.resolve(queries);
  let text = "";
  const paths = files.map(printable);
  file.forEach((index, i) => {
    text += index === -1 ? "??:0\n" : `${paths[index]}:${line[i]}\n`;
  });
  sayMissing(locator.missing.lines(), {});
  return writeTexts([text]);
}

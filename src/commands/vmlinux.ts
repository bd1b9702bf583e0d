import { type Command, Option } from "commander";
import { aliasVmlinux, imageListing, type VmlinuxInput, type VmlinuxResult } from "../alias/alias-vmlinux.ts";
import { aliasedListing } from "../alias/aliased-listing.ts";
import { reuseAliases } from "../alias/reuse-table.ts";
import { newAliases } from "../alias/select.ts";
import { ET_REL } from "../constants/elf.ts";
import { type ElfFile, openElf } from "../elf/elf-file.ts";
import { statsAsJson, statsAsText, statsOf } from "../report/stats.ts";
import { Stopwatch } from "../report/stopwatch.ts";
import { openLocator, openObjectLocator } from "../source-lines/open-locator.ts";
import { tableLines } from "../table/alias-table.ts";
import { readAliasTable } from "../table/read-alias-table.ts";
import { readFrequencyFile, readListingFile } from "./input.ts";
import { type AliasingOptions, addAliasingOptions, type Runner, vmlinuxOptions } from "./options.ts";
import { bytes, type Output, writeOutputs } from "./output.ts";

interface Options extends AliasingOptions {
  nm?: string;
  debugFile?: string;
  reuseTable?: string;
  symbolFrequency?: string;
  output?: string;
}

/** `kas-alias vmlinux`: the listing of a vmlinux, with an alias line behind every duplicated name. */
export function addVmlinuxCommand(program: Command, run: Runner): void {
  const command = program
    .command("vmlinux")
    .description("give the duplicated names of a vmlinux unique aliases")
    .argument("[elf]", "the vmlinux; may be left out with --nm and --debug-file or --reuse-table")
    .option("--nm <file>", "take the symbols from what `nm -n` prints, - for standard input")
    .option("--debug-file <elf>", "take the source lines from another image of the same build")
    .addOption(
      new Option(
        "--reuse-table <file>",
        "take the aliases, and the options, from the table of an earlier link of the same build",
      ).conflicts([
        "debugFile",
        "tableScope",
        "sourceRoot",
        "separator",
        "disambiguate",
        "maxNameLength",
        "kallsymsNames",
        "exclude",
        "include",
        "defaultFilters",
        "data",
        "location",
        "signatures",
        "kernelRelease",
        "symbolFrequency",
      ]),
    )
    .option(
      "--symbol-frequency <file>",
      "count the names in modules too, as `kas-alias modules` has written them",
    )
    .option("-o, --output <file>", "the aliased listing (default: -, or none with --table)");
  addAliasingOptions(command).action((elf: string | undefined, options: Options) => {
    const { nm, debugFile, reuseTable } = options;
    if (elf === undefined && (nm === undefined || (debugFile ?? reuseTable) === undefined)) {
      command.error(
        "error: no vmlinux given; it may be left out only with --nm and --debug-file or --reuse-table",
      );
    }
    return run((signal) => vmlinux(elf, options, signal));
  });
}

async function vmlinux(elf: string | undefined, options: Options, signal: AbortSignal): Promise<boolean> {
  const stopwatch = new Stopwatch();
  const input = await stopwatch.time("open", async () => ({
    image: elf === undefined ? undefined : openElf(elf),
    debugImage: options.debugFile === undefined ? undefined : openElf(options.debugFile),
    listing: options.nm === undefined ? undefined : await readListingFile(options.nm),
    openLocator: (image: ElfFile) =>
      options.debugFile !== undefined && image.type === ET_REL
        ? openObjectLocator(image, [], { ...options, signal })
        : openLocator(image, { ...options, signal }),
  }));
  const result =
    options.reuseTable === undefined
      ? await makeAliases(input, options, stopwatch)
      : await reuse(input, options.reuseTable, stopwatch);

  const outputs: Output[] = [];
  if (options.table !== undefined) {
    outputs.push({ target: options.table, pieces: bytes(tableLines(result.header, result.rows())) });
  }
  const target = options.output ?? (options.table === undefined ? "-" : undefined);
  if (target !== undefined) {
    const { selection, aliases } = result;
    outputs.push({ target, pieces: aliasedListing(selection.listing, newAliases(selection, aliases)) });
  }
  const stdoutOpen = await stopwatch.time("write", () => writeOutputs(outputs));
  report(result, options, stopwatch);
  return stdoutOpen;
}

function makeAliases(input: VmlinuxInput, options: Options, stopwatch: Stopwatch): Promise<VmlinuxResult> {
  const { symbolFrequency } = options;
  const frequency = symbolFrequency === undefined ? undefined : readFrequencyFile(symbolFrequency);
  return aliasVmlinux(
    input,
    vmlinuxOptions(options),
    (stage, work) => stopwatch.time(stage, work),
    // The file counts vmlinux's names as well.
    frequency && { bearersOf: (stem, own) => Math.max(own, frequency.get(stem) ?? 0) },
  );
}

async function reuse(
  { listing, image }: VmlinuxInput,
  path: string,
  stopwatch: Stopwatch,
): Promise<VmlinuxResult> {
  // Without an image there is a listing: the command line is checked for it.
  const taken = await stopwatch.time("symbols", () => listing ?? imageListing(image as ElfFile));
  return stopwatch.time("reuse", () => reuseAliases(taken, readAliasTable(path), image));
}

function report({ selection, aliases }: VmlinuxResult, options: Options, stopwatch: Stopwatch): void {
  const { unresolved } = aliases.counts;
  if (options.stats) {
    const stats = statsOf(selection.counts, aliases.counts, stopwatch.seconds);
    process.stderr.write(options.stats === "json" ? statsAsJson(stats) : statsAsText(stats));
  } else if (unresolved > 0 && !options.quiet) {
    const what = unresolved === 1 ? "symbol has" : "symbols have";
    process.stderr.write(
      `kas-alias: ${selection.listing.source}: ${unresolved} duplicated ${what} no source location and no alias\n`,
    );
  }
}

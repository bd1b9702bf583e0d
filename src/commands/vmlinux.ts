import { type Command, Option } from "commander";
import { aliasVmlinux, type Timer, type VmlinuxInput, type VmlinuxResult } from "../alias/alias-vmlinux.ts";
import { reuseAliases } from "../alias/reuse-table.ts";
import { openPossiblyCompressed } from "../elf/compressed-file.ts";
import { Failure } from "../failure.ts";
import type { FileOutput } from "../files/write-files.ts";
import { readSymbolFrequency } from "../modules/symbol-frequency.ts";
import { statsOf } from "../report/stats.ts";
import { Stopwatch } from "../report/stopwatch.ts";
import { tablePieces } from "../table/alias-table.ts";
import { readAliasTable } from "../table/read-alias-table.ts";
import { type AliasingOptions, addAliasingOptions, type Runner, vmlinuxOptions } from "./options.ts";
import { readListingFile, say, sayStats, writeOutputs } from "./streams.ts";

interface Options extends AliasingOptions {
  nm?: string;
  debugFile?: string;
  reuseTable?: string;
  symbolFrequency?: string;
  output?: string;
}

/** `kas-alias vmlinux`: the listing of a vmlinux, with an alias line after every duplicated name. */
export function addVmlinuxCommand(program: Command, run: Runner): void {
  const command = program
    .command("vmlinux")
    .description("create unique aliases for the duplicated names of a vmlinux")
    .argument("[elf]", "the vmlinux; optional with --nm and --debug-file or --reuse-table")
    .option("--nm <file>", "read the symbols from `nm -n` output (-: stdin)")
    .option("--debug-file <elf>", "read debug info from another image of this build")
    .addOption(
      new Option(
        "--reuse-table <file>",
        "take aliases and options from the table of an earlier link of this build",
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
    .option("--symbol-frequency <file>", "also count names of modules (modules.symbfreq)")
    .option("-o, --output <file>", "aliased listing (default: stdout if no --table)");
  addAliasingOptions(command).action((elf: string | undefined, options: Options) => {
    const { nm, debugFile, reuseTable } = options;
    if (elf === undefined && (nm === undefined || (debugFile ?? reuseTable) === undefined)) {
      command.error(
        "error: no vmlinux given; it is optional only with --nm and --debug-file or --reuse-table",
      );
    }
    return run((signal) => vmlinux(elf, options, signal));
  });
}

async function vmlinux(elf: string | undefined, options: Options, signal: AbortSignal): Promise<boolean> {
  const stopwatch = new Stopwatch();
  const input = await stopwatch.time("open", async () => ({
    image: elf === undefined ? undefined : await openPossiblyCompressed(elf),
    debugImage: options.debugFile === undefined ? undefined : await openPossiblyCompressed(options.debugFile),
    listing: options.nm === undefined ? undefined : await readListingFile(options.nm),
  }));
  const { reuseTable } = options;
  const time: Timer = (stage, work) => stopwatch.time(stage, work);
  const result =
    reuseTable === undefined
      ? await makeAliases(input, options, signal, time).catch((error) => suggestOptions(error, options))
      : await reuseAliases(input, readAliasTable(reuseTable), time);

  const outputs: FileOutput[] = [];
  if (options.table !== undefined) {
    outputs.push({ target: options.table, pieces: tablePieces(result) });
  }
  const target = options.output ?? (options.table === undefined ? "-" : undefined);
  if (target !== undefined) outputs.push({ target, pieces: result.lines() });
  const stdoutOpen = await stopwatch.time("write", () => writeOutputs(outputs));
  report(result, options, stopwatch);
  return stdoutOpen;
}

function makeAliases(
  input: VmlinuxInput,
  options: Options,
  signal: AbortSignal,
  time: Timer,
): Promise<VmlinuxResult> {
  const { symbolFrequency } = options;
  const frequency = symbolFrequency === undefined ? undefined : readSymbolFrequency(symbolFrequency);
  return aliasVmlinux(
    input,
    vmlinuxOptions(options, signal),
    time,
    // The file also counts the names in vmlinux.
    frequency && { countOf: (stem, own) => Math.max(own, frequency.get(stem) ?? 0) },
  );
}

/** Adds to the advice the option that supplies what the image lacks. */
function suggestOptions(error: unknown, { nm, debugFile }: Options): never {
  if (!(error instanceof Failure)) throw error;
  if (error.code === "NO_DEBUG_INFO" && debugFile === undefined) throw error.orElse("give --debug-file");
  if (error.code === "NO_SYMBOLS" && nm === undefined) throw error.orElse("a listing with --nm");
  throw error;
}

function report({ source, counts }: VmlinuxResult, options: Options, stopwatch: Stopwatch): void {
  const { unresolved } = counts;
  if (options.stats) {
    sayStats(statsOf(counts, stopwatch.seconds), options.stats);
  } else if (unresolved > 0 && !options.quiet) {
    const what = unresolved === 1 ? "symbol has" : "symbols have";
    say(`${source}: ${unresolved} duplicated ${what} no source location and no alias`);
  }
}

import { type Command, Option } from "commander";
import { aliasVmlinux, type Timer, type VmlinuxInput, type VmlinuxResult } from "../alias/alias-vmlinux.ts";
import { reuseAliases } from "../alias/reuse-table.ts";
import { ET_REL } from "../constants/elf.ts";
import { openPossiblyCompressed } from "../elf/compressed-file.ts";
import type { ElfFile } from "../elf/elf-file.ts";
import { buildId } from "../elf/notes.ts";
import { Failure } from "../failure.ts";
import type { FileOutput } from "../files/write-files.ts";
import { checkBuild, type KernelNotes, RUNNING_NOTES } from "../lookup/kernel-notes.ts";
import { readSymbolFrequency } from "../modules/symbol-frequency.ts";
import { statsOf } from "../report/stats.ts";
import { Stopwatch } from "../report/stopwatch.ts";
import { tablePieces } from "../table/alias-table.ts";
import { type AliasTableReader, readAliasTable } from "../table/read-alias-table.ts";
import type { Runner } from "./exit-status.ts";
import { type AliasingOptions, addAliasingOptions, outputPath, vmlinuxOptions } from "./options.ts";
import {
  checkTargets,
  notesOf,
  readListingFile,
  say,
  sayMissing,
  sayStats,
  writeOutputs,
} from "./streams.ts";

interface Options extends AliasingOptions {
  nm?: string;
  notes?: string;
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
    .option(
      "--notes <file>",
      `notes or vmlinux of the kernel that --nm is of, for the build ID (default: ${RUNNING_NOTES} with /proc/kallsyms, else none)`,
    )
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
    .option("-o, --output <file>", "aliased listing (default: stdout if no --table)", outputPath);
  addAliasingOptions(command).action((elf: string | undefined, options: Options) => {
    const { nm, notes, debugFile, reuseTable } = options;
    if (notes !== undefined && nm === undefined) command.error("error: --notes requires --nm");
    if (elf === undefined && (nm === undefined || (debugFile ?? reuseTable) === undefined)) {
      command.error(
        "error: no vmlinux given; it is optional only with --nm and --debug-file or --reuse-table",
      );
    }
    return run(() => vmlinux(elf, options));
  });
}

async function vmlinux(elf: string | undefined, options: Options): Promise<boolean> {
  const target = options.output ?? (options.table === undefined ? "-" : undefined);
  checkTargets([options.table, target]);
  const stopwatch = new Stopwatch();
  const { reuseTable } = options;
  const table = reuseTable === undefined ? undefined : readAliasTable(reuseTable);
  const input = await stopwatch.time("open", () => openInput(elf, table, options));
  const time: Timer = (stage, work) => stopwatch.time(stage, work);
  const result =
    table === undefined
      ? await makeAliases(input, options, time).catch((error) => suggestOptions(error, options))
      : await reuseAliases(input, table, time);

  const outputs: FileOutput[] = [];
  if (options.table !== undefined) {
    outputs.push({ target: options.table, pieces: tablePieces(result) });
  }
  if (target !== undefined) outputs.push({ target, pieces: result.lines() });
  const stdoutOpen = await stopwatch.time("write", () => writeOutputs(outputs));
  report(result, options, stopwatch);
  return stdoutOpen;
}

/** Opens the files of a run. @throws Failure if the listing is of another build than the images or the table */
async function openInput(
  elf: string | undefined,
  table: AliasTableReader | undefined,
  { nm, notes: given, debugFile, quiet }: Options,
): Promise<VmlinuxInput> {
  const image = elf === undefined ? undefined : await openPossiblyCompressed(elf);
  const debugImage = debugFile === undefined ? undefined : await openPossiblyCompressed(debugFile);
  if (nm === undefined) return { image, debugImage };
  const notes = await notesOf(nm, given, quiet);
  if (notes !== undefined) await checkKernel(notes, [image, debugImage], table);
  return { image, debugImage, listing: await readListingFile(nm) };
}

/** Compares the build IDs of images and a table with that of the kernel that the listing is of. @throws Failure for another build */
async function checkKernel(
  notes: KernelNotes,
  images: readonly (ElfFile | undefined)[],
  table: AliasTableReader | undefined,
): Promise<void> {
  for (const image of images) {
    // An object that a vmlinux is linked from has no build ID, or one of its own.
    if (image === undefined || image.type === ET_REL) continue;
    const objects = [{ name: "vmlinux", buildId: buildId(image) }];
    await checkBuild(image.path, objects, notes, "give the vmlinux of that kernel");
  }
  if (table === undefined) return;
  const objects = table.header.objects.filter(({ name }) => name === "vmlinux");
  await checkBuild(table.source, objects, notes, "give the table of that kernel");
}

function makeAliases(input: VmlinuxInput, options: Options, time: Timer): Promise<VmlinuxResult> {
  const { symbolFrequency } = options;
  const frequency = symbolFrequency === undefined ? undefined : readSymbolFrequency(symbolFrequency);
  return aliasVmlinux(
    input,
    vmlinuxOptions(options),
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

function report({ source, counts, missing }: VmlinuxResult, options: Options, stopwatch: Stopwatch): void {
  const { unresolved } = counts;
  sayMissing(missing, options);
  if (options.stats) {
    sayStats(statsOf(counts, stopwatch.seconds), options.stats);
  } else if (unresolved > 0 && !options.quiet) {
    const what = unresolved === 1 ? "symbol has" : "symbols have";
    say(`${source}: ${unresolved} duplicated ${what} no source location and no alias`);
  }
}

import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { memorySource } from "../elf/byte-source.ts";
import { decompressorOf, openPossiblyCompressed } from "../elf/compressed-file.ts";
import { buildId, buildIdInNotes } from "../elf/notes.ts";
import { Failure } from "../failure.ts";
import { readWhole } from "../files/read-file.ts";
import { placeInKernel } from "../lookup/kaslr.ts";
import { namedSymbols } from "../lookup/one-symbol.ts";
import { probePoints } from "../lookup/probe-points.ts";
import { type SearchedTable, searchAliasTable } from "../lookup/search-alias-table.ts";
import { PROBE_FORMATS, type ProbeFormat } from "../report/probes.ts";
import type { TableRow } from "../table/alias-table.ts";
import type { Runner } from "./options.ts";
import { readListingFile, sayCautions, writeTexts } from "./streams.ts";

const RUNNING_KALLSYMS = "/proc/kallsyms";
const RUNNING_NOTES = "/sys/kernel/notes";

interface Options {
  table: string;
  format: ProbeFormat;
  kallsyms: string;
  notes?: string;
}

/** `kas-alias probe`: probes for aliases, on a kernel that was built without them. */
export function addProbeCommand(program: Command, run: Runner): void {
  program
    .command("probe")
    .description("print probes for aliases, on a kernel that was built without them")
    .argument("<alias...>", "aliases, or any lookup query that finds one symbol")
    .requiredOption("--table <file>", "alias table of that kernel")
    .addOption(
      new Option("--format <format>", "lines for kprobe_events, run-time addresses or a bpftrace program")
        .choices(Object.keys(PROBE_FORMATS))
        .default("kprobe-events"),
    )
    .option("--kallsyms <file>", "symbols of that kernel", RUNNING_KALLSYMS)
    .option(
      "--notes <file>",
      `notes or vmlinux of that kernel, for the build ID (default: ${RUNNING_NOTES}; none with --kallsyms)`,
    )
    .action((names: string[], options: Options) => run(() => probe(names, options)));
}

async function probe(names: readonly string[], options: Options): Promise<boolean> {
  const table = searchAliasTable(options.table);
  const rows = namedSymbols(table, names, options.format === "address");
  await checkBuild(table, rows, options);
  const kallsyms = await readListingFile(options.kallsyms);
  const points = probePoints(placeInKernel(table, rows, kallsyms), kallsyms);
  const stdoutOpen = await writeTexts([PROBE_FORMATS[options.format](points)]);
  sayCautions(options.table, rows);
  return stdoutOpen;
}

/** Compares build IDs, where both sides have one. @throws Failure for a table of another build */
async function checkBuild(table: SearchedTable, rows: readonly TableRow[], options: Options): Promise<void> {
  const isRunning = options.notes === undefined && options.kallsyms === RUNNING_KALLSYMS;
  const notes = options.notes ?? (isRunning ? RUNNING_NOTES : undefined);
  if (notes === undefined || (isRunning && !existsSync(notes))) return;
  for (const object of new Set(["vmlinux", ...rows.map((row) => row.object)])) {
    const ofModule = join(notes, "../../module", object, "notes/.note.gnu.build-id");
    const path = object === "vmlinux" ? notes : ofModule;
    if (object !== "vmlinux" && !existsSync(path)) continue;
    const expected = table.header.objects.find(({ name }) => name === object)?.buildId ?? null;
    const found = await buildIdOf(path);
    if (expected === null || found === null || expected === found) continue;
    throw new Failure(
      "OTHER_BUILD",
      table.source,
      `is of another build: its ${object} has the build ID ${expected}, ${path} has ${found}`,
      "give the table of that kernel",
    );
  }
}

/** Reads the build ID of an ELF file, or of ELF notes in either byte order. */
async function buildIdOf(path: string): Promise<string | null> {
  const bytes = readWhole(path);
  const isElf = bytes.subarray(0, 4).toString("latin1") === "\x7fELF";
  if (isElf || decompressorOf(bytes) !== undefined) return buildId(await openPossiblyCompressed(path));
  const notes = memorySource(path, bytes);
  return buildIdInNotes(notes, true) ?? buildIdInNotes(notes, false);
}

import { type Command, Option } from "commander";
import { placeInKernel } from "../lookup/kaslr.ts";
import { checkBuild, RUNNING_NOTES } from "../lookup/kernel-notes.ts";
import { namedSymbols } from "../lookup/one-symbol.ts";
import { probePoints } from "../lookup/probe-points.ts";
import { searchAliasTable } from "../lookup/search-alias-table.ts";
import { PROBE_FORMATS, type ProbeFormat } from "../report/probes.ts";
import type { Runner } from "./exit-status.ts";
import { notesOf, readListingFile, sayCautions, writeTexts } from "./streams.ts";

const RUNNING_KALLSYMS = "/proc/kallsyms";

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
      `notes or vmlinux of that kernel, for the build ID (default: ${RUNNING_NOTES} with ${RUNNING_KALLSYMS}, else none)`,
    )
    .action((names: string[], options: Options) => run(() => probe(names, options), true));
}

async function probe(names: readonly string[], options: Options): Promise<boolean> {
  const table = searchAliasTable(options.table);
  const rows = namedSymbols(table, names, options.format === "address");
  const notes = await notesOf(options.kallsyms, options.notes);
  const probed = new Set(["vmlinux", ...rows.map((row) => row.object)]);
  const objects = table.header.objects.filter(({ name }) => probed.has(name));
  if (notes !== undefined) await checkBuild(table.source, objects, notes, "give the table of that kernel");
  const kallsyms = await readListingFile(options.kallsyms);
  const points = probePoints(placeInKernel(table, rows, kallsyms), kallsyms);
  const stdoutOpen = await writeTexts([PROBE_FORMATS[options.format](points)]);
  sayCautions(options.table, rows);
  return stdoutOpen;
}

import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { SingleBar } from "cli-progress";
import type { Command } from "commander";
import { aliasModules, type ModulesProgress, type ModulesResult } from "../alias/alias-modules.ts";
import { openPossiblyCompressed } from "../elf/compressed-file.ts";
import { Failure, systemMessage } from "../failure.ts";
import { hasContent } from "../files/file-content.ts";
import { statusOf } from "../files/read-file.ts";
import type { FileOutput } from "../files/write-files.ts";
import { injectAliases } from "../modules/inject.ts";
import {
  checkNames,
  type ModuleFile,
  modulesBelow,
  namedModules,
  orderedModules,
} from "../modules/module-files.ts";
import { formatSymbolFrequency, readSymbolFrequency } from "../modules/symbol-frequency.ts";
import { statsOf } from "../report/stats.ts";
import { Stopwatch } from "../report/stopwatch.ts";
import { tablePieces } from "../table/alias-table.ts";
import type { Runner } from "./exit-status.ts";
import {
  type AliasingOptions,
  addAliasingOptions,
  directoryPath,
  outputPath,
  repeatable,
  scopeOption,
  vmlinuxOptions,
} from "./options.ts";
import { checkTargets, refuseInput, say, sayMissing, sayStats, writeOutputs } from "./streams.ts";

/** The options of a run over modules. */
export interface ModulesRunOptions extends AliasingOptions {
  vmlinux?: string;
  scope?: "global" | "object";
  symbolFrequency?: string;
  outputDir?: string;
  /** Whether copies may replace the modules. */
  inPlace?: true;
  emptyOthers?: boolean;
  dropSignature?: true;
  init?: true;
  modulePrefix?: true;
  debugDirectory: string[];
  keepGoing?: true;
}

interface Options extends ModulesRunOptions {
  order?: string;
  directory?: string;
  inject?: true;
}

/** `kas-alias modules`: aliases for the duplicated names of modules, as a table or in the modules themselves. */
export function addModulesCommand(program: Command, run: Runner): void {
  const command = program
    .command("modules")
    .description("create unique aliases for the duplicated names of modules")
    .argument("[module...]", ".ko or .o files")
    .option("--order <file>", "take the modules from a modules.order")
    .option("--directory <dir>", "take all .ko files in a tree, also compressed")
    .option("--vmlinux <elf>", "kernel image of the modules")
    .addOption(scopeOption())
    .option(
      "--symbol-frequency <file>",
      "number of symbols with each name; written with --vmlinux, otherwise read",
      outputPath,
    )
    .option("--inject", "write copies of the modules with aliases")
    .option("--output-dir <dir>", "directory for the copies", directoryPath)
    .option("--empty-others", "write empty files for modules without aliases")
    .option("--drop-signature", "accept signed modules; omit the signature")
    .option("--init", "also alias symbols in .init sections")
    .option("--module-prefix", "put the module name into aliases")
    .addOption(repeatable("--debug-directory <dir>", "debug files", "/usr/lib/debug"))
    .option("--keep-going", "report modules that fail, and continue");
  addAliasingOptions(command).action((paths: string[], options: Options) => {
    const sources = [paths.length > 0, options.order, options.directory].filter(Boolean);
    if (sources.length !== 1) command.error("error: give modules, --order or --directory");
    if ((options.inject === undefined) !== (options.outputDir === undefined)) {
      command.error("error: --inject and --output-dir require each other");
    }
    if (options.emptyOthers && !options.inject) command.error("error: --empty-others requires --inject");
    const written = options.vmlinux === undefined ? undefined : options.symbolFrequency;
    if ([options.table, options.inject, written, options.stats].every((asked) => asked === undefined)) {
      command.error(
        "error: nothing to write: give --table, --inject, --stats, or --symbol-frequency with --vmlinux",
      );
    }
    return run(() => modules(paths, options));
  });
}

function modules(paths: string[], options: Options): Promise<boolean> {
  const files =
    options.order !== undefined
      ? orderedModules(options.order)
      : options.directory !== undefined
        ? modulesBelow(options.directory)
        : namedModules(paths);
  return runModules(files, options);
}

/** Creates aliases for modules, and writes the requested outputs. */
export async function runModules(files: readonly ModuleFile[], options: ModulesRunOptions): Promise<boolean> {
  const stopwatch = new Stopwatch();
  checkNames(files);
  const { symbolFrequency, vmlinux, table } = options;
  checkTargets([table, vmlinux === undefined ? undefined : symbolFrequency]);
  const frequency =
    symbolFrequency === undefined || vmlinux !== undefined ? undefined : readSymbolFrequency(symbolFrequency);
  const progress = new Progress(options, await openBar(options));
  const result = await aliasModules(
    {
      modules: files,
      vmlinux: vmlinux === undefined ? undefined : await openPossiblyCompressed(vmlinux),
      frequency,
    },
    {
      scope: options.scope,
      init: options.init === true,
      modulePrefix: options.modulePrefix === true,
      ...(options.debugDirectory.length > 0 && { debugDirectories: options.debugDirectory }),
      ...vmlinuxOptions(options),
    },
    progress,
    (stage, work) => stopwatch.time(stage, work),
  ).finally(() => progress.end());

  const stdoutOpen = await stopwatch.time("write", () => writeResult(result, options, progress));
  sayMissing(result.missing, options);
  if (options.stats) sayStats(statsOf(result.counts, stopwatch.seconds), options.stats);
  if (progress.failures > 0) {
    const what = progress.failures === 1 ? "1 module" : `${progress.failures} modules`;
    throw new Failure("INCOMPLETE", "--keep-going", `${what} failed`, "see the lines above");
  }
  return stdoutOpen;
}

/** Writes the requested outputs: changed copies of the modules, the symbol frequency file, the table. */
async function writeResult(
  result: ModulesResult,
  options: ModulesRunOptions,
  progress: Progress,
): Promise<boolean> {
  const { outputDir, emptyOthers, symbolFrequency, vmlinux, table } = options;
  for (const target of [table, vmlinux && symbolFrequency]) if (target !== undefined) refuseInput(target);
  if (outputDir !== undefined) {
    for (const { module, aliases } of result.injections) {
      if (aliases.size === 0 && !emptyOthers) continue;
      await progress.attempt(() => writeInjected(module, aliases, outputDir, options));
    }
  }
  const outputs: FileOutput[] = [];
  if (symbolFrequency !== undefined && vmlinux !== undefined) {
    const text = formatSymbolFrequency(result.frequency);
    if (!hasContent(symbolFrequency, [text], "differs"))
      outputs.push({ target: symbolFrequency, pieces: [text] });
  }
  if (table !== undefined) outputs.push({ target: table, pieces: tablePieces(result) });
  return await writeOutputs(outputs);
}

/** Writes a copy of a module with its aliases, or an empty file if it has none; leaves a file with the same content alone. */
async function writeInjected(
  { path, output }: ModuleFile,
  aliases: ReadonlyMap<number, string>,
  directory: string,
  { dropSignature, inPlace }: ModulesRunOptions,
): Promise<void> {
  const elf = await openPossiblyCompressed(path);
  try {
    if (elf.isCompressed)
      throw new Failure("WRONG_KIND", path, "is compressed", "inject aliases before you compress modules");
    const target = join(directory, output);
    if (!inPlace) refuseInput(target, "choose another --output-dir");
    if (statusOf(target)?.isFile() === false) {
      throw new Failure("CANNOT_WRITE", target, "is not a regular file", "choose another --output-dir");
    }
    try {
      mkdirSync(dirname(target), { recursive: true });
    } catch (error) {
      throw new Failure(
        "CANNOT_WRITE",
        dirname(target),
        `cannot be created: ${systemMessage(error)}`,
        "choose another --output-dir",
      );
    }
    const copy = () =>
      aliases.size === 0 ? [] : injectAliases(elf, aliases, { dropSignature: dropSignature === true });
    if (!hasContent(target, copy(), "differs")) await writeOutputs([{ target, pieces: copy() }], inPlace);
  } finally {
    elf.file.close();
  }
}

async function openBar({ quiet }: ModulesRunOptions): Promise<SingleBar | undefined> {
  if (!process.stderr.isTTY || quiet) return undefined;
  const { SingleBar } = await import("cli-progress");
  return new SingleBar({
    stream: process.stderr,
    format: "modules [{bar}] {percentage} %",
    clearOnComplete: true,
  });
}

/** Delay before the bar appears, in milliseconds. */
const BAR_DELAY = 1000;

/** Shows a bar on a terminal; reports or throws the failures of modules. */
class Progress implements ModulesProgress {
  failures = 0;
  readonly #start = Date.now();
  readonly #keepGoing: boolean;
  readonly #bar: SingleBar | undefined;
  #shown = false;

  constructor({ keepGoing }: ModulesRunOptions, bar: SingleBar | undefined) {
    this.#keepGoing = keepGoing === true;
    this.#bar = bar;
  }

  step(done: number, total: number): void {
    if (this.#bar === undefined || (!this.#shown && Date.now() - this.#start < BAR_DELAY)) return;
    if (!this.#shown) this.#bar.start(total, done);
    this.#shown = true;
    this.#bar.update(done);
  }

  failed(failure: Failure): void {
    if (!this.#keepGoing) {
      this.end();
      throw failure;
    }
    this.failures++;
    this.end();
    say(`${failure.message}`);
  }

  async attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.failed(error);
    }
  }

  end(): void {
    if (this.#shown) this.#bar?.stop();
    this.#shown = false;
  }
}

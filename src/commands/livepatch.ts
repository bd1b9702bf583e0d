import type { Command } from "commander";
import { imageListing } from "../alias/alias-vmlinux.ts";
import { moduleListing } from "../alias/module-symbols.ts";
import { openPossiblyCompressed } from "../elf/compressed-file.ts";
import { isLivePatch } from "../elf/modinfo.ts";
import { buildId } from "../elf/notes.ts";
import { Failure } from "../failure.ts";
import { readWhole, textOf } from "../files/read-file.ts";
import { type AliasedSymbol, findAliased } from "../livepatch/aliased-symbols.ts";
import { checkPatch } from "../livepatch/check-patch.ts";
import { livePatchHeader } from "../livepatch/header.ts";
import { formatOldSymbol } from "../livepatch/old-symbol.ts";
import { readLivePatch } from "../livepatch/patch-module.ts";
import { moduleSymbolNames, SYMBOLS_LIST_MAGIC, vmlinuxSymbols } from "../livepatch/symbols-list.ts";
import { type SearchedTable, searchAliasTable } from "../lookup/search-alias-table.ts";
import { checkNames, orderedModules } from "../modules/module-files.ts";
import { checkAsJson } from "../report/livepatch-check-json.ts";
import { checkAsText } from "../report/livepatch-check-text.ts";
import { readAliasTable } from "../table/read-alias-table.ts";
import { wasmMemory } from "../wasm/program.ts";
import { CLOSED_STDOUT_STATUS, NO_STATUS, type Runner } from "./exit-status.ts";
import { outputOption } from "./options.ts";
import { readStdin, writeTexts } from "./streams.ts";

interface AliasOptions {
  table: string;
  from?: string;
  vmlinux?: string;
  output: string;
}

/** `kas-alias livepatch`: positions of duplicated names for live patches, and checks of built patches. */
export function addLivepatchCommand(program: Command, run: Runner): void {
  const livepatch = program
    .command("livepatch")
    .description("get positions of duplicated names for a live patch, and check a patch");

  const withAliases = (name: string, description: string) =>
    livepatch
      .command(name)
      .description(description)
      .argument("[alias...]", "aliases from the table")
      .requiredOption("--table <file>", "alias table of the kernel to patch")
      .option("--from <file>", "read more aliases, one per line (-: stdin)")
      .option("--vmlinux <elf>", "refuse a table that is not of this image")
      .addOption(outputOption());
  withAliases("sympos", "print object, name and position: klp_object.name, old_name, old_sympos").action(
    (aliases: string[], options: AliasOptions) =>
      run(async () => {
        const { symbols } = await aliasedSymbols(aliases, options);
        const lines = symbols.map(({ symbol }) => `${formatOldSymbol(symbol)}\n`);
        return writeTexts(lines, options.output);
      }),
  );
  withAliases("header", "write a C header with the names and positions of aliases").action(
    (aliases: string[], options: AliasOptions) =>
      run(async () => {
        const { symbols, table } = await aliasedSymbols(aliases, options);
        return writeTexts(livePatchHeader(symbols, table.header), options.output);
      }),
  );

  livepatch
    .command("symbols-list")
    .description("write the list of symbols that klp-convert reads")
    .requiredOption("--vmlinux <elf>", "kernel to patch")
    .option("--order <file>", "modules.order of the kernel")
    .addOption(outputOption())
    .action((options: { vmlinux: string; order?: string; output: string }) =>
      run(async () => writeTexts(await symbolsList(options.vmlinux, options.order), options.output)),
    );

  livepatch
    .command("check")
    .description("explain and check a built live patch; exit status 0: no fault, 1: faults, 2: errors")
    .argument("<patch>", "live-patch module")
    .requiredOption("--table <file>", "alias table of the kernel to patch, preferably with --table-scope all")
    .option("--against <file>", "alias table of the kernel that the patch was written for")
    .option("--json", "print one JSON object")
    .action((patch: string, options: { table: string; against?: string; json?: true }) =>
      run(() => check(patch, options), true),
    );
}

async function aliasedSymbols(
  given: readonly string[],
  { from, table: path, vmlinux }: AliasOptions,
): Promise<{ symbols: AliasedSymbol[]; table: SearchedTable }> {
  const more = from === undefined ? "" : textOf(from, from === "-" ? await readStdin() : readWhole(from));
  const lines = more.split("\n").map((line) => line.trim());
  const aliases = [...given, ...lines.filter((line) => line !== "" && !line.startsWith("#"))];
  if (aliases.length === 0)
    throw new Failure(
      from === undefined ? "WRONG_USAGE" : "WRONG_KIND",
      from ?? "livepatch",
      "no alias is given",
      "give aliases as arguments, or one per line with --from",
    );
  const table = searchAliasTable(path);
  const image = vmlinux === undefined ? null : buildId(await openPossiblyCompressed(vmlinux));
  return { symbols: findAliased([...new Set(aliases)], table, image), table };
}

async function symbolsList(vmlinux: string, order: string | undefined): Promise<string[]> {
  const modules = order === undefined ? [] : orderedModules(order);
  checkNames(modules);
  const parts = [SYMBOLS_LIST_MAGIC, vmlinuxSymbols(imageListing(await openPossiblyCompressed(vmlinux)))];
  const memory = wasmMemory();
  for (const { path, name } of modules) {
    const elf = await openPossiblyCompressed(path);
    try {
      if (!isLivePatch(elf)) parts.push(moduleSymbolNames(name, elf, moduleListing(elf, memory)));
    } finally {
      elf.file.close();
    }
  }
  return parts;
}

async function check(
  path: string,
  { table, against, json }: { table: string; against?: string; json?: true },
): Promise<number> {
  const patch = readLivePatch(await openPossiblyCompressed(path));
  const checked = checkPatch(
    patch,
    readAliasTable(table),
    against === undefined ? undefined : readAliasTable(against),
  );
  if (!(await writeTexts([json ? checkAsJson(checked) : checkAsText(checked)]))) return CLOSED_STDOUT_STATUS;
  return checked.faults.length > 0 ? NO_STATUS : 0;
}

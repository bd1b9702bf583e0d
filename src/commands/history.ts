import { statSync } from "node:fs";
import { basename } from "node:path";
import { type Command, Option } from "commander";
import { Failure } from "../failure.ts";
import { bytes } from "../files/write-files.ts";
import { groupBy } from "../grouping.ts";
import { historyAsJson } from "../report/history-json.ts";
import { historyAsText } from "../report/history-text.ts";
import type { TableHeader } from "../table/alias-table.ts";
import { checkArchitectures } from "../table/architectures.ts";
import { newHistory } from "../table/history.ts";
import { compareKernelVersions } from "../table/kernel-version.ts";
import { type AliasTableReader, readAliasTable, readTableHeader } from "../table/read-alias-table.ts";
import { type Runner, regularExpression, repeatable } from "./options.ts";
import { say, writeOutputs } from "./streams.ts";

interface Options {
  format: "text" | "json";
  output: string;
  name?: RegExp;
  object: string[];
  force?: true;
  quiet?: true;
}

/** `kas-alias history`: where each symbol was in one kernel after the other. */
export function addHistoryCommand(program: Command, run: Runner): void {
  program
    .command("history")
    .description("line up the alias tables of any number of kernels, ordered by version")
    .argument("<table...>", "alias tables, best written with --table-scope all")
    .addOption(new Option("--format <format>", "of the output").choices(["text", "json"]).default("text"))
    .option("-o, --output <file>", "where it goes", "-")
    .option("--name <regex>", "only symbols with such a name", regularExpression)
    .addOption(repeatable("--object <name>", "only symbols of vmlinux or a module"))
    .option("--force", "line up tables of different architectures")
    .option("--quiet", "no warnings")
    .action((paths: string[], options: Options) => run(() => history(paths, options)));
}

async function history(paths: readonly string[], options: Options): Promise<boolean> {
  const tables = paths.map(openTable);
  if (!options.force) checkArchitectures(tables);
  const { name, object: objects } = options;
  const lined = newHistory(
    (row) =>
      (name === undefined || name.test(row.name)) && (objects.length === 0 || objects.includes(row.object)),
  );
  for (const [kernel, ofKernel] of byKernel(tables)) {
    lined.add({
      kernel,
      tables: ofKernel.map((table) => ({
        objects: table.header.objects.map((object) => object.name),
        rows: table.rows(),
      })),
    });
  }
  if (lined.anyAliasesOnly && !options.quiet) {
    say(
      "some tables hold aliases only: a symbol that appeared or vanished may have become ambiguous or unique; " +
        "write tables with --table-scope all",
    );
  }
  const format = options.format === "json" ? historyAsJson : historyAsText;
  const lines = function* () {
    for (const symbol of lined.symbols()) yield format(symbol);
  };
  return await writeOutputs([{ target: options.output, pieces: bytes(lines()) }]);
}

interface Table {
  readonly source: string;
  readonly header: TableHeader;
  /** Reads them from the first; once. */
  readonly rows: () => AliasTableReader["rows"];
}

/** Opens a table; a file is closed again until its rows are wanted, since there may be more than can be open at a time. */
function openTable(path: string): Table {
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) {
    return { source: path, header: readTableHeader(path), rows: () => readAliasTable(path).rows };
  }
  const { source, header, rows } = readAliasTable(path);
  return { source, header, rows: () => rows };
}

/** The tables of each kernel, from the oldest kernel; a table that does not name its kernel is called after its file. */
function byKernel(tables: readonly Table[]): [string, Table[]][] {
  const kernels = groupBy(
    tables,
    ({ header, source }) => header.kernel ?? basename(source).replace(/(\.kas)?\.jsonl$/, ""),
  );
  for (const [kernel, ofKernel] of kernels) {
    const sources = new Map<string, string>();
    for (const { source, header } of ofKernel) {
      for (const { name } of header.objects) {
        const other = sources.get(name);
        if (other !== undefined) {
          throw new Failure(source, `has ${name} of ${kernel}, as ${other} has`, "give one of them");
        }
        sources.set(name, source);
      }
    }
  }
  return [...kernels].sort(([a], [b]) => compareKernelVersions(a, b));
}

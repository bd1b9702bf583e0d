import { type Command, Option } from "commander";
import { bytes } from "../files/write-files.ts";
import { historyAsJson } from "../report/history-json.ts";
import { historyAsText } from "../report/history-text.ts";
import { readHistory } from "../table/history-tables.ts";
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
  const { name, object: objects, force } = options;
  const lined = readHistory(paths, {
    isWanted: (row) =>
      (name === undefined || name.test(row.name)) && (objects.length === 0 || objects.includes(row.object)),
    anyArchitecture: force === true,
  });
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

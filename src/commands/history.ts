import { type Command, Option } from "commander";
import { bytes } from "../files/write-files.ts";
import { historyAsJson } from "../report/history-json.ts";
import { historyAsText } from "../report/history-text.ts";
import { readHistory } from "../table/history-tables.ts";
import type { Runner } from "./exit-status.ts";
import { checkObjects, isAskedFor, nothingMatches } from "./filters.ts";
import { outputOption, regularExpression, repeatable } from "./options.ts";
import { growHeapSlowly } from "./slow-heap.ts";
import { say, writeOutputs } from "./streams.ts";

interface Options {
  format: "text" | "json";
  output: string;
  name?: RegExp;
  object: string[];
  force?: true;
  quiet?: true;
}

/** `kas-alias history`: the locations of each symbol in successive kernels. */
export function addHistoryCommand(program: Command, run: Runner): void {
  program
    .command("history")
    .description("print the history of symbols from the alias tables of several kernels")
    .argument("<table...>", "alias tables in any order, preferably with --table-scope all")
    .addOption(new Option("--format <format>", "output format").choices(["text", "json"]).default("text"))
    .addOption(outputOption())
    .option("--name <regex>", "only symbols whose name matches", regularExpression)
    .addOption(repeatable("--object <name>", "only symbols of vmlinux or this module"))
    .option("--force", "combine tables of different architectures")
    .option("--quiet", "suppress warnings")
    .action((paths: string[], options: Options) => run(() => history(paths, options), true));
}

async function history(paths: readonly string[], options: Options): Promise<boolean> {
  const { name, object: objects, force } = options;
  let anyMatch = false;
  const lined = readHistory(paths, {
    isWanted: (row) => {
      const isMatch = isAskedFor(row, name, objects);
      anyMatch ||= isMatch;
      return isMatch;
    },
    anyArchitecture: force === true,
    onOpen: growHeapSlowly,
  });
  checkObjects(objects, lined.objects);
  if (name !== undefined && !anyMatch) throw nothingMatches(name);
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

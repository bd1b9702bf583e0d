import type { Command } from "commander";
import { shortened } from "../failure.ts";
import { lookUp, lookUpExactly } from "../lookup/look-up.ts";
import { searchAliasTable } from "../lookup/search-alias-table.ts";
import { lookupAsJson } from "../report/lookup-json.ts";
import { lookupAsText } from "../report/lookup-text.ts";
import { CLOSED_STDOUT_STATUS, NO_STATUS, type Runner } from "./exit-status.ts";
import { say, sayCautions, writeTexts } from "./streams.ts";

interface Options {
  table: string;
  exact?: true;
  json?: true;
}

/** `kas-alias lookup`: finds symbols in an alias table. */
export function addLookupCommand(program: Command, run: Runner): void {
  program
    .command("lookup")
    .description("find symbols in an alias table; exit status 1 if there is none")
    .argument(
      "<name>",
      "name (Rust: also demangled), name@part-of-path, path:line, or alias, also from another kernel",
    )
    .requiredOption("--table <file>", "alias table")
    .option("--exact", "only symbols with exactly this alias or name")
    .option("--json", "print JSON, with all columns of the table")
    .action((query: string, options: Options) => run(() => lookup(query, options), true));
}

async function lookup(query: string, options: Options): Promise<boolean | number> {
  const table = searchAliasTable(options.table);
  const result = options.exact ? lookUpExactly(table, query) : lookUp(table, query);
  const { match, rows, closest } = result;
  const text = options.json ? lookupAsJson(query, result) : lookupAsText(rows);
  if (!(await writeTexts([text]))) return CLOSED_STDOUT_STATUS;
  if (match === null) {
    say(
      `${options.table}: has no ${shortened(query)}${closest.length > 0 ? `; closest: ${closest.join(", ")}` : ""}`,
    );
    return NO_STATUS;
  }
  if (match === "nearest") say(`${options.table}: has no ${shortened(query)}; this is the nearest`);
  sayCautions(options.table, rows);
  return true;
}

import type { Command } from "commander";
import { type LookedUp, lookUp, lookUpExactly } from "../lookup/look-up.ts";
import { searchAliasTable } from "../lookup/search-alias-table.ts";
import type { TableRow } from "../table/alias-table.ts";
import type { Runner } from "./options.ts";
import { say, sayCautions, writeTexts } from "./streams.ts";

const NOT_FOUND_STATUS = 1;
const TROUBLE_STATUS = 2;

interface Options {
  table: string;
  exact?: true;
  json?: true;
}

/** `kas-alias lookup`: the symbols that somebody means, out of an alias table. */
export function addLookupCommand(program: Command, run: Runner): void {
  program
    .command("lookup")
    .description("find symbols by what one remembers of them; exit status 1 when there is none")
    .argument("<name>", "an alias, name, name@part-of-path or path:line")
    .requiredOption("--table <file>", "the alias table")
    .option("--exact", "only what has exactly this alias or name")
    .option("--json", "as JSON, with all that the table tells")
    .action((query: string, options: Options) => run(() => lookup(query, options), TROUBLE_STATUS));
}

async function lookup(query: string, options: Options): Promise<boolean | number> {
  const table = searchAliasTable(options.table);
  const result = options.exact ? lookUpExactly(table, query) : lookUp(table, query);
  const { match, rows, closest } = result;
  const text = options.json ? asJson(query, result) : asText(rows);
  const stdoutOpen = await writeTexts([text]);
  if (match === null) {
    say(`${options.table}: has no ${query}${closest.length > 0 ? `; closest: ${closest.join(", ")}` : ""}`);
    return NOT_FOUND_STATUS;
  }
  if (match === "nearest") say(`${options.table}: has no ${query}; this is the nearest`);
  sayCautions(options.table, rows);
  return stdoutOpen;
}

function asJson(query: string, { match, rows, closest }: LookedUp): string {
  return `${JSON.stringify({ query, match, symbols: rows, closest })}\n`;
}

/** One line a symbol: alias, address, location, object, position. */
function asText(rows: readonly TableRow[]): string {
  const lines = rows.map((row) => [
    row.alias ?? row.name,
    addressOf(row),
    locationOf(row),
    row.object,
    `sympos ${row.sympos}`,
  ]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)));
  return lines.map((cells) => `${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ")}\n`).join("");
}

function addressOf({ object, section, address }: TableRow): string {
  return object === "vmlinux" ? address : `${section}+0x${address.replace(/^0+(?=.)/, "")}`;
}

function locationOf({ file, line }: TableRow): string {
  if (file === null) return "??:0";
  return line === null ? file : `${file}:${line}`;
}

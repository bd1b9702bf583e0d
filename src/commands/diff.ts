import { styleText } from "node:util";
import { type Command, InvalidArgumentError, Option } from "commander";
import { Failure } from "../failure.ts";
import { readWhole, textOf } from "../files/read-file.ts";
import { bytes } from "../files/write-files.ts";
import { addTo } from "../grouping.ts";
import { diffAsHtml } from "../report/diff-html.ts";
import { diffAsJson } from "../report/diff-json.ts";
import { diffAsMap } from "../report/diff-map.ts";
import { diffAsMarkdown } from "../report/diff-markdown.ts";
import { type DiffReport, diffReport, reportedTable } from "../report/diff-report.ts";
import { diffAsText, type Paint } from "../report/diff-text.ts";
import { type AliasUse, aliasFinder } from "../table/alias-uses.ts";
import { checkArchitectures } from "../table/architectures.ts";
import {
  COMPARED_COLUMNS,
  type ComparedRow,
  type ComparedTable,
  diffTables,
  GROUPS,
  type Group,
} from "../table/diff-tables.ts";
import { readColumns } from "../table/read-alias-table.ts";
import { plainRowReader } from "../table/row-line.ts";
import { COLUMNS } from "../table/row-schema.ts";
import { copy, TextNumbers } from "../table/text-numbers.ts";
import { CLOSED_STDOUT_STATUS, NO_STATUS, type Runner } from "./exit-status.ts";
import { checkObjects, isAskedFor, nothingMatches } from "./filters.ts";
import { outputOption, regularExpression, repeatable } from "./options.ts";
import { growHeapSlowly } from "./slow-heap.ts";
import { say, writeOutputs } from "./streams.ts";

const FORMATS = ["text", "json", "markdown", "html", "map"] as const;

interface Options {
  format: (typeof FORMATS)[number];
  output: string;
  name?: RegExp;
  object: string[];
  only?: Group[];
  usedIn?: string[];
  force?: true;
  quiet?: true;
}

/** `kas-alias diff`: compares the alias tables of two kernels. */
export function addDiffCommand(program: Command, run: Runner): void {
  program
    .command("diff")
    .description("compare the alias tables of two kernels; exit status 0: equal, 1: different")
    .argument("<old>", "alias table, preferably with --table-scope all")
    .argument("<new>", "alias table of another kernel")
    .addOption(new Option("--format <format>", "output format").choices(FORMATS).default("text"))
    .addOption(outputOption())
    .option("--name <regex>", "only symbols whose name matches", regularExpression)
    .addOption(repeatable("--object <name>", "only symbols of vmlinux or this module"))
    .option("--only <groups>", `list only these groups: ${GROUPS.join(",")}`, groups)
    .option("--used-in <file...>", "only aliases in these scripts, and the lines to change; status 1 if any")
    .option("--force", "compare tables of different architectures")
    .option("--quiet", "suppress warnings")
    .action((old: string, new_: string, options: Options) => run(() => diff(old, new_, options), true));
}

async function diff(oldPath: string, newPath: string, options: Options): Promise<number> {
  const [old, new_] = readCompared(oldPath, newPath);
  if (!options.force) checkArchitectures([old, new_]);
  checkFilters([old, new_], options);
  const difference = diffTables(old, new_);
  const { name, object: objects, only, usedIn } = options;
  const report = diffReport(
    [reportedTable(oldPath, old.header), reportedTable(newPath, new_.header)],
    difference,
    { name, objects, only, uses: usedIn && usesIn(usedIn, old) },
  );
  const pieces = bytes(formatted(report, options));
  const open = await writeOutputs([{ target: options.output, pieces }]);
  if (!open) return CLOSED_STDOUT_STATUS;
  return report.changes.some(({ group }) => group !== "unchanged") ? NO_STATUS : 0;
}

const parseCompared = plainRowReader(COLUMNS, COMPARED_COLUMNS);

/** Reads the columns of two tables that are compared, with one copy of each text of both. */
function readCompared(oldPath: string, newPath: string): readonly [SourcedTable, SourcedTable] {
  const texts = new TextNumbers();
  return [readTable(oldPath, texts), readTable(newPath, texts)];
}

type SourcedTable = ComparedTable & { readonly source: string };

function readTable(path: string, texts: TextNumbers): SourcedTable {
  const { source, header, rows } = readColumns(path, parseCompared);
  growHeapSlowly([{ header }]);
  const own = (text: string | null) => (text === null ? null : texts.own(text));
  const kept: ComparedRow[] = [];
  for (const { object, name, alias, type, file, line, unit, sympos, kind } of rows) {
    kept.push({
      object: texts.own(object),
      name: texts.own(name),
      alias: alias && copy(alias),
      type: texts.own(type),
      file: own(file),
      line,
      unit: own(unit),
      sympos,
      kind: own(kind),
    });
  }
  return { source, header, rows: kept };
}

/** The groups without a symbol whose alias is another in the new table. */
const UNUSABLE_GROUPS: readonly Group[] = ["unchanged", "added"];

/** @throws Failure for options that can list no symbol of the tables */
function checkFilters(
  tables: readonly ComparedTable[],
  { name, object: objects, only, usedIn }: Options,
): void {
  checkObjects(
    objects,
    tables.flatMap(({ header }) => header.objects.map((each) => each.name)),
  );
  const isMatch = (row: ComparedRow) => isAskedFor(row, name, objects);
  if (name !== undefined && !tables.some(({ rows }) => rows.some(isMatch))) throw nothingMatches(name);
  if (usedIn !== undefined && only?.every((group) => UNUSABLE_GROUPS.includes(group))) {
    const problem = `lists nothing with --used-in, since it has no alias that changed`;
    throw new Failure("WRONG_USAGE", `--only ${only.join(",")}`, problem, "omit one of them");
  }
}

/** Finds the aliases of a table in scripts; the uses by alias. */
function usesIn(scripts: readonly string[], { header, rows }: ComparedTable): Map<string, AliasUse[]> {
  const { separator = "@" } = header.options;
  const aliases = new Set(rows.flatMap(({ alias }) => alias ?? []));
  const finder = aliasFinder(aliases, String(separator));
  const uses = new Map<string, AliasUse[]>();
  for (const script of scripts) {
    for (const use of finder.find(script, textOf(script, readWhole(script)))) {
      addTo(uses, use.alias, use);
    }
  }
  return uses;
}

function formatted(report: DiffReport, { format, output, quiet }: Options): Iterable<string> {
  switch (format) {
    case "json":
      return diffAsJson(report);
    case "html":
      return diffAsHtml(report);
    case "markdown":
      return diffAsMarkdown(report);
    case "map": {
      const { lines, ambiguous } = diffAsMap(report);
      if (!quiet) {
        for (const note of report.notes) say(note);
        if (ambiguous.length > 0) {
          say(`${ambiguous[0]}: several symbols have this alias (${ambiguous.length} such); not in the map`);
        }
      }
      return lines;
    }
    case "text":
      return diffAsText(report, output === "-" ? terminalPaint() : (_, text) => text);
  }
}

function terminalPaint(): Paint {
  if (!process.stdout.isTTY || process.env.NO_COLOR) return (_, text) => text;
  return (style, text) => styleText(style, text, { validateStream: false });
}

function groups(value: string): Group[] {
  const names = value.split(",").map((name) => name.trim());
  const known = names.filter((name): name is Group => (GROUPS as readonly string[]).includes(name));
  if (known.length < names.length) {
    throw new InvalidArgumentError(`Give one or more of ${GROUPS.join(", ")}, separated by commas.`);
  }
  return known;
}

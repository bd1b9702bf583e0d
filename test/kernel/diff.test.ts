// Changes between Debian's kernels, compared with DuckDB and the sources.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { beforeAll, describe, expect, test } from "vitest";
import type { TableRow } from "../../src/table/alias-table.ts";
import { kasAlias } from "../commands/program.ts";
import { defined } from "../defined.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { kernels } from "./kernels.ts";

const directory = temporaryDirectory();
const path = (name: string) => join(directory, name);
mkdirSync(path("tables"));
const OLD = path("tables/6.1.kas.jsonl");
const NEW = path("tables/6.12.kas.jsonl");
const OLD_ALIASES = path("old-aliases");
const NEW_ALIASES = path("new-aliases");
/** Tables of the same two kernels with `--location decl`. */
const DECLARED = [path("old-declared"), path("new-declared")] as const;
const [old, new_] = ["6.1", "6.12"].map((wanted) => kernels.find(({ series }) => series === wanted));
if (old === undefined || new_ === undefined) throw new Error("6.1 and 6.12 are needed");

interface Change {
  readonly group: string;
  readonly reason: string | null;
  readonly other: string | null;
  readonly object: string;
  readonly old: Side | null;
  readonly new: Side | null;
}
type Side = Pick<TableRow, "name" | "alias" | "file" | "line" | "unit" | "sympos">;
type Row = Side & Pick<TableRow, "object">;

const lines = (text: string) => text.split("\n").slice(0, -1);
const rowsOf = (table: string): Row[] =>
  lines(readFileSync(table, "utf8"))
    .slice(1)
    .map((line) => JSON.parse(line));

function run(status: number, ...args: string[]): string {
  const ended = kasAlias(args);
  expect({ status: ended.status, stderr: ended.stderr }).toEqual({ status, stderr: "" });
  return ended.stdout;
}

interface Difference {
  readonly counts: Record<string, number>;
  readonly changes: Change[];
}

const differences = new Map<string, Difference>();

/** The JSON form with every group; the program runs once for each two tables. */
function changesBetween(oldTable: string, newTable: string): Difference {
  const key = `${oldTable} ${newTable}`;
  const known = differences.get(key);
  if (known !== undefined) return known;
  const only = ["--only", "unchanged,moved,relocated,sympos,added,removed"];
  run(1, "diff", oldTable, newTable, "--format", "json", ...only, "-o", path("diff.json"));
  const difference: Difference = JSON.parse(readFileSync(path("diff.json"), "utf8"));
  differences.set(key, difference);
  return difference;
}

let database: DuckDBConnection;

/** The rows of a DuckDB query, run in the folder that has tables/. */
async function ask(query: string): Promise<Record<string, unknown>[]> {
  const inFolder = query.replaceAll("'tables/", `'${directory}/tables/`);
  return (await database.runAndReadAll(inFolder)).getRowObjectsJson();
}

const QUERIES = Array.from(
  readFileSync("docs/alias-table.md", "utf8").matchAll(/```sql\n([^`]*)```/g),
  ([, query]) => defined(query, "query of docs/alias-table.md"),
);

beforeAll(async () => {
  for (const [{ vmlinux, modules }, all, aliases, declared] of [
    [old, OLD, OLD_ALIASES, DECLARED[0]],
    [new_, NEW, NEW_ALIASES, DECLARED[1]],
  ] as const) {
    const inputs = ["modules", "--directory", modules, "--vmlinux", vmlinux];
    run(0, ...inputs, "--table", all, "--table-scope", "all");
    run(0, ...inputs, "--table", aliases);
    run(0, ...inputs, "--table", declared, "--table-scope", "all", "--location", "decl");
  }
  database = await (await DuckDBInstance.create(":memory:")).connect();
  await ask(defined(QUERIES[0], "query of docs/alias-table.md that makes the view"));
});

describe.each([
  ["all symbols", OLD, NEW],
  ["aliases", OLD_ALIASES, NEW_ALIASES],
])("from 6.1 to 6.12, vmlinux and all modules, by tables of %s,", (scope, oldTable, newTable) => {
  let changes: Change[] = [];
  let counts: Record<string, number> = {};
  let oldRows: Row[] = [];
  let newRows: Row[] = [];

  beforeAll(() => {
    ({ changes, counts } = changesBetween(oldTable, newTable));
    [oldRows, newRows] = [rowsOf(oldTable), rowsOf(newTable)];
  });

  const view = (object: string, { name, alias, file, line, unit, sympos }: Side) =>
    JSON.stringify([object, name, alias, file, line, unit, sympos]);

  test("every symbol of both tables is in exactly one group, and the group sizes add up", () => {
    const sides = (side: "old" | "new") =>
      changes.flatMap((change) => (change[side] === null ? [] : view(change.object, change[side]))).sort();
    // A pair of symbols is of one object.
    const rows = (all: readonly Row[]) => all.map((row) => view(row.object, row)).sort();
    expect(sides("old")).toEqual(rows(oldRows));
    expect(sides("new")).toEqual(rows(newRows));
    for (const [group, count] of Object.entries(counts)) {
      expect(changes.filter((change) => change.group === group)).toHaveLength(count);
    }
    expect(Object.values(counts).reduce((sum, count) => sum + count)).toBe(changes.length);
    expect(changes.length).toBeGreaterThan(scope === "aliases" ? 1000 : 100_000);
  });

  test("the map, with added and removed aliases, turns the old aliases into the new ones", () => {
    const map = new Map<string, string>();
    const quiet = ["--format", "map", "--quiet"];
    for (const line of lines(run(1, "diff", oldTable, newTable, ...quiet))) {
      const [from = "", to, more] = line.split("\t");
      expect([map.has(from), more]).toEqual([false, undefined]);
      map.set(from, defined(to, `new alias for ${from}`));
    }
    expect(map.size).toBeGreaterThan(400);
    const aliases = (side: "old" | "new", group: string) =>
      changes.filter((change) => change.group === group).flatMap((change) => change[side]?.alias ?? []);
    const removed = new Set(aliases("old", "removed"));
    const kept = oldRows.flatMap(({ alias }) => (alias === null || removed.has(alias) ? [] : alias));
    const applied = [...kept.map((alias) => map.get(alias) ?? alias), ...aliases("new", "added")];
    expect(applied.sort()).toEqual(newRows.flatMap(({ alias }) => alias ?? []).sort());
  });

  test("a table does not differ from itself", () => {
    expect(run(0, "diff", oldTable, oldTable)).toBe("");
    expect(run(0, "diff", newTable, newTable)).toBe("");
  });

  test("swapped tables have swapped groups", () => {
    const swapped = changesBetween(newTable, oldTable).changes;
    const swap = (group: string) => (group === "added" ? "removed" : group === "removed" ? "added" : group);
    const plain = ({ group, reason, other, object, old, new: new_ }: Change) =>
      JSON.stringify([group, reason, other, object, old, new_]);
    const back = swapped.map((change) =>
      plain({ ...change, group: swap(change.group), old: change.new, new: change.old }),
    );
    expect(back.sort()).toEqual(changes.map(plain).sort());
  });
});

test("DuckDB counts the same moved and unchanged functions among those with a unique key", async () => {
  const unique = (kernel: string) =>
    `SELECT object, name, coalesce(file, '') AS file, coalesce(unit, '') AS unit,
    any_value(line) AS line, any_value(alias) AS alias FROM symbols WHERE kernel LIKE '${kernel}'
    AND NOT contains(name, '.llvm.') GROUP BY ALL HAVING count(*) = 1`.replace(
      "GROUP BY ALL",
      "GROUP BY 1, 2, 3, 4",
    );
  const [counted] = await ask(`SELECT count(*) FILTER (a.line IS DISTINCT FROM b.line) AS moved,
      count(*) FILTER (a.line IS NOT DISTINCT FROM b.line) AS stayed
    FROM (${unique("6.1.%")}) a JOIN (${unique("6.12.%")}) b USING (object, name, file, unit)
    WHERE (a.alias IS NULL) = (b.alias IS NULL)`);
  const { counts } = changesBetween(OLD, NEW);
  expect(Number(counted?.moved)).toBeGreaterThan(20_000);
  expect(counts.moved).toBe(Number(counted?.moved));
  expect((counts.unchanged ?? 0) + (counts.sympos ?? 0)).toBe(Number(counted?.stayed));
});

test("from one point release of 6.1 to the next at least 95 % of the aliases stay or move", () => {
  const image = defined(
    kernels.find(({ previous }) => previous !== undefined),
    "kernel with an earlier point release",
  );
  const tableOf = (vmlinux: string, name: string) => {
    run(0, "vmlinux", vmlinux, "--table", path(name));
    return path(name);
  };
  const tables = [
    tableOf(defined(image.previous, "image of the earlier point release"), "point-0"),
    tableOf(image.vmlinux, "point-1"),
  ] as const;
  const { counts } = changesBetween(...tables);
  const kept = (counts.unchanged ?? 0) + (counts.sympos ?? 0) + (counts.moved ?? 0);
  const aliases = rowsOf(tables[0]).length;
  expect(aliases).toBeGreaterThan(400);
  expect(kept / aliases).toBeGreaterThanOrEqual(0.95);
  expect(counts.moved).toBeGreaterThan(0);
});

describe("the sources", () => {
  const SOURCES = [old, new_].map(({ series, sourcePackage }) => ({
    tree: path(`source-${series}`),
    package: sourcePackage,
    name: `linux-source-${series}`,
  }));

  /** Extracts files from the packages' sources, which do not have files generated during the build. */
  function extract(files: readonly string[]): void {
    for (const { tree, package: deb, name } of SOURCES) {
      mkdirSync(tree);
      writeFileSync(path("files"), files.map((file) => `${name}/${file}\n`).join(""));
      const script =
        'dpkg-deb --fsys-tarfile "$1" | tar -xO "./usr/src/$2.tar.xz" | tar -xJ -C "$3" --strip-components=1 -T "$4" 2>&1';
      try {
        execFileSync("bash", ["-c", script, "bash", deb, name, tree, path("files")], { stdio: "pipe" });
      } catch {
        // tar has reported missing files; the test checks that they are few.
      }
    }
  }

  /** Numbers from 0 to below a limit, the same ones each time (Numerical Recipes' linear congruential generator). */
  function* numbers(limit: number): Generator<number> {
    for (let state = 1; ; ) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      yield Math.floor((state / 2 ** 32) * limit);
    }
  }

  /** Distance of a function's head from a line, in lines; undefined for a function built by macros. */
  function distance({ tree }: (typeof SOURCES)[number], side: Side): number | undefined {
    const { name } = side;
    const source = join(tree, defined(side.file, `file of ${name}`));
    if (!existsSync(source)) return undefined;
    const text = readFileSync(source, "utf8").split("\n");
    const head = new RegExp(`^(?:[A-Za-z_].*)?\\b${name.replace(/\..*$/, "")}\\s*\\(.*(?<!;)$`);
    const heads = text.flatMap((each, i) => (head.test(each) ? i : []));
    const at = defined(side.line, `line of ${name}`) - 1;
    // At the brace after a long parameter list, the name is above the whole list.
    let start = at;
    if (text[at]?.startsWith("{")) while (start > 0 && !/[;{}]/.test(text[start - 1] ?? "")) start--;
    if (heads.some((i) => start <= i && i < at)) return 0;
    return heads.length === 0 ? undefined : Math.min(...heads.map((i) => Math.abs(i - at)));
  }

  /** 200 moved functions of two tables. */
  function draw(oldTable: string, newTable: string): Change[] {
    const moved = changesBetween(oldTable, newTable).changes.filter(
      ({ group, old, new: new_ }) => group === "moved" && old?.line && new_?.line,
    );
    const drawn: Change[] = [];
    for (const index of numbers(moved.length)) {
      if (drawn.push(defined(moved[index], `moved function ${index} of ${moved.length}`)) === 200) break;
    }
    return drawn;
  }

  let drawn: Record<"entry" | "decl", Change[]>;

  beforeAll(() => {
    drawn = { entry: draw(OLD, NEW), decl: draw(...DECLARED) };
    const sides = Object.values(drawn).flatMap((changes) =>
      changes.flatMap((change) => [change.old, change.new]),
    );
    extract([...new Set(sides.map((side) => defined(side?.file, "file of a moved function")))]);
  });

  test.each([
    // The compiler may have moved a statement of the body before everything else.
    { location: "entry", least: 95 },
    // The sample depends on the kernels: sometimes a macro builds a function whose name also occurs elsewhere.
    { location: "decl", least: 97 },
  ] as const)(
    "have $least of 100 random moved functions within three lines of where tables of --location $location say",
    ({ location, least }) => {
      const distances = drawn[location].flatMap((change) => {
        const [before, after] = SOURCES.map((source, i) =>
          distance(source, defined(i === 0 ? change.old : change.new, "side of a moved function")),
        );
        return before === undefined || after === undefined ? [] : [Math.max(before, after)];
      });
      const hundred = distances.slice(0, 100);
      expect(hundred).toHaveLength(100);
      expect(hundred.filter((lines) => lines <= 3).length).toBeGreaterThanOrEqual(least);
    },
  );
});

test("the history of both agrees with the difference", () => {
  run(0, "history", NEW, OLD, "--format", "json", "-o", path("history.json"));
  const last = lines(readFileSync(path("history.json"), "utf8")).map(
    (line) => JSON.parse(line).events.at(-1).event,
  );
  const counts = (event: string) => last.filter((each) => each === event).length;
  const { changes } = changesBetween(OLD, NEW);
  const isPair = ({ old, new: new_, group }: Change) =>
    old !== null && new_ !== null && group !== "relocated";
  const gone = changes.filter((change) => change.old !== null && !isPair(change));
  expect(counts("vanished")).toBeGreaterThan(4000);
  // A symbol that was relocated to an alias of its own is a pair there, and gone here.
  const elsewhere = changes.filter(
    (change) =>
      isPair(change) && (change.old?.file !== change.new?.file || change.old?.unit !== change.new?.unit),
  );
  expect(counts("vanished")).toBe(gone.length + elsewhere.length);
});

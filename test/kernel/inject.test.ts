// Every module of real kernels, with aliases put into it, is still the same module for all who read modules.
import { execFile } from "node:child_process";
import { readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import pLimit from "p-limit";
import { describe, expect, test } from "vitest";
import { defined } from "../defined.ts";
import { expectOnlyAliasesAdded, injected, type ObjectView, objectView } from "../modules/injected.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { kernels } from "./kernels.ts";

/** Runs a tool in the C locale. @param statuses accepted exit statuses @returns its output */
async function tool(command: string, args: readonly string[], statuses = [0]): Promise<string> {
  const options = { env: { ...process.env, LC_ALL: "C" }, maxBuffer: 1 << 30 };
  const {
    code = 0,
    stdout,
    stderr,
  } = await promisify(execFile)(command, args, options).catch((error) => error);
  if (!statuses.includes(code)) throw new Error(`${command} ${args.join(" ")}: ${code}: ${stderr}`);
  return stdout;
}

/** Output of readelf for some files; one process for all files saves most of the time. */
async function viewsOf(paths: readonly string[]): Promise<ObjectView[]> {
  const printed = await tool("readelf", ["-hSsW", ...paths]);
  const views = paths.length === 1 ? [printed] : printed.split(/^File: .*\n/m).slice(1);
  expect(views).toHaveLength(paths.length);
  return views.map((view, i) => objectView(defined(paths[i], `path of view ${i}`), view));
}

/** Aliases for the functions whose names occur twice, and for the first and last local and global one. */
function someAliases({ symbols }: ObjectView): Map<number, string> {
  const functions = symbols.flatMap((symbol, index) =>
    symbol.type === "FUNC" && /^\d/.test(symbol.section) ? [{ ...symbol, index }] : [],
  );
  const bearers = new Map<string, number>();
  for (const { name } of functions) bearers.set(name, (bearers.get(name) ?? 0) + 1);
  const ends = ["LOCAL", "GLOBAL"].flatMap((wanted) => {
    const those = functions.filter(({ binding }) => binding === wanted);
    return [those.at(0), those.at(-1)];
  });
  const chosen = functions.filter((symbol) => (bearers.get(symbol.name) ?? 0) > 1 || ends.includes(symbol));
  return new Map(chosen.map(({ name, index }) => [index, `${name}@drivers_some_where_c_${index}`]));
}

/** Expects each relocation to be as before, by the same symbol; all modules here are for x86-64. Gives their number. */
function expectSameRelocations(before: ObjectView, after: ObjectView, moved: readonly number[]): number {
  /** Elf64_Rela as words: r_offset of two, the type, the symbol, r_addend of two. */
  const words = ({ bytes }: ObjectView, offset = 0, size = 0) =>
    new Uint32Array(Uint8Array.from(bytes.subarray(offset, offset + size)).buffer);
  let count = 0;
  before.sections.forEach(({ name, type, offset, size }, index) => {
    if (type !== "RELA") return;
    const old = words(before, offset, size);
    for (let symbol = 3; symbol < old.length; symbol += 6) {
      const index = defined(old[symbol], `symbol of ${name}`);
      old[symbol] = defined(moved[index], `new index of symbol ${index}`);
    }
    const now = words(after, after.sections[index]?.offset, size);
    expect({ name, same: Buffer.from(now.buffer).equals(Buffer.from(old.buffer)) }).toEqual({
      name,
      same: true,
    });
    count += old.length / 6;
  });
  return count;
}

/** Expects a module to change only by its aliases, and not at all the second time. @returns its number of relocations */
function expectSameButForAliases({ path, before, aliases, aliased, after }: Pair): number {
  try {
    const moved = expectOnlyAliasesAdded(before, after, aliases);
    const again = new Map(
      Array.from(aliases, ([index, alias]) => [defined(moved[index], `new index of symbol ${index}`), alias]),
    );
    expect(injected(aliased, again).equals(after.bytes)).toBe(true);
    return expectSameRelocations(before, after, moved);
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

/** Expects each alias to be in another object once, alike in all but the name to a symbol of the original's name. */
function expectAliasesIn({ symbols }: ObjectView, { before, aliases }: Pair): void {
  const columns = new Map<string, string[]>();
  for (const symbol of symbols) {
    columns.set(symbol.name, [...(columns.get(symbol.name) ?? []), symbol.columns]);
  }
  for (const [index, alias] of aliases) {
    expect(columns.get(alias)).toHaveLength(1);
    expect(columns.get(before.symbols[index]?.name ?? "")).toContain(columns.get(alias)?.[0]);
  }
}

/** Output of readelf about relocations, without section addresses and symbol indices. */
async function relocations(path: string): Promise<string> {
  const printed = await tool("readelf", ["-rW", path]);
  return printed
    .replace(/^(Relocation section '.*') at offset .* contains/gm, "$1")
    .replace(/^([0-9a-f]+) +[0-9a-f]+ /gm, "$1 ");
}

const types = (path: string) => tool("pahole", ["-F", "dwarf", "--sizes", path]);

/** Tools with the same output for modules with and without aliases, except for the file name. */
const SAYINGS: readonly ((paths: readonly string[]) => Promise<string>)[] = [
  async (paths) => {
    const complaints = await tool("eu-elflint", ["--gnu", ...paths], [0, 1]);
    return complaints.replace(/^\S+\.ko:$/gm, "").replace(/symbol \[ *\d+\]/g, "symbol");
  },
  async (paths) => (await tool("modinfo", [...paths])).replace(/^filename: .*/gm, ""),
  (paths) => tool("sh", ["-ec", 'for ko; do modprobe --dump-modversions "$ko"; done', "sh", ...paths]),
];

/** Tools that make another object of a module. */
const REWRITERS: readonly ((path: string, out: string) => Promise<string>)[] = [
  (path, out) => tool("ld", ["-r", "-o", out, path]),
  (path, out) => tool("ld.lld", ["-r", "-o", out, path]),
  (path, out) => tool("strip", ["--strip-debug", "-o", out, path]),
];

/** A module, and a copy with aliases. */
interface Pair {
  readonly path: string;
  readonly before: ObjectView;
  readonly aliases: ReadonlyMap<number, string>;
  readonly aliased: string;
  readonly after: ObjectView;
}

/** So many modules are done at a time. */
const BATCH = 32;

describe.each(kernels)("$package $version", ({ modules }) => {
  const directory = temporaryDirectory();
  const paths = readdirSync(modules, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ko"))
    .map((path) => join(modules, path))
    .sort();
  const bySize = paths.toSorted((a, b) => statSync(a).size - statSync(b).size);
  const some = paths.filter((path, i) => i % 20 === 0 || path === bySize.at(0) || path === bySize.at(-1));

  /** Makes the pairs of a batch; the copies are removed after `check`. */
  async function checkBatch(
    batch: readonly string[],
    check: (pairs: Pair[]) => Promise<void>,
  ): Promise<void> {
    const copies = (await viewsOf(batch)).map((before, i) => {
      const path = defined(batch[i], `path of view ${i}`);
      const aliases = someAliases(before);
      const aliased = join(directory, path.replaceAll("/", "-"));
      writeFileSync(aliased, injected(path, aliases));
      return { path, before, aliases, aliased };
    });
    const afters = await viewsOf(copies.map(({ aliased }) => aliased));
    await check(copies.map((copy, i) => ({ ...copy, after: defined(afters[i], `view of ${copy.aliased}`) })));
    for (const { aliased } of copies) rmSync(aliased);
  }

  async function checkAll(chosen: readonly string[], check: (pairs: Pair[]) => Promise<void>): Promise<void> {
    const limit = pLimit(availableParallelism());
    const starts = chosen.flatMap((_, i) => (i % BATCH === 0 ? [i] : []));
    await Promise.all(starts.map((i) => limit(() => checkBatch(chosen.slice(i, i + BATCH), check))));
  }

  test("every module gets its aliases and is otherwise the same, also for eu-elflint, modinfo and modprobe", async ({
    annotate,
  }) => {
    const counts = { modules: 0, aliases: 0, relocations: 0 };
    await checkAll(paths, async (pairs) => {
      for (const pair of pairs) {
        counts.modules++;
        counts.aliases += pair.aliases.size;
        counts.relocations += expectSameButForAliases(pair);
      }
      for (const say of SAYINGS) {
        expect(await say(pairs.map(({ aliased }) => aliased))).toBe(await say(pairs.map(({ path }) => path)));
      }
    });
    expect(counts.modules).toBe(paths.length);
    expect(counts.modules).toBeGreaterThan(500);
    expect(counts.aliases).toBeGreaterThan(3 * counts.modules);
    expect(counts.relocations).toBeGreaterThan(100 * counts.modules);
    await annotate(JSON.stringify(counts));
  });

  test("ld -r, ld.lld -r and strip accept modules and keep their aliases", async () => {
    let compared = 0;
    await checkAll(some, async (pairs) => {
      for (const pair of pairs) {
        for (const rewrite of REWRITERS) {
          const rewritten = `${pair.aliased}.rewritten`;
          await rewrite(pair.aliased, rewritten);
          const [view] = await viewsOf([rewritten]);
          expectAliasesIn(defined(view, `view of ${rewritten}`), pair);
          compared++;
          rmSync(rewritten);
        }
      }
    });
    expect(compared).toBe(some.length * REWRITERS.length);
    expect(some.length).toBeGreaterThan(25);
  });

  test("pahole and readelf see the same types and relocations", async () => {
    let typed = 0;
    await checkAll(some, async (pairs) => {
      for (const { path, aliased } of pairs) {
        const [before, after] = [await types(path), await types(aliased)];
        expect(after).toBe(before);
        expect(await relocations(aliased)).toBe(await relocations(path));
        if (before !== "") typed++;
      }
    });
    expect(typed).toBeGreaterThan(some.length / 2);
  });
});

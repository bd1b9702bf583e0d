// A kernel built without the hook, as by distributions: the program's results, compared with the running guest.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { groupBy } from "../../src/grouping.ts";
import type { TableRow } from "../../src/table/alias-table.ts";
import { kasAlias } from "../commands/program.ts";
import { defined } from "../defined.ts";
import { tool } from "../tool.ts";
import { type KernelBuild, OutsideModule } from "./kernel-build.ts";
import { aliasOf, buildPatches, NAMESAKES, patchOf } from "./live-patches.ts";

export const linesOf = (text: string) => text.split("\n").filter((line) => line !== "");

/** Runs the program, which must have nothing to say. */
export function succeed(...args: string[]): string {
  const { status, stdout, stderr } = kasAlias(args);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
}

/** The rows of a table. */
export function rowsOf(table: string): TableRow[] {
  const [, ...lines] = linesOf(readFileSync(table, "utf8"));
  return lines.map((line) => JSON.parse(line));
}

export class StockKernel {
  readonly directory: string;
  /** The table of the kernel and the modules that the guest loads. */
  readonly table: string;
  readonly notes: string;
  rows: readonly TableRow[] = [];
  /** The guest's output. */
  guest: ReadonlyMap<string, string> = new Map();
  readonly #build: KernelBuild;

  /** @param directory a new one */
  constructor(build: KernelBuild, directory: string) {
    mkdirSync(directory);
    this.#build = build;
    this.directory = directory;
    this.table = join(directory, "table.kas.jsonl");
    this.notes = join(directory, "notes");
  }

  /**
   * Makes probes and live patches of namesakes.
   * @param modules that are loaded before
   * @returns paths of the files that the guest needs for them
   */
  prepare(modules: readonly string[]): string[] {
    const vmlinux = this.#build.path("vmlinux");
    const target = new OutsideModule(this.#build, "livepatch/target", join(this.directory, "target"));
    target.must("modules");
    const images = [...modules, target.path("three_names.ko"), "--vmlinux", vmlinux];
    const { source, directory } = this.#build;
    const roots = [source.tree, directory, target.directory].flatMap((root) => ["--source-root", root]);
    const scope = ["--table-scope", "all", "--data", "all"];
    succeed("modules", ...images, ...roots, ...scope, "--table", this.table);
    this.rows = rowsOf(this.table);
    const listing = join(this.directory, "nm");
    writeFileSync(listing, tool("nm", ["-n", vmlinux]));
    tool("objcopy", ["-O", "binary", "--only-section=.notes", vmlinux, this.notes]);
    const probes = join(this.directory, "probes");
    writeFileSync(probes, this.probe("kprobe-events", listing));
    const patches = buildPatches(this.#build, this.table, this.rows, join(this.directory, "patches"));
    return [target.path("three_names.ko"), probes, ...patches];
  }

  /** The output of `kas-alias probe` for vmlinux's namesakes. */
  probe(format: string, kallsyms: string): string {
    const aliases = NAMESAKES.vmlinux.map((file) => aliasOf(this.rows, file));
    const kernel = ["--kallsyms", kallsyms, "--notes", this.notes];
    return succeed("probe", ...aliases, "--format", format, "--table", this.table, ...kernel);
  }
}

export function testStockKernel(stock: StockKernel): void {
  test("without the hook, `probe` distinguishes the namesakes", () => {
    expect(stock.guest.get("probes")).toBe("accepted");
    const [irq, regulator, rtc] = NAMESAKES.vmlinux.map((file) =>
      aliasOf(stock.rows, file).replace("@", "_"),
    );
    expect(linesOf(defined(stock.guest.get("probes fired"), "the guest's section `probes fired`"))).toEqual([
      rtc,
      irq,
      regulator,
    ]);
  });

  test("`probe` gets the addresses from the running kernel, and its build from its notes", () => {
    const kallsyms = join(stock.directory, "kallsyms");
    writeFileSync(kallsyms, `${stock.guest.get("namesakes")}\n`);
    const shown = linesOf(defined(stock.guest.get("namesakes"), "the guest's section `namesakes`")).filter(
      (line) => / name_show$/.test(line),
    );
    const addresses = linesOf(stock.probe("address", kallsyms)).map((line) => line.split(/\s/)[0]);
    expect(addresses).toEqual(shown.map((line) => `0x${line.slice(0, 16)}`));
    expect(stock.guest.get("notes")).toBe(createHash("md5").update(readFileSync(stock.notes)).digest("hex"));
  });

  test("positions are those of /proc/kallsyms, in vmlinux and in modules", () => {
    const places = linesOf(defined(stock.guest.get("namesakes"), "the guest's section `namesakes`")).map(
      (line) => {
        const [, address, name, object = "vmlinux"] = /^(\S+) \S (\S+)(?:\t\[(.*)\])?$/.exec(line) ?? [];
        return { address, name, object, key: `${object} ${name}` };
      },
    );
    const bearers = groupBy(places, ({ key }) => key);
    const distances = new Map<string, Set<bigint>>();
    for (const [key, namesakes] of bearers) {
      for (const [i, { address, name, object }] of namesakes.entries()) {
        const position = namesakes.length === 1 ? 0 : i + 1;
        // What is in .init is gone from a module that is loaded, and from vmlinux's kallsyms never.
        const row = stock.rows.find(
          (each) =>
            each.object === object &&
            each.name === name &&
            each.sympos === position &&
            (object === "vmlinux" || !each.section?.startsWith(".init")),
        );
        expect(row, `${key} ${position}`).toBeDefined();
        const section = `${object} ${row?.section}`;
        const distance = BigInt(`0x${address}`) - BigInt(`0x${row?.address}`);
        distances.set(section, (distances.get(section) ?? new Set()).add(distance));
      }
    }
    expect(bearers.get("vmlinux name_show")).toHaveLength(3);
    expect(bearers.get("three_names name_show")).toHaveLength(3);
    // Each section is moved as a whole.
    for (const [section, { size }] of distances) expect([section, size]).toEqual([section, 1]);
  });

  test.each(Object.entries(NAMESAKES).flatMap(([object, files]) => files.map((file) => ({ object, file }))))(
    "a live patch replaces the name_show of $object in $file and no other, until it is disabled",
    ({ file }) => {
      const patch = patchOf(file);
      const module = join(stock.directory, "patches", `${patch}.ko`);
      expect(succeed("livepatch", "check", module, "--table", stock.table)).toContain(
        ` ${aliasOf(stock.rows, file)},`,
      );
      const before = defined(stock.guest.get("answers"), "the guest's section `answers`");
      const replaced = linesOf(before).map((line) =>
        line.startsWith(`${patch} `) ? `${patch} patched` : line,
      );
      expect(
        linesOf(defined(stock.guest.get(`patched ${patch}`), `the guest's section \`patched ${patch}\``)),
      ).toEqual(replaced);
      expect(stock.guest.get(`restored ${patch}`)).toBe(before);
      expect(before).not.toContain("patched");
    },
  );
}

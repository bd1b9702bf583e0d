// Kernels built by clang with ThinLTO, which have names that change on every build, and by GCC.
import { execFileSync } from "node:child_process";
import { appendFileSync, cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { KallsymsNames } from "../../src/symbols/name-anatomy.ts";
import type { TableHeader, TableRow } from "../../src/table/alias-table.ts";
import { expectedLocations } from "../locations.ts";
import { SAMPLE } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { kasAlias } from "./program.ts";

const directory = temporaryDirectory();
const SAMPLES = fileURLToPath(new URL("../../samples", import.meta.url));
const THIN_LTO = { CC: "clang-19", CFLAGS: "-flto=thin", LD: "ld.lld-19" };

/** A build of the sample's sources in a directory of their own, some of them edited. */
function build(
  name: string,
  environment: Record<string, string>,
  edits: Record<string, string> = {},
): string {
  const sources = join(directory, name);
  cpSync(SAMPLES, sources, { recursive: true });
  for (const [path, text] of Object.entries(edits)) appendFileSync(join(sources, "linux", path), text);
  const OUT = join(directory, `${name}.vmlinux`);
  execFileSync(join(sources, "build.sh"), { env: { ...process.env, ...environment, OUT }, stdio: "pipe" });
  return OUT;
}

interface Aliased {
  readonly header: TableHeader;
  readonly rows: readonly (TableRow & { readonly alias: string })[];
}

function aliased(elf: string, ...args: string[]): Aliased {
  const table = join(directory, "table");
  expect(kasAlias(["vmlinux", elf, "--table", table, ...args]).status).toBe(0);
  const [header = "", ...rows] = readFileSync(table, "utf8").trimEnd().split("\n");
  return { header: JSON.parse(header), rows: rows.map((row) => JSON.parse(row)) };
}

const aliasesOf = ({ rows }: Aliased) => rows.map(({ alias }) => alias);
const namesOf = (elf: string) =>
  tool("nm", ["-n", elf])
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => line.slice(19));

const ELSEWHERE = {
  "net/ipv6/ip6_output.c":
    "\nint an_unrelated_edit(int i);\nint an_unrelated_edit(int i) { return 3 * i; }\n",
};
/** At the end of the file whose static function ThinLTO renames. */
const SAME_FILE = {
  "kernel/params.c": "\nint another_edit(int i);\nint another_edit(int i) { return 5 * i; }\n",
};

describe.each([
  ["clang with ThinLTO", THIN_LTO],
  ["gcc -O2", { CC: "gcc" }],
])("a kernel made by %s", (_, environment) => {
  const kind = environment.CC;
  const first = build(kind, environment);
  const table = aliased(first);

  test("has clones, and static locals", () => {
    const names = namesOf(first).join("\n");
    expect(names).toMatch(kind === "gcc" ? /\.(isra|constprop|part)\.0$/m : /\.specialized\.1$/m);
    if (kind === "gcc") expect(names).toMatch(/\.cold$/m);
    expect(names).toMatch(kind === "gcc" ? /^count\.[0-9]+$/m : /^irq_next\.count$/m);
    if (kind !== "gcc") expect(names).toMatch(/\.llvm\.[0-9]+$/m);
  });

  test("gets aliases that are unique, without hashes, and correct", () => {
    const aliases = aliasesOf(table);
    expect(aliases.length).toBeGreaterThan(30);
    expect(new Set(aliases).size).toBe(aliases.length);
    for (const alias of aliases) expect(alias).not.toMatch(/llvm|[0-9]{6}/);
    const expected = expectedLocations(
      first,
      table.rows.map(({ address }) => address),
    );
    const compared = table.rows.filter(({ file, line, via }, i) => {
      if (via !== "line" || expected[i] === undefined) return false;
      expect(expected[i]?.endsWith(`/${file}:${line}`)).toBe(true);
      return true;
    });
    expect(compared.length).toBeGreaterThan(0.8 * aliases.length);
  });

  test("gets the same aliases after an edit elsewhere, even if its names change", () => {
    const edited = build(`${kind}-elsewhere`, environment, ELSEWHERE);
    expect(aliasesOf(aliased(edited)).sort()).toEqual(aliasesOf(table).sort());
    const sameFile = build(`${kind}-same-file`, environment, SAME_FILE);
    expect(aliasesOf(aliased(sameFile)).sort()).toEqual(aliasesOf(table).sort());
    if (kind !== "gcc") {
      const hash = (elf: string) => namesOf(elf).find((name) => name.startsWith("parse_options.llvm."));
      expect(hash(sameFile)).not.toBe(hash(first));
      expect(hash(first)).toBeDefined();
    }
  });
});

describe("--kallsyms-names", () => {
  const compare: Record<KallsymsNames, (name: string) => string> = {
    exact: (name) => name,
    llvm: (name) => name.replace(/\.llvm\..*/, ""),
    all: (name) => name.replace(/(?<=.)\..*/, ""),
  };

  test.each<KallsymsNames>(["exact", "llvm", "all"])("%s: a look-up finds each alias once", (names) => {
    for (const elf of [SAMPLE, join(directory, "clang-19.vmlinux")]) {
      const { stdout } = kasAlias(["vmlinux", elf, "--kallsyms-names", names]);
      const found = new Map<string, number>();
      const all = stdout
        .trimEnd()
        .split("\n")
        .map((line) => line.slice(19));
      for (const name of all) {
        const compared = compare[names](name);
        found.set(compared, (found.get(compared) ?? 0) + 1);
      }
      const aliases = all.filter((name) => name.includes("@"));
      expect(aliases.length).toBeGreaterThan(30);
      for (const alias of aliases) expect([alias, found.get(compare[names](alias))]).toEqual([alias, 1]);
    }
  });

  test("all: aliases have no dots", () => {
    const { header, rows } = aliased(SAMPLE, "--kallsyms-names", "all");
    expect(header.options.kallsymsNames).toBe("all");
    for (const { alias } of rows) expect(alias).not.toContain(".");
    expect(aliasesOf({ header, rows }).some((alias) => /_(isra|constprop|part)_0@/.test(alias))).toBe(true);
  });

  test("is detected: whole names, unless a name has a hash and the release strips it", () => {
    const found = (elf: string, ...args: string[]) => aliased(elf, ...args).header.options.kallsymsNames;
    const lto = join(directory, "clang-19.vmlinux");
    expect(found(SAMPLE)).toBe("exact");
    expect(found(lto)).toBe("exact");
    expect(found(lto, "--kernel-release", "6.6.1")).toBe("llvm");
    expect(found(lto, "--kernel-release", "6.3.1")).toBe("all");
    expect(found(SAMPLE, "--kernel-release", "6.3.1")).toBe("exact");
  });

  test("is detected without vmlinux from the modules' names and the release, given or in their vermagic", () => {
    const source = join(directory, "module.c");
    const made = (name: string, vermagic: string, ...flags: string[]) => {
      const module = join(directory, `${name}.ko`);
      writeFileSync(
        source,
        `static __attribute__((used)) void same(void) {}
static const char info[] __attribute__((used, section(".modinfo"))) = "${vermagic}";\n`,
      );
      tool("gcc", ["-g", "-c", "-o", module, source]);
      tool("objcopy", [...flags, module]);
      return module;
    };
    const table = join(directory, "modules.kas.jsonl");
    const found = (modules: readonly string[], ...args: string[]) => {
      expect(kasAlias(["modules", ...modules, "--table", table, ...args]).status).toBe(0);
      const [header = ""] = readFileSync(table, "utf8").split("\n");
      const { options }: TableHeader = JSON.parse(header);
      return options.kallsymsNames;
    };
    const lto = ["--redefine-sym=same=same.llvm.123"];
    const plain = made("plain", "license=GPL");
    const both = (vermagic: string) => [plain, made("lto", vermagic, ...lto)];
    expect(found(both("license=GPL"))).toBe("llvm");
    expect(found(both("vermagic=6.12.1 SMP"))).toBe("exact");
    expect(found(both("vermagic=6.6.1 SMP"))).toBe("llvm");
    expect(found(both("vermagic=6.3.1 SMP"))).toBe("all");
    expect(found(both("vermagic=6.3.1 SMP"), "--kernel-release", "6.12.1")).toBe("exact");
    expect(found([plain], "--kernel-release", "6.3.1")).toBe("exact");
  });
});

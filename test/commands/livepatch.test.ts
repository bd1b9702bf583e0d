import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { TableRow } from "../../src/table/alias-table.ts";
import { defined } from "../defined.ts";
import { buildLivePatch, type LivePatchPlan } from "../livepatch/live-patch.ts";
import { SAMPLE } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { buildModules, MODULES } from "./module-objects.ts";
import { kasAlias } from "./program.ts";

const directory = temporaryDirectory();
const path = (name: string) => join(directory, name);
const TABLE = path("all.jsonl");
const ALIASES = path("aliases.jsonl");
const RTC = "name_show@drivers_rtc_sysfs_c_26";
const IRQ = "name_show@kernel_irq_irqdesc_c_11";
const PNP = "name_show@drivers_pnp_card_c_5";

let modules: string;
let rows: TableRow[];

beforeAll(() => {
  modules = path("modules");
  mkdirSync(modules);
  buildModules(modules);
  const order = join(modules, "modules.order");
  writeFileSync(order, MODULES.map((module) => `${module}.ko\n`).join(""));
  for (const [table, ...more] of [[TABLE, "--table-scope", "all"], [ALIASES]] as const) {
    const args = ["modules", "--order", order, "--vmlinux", SAMPLE, "--table", table, ...more];
    expect(kasAlias(args)).toMatchObject({ status: 0 });
  }
  const lines = readFileSync(TABLE, "utf8").trimEnd().split("\n").slice(1);
  rows = lines.map((line): TableRow => JSON.parse(line));
});

const livepatch = (...args: string[]) => kasAlias(["livepatch", ...args]);

/** The first row that satisfies a condition. */
const rowWhere = (is: (row: TableRow) => boolean, what: string) => defined(rows.find(is), what);
const ofAlias = (alias: string) => rowWhere((row) => row.alias === alias, `row of ${alias}`);

/** A run that must end with one line: status 2 of `check`, whose status 1 means a fault of the patch, 1 of the others. */
function failure(...args: string[]): string {
  const { status, stdout, stderr } = livepatch(...args);
  expect(stderr).toMatch(/^kas-alias: [^\n]+\n$/);
  expect({ status, stdout }).toEqual({ status: args[0] === "check" ? 2 : 1, stdout: "" });
  return stderr.slice("kas-alias: ".length, -1);
}

describe("sympos", () => {
  test("is the position among nm's lines of one name", () => {
    const namesakes = tool("nm", ["-n", SAMPLE])
      .toString()
      .split("\n")
      .filter((line) => line.endsWith(" name_show"));
    const aliases = [RTC, IRQ, PNP];
    const { status, stdout } = livepatch("sympos", ...aliases, "--table", ALIASES);
    const expected = aliases.map((alias) => {
      const { address } = ofAlias(alias);
      return `vmlinux name_show ${namesakes.findIndex((line) => line.startsWith(address)) + 1}\n`;
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: expected.join("") });
    expect(new Set(expected).size).toBe(3);
  });

  test("is 0 in an object that has the name once", () => {
    const alone = rowWhere(
      ({ object, alias, sympos }) => object === "beta" && alias !== null && sympos === 0,
      "name that beta has once",
    );
    const { stdout } = livepatch("sympos", defined(alone.alias, "its alias"), "--table", ALIASES);
    expect(stdout).toBe(`beta ${alone.name} 0\n`);
  });

  test("reads aliases from a file", () => {
    writeFileSync(path("list"), `# those of sysfs\n${RTC}\n\n  ${IRQ}\n`);
    const given = livepatch("sympos", RTC, IRQ, "--table", ALIASES);
    expect(livepatch("sympos", "--from", path("list"), "--table", ALIASES)).toEqual(given);
  });

  test("of a missing alias names the nearest ones", () => {
    const near = failure("sympos", "name_show@drivers_rtc_sysfs_c_30", "--table", ALIASES);
    expect(near).toMatch(
      /^\S+: has no name_show@drivers_rtc_sysfs_c_30; give name_show@drivers_rtc_sysfs_c_26/,
    );
    expect(failure("sympos", "no_such_thing@a_c_1", "--table", ALIASES)).toMatch(
      /find it with kas-alias lookup$/,
    );
    const { status, stderr } = livepatch("sympos", "--table", ALIASES);
    expect({ status, stderr }).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/no alias is given/),
    });
  });

  test("with another build's table is refused", () => {
    const other = path("other.jsonl");
    writeFileSync(other, readFileSync(ALIASES, "utf8").replace(/"buildId":"[0-9a-f]{4}/, '"buildId":"0123'));
    expect(failure("sympos", RTC, "--table", other, "--vmlinux", SAMPLE)).toMatch(/has the build ID 0123/);
    expect(livepatch("sympos", RTC, "--table", ALIASES, "--vmlinux", SAMPLE).status).toBe(0);
  });
});

test("the header is C; its macros give a klp_func its name and position", () => {
  const dotted = rowWhere(
    ({ alias, name }) => alias !== null && /\.(isra|part)\.0$/.test(name),
    "clone with an alias",
  );
  const ofDotted = defined(dotted.alias, "its alias");
  const header = path("namesakes.h");
  const args = ["header", RTC, IRQ, ofDotted, "--table", ALIASES, "-o", header];
  expect(livepatch(...args)).toEqual({ status: 0, stdout: "", stderr: "" });
  const text = readFileSync(header, "utf8");
  expect(text).toContain("drivers/rtc/sysfs.c:26");
  const identifier = (alias: string) => alias.replace(/[^0-9A-Za-z]/g, "_");
  const macros = [RTC, IRQ, ofDotted].map(identifier);
  const program = `
#include <stdio.h>
#include "namesakes.h"
struct klp_func { const char *old_name; void *new_func; unsigned long old_sympos; };
static struct klp_func funcs[] = { ${macros.map((name) => `{ KAS_FUNC_${name}, .new_func = 0 },`).join(" ")} };
struct klp_module_reloc { void *sym; unsigned int sympos; };
#define KLP_SYMPOS(symbol, position) { .sym = &symbol, .sympos = position }
static int name_show;
static struct klp_module_reloc relocs[] = { KAS_SYMPOS_${macros[0]}, KAS_SYMPOS_${macros[1]} };
int main(void)
{
	for (int i = 0; i < 3; i++) printf("%s %lu\\n", funcs[i].old_name, funcs[i].old_sympos);
	for (int i = 0; i < 2; i++) printf("%d %u\\n", relocs[i].sym == &name_show, relocs[i].sympos);
}
`;
  tool("gcc", ["-Wall", "-Werror", `-I${directory}`, "-x", "c", "-", "-o", path("prints")], program);
  const sympos = (alias: string) => ofAlias(alias).sympos;
  expect(tool(path("prints"), []).toString()).toBe(
    `name_show ${sympos(RTC)}\nname_show ${sympos(IRQ)}\n${dotted.name} ${dotted.sympos}\n` +
      `1 ${sympos(RTC)}\n1 ${sympos(IRQ)}\n`,
  );
  expect(text).not.toContain(`KLP_SYMPOS(${dotted.name}`);
});

describe("symbols-list", () => {
  const definedIn = (file: string) =>
    tool("nm", ["-f", "posix", file])
      .toString()
      .trimEnd()
      .split("\n")
      .map((line) => line.split(" "))
      .filter(([, type]) => !/[aNUw]/.test(defined(type, "type in nm's line")));

  test("has the symbols that nm lists for vmlinux and each module, except live patches", () => {
    const order = join(modules, "with-patch.order");
    const patch = buildLivePatch(join(modules, "patch.ko"), {
      functions: [{ name: "name_show", position: 1 }],
    });
    const listed = readFileSync(join(modules, "modules.order"), "utf8");
    writeFileSync(order, `${listed}${patch}\n`);
    const { status, stdout } = livepatch("symbols-list", "--vmlinux", SAMPLE, "--order", order);
    expect(status).toBe(0);
    const [magic, ...parts] = stdout.trimEnd().split("\n*");
    expect(magic).toBe("klp-convert-symbol-data.0.1");
    const files = listed
      .trim()
      .split("\n")
      .map((file) => join(modules, file));
    expect(parts.map((part) => part.split("\n", 1)[0])).toEqual([
      "vmlinux",
      ...files.map((file) => file.replace(/.*\/|\.k?o$/g, "").replaceAll("-", "_")),
    ]);
    [SAMPLE, ...files].forEach((file, i) => {
      const names = parts[i]?.split("\n").slice(1) ?? [];
      const expected = definedIn(file).map(([name]) => name);
      expect([...names].sort()).toEqual(expected.sort());
    });
  });
});

describe("check", () => {
  const GOOD: LivePatchPlan = {
    functions: [
      { name: "name_show", position: 3 },
      { name: "ip_local_out", position: 0 },
      { object: "alpha_core", name: "probe_device", position: 0 },
    ],
    relocations: {
      ".klp.rela.vmlinux..data": [".klp.sym.vmlinux.name_show,1", ".klp.sym.vmlinux.ip_local_out,0"],
    },
    positions: { vmlinux: [["probe_one", 2]] },
    calls: ["probe_one", "printk"],
  };
  let patches = 0;
  const build = (plan: Partial<LivePatchPlan>) =>
    buildLivePatch(path(`patch-${++patches}.ko`), { ...GOOD, ...plan });

  test("reports only the meaning of a valid patch", () => {
    const { status, stdout, stderr } = livepatch("check", build({}), "--table", TABLE);
    const alias = (name: string, sympos: number) =>
      rowWhere(
        (row) => row.object === "vmlinux" && row.name === name && row.sympos === sympos,
        `${name} ${sympos}`,
      );
    const shown = (row: TableRow) => `${row.alias ?? row.name}, ${row.file}:${row.line}`;
    expect(ofAlias(RTC).sympos).toBe(3);
    const lonely = rowWhere(({ name }) => name === "ip_local_out", "ip_local_out");
    const limit = rowWhere(
      ({ object, name }) => object === "alpha_core" && name === "probe_device",
      "probe_device of alpha_core",
    );
    expect(stderr).toBe("");
    expect(stdout.trimEnd().split("\n")).toEqual([
      `klp_func vmlinux name_show 3: ${RTC}, drivers/rtc/sysfs.c:26`,
      `klp_func vmlinux ip_local_out 0: ${shown(lonely)}`,
      `klp_func alpha_core probe_device 0: ${shown(limit)}`,
      `klp.sym vmlinux name_show 1: ${shown(alias("name_show", 1))}`,
      `klp.sym vmlinux ip_local_out 0: ${shown(lonely)}`,
      `KLP_SYMPOS vmlinux probe_one 2: ${shown(alias("probe_one", 2))}`,
    ]);
    expect(status).toBe(0);
    const packed = build({});
    tool("xz", ["-q", packed]);
    expect(livepatch("check", `${packed}.xz`, "--table", TABLE)).toEqual({ status, stdout, stderr });
    const json = JSON.parse(livepatch("check", build({}), "--table", TABLE, "--json").stdout);
    expect(json.faults).toEqual([]);
    expect(json.references[0]).toEqual({
      kind: "klp_func",
      object: "vmlinux",
      name: "name_show",
      position: 3,
      alias: RTC,
      file: "drivers/rtc/sysfs.c",
      line: 26,
    });
  });

  const SYM = ".klp.sym.vmlinux.name_show,1";
  const DATA = ".klp.rela.vmlinux..data";
  test.each<[string, Partial<LivePatchPlan>, RegExp]>([
    [
      "a missing position",
      { functions: [{ name: "name_show", position: 4 }] },
      /name_show 4: there is no such position: 1 is name_show@/,
    ],
    [
      "a second position of a unique name",
      { functions: [{ name: "ip_local_out", position: 2 }] },
      /ip_local_out 2: there is no such position/,
    ],
    [
      "an ambiguous name",
      { functions: [{ name: "name_show", position: 0 }] },
      /name_show 0: is ambiguous: 1 is name_show@.*, 2 is /,
    ],
    [
      "a missing name",
      { functions: [{ name: "nam_show", position: 0 }] },
      /nam_show 0: there is no such symbol in vmlinux/,
    ],
    [
      "a name of another object",
      { functions: [{ object: "beta", name: "limit", position: 0 }] },
      /limit 0: there is no such symbol in beta; alpha_core has one/,
    ],
    [
      "a missing object",
      { functions: [{ object: "delta", name: "limit", position: 0 }] },
      /the table has no object delta/,
    ],
    [
      "a function replaced twice",
      {
        functions: [
          { name: "name_show", position: 3 },
          { name: "name_show", position: 3 },
        ],
      },
      /name_show 3: is replaced twice/,
    ],
    [
      "a namesake in .init",
      { functions: [{ object: "alpha_core", name: "begin", position: 0 }] },
      /alpha_core begin 0: a namesake is in \.init\.text/,
    ],
    [
      "a symbol with a missing position",
      { relocations: { [DATA]: [".klp.sym.vmlinux.name_show,9"] } },
      /klp\.sym vmlinux name_show 9: there is no such position/,
    ],
    [
      "an ambiguous symbol",
      { relocations: { [DATA]: [".klp.sym.vmlinux.name_show,0"] } },
      /klp\.sym vmlinux name_show 0: is ambiguous/,
    ],
    [
      "a symbol of another form",
      { relocations: { [DATA]: [".klp.sym.vmlinux.name_show"] } },
      /\.klp\.sym\.vmlinux\.name_show: is not of the form/,
    ],
    [
      "a symbol that is not marked",
      { relocations: { [DATA]: [SYM] }, unmarked: [SYM] },
      /name_show,1: is not marked SHN_LIVEPATCH/,
    ],
    [
      "a section that is not marked",
      { relocations: { [DATA]: [SYM] }, unmarked: [DATA] },
      /is not marked SHF_RELA_LIVEPATCH/,
    ],
    [
      "a symbol of vmlinux in a module's section",
      { relocations: { ".klp.rela.alpha_core..data": [SYM] } },
      /may not have symbols of vmlinux/,
    ],
    [
      "an ordinary symbol in such a section",
      { relocations: { [DATA]: ["printk"] } },
      /refers to printk, which is not marked/,
    ],
    [
      "two positions of one name",
      {
        positions: {
          vmlinux: [
            ["probe_one", 1],
            ["probe_one", 2],
          ],
        },
      },
      /KLP_SYMPOS vmlinux probe_one [12]: conflicts with vmlinux probe_one [12]: .* separate modules/,
    ],
    [
      "position 0 against 1",
      {
        calls: [],
        positions: {
          vmlinux: [
            ["ip_local_out", 0],
            ["ip_local_out", 1],
          ],
        },
      },
      /ip_local_out [01]: conflicts with vmlinux ip_local_out [01]/,
    ],
    [
      "a static function that it calls",
      { calls: ["name_show"] },
      /undefined name_show: is static \(name_show@/,
    ],
    ["no function at all", { functions: [] }, /klp_patch: names no function to replace/],
  ])("finds %s", (_, plan, fault) => {
    const { status, stdout } = livepatch("check", build(plan), "--table", TABLE);
    const faults = stdout.split("\n").filter((line) => line.startsWith("fault: "));
    expect(faults.join("\n")).toMatch(fault);
    expect(faults).toHaveLength(1);
    expect(status).toBe(1);
  });

  test("with the table of the kernel that the patch was written for, reports moved symbols", () => {
    const old = path("old.jsonl");
    const swap: Record<string, string> = { [RTC]: '"sympos":1', [IRQ]: '"sympos":3' };
    const lines = readFileSync(TABLE, "utf8")
      .split("\n")
      .map((line) => {
        const moved = Object.entries(swap).find(([alias]) => line.includes(`"alias":"${alias}"`));
        return moved === undefined ? line : line.replace(/"sympos":\d/, moved[1]);
      });
    writeFileSync(old, lines.join("\n"));
    const patch = build({ relocations: {} });
    const { status, stdout } = livepatch("check", patch, "--table", TABLE, "--against", old);
    expect(stdout).toContain(`fault: klp_func vmlinux name_show 3: meant ${IRQ}, whose position is now 1\n`);
    expect(stdout.match(/^fault/gm)).toHaveLength(1);
    expect(status).toBe(1);
    expect(livepatch("check", patch, "--table", TABLE, "--against", TABLE).status).toBe(0);
  });

  test("works with a table of aliases, which has no unique names", () => {
    const { status, stdout } = livepatch("check", build({}), "--table", ALIASES);
    expect(stdout).toContain("klp_func vmlinux ip_local_out 0: not in the table\n");
    expect(status).toBe(0);
  });

  test("refuses a module that is not a live patch, and a table of another kernel", () => {
    expect(failure("check", join(modules, "drivers/alpha/alpha-core.ko"), "--table", TABLE)).toMatch(
      /alpha-core\.ko: is not a live patch/,
    );
    expect(failure("check", SAMPLE, "--table", TABLE)).toMatch(/is not a live patch/);
    const other = path("other-kernel.jsonl");
    writeFileSync(other, readFileSync(TABLE, "utf8").replace('"kernel":"6.12.0-sample"', '"kernel":"6.1.7"'));
    expect(failure("check", build({}), "--table", other)).toMatch(
      /is a table of 6\.1\.7, but .* is built for 6\.12\.0-sample/,
    );
    expect(failure("check", build({}), "--table", other, "--against", other)).toMatch(
      /is a table of 6\.1\.7/,
    );
  });

  test("accepts a patch that is still built for the kernel it was written for", () => {
    const next = path("next-kernel.jsonl");
    writeFileSync(next, readFileSync(TABLE, "utf8").replace('"kernel":"6.12.0-sample"', '"kernel":"6.12.1"'));
    expect(livepatch("check", build({}), "--table", next, "--against", TABLE).status).toBe(0);
  });
});

import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, posix } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { defined } from "../defined.ts";
import { expectOnlyAliasesAdded, type ObjectView, objectView } from "../modules/injected.ts";
import { SAMPLE } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { buildModules, compile, MODULES, type NmSymbol, symbolsOf } from "./module-objects.ts";
import { kasAlias, PROGRAM, start } from "./program.ts";

const directory = temporaryDirectory();
const TREE = join(directory, "tree");
buildModules(TREE);

/** The .ko that is built as this module. */
function koOf(name: string): string {
  const module = MODULES.find((path) => basename(path) === name);
  return join(TREE, `${defined(module, `module ${name}`)}.ko`);
}
const [ALPHA, BETA, GAMMA, LONELY] = [koOf("alpha-core"), koOf("beta"), koOf("gamma"), koOf("lonely")];
const KOS = MODULES.map((module) => join(TREE, `${module}.ko`));
let places = 0;

/** An empty directory of a test's own. */
function place(): string {
  const path = join(directory, String(++places));
  mkdirSync(path);
  return path;
}

interface Row {
  readonly object: string;
  readonly name: string;
  readonly alias: string | null;
  readonly address: string;
  readonly section: string;
  readonly file: string | null;
  readonly line: number | null;
  readonly unit: string | null;
  readonly sympos: number;
}

const linesOf = (text: string) => text.split("\n").filter((line) => line !== "");
const nameOf = (path: string) =>
  basename(path)
    .replace(/\.ko.*$|\.o$/, "")
    .replaceAll("-", "_");
const hashOf = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");

/** Runs the program, which must say nothing but the table. */
function tableText(...args: string[]): string {
  const { status, stdout, stderr } = kasAlias(["modules", ...args, "--table", "-"]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
}

function readTable(text: string) {
  const [header, ...rows] = linesOf(text).map((line) => JSON.parse(line));
  const typed: Row[] = rows;
  return { header, rows: typed };
}

const table = (...args: string[]) => readTable(tableText(...args));
const aliasesOf = (rows: readonly Row[]) => rows.map(({ object, alias }) => `${object} ${alias}`);
const ofModules = (rows: readonly Row[]) => rows.filter(({ object }) => object !== "vmlinux");

/** A run that must end with one line on standard error. @returns that line */
function failure(...args: string[]): string {
  return failureWith(1, ...args);
}

function failureWith(expected: number, ...args: string[]): string {
  const { status, stdout, stderr } = kasAlias(["modules", ...args]);
  expect(stderr).toMatch(/^kas-alias: [^\n]+\n$/);
  expect({ status, stdout }).toEqual({ status: expected, stdout: "" });
  return stderr.slice("kas-alias: ".length, -1);
}

/** The names that occur more than once in all objects, for symbols of any type. */
function duplicates(objects: readonly (readonly NmSymbol[])[]): Set<string> {
  const counts = new Map<string, number>();
  for (const { name } of objects.flat()) counts.set(name, (counts.get(name) ?? 0) + 1);
  return new Set([...counts].filter(([, count]) => count > 1).map(([name]) => name));
}

const isText = ({ type }: NmSymbol) => type === "t" || type === "T";
const isLeftOut = ({ name, section }: NmSymbol) =>
  section.startsWith(".init") || name === "init_module" || name === "cleanup_module";
const described = (object: string, { name, section, address }: Pick<Row, "name" | "section" | "address">) =>
  `${object} ${section} ${address} ${name}`;

/** The text symbols of modules with one of the names, from nm. */
function expectedRows(paths: readonly string[], names: (own: NmSymbol[]) => ReadonlySet<string>): string[] {
  return paths
    .flatMap((path) => {
      const symbols = symbolsOf(path);
      const duplicated = names(symbols);
      return symbols
        .filter((symbol) => isText(symbol) && duplicated.has(symbol.name) && !isLeftOut(symbol))
        .map((symbol) => described(nameOf(path), symbol));
    })
    .sort();
}

const describedRows = (rows: readonly Row[]) => ofModules(rows).map((row) => described(row.object, row));

const viewOf = (path: string) => objectView(path, tool("readelf", ["-hSsW", path]).toString());

/** The symbol table index of each symbol with an alias in a table. */
function aliasesByIndex(view: ObjectView, rows: readonly Row[]): Map<number, string> {
  return new Map(
    rows.map(({ section, address, name, alias }) => {
      const index = view.symbols.findIndex(
        (symbol) =>
          symbol.name === name &&
          symbol.columns.startsWith(`${address} `) &&
          view.sections[Number(symbol.section)]?.name === section,
      );
      expect(index).toBeGreaterThan(0);
      return [index, defined(alias, `alias of ${name}`)];
    }),
  );
}

const filesBelow = (path: string) =>
  tool("find", [path, "-type", "f", "-printf", "%P\\n"]).toString().split("\n").filter(Boolean).sort();

describe("the modules", () => {
  test("are named, listed in an order file, or below a directory, compressed or not", () => {
    const byName = tableText(...KOS);
    expect(readTable(byName).rows.length).toBeGreaterThan(9);
    expect(tableText(...KOS.toReversed())).toBe(byName);

    const order = join(TREE, "modules.order");
    const entries = MODULES.map((module, i) => `${module}.${i % 2 === 0 ? "ko" : "o"}\n`);
    writeFileSync(order, entries.join(""));
    const { header, rows } = table("--order", order);
    expect(rows).toEqual(readTable(byName).rows);
    expect(header.objects.map(({ name }: { name: string }) => name)).toEqual(KOS.map(nameOf));

    const installed = place();
    for (const [i, path] of KOS.entries()) {
      const target = join(installed, "kernel", String(i), basename(path));
      mkdirSync(dirname(target), { recursive: true });
      copyFileSync(path, target);
      const packer = [undefined, "xz", "zstd", "gzip"][i];
      if (packer !== undefined) tool(packer, ["-q", target]);
      if (existsSync(`${target}.zst`)) tool("rm", [target]);
    }
    writeFileSync(join(installed, "kernel", "other.txt"), "no module");
    const suffixes = filesBelow(installed).map((path) => path.replace(/^.*?\./, "."));
    expect(suffixes).toEqual([".ko", ".ko.xz", ".ko.zst", ".ko.gz", ".txt"]);
    expect(tableText("--directory", installed)).toBe(byName);
  });

  test("of an order file are relative to its folder, or absolute as `make M=` writes them", () => {
    const order = join(place(), "modules.order");
    writeFileSync(order, `${ALPHA}\n../tree/drivers/beta/beta.ko\n`);
    expect(aliasesOf(table("--order", order).rows)).toEqual(aliasesOf(table(ALPHA, BETA).rows));
  });

  test("come from exactly one of these sources", () => {
    const order = ["--order", join(TREE, "modules.order")];
    const below = ["--directory", TREE];
    for (const args of [[], [ALPHA, ...order], [ALPHA, ...below], [...order, ...below]]) {
      const { status, stdout, stderr } = kasAlias(["modules", ...args]);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toBe("kas-alias: give modules, --order or --directory\n");
    }
  });
});

describe("names are counted", () => {
  const symbols = [SAMPLE, ...KOS].map(symbolsOf);

  test("in vmlinux and all modules together", () => {
    const everywhere = duplicates(symbols);
    const { header, rows } = table(...KOS, "--vmlinux", SAMPLE);
    expect(describedRows(rows).sort()).toEqual(expectedRows(KOS, () => everywhere));
    expect(header).toMatchObject({ scope: "global", rows: rows.length });
    // Duplicated by a module alone, by another module, and by data.
    const aliases = aliasesOf(rows).join("\n");
    expect(aliases).toMatch(/^vmlinux since_epoch_show@drivers_rtc_sysfs_c_/m);
    expect(aliases).toMatch(/^beta since_epoch_show@drivers_beta_beta_c_4$/m);
    expect(aliases).toMatch(/^alpha_core probe_device@drivers_alpha_first_c_7\n/m);
    expect(aliases).toMatch(/^gamma probe_device@lib_gamma_c_4$/m);
    expect(aliases).toMatch(/^alpha_core limit@drivers_alpha_first_c_6$/m);
    // Defined once, and undefined in three others.
    expect(aliases).not.toContain("touch@");

    const inImage = rows
      .filter(({ object }) => object === "vmlinux")
      .map(({ alias, name }) => defined(alias, `alias of ${name}`));
    const byItself = linesOf(kasAlias(["vmlinux", SAMPLE]).stdout).filter((line) => line.includes("@"));
    const added = inImage.filter((alias) => !byItself.some((line) => line.endsWith(` ${alias}`)));
    expect(inImage.length).toBe(byItself.length + added.length);
    const shared = new Set(KOS.flatMap((path) => symbolsOf(path).map(({ name }) => name)));
    const inListing = symbolsOf(SAMPLE).filter((symbol) => isText(symbol) && shared.has(symbol.name));
    expect(added.map((alias) => alias.replace(/@.*/, "")).sort()).toEqual(
      inListing.map(({ name }) => name).sort(),
    );
    expect(added).toHaveLength(2);
  });

  test("in the modules of a build themselves with `kernel inject`, once", () => {
    const build = place();
    buildModules(build);
    const ko = (module: string) => join(build, `${module}.ko`);
    writeFileSync(join(build, "modules.order"), MODULES.map((module) => `${module}.o\n`).join(""));
    copyFileSync(SAMPLE, join(build, "vmlinux"));
    mkdirSync(join(build, "include/config"), { recursive: true });
    const release = join(build, "include/config/kernel.release");
    const inject = (...args: string[]) => {
      expect(kasAlias(["kernel", "inject", build, ...args])).toEqual({ status: 0, stdout: "", stderr: "" });
      return MODULES.flatMap((module) => symbolsOf(ko(module)).filter(({ name }) => name.includes("@")));
    };
    const wanted = (...args: string[]) =>
      table(...KOS, "--vmlinux", SAMPLE, ...args)
        .rows.filter(({ object }) => object !== "vmlinux")
        .map(({ alias }) => alias);
    const names = (symbols: readonly NmSymbol[]) => symbols.map(({ name }) => name).sort();

    writeFileSync(release, "7.3.4\n");
    expect(names(inject())).toEqual(wanted("--scope", "object").sort());
    buildModules(build);
    writeFileSync(release, "6.12.1\n");
    expect(names(inject())).toEqual(wanted("--scope", "global").sort());
    const times = () => MODULES.map((module) => statSync(ko(module)).mtimeMs);
    const before = times();
    inject();
    expect(times()).toEqual(before);
  });

  test("with paths from the tree that the link `source` of a build directory leads to", () => {
    const [tree, build] = [place(), place()];
    for (const [name, text] of [
      ["main", "int start_kernel(void) { return 0; }\n"],
      ["a", "static int twin(int x) { return x + 1; }\nint (*a)(int) = twin;\n"],
      ["b", "\nstatic int twin(int x) { return x + 2; }\nint (*b)(int) = twin;\n"],
    ] as const) {
      writeFileSync(join(tree, `${name}.c`), text);
      tool("gcc", ["-g", "-c", "-o", join(build, `${name}.o`), join(tree, `${name}.c`)]);
    }
    tool("ld", ["-r", "-o", join(build, "m.ko"), join(build, "a.o"), join(build, "b.o")]);
    tool("ld", ["-r", "-o", join(build, "vmlinux.o"), join(build, "main.o")]);
    symlinkSync(tree, join(build, "link"));
    symlinkSync("link", join(build, "source"));
    writeFileSync(join(build, "modules.order"), "m.o\n");
    mkdirSync(join(build, "include/config"), { recursive: true });
    writeFileSync(join(build, "include/config/kernel.release"), "7.3.4\n");
    expect(kasAlias(["kernel", "inject", build])).toEqual({ status: 0, stdout: "", stderr: "" });
    const names = symbolsOf(join(build, "m.ko")).map(({ name }) => name);
    expect(names.filter((name) => name.includes("@")).sort()).toEqual(["twin@a_c_1", "twin@b_c_2"]);
  });

  test.each(["ld", "ld.lld-19"])(
    "not for code that klp-build takes from other objects, linked by %s",
    (linker) => {
      const folder = place();
      const twin = (value: number) =>
        `__attribute__((noipa)) static int twin(int x) { return x + ${value}; }`;
      const files = {
        "init.c": `${twin(1)}\nint init(int x) { return twin(x); }\n`,
        // scripts/livepatch/klp-build merges such objects with init.c.
        "vmlinux.c": `${twin(2)}\nint changed(int x) { return twin(x); }\n__attribute__((used, section(".init.klp_objects"))) static long objects;\n`,
      };
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
      const [init, changed] = [compile(folder, "init.c"), compile(folder, "vmlinux.c", "-g0")];
      const symbols = join(folder, "symbols");
      tool("objcopy", ["--strip-symbol=vmlinux.c", changed]);
      tool(linker, ["-r", "-o", `${symbols}.o`, init, changed]);
      const { rows } = table(`${symbols}.o`);
      expect(rows.map(({ name, alias }) => [name, alias])).toEqual([["twin", "twin@init_c_1"]]);
    },
  );

  test("in each object separately from Linux 7.2 on, whose probes look in vmlinux first", () => {
    const withRelease = (release: string, ...args: string[]) =>
      table(...KOS, "--vmlinux", SAMPLE, "--kernel-release", release, ...args);
    const separately = withRelease("7.2.0", "--scope", "object").rows;
    expect(separately.length).toBeLessThan(withRelease("7.1.9").rows.length);
    for (const release of ["7.2.0", "7.3.4+deb13-amd64", "10.0"]) {
      const { header, rows } = withRelease(release);
      expect({ scope: header.scope, rows }).toEqual({ scope: "object", rows: separately });
    }
    for (const release of ["5.10.1", "6.12.1", "7.1.9"])
      expect(withRelease(release).header.scope).toBe("global");
    expect(withRelease("7.2.0", "--scope", "global").header.scope).toBe("global");
    // A module says which kernel it is for.
    const modinfo =
      '__attribute__((used, section(".modinfo"))) static const char v[] = "vermagic=7.3.4 SMP";';
    const folder = place();
    writeFileSync(join(folder, "new.c"), `${modinfo}\nint only(int x) { return x; }\n`);
    expect(table(compile(folder, "new.c")).header).toMatchObject({ scope: "object", kernel: "7.3.4" });
  });

  test("in each object separately with --scope object, so that other modules do not matter", () => {
    const { header, rows } = table(...KOS, "--vmlinux", SAMPLE, "--scope", "object");
    const expected = expectedRows(KOS, (own) => duplicates([own]));
    expect(expected.length).toBeGreaterThan(5);
    expect(describedRows(rows).sort()).toEqual(expected);
    expect(header.scope).toBe("object");
    const alone = table(ALPHA, "--scope", "object").rows;
    expect(ofModules(rows)).toEqual(alone);
    const inImage = rows.filter(({ object }) => object === "vmlinux").map(({ alias }) => alias);
    const listing = linesOf(kasAlias(["vmlinux", SAMPLE]).stdout).filter((line) => line.includes("@"));
    expect(inImage).toEqual(listing.map((line) => line.slice("ffffffff81000000 t ".length)));
  });

  test("and those of .init sections and of entry points get aliases only on request", () => {
    const everywhere = duplicates(symbols);
    const all = (...args: string[]) => describedRows(table(...KOS, "--vmlinux", SAMPLE, ...args).rows);
    const expected = KOS.flatMap((path) =>
      symbolsOf(path)
        .filter((symbol) => isText(symbol) && everywhere.has(symbol.name))
        .map((symbol) => described(nameOf(path), symbol)),
    ).sort();
    const isEntry = (row: string) => /(init|cleanup)_module$/.test(row);
    const isInit = (row: string) => row.includes(" .init");
    expect(expected.filter(isEntry)).toHaveLength(4);
    expect(expected.filter((row) => isInit(row) && !isEntry(row))).toHaveLength(1);
    expect(all("--init", "--no-default-filters").sort()).toEqual(expected);
    expect(all("--init").sort()).toEqual(expected.filter((row) => !isEntry(row)));
    expect(all("--no-default-filters").sort()).toEqual(expected.filter((row) => !isInit(row)));
    for (const glob of ["cleanup_module", "cleanup_*"]) {
      expect(all("--include", glob).sort()).toEqual(
        expected.filter((row) => !isInit(row) && !row.endsWith(" init_module")),
      );
    }
  });
});

describe("the table", () => {
  test("begins with vmlinux, and is sorted by object and address", () => {
    const { header, rows } = table(...KOS.toReversed(), "--vmlinux", SAMPLE, "--table-scope", "all");
    const objects = ["vmlinux", ...KOS.map(nameOf).sort()];
    const keys = rows.map(({ object, address }) => `${objects.indexOf(object)} ${address}`);
    expect(keys).toEqual(keys.toSorted());
    expect(new Set(rows.map(({ object }) => object))).toEqual(new Set(objects));
    const buildIds = [SAMPLE, ...KOS].map((path) => [
      nameOf(path),
      /Build ID: ([0-9a-f]+)/.exec(tool("readelf", ["-n", path]).toString())?.[1],
    ]);
    expect(
      header.objects.map(({ name, buildId }: { name: string; buildId: string }) => [name, buildId]),
    ).toEqual(buildIds);
    expect(header.arch).toBe("x86_64");
  });

  test("with --table-scope all has every text symbol; those of .init sections only with --init", () => {
    const { rows } = table(...KOS, "--table-scope", "all");
    const expected = KOS.flatMap((path) =>
      symbolsOf(path)
        .filter(isText)
        .map((symbol) => described(nameOf(path), symbol)),
    );
    expect(describedRows(rows).sort()).toEqual(expected.sort());
  });

  test("gets the kernel's release from vmlinux, the modules or the command line", () => {
    expect(tool("modinfo", ["-F", "vermagic", ALPHA]).toString()).toMatch(/^6\.12\.1-test /);
    expect(table(ALPHA).header.kernel).toBe("6.12.1-test");
    expect(tool("strings", [SAMPLE]).toString()).toContain("Linux version 6.12.0-sample ");
    expect(table(ALPHA, "--vmlinux", SAMPLE).header.kernel).toBe("6.12.0-sample");
    expect(table(ALPHA, "--kernel-release", "6.1.9").header.kernel).toBe("6.1.9");
    expect(table(GAMMA).header.kernel).toBeNull();
  });

  test("counts positions in symbol table order, in which kallsyms walks a module", () => {
    const { rows } = table(ALPHA, "--scope", "object");
    const { symbols, sections } = viewOf(ALPHA);
    // When the module runs its .init sections are gone.
    const loaded = symbols.flatMap(({ name, type, section, columns }) => {
      const sectionName = sections[Number(section)]?.name ?? "";
      if (!["FUNC", "OBJECT"].includes(type) || sectionName.startsWith(".init")) return [];
      return [described("", { name, section: sectionName, address: columns.replace(/ .*/, "") })];
    });
    const positions = rows.map((row) => {
      const bearers = loaded.filter((symbol) => symbol.endsWith(` ${row.name}`));
      return bearers.length < 2 ? 0 : bearers.indexOf(described("", row)) + 1;
    });
    expect(rows.map(({ sympos }) => sympos)).toEqual(positions);
    // Here that is not address order, and not all symbols of a name remain.
    expect(rows.filter(({ name }) => name === "halt").map(({ sympos }) => sympos)).toEqual([2, 1]);
    expect(rows.filter(({ name }) => name === "begin").map(({ sympos }) => sympos)).toEqual([0]);
  });

  test("has the module's name in the aliases with --module-prefix, except in those of vmlinux", () => {
    const args = [...KOS, "--vmlinux", SAMPLE];
    const plain = table(...args).rows;
    const prefixed = table(...args, "--module-prefix").rows;
    expect(prefixed.map(({ alias }) => alias)).toEqual(
      plain.map(({ object, alias }) => (object === "vmlinux" ? alias : alias?.replace("@", `@${object}_`))),
    );
    expect(aliasesOf(prefixed)).toContain("alpha_core show@alpha_core_drivers_alpha_first_c_5");
  });

  test("and all other files are byte-identical on every run", () => {
    const run = (jobs: string) => {
      const to = place();
      const files = [
        "--table",
        join(to, "t"),
        "--symbol-frequency",
        join(to, "f"),
        "--inject",
        "--output-dir",
        join(to, "o"),
      ];
      const args = ["modules", "--directory", TREE, "--vmlinux", SAMPLE, "--jobs", jobs, ...files];
      expect(kasAlias(args)).toEqual({ status: 0, stdout: "", stderr: "" });
      return filesBelow(to).map((path) => `${path} ${hashOf(join(to, path))}`);
    };
    const first = run("1");
    expect(first).toHaveLength(5);
    expect(run("4")).toEqual(first);
  });

  test("--stats=json gives the same figures as nm", () => {
    const { status, stderr, stdout } = kasAlias([
      "modules",
      ...KOS,
      "--vmlinux",
      SAMPLE,
      "--table",
      "-",
      "--stats=json",
    ]);
    expect(status).toBe(0);
    expect(stderr).toMatch(/^\{.*\}\n$/);
    const stats = JSON.parse(stderr);
    expect(Object.keys(stats)).toEqual(
      "symbols duplicatedNames aliases excluded ambiguous ordinal unresolved seconds".split(" "),
    );
    const listings = [SAMPLE, ...KOS].map((path) => linesOf(tool("nm", [path]).toString()).length);
    expect(stats.symbols).toBe(listings.reduce((sum, count) => sum + count));
    expect(stats.duplicatedNames).toBe(duplicates([SAMPLE, ...KOS].map(symbolsOf)).size);
    expect(stats.aliases).toBe(readTable(stdout).rows.length);
    expect(stats.excluded).toMatchObject({ ".init*": 3, cleanup_module: 2 });
    expect(stats.ambiguous.final).toBe(0);
  });
});

describe("locations", () => {
  const everything = ["--table-scope", "all", "--init", "--no-default-filters"];

  test("are those of eu-addr2line, for each symbol in its own section", () => {
    const { rows } = table(...KOS, ...everything);
    const sections = new Set(rows.map(({ section }) => section));
    for (const section of [".text", ".init.text", ".exit.text", ".text.unlikely", ".text.emit"]) {
      expect(sections).toContain(section);
    }
    for (const path of KOS) {
      for (const section of sections) {
        const inSection = rows.filter((row) => row.object === nameOf(path) && row.section === section);
        if (inSection.length === 0) continue;
        const addresses = inSection.map(({ address }) => `0x${address}\n`).join("");
        const answers = linesOf(tool("eu-addr2line", ["-e", path, "-j", section], addresses).toString());
        expect(inSection.map(({ file, line }) => `${file}:${line}`)).toEqual(
          answers.map((answer) => posix.relative(TREE, answer.replace(/:\d+$/, ""))),
        );
      }
    }
  });

  test("distinguish symbols at offset 0 of .text and of .init.text, like gdb", () => {
    const begin = table(ALPHA, "--init").rows.filter(({ name }) => name === "begin");
    expect(begin.map(({ section, address }) => `${section} ${Number(address)}`)).toEqual([
      ".text 0",
      ".init.text 0",
    ]);
    const questions = ["first", "second"].map(
      (unit) => `info line -source drivers/alpha/${unit}.c -function begin`,
    );
    const gdb = tool("gdb", [
      "-nx",
      "-batch",
      ...questions.flatMap((text) => ["-ex", text]),
      ALPHA,
    ]).toString();
    expect(begin.map(({ file, line }) => `Line ${line} of "${file}"`)).toEqual(
      gdb.match(/^Line \d+ of "[^"]*"/gm),
    );
  });

  test("are the same with eu-addr2line, and with GNU addr2line where it reads file numbers correctly", () => {
    const args = ["--init", "--resolver", "addr2line", "--addr2line"];
    expect(tableText(...KOS, ...args, "eu-addr2line")).toBe(tableText(...KOS, "--init"));
    const tree = join(place(), "dwarf-4");
    buildModules(tree, "-gdwarf-4");
    const paths = MODULES.map((module) => join(tree, `${module}.ko`));
    const ours = tableText(...paths, "--init");
    expect(tableText(...paths, ...args, "addr2line")).toBe(ours);
    expect(aliasesOf(readTable(ours).rows)).toEqual(aliasesOf(table(...KOS, "--init").rows));
  });

  test("are unknown with llvm-addr2line, which does not support sections", () => {
    expect(failure(...KOS, "--table=-", "--resolver", "addr2line", "--addr2line", "llvm-addr2line")).toMatch(
      /^llvm-addr2line: failed on \S+\.ko .*; use GNU or elfutils addr2line, which has -j, or use --resolver dwarf$/,
    );
  });

  test("of a stripped module come from its debug file, next to it or in a debug directory", () => {
    const installed = place();
    const debug = place();
    const paths = KOS.map((path, i) => {
      const target = join(installed, basename(path));
      // The debug directory has the folders of the whole system in it.
      const separate = join(i === 0 ? installed : join(debug, installed), `${basename(path)}.debug`);
      mkdirSync(dirname(separate), { recursive: true });
      tool("objcopy", ["--only-keep-debug", path, separate]);
      tool("objcopy", ["--strip-debug", `--add-gnu-debuglink=${separate}`, path, target]);
      expect(tool("readelf", ["-SW", target]).toString()).not.toContain(".debug_line");
      return target;
    });
    const expected = tableText(...KOS, ...everything);
    const args = [...paths, ...everything, "--debug-directory", debug];
    expect(tableText(...args)).toBe(expected);
    expect(tableText(...args, "--resolver", "addr2line", "--addr2line", "eu-addr2line")).toBe(expected);
    expect(failure(...paths, "--table=-", "--debug-directory", place())).toMatch(
      /\/beta\.ko: no line information .*--debug-directory/,
    );
  });
});

describe("the symbol frequency file", () => {
  const frequency = join(directory, "modules.symbfreq");

  test("is written with --vmlinux: all names of vmlinux and its modules, sorted by bytes", () => {
    expect(kasAlias(["modules", ...KOS, "--vmlinux", SAMPLE, "--symbol-frequency", frequency])).toEqual({
      status: 0,
      stdout: "",
      stderr: "",
    });
    const counts = new Map<string, number>();
    for (const { name } of [SAMPLE, ...KOS].flatMap(symbolsOf)) counts.set(name, (counts.get(name) ?? 0) + 1);
    const lines = Array.from(counts, ([name, count]) => `${name}:${count}\n`);
    expect(readFileSync(frequency, "utf8")).toBe(tool("sort", [], lines.join("")).toString());
    expect(counts.get("measure")).toBe(3);
    expect(counts.get("limit")).toBe(2);
  });

  test("is rewritten only when it changes", () => {
    const run = (...paths: string[]) => {
      const args = ["modules", ...paths, "--vmlinux", SAMPLE, "--symbol-frequency", frequency];
      expect(kasAlias(args).status).toBe(0);
      const { ino, mtimeNs } = statSync(frequency, { bigint: true });
      return { ino, mtimeNs, hash: hashOf(frequency) };
    };
    const first = run(...KOS);
    expect(run(...KOS)).toEqual(first);
    // The scope of the aliases makes no difference to the names.
    expect(run(...KOS, "--scope", "object")).toEqual(first);
    const changed = run(ALPHA, BETA);
    expect(changed.hash).not.toBe(first.hash);
    expect(changed.ino).not.toBe(first.ino);
    expect(run(...KOS).hash).toBe(first.hash);
  });

  test("gives an out-of-tree module only the aliases that it needs", () => {
    const tree = place();
    writeFileSync(
      join(tree, "hello.c"),
      `#define KEPT __attribute__((noipa))
extern void touch(int);
static KEPT void beta_alone(int x) { touch(x); touch(x); }
static KEPT void hello_only(int x) { touch(x); touch(x); }
static KEPT void panic(int x) { touch(x); touch(x); }
void hello(int x) { beta_alone(x); hello_only(x); panic(x); }
`,
    );
    tool("ld", ["-r", "-o", join(tree, "hello.ko"), compile(tree, "hello.c")]);
    const lines = linesOf(readFileSync(frequency, "utf8"));
    expect(lines).toContain("beta_alone:1");
    expect(lines).toContain("panic:1");
    const output = join(tree, "out");
    const hello = join(tree, "hello.ko");
    const args = [hello, "--symbol-frequency", frequency, "--inject", "--output-dir", output];
    const before = hashOf(frequency);
    const { rows } = table(...args);
    expect(aliasesOf(rows)).toEqual(["hello beta_alone@hello_c_3", "hello panic@hello_c_5"]);
    expect(hashOf(frequency)).toBe(before);
    const view = viewOf(hello);
    expectOnlyAliasesAdded(view, viewOf(join(output, "hello.ko")), aliasesByIndex(view, rows));
    expect(table(hello).rows).toEqual([]);
  });

  test.each([
    ["beta_alone:1\nno count\n", /: line 2 is not name:count: "no count"; /],
    ["beta_alone:1\n\nb:2\n", /: line 2 is not name:count: ""; /],
    ["b:2\nb:3\n", /: line 2 repeats b; /],
  ])("with a broken line, as in %j, is refused by the line's number", (text, message) => {
    const broken = join(place(), "broken");
    writeFileSync(broken, text);
    const said = failure(ALPHA, "--symbol-frequency", broken, "--table", "-");
    expect(said.slice(0, broken.length)).toBe(broken);
    expect(said).toMatch(message);
  });

  test("counts the names of a vmlinux.o too, without aliases for it", () => {
    const tree = place();
    writeFileSync(
      join(tree, "built-in.c"),
      "int lonely_part(int x) { return x; }\nint lonely_entry(int x) { return x; }\nint once(int x) { return x; }\n",
    );
    tool("ld", ["-r", "-o", join(tree, "vmlinux.o"), compile(tree, "built-in.c")]);
    const counts = join(tree, "modules.symbfreq");
    const { header, rows } = table(
      ...[LONELY, "--vmlinux", join(tree, "vmlinux.o"), "--symbol-frequency", counts],
    );
    expect(aliasesOf(rows)).toEqual([
      "lonely lonely_part@lib_lonely_c_3",
      "lonely lonely_entry@lib_lonely_c_4",
    ]);
    expect(header.objects.map(({ name }: { name: string }) => name)).toEqual(["lonely"]);
    const lines = linesOf(readFileSync(counts, "utf8"));
    expect(lines).toEqual(expect.arrayContaining(["lonely_part:2", "lonely_entry:2", "once:1"]));
  });

  test("must exist without --vmlinux", () => {
    expect(failure(ALPHA, "--table=-", "--symbol-frequency", join(directory, "nowhere"))).toMatch(
      /\/nowhere: cannot be read: no such file or directory; write it with kas-alias modules --vmlinux$/,
    );
  });
});

describe("--inject", () => {
  const output = join(directory, "out");
  const inputs = [ALPHA, BETA, GAMMA, LONELY];
  const hashes = inputs.map(hashOf);
  const rows = () => table(...inputs, "--vmlinux", SAMPLE).rows;

  beforeAll(() => {
    const args = ["--directory", TREE, "--vmlinux", SAMPLE, "--inject", "--output-dir", output];
    expect(kasAlias(["modules", ...args])).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  test("copies the modules that get aliases, without changing inputs", () => {
    const aliased = new Set(rows().map(({ object }) => object));
    expect(aliased).not.toContain("lonely");
    const expected = MODULES.filter((module) => aliased.has(nameOf(`${module}.ko`)));
    expect(filesBelow(output)).toEqual(expected.map((module) => `${module}.ko`).sort());
    expect(inputs.map(hashOf)).toEqual(hashes);
  });

  test("puts each alias directly after its symbol, and changes nothing else", () => {
    for (const module of MODULES.slice(0, 3)) {
      const before = viewOf(join(TREE, `${module}.ko`));
      const own = rows().filter(({ object }) => object === nameOf(`${module}.ko`));
      expect(own.length).toBeGreaterThan(1);
      expectOnlyAliasesAdded(before, viewOf(join(output, `${module}.ko`)), aliasesByIndex(before, own));
    }
  });

  test("gives the same bytes and table for modules that already have their aliases", () => {
    const again = join(place(), "out");
    const args = ["--directory", output, "--vmlinux", SAMPLE];
    const { rows: second } = table(...args, "--inject", "--output-dir", again);
    expect(second).toEqual(rows());
    expect(filesBelow(again)).toEqual(filesBelow(output));
    for (const path of filesBelow(output)) expect(hashOf(join(again, path))).toBe(hashOf(join(output, path)));
  });

  test("works on .o files of an order file, and keeps their folders", () => {
    const order = join(TREE, "modules.order.o");
    writeFileSync(order, MODULES.map((module) => `${module}.o\n`).join(""));
    const to = place();
    const args = ["--order", order, "--vmlinux", SAMPLE, "--inject", "--output-dir", to];
    expect(kasAlias(["modules", ...args]).status).toBe(0);
    expect(filesBelow(to)).toEqual(filesBelow(output).map((path) => path.replace(/ko$/, "o")));
    const alpha = join(to, "drivers/alpha/alpha-core.o");
    const { rows: own } = table(join(TREE, "drivers/alpha/alpha-core.o"), "--scope", "object");
    const text = tool("nm", [alpha]).toString();
    for (const { alias } of own) expect(text).toContain(` ${alias}\n`);
  });

  test("with --empty-others writes a file for each module; unchanged files are not rewritten", () => {
    const to = place();
    const args = ["--directory", TREE, "--inject", "--empty-others", "--output-dir", to];
    const files = (...more: string[]) => {
      expect(kasAlias(["modules", ...args, ...more])).toEqual({ status: 0, stdout: "", stderr: "" });
      return filesBelow(to).map((path) => {
        const { ino, mtimeNs } = statSync(join(to, path), { bigint: true });
        return { path, ino, mtimeNs, hash: hashOf(join(to, path)) };
      });
    };
    const first = files("--vmlinux", SAMPLE);
    expect(first.map(({ path }) => path)).toEqual(MODULES.map((module) => `${module}.ko`).sort());
    const injected = new Map(filesBelow(output).map((path) => [path, hashOf(join(output, path))]));
    const empty = hashOf("/dev/null");
    for (const { path, hash } of first) expect(hash).toBe(injected.get(path) ?? empty);
    expect(files("--vmlinux", SAMPLE)).toEqual(first);
    // Without vmlinux some aliases are not needed any more, and with --scope object a whole module's.
    const alone = files("--scope", "object");
    const changed = alone.filter(({ hash }, i) => hash !== first[i]?.hash).map(({ path }) => path);
    expect(changed).toContain("drivers/beta/beta.ko");
    for (const [i, file] of alone.entries()) {
      if (!changed.includes(file.path)) expect(file).toEqual(first[i]);
    }
    const { status, stderr } = kasAlias(["modules", ALPHA, "--empty-others"]);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: "kas-alias: --empty-others requires --inject\n",
    });
  });

  test("never overwrites a module that it reads", () => {
    for (const args of [
      [ALPHA, "--output-dir", dirname(ALPHA)],
      ["--directory", TREE, "--output-dir", TREE],
      ["--order", join(TREE, "modules.order"), "--output-dir", `${TREE}/lib/..`],
    ]) {
      expect(failureWith(2, "--inject", ...args)).toMatch(
        /\.ko: is also an input; choose another --output-dir$/,
      );
    }
    expect(inputs.map(hashOf)).toEqual(hashes);
  });

  test("and --output-dir require each other", () => {
    for (const args of [["--inject"], ["--output-dir", output]]) {
      const { status, stdout, stderr } = kasAlias(["modules", ALPHA, ...args]);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toBe("kas-alias: --inject and --output-dir require each other\n");
    }
  });

  test("refuses a signed module, unless with --drop-signature", () => {
    const signed = join(place(), "alpha-core.ko");
    // As scripts/sign-file.c appends it: a PKCS#7 message, struct module_signature, and a string.
    const message = Buffer.alloc(300, 0x30);
    const signature = Buffer.alloc(12);
    signature[2] = 2; // PKEY_ID_PKCS7
    signature.writeUInt32BE(message.length, 8);
    const mark = Buffer.from("~Module signature appended~\n");
    writeFileSync(signed, Buffer.concat([readFileSync(ALPHA), message, signature, mark]));
    const before = hashOf(signed);
    const to = join(place(), "out");
    const args = [signed, "--vmlinux", SAMPLE, "--inject", "--output-dir", to];
    expect(failure(...args)).toBe(`${signed}: is signed; inject before signing, or give --drop-signature`);
    expect(existsSync(join(to, "alpha-core.ko"))).toBe(false);
    expect(kasAlias(["modules", ...args, "--drop-signature"])).toEqual({ status: 0, stdout: "", stderr: "" });
    const unsigned = place();
    kasAlias(["modules", ALPHA, "--vmlinux", SAMPLE, "--inject", "--output-dir", unsigned]);
    expect(hashOf(join(to, "alpha-core.ko"))).toBe(hashOf(join(unsigned, "alpha-core.ko")));
    expect(hashOf(signed)).toBe(before);
  });

  test("refuses a compressed module", () => {
    const to = place();
    copyFileSync(ALPHA, join(to, "alpha-core.ko"));
    tool("xz", ["-q", join(to, "alpha-core.ko")]);
    const packed = join(to, "alpha-core.ko.xz");
    expect(failure(packed, "--inject", "--output-dir", join(to, "out"))).toBe(
      `${packed}: is compressed; inject aliases before you compress modules`,
    );
    expect(readdirSync(to)).toEqual(["alpha-core.ko.xz"]);
  });

  test("leaves complete copies or none when killed at any moment", async () => {
    const tree = place();
    const count = 60;
    writeFileSync(
      join(tree, "many.c"),
      "static __attribute__((noipa, used)) void same(int x) { (void)x; }\nchar blob[1000000] = { 1 };\n",
    );
    const object = compile(tree, "many.c");
    const modules = join(tree, "modules");
    mkdirSync(modules);
    for (let i = 0; i < count; i++) copyFileSync(object, join(modules, `m${i}.ko`));
    const args = (to: string) => ["modules", "--directory", modules, "--inject", "--output-dir", to];

    const whole = join(tree, "whole");
    expect(kasAlias(args(whole)).status).toBe(0);
    const complete = new Map(filesBelow(whole).map((path) => [path, hashOf(join(whole, path))]));
    expect(complete.size).toBe(count);
    const copiesIn = (to: string) =>
      existsSync(to) ? readdirSync(to).filter((name) => name.endsWith(".ko")) : [];

    let partial = 0;
    for (let copies = 1; copies <= count; copies += 12) {
      const to = join(tree, `killed-${copies}`);
      const { child, ended } = start(args(to), { stdio: "ignore" });
      let hasEnded = false;
      void ended.then(() => {
        hasEnded = true;
      });
      while (copiesIn(to).length < copies && !hasEnded) await sleep(1);
      child.kill("SIGKILL");
      await ended;
      const left = copiesIn(to);
      expect(left.length).toBeGreaterThanOrEqual(copies);
      for (const path of left) expect(hashOf(join(to, path))).toBe(complete.get(path));
      if (left.length < count) partial++;
      tool("rm", ["-r", to]);
    }
    expect(partial).toBeGreaterThan(0);
  }, 300_000);
});

describe("progress", () => {
  // Answers so late that the run takes more than a second.
  const slow = join(directory, "slow-addr2line");
  writeFileSync(slow, '#!/bin/sh\nsleep 0.3\nexec eu-addr2line "$@"\n');
  chmodSync(slow, 0o755);
  const args = [
    "modules",
    ...KOS,
    "--init",
    "--table=/dev/null",
    "--resolver",
    "addr2line",
    "--addr2line",
    slow,
  ];
  const onTerminal = (...more: string[]) => {
    const command = [process.execPath, PROGRAM, ...args, ...more].map((word) => `'${word}'`).join(" ");
    return tool("script", ["-qec", command, "/dev/null"]).toString();
  };

  test("is a bar on a terminal that disappears at the end", () => {
    const shown = onTerminal();
    expect(shown).toMatch(/modules \[.*\] \d+ %/);
    // The last thing that happens to the line is that it is cleared.
    const rest = shown.slice(shown.lastIndexOf("%"));
    expect(["K", "0K", "2K", "J", "0J"].some((clearing) => rest.includes(`\u001b[${clearing}`))).toBe(true);
  });

  test("is not shown with --quiet, or if standard error is a pipe", () => {
    expect(onTerminal("--quiet")).toBe("");
    expect(kasAlias(args)).toEqual({ status: 0, stdout: "", stderr: "" });
  });
});

describe("bad input is reported in one line, and no file changes", () => {
  const bad = join(directory, "bad");
  const path = (name: string) => join(bad, `${name}.ko`);
  mkdirSync(bad);
  writeFileSync(path("text"), "no object at all\n");
  writeFileSync(path("empty"), "");
  const bytes = readFileSync(ALPHA);
  const cuts = [1, 4, 40, 63, 64, 1000, bytes.length >> 1, bytes.length - 64, bytes.length - 1];
  for (const length of cuts) writeFileSync(path(`cut-${length}`), bytes.subarray(0, length));
  writeFileSync(join(bad, "arm.c"), "static __attribute__((used)) void show(void) {}\n");
  tool("clang", ["--target=aarch64-linux-gnu", "-g", "-O2", "-c", "-o", path("arm"), join(bad, "arm.c")]);
  tool("strip", ["-g", "-o", path("no-lines"), ALPHA]);
  tool("objcopy", ["--strip-all", LONELY, path("no-symbols")]);
  const garbage = join(bad, "garbage");
  writeFileSync(garbage, Buffer.alloc(64, 0xff));
  for (const section of ["info", "line"]) {
    tool("objcopy", [`--update-section=.debug_${section}=${garbage}`, ALPHA, path(`garbled-${section}`)]);
  }
  mkdirSync(path("directory"));
  copyFileSync(ALPHA, join(bad, "alpha_core.ko"));
  for (const [suffix, text] of [
    ["xz", "\xfd7zXZ\0broken"],
    ["gz", "\x1f\x8bbroken"],
    ["zst", "\x28\xb5\x2f\xfdbroken"],
  ] as const) {
    writeFileSync(`${path("packed")}.${suffix}`, text, "latin1");
  }

  /** Runs with old files in place, which must not change. @returns the message */
  function failing(...args: string[]): string {
    return failingWith(1, ...args);
  }

  function failingWith(status: number, ...args: string[]): string {
    const to = place();
    for (const name of ["t", "f"]) writeFileSync(join(to, name), `old ${name}`);
    const files = ["--table", join(to, "t"), "--symbol-frequency", join(to, "f"), "--inject"];
    const output = ["--output-dir", join(to, "out")];
    const said = failureWith(status, ...args, "--vmlinux", SAMPLE, ...files, ...output);
    expect(readdirSync(to).sort()).toEqual(["f", "t"]);
    for (const name of ["t", "f"]) expect(readFileSync(join(to, name), "utf8")).toBe(`old ${name}`);
    return said;
  }

  test.each([
    ["text", /: is not an ELF file; /],
    ["empty", /: is empty; /],
    ...cuts.map((length) => [`cut-${length}`, /(not an ELF file|cut short|beyond|outside|damaged)/] as const),
    ["arm", /: is for aarch64, but .*vmlinux is for x86-64; /],
    ["no-lines", /: no line information \(\.debug_line\); .*--debug-directory/],
    ["no-symbols", /: has no symbol table; /],
    ["garbled-info", /: \.debug_info: /],
    ["garbled-line", /: \.debug_line: /],
    ["missing", /: cannot be read: no such file or directory; /],
    ["directory", /: is a directory; /],
    ["packed.ko.xz", /: cannot be unpacked: /],
    ["packed.ko.gz", /: cannot be unpacked: /],
    ["packed.ko.zst", /: cannot be unpacked: /],
  ] as const)("%s", (name, message) => {
    const file = name.includes(".") ? join(bad, name) : path(name);
    const said = failing(BETA, file);
    expect(said.slice(0, file.length)).toBe(file);
    expect(said).toMatch(message);
  });

  test("relocations of a machine that the built-in resolver does not know", () => {
    const nios2 = Buffer.from(bytes);
    nios2.writeUInt16LE(113, 18);
    writeFileSync(path("nios2"), nios2);
    expect(failure(path("nios2"), "--table", join(place(), "t"))).toBe(
      `${path("nios2")}: relocations of nios2 are not supported; link it first or use --resolver addr2line`,
    );
  });

  test("two files with the same module name", () => {
    expect(failingWith(2, ALPHA, BETA, join(bad, "alpha_core.ko"))).toBe(
      `${join(bad, "alpha_core.ko")}: is the module alpha_core, and so is ${ALPHA}; give one of them`,
    );
  });

  test("a name that is not a module's", () => {
    expect(failing(ALPHA, join(TREE, "lib/gamma.c"))).toBe(
      `${join(TREE, "lib/gamma.c")}: is not a module file; give .ko or .o files`,
    );
  });

  test("an order file that is missing, or that lists something else", () => {
    const order = join(place(), "modules.order");
    expect(failing("--order", order)).toBe(
      `${order}: cannot be read: no such file or directory; build the modules first`,
    );
    writeFileSync(order, `${ALPHA}\nkernel.txt\n`);
    expect(failing("--order", order)).toBe(
      `${order}: line 2 is not a .o or .ko: "kernel.txt"; give a modules.order`,
    );
  });

  test("a directory that is missing or has no modules", () => {
    const empty = place();
    expect(failing("--directory", empty)).toBe(
      `${empty}: has no .ko files; give the directory of the modules`,
    );
    expect(failing("--directory", join(empty, "x"))).toMatch(
      /\/x: cannot be read: no such file or directory; /,
    );
  });

  test("a file that is not a vmlinux", () => {
    expect(failure(ALPHA, "--table=-", "--vmlinux", path("text"))).toMatch(
      /\/text\.ko: is not an ELF file; /,
    );
  });

  test("with --keep-going, the other modules are processed, and each bad one gets a line", () => {
    const to = place();
    const faults = ["text", `cut-${cuts[5]}`, "arm", "no-lines", "missing"].map(path);
    const goods = [ALPHA, BETA, GAMMA];
    const run = (paths: readonly string[], name: string) =>
      kasAlias([
        ...["modules", ...paths, "--scope", "object", "--vmlinux", SAMPLE, "--keep-going"],
        ...["--table", join(to, name), "--inject", "--output-dir", join(to, `${name}-out`)],
      ]);
    expect(run(goods, "good")).toEqual({ status: 0, stdout: "", stderr: "" });
    const { status, stdout, stderr } = run([...faults.slice(0, 3), ...goods, ...faults.slice(3)], "all");
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    const said = linesOf(stderr);
    expect(said).toHaveLength(faults.length + 1);
    for (const fault of faults) {
      expect(said.filter((line) => line.startsWith(`kas-alias: ${fault}: `))).toHaveLength(1);
    }
    expect(said.at(-1)).toBe("kas-alias: --keep-going: 5 modules failed; see the lines above");
    expect(readFileSync(join(to, "all"), "utf8")).toBe(readFileSync(join(to, "good"), "utf8"));
    expect(filesBelow(join(to, "all-out"))).toEqual(filesBelow(join(to, "good-out")));
    expect(filesBelow(join(to, "all-out")).length).toBeGreaterThan(0);
  });
});

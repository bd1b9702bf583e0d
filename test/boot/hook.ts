// The hook in real builds of one series, and the built kernels at run time. One test file per series calls it, so that
// the series run in parallel.

import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Source } from "../../scripts/kernel-sources.mjs";
import type { TableRow } from "../../src/table/alias-table.ts";
import { defined } from "../defined.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { boot } from "./guest.ts";
import { KernelBuild, type Made, OutsideModule, restoreTree, sourceOf, steps } from "./kernel-build.ts";
import { aliasedNames, sharedNames, symbolNames } from "./module-names.ts";
import { linesOf, rowsOf, StockKernel, succeed, testStockKernel } from "./stock-kernel.ts";

const BUILD_SECONDS = 3600;
/** Output of md5sum, but not for empty input. */
const SUM_OF_LINES = /^(?!d41d8cd98f00b204e9800998ecf8427e)[0-9a-f]{32}$/;
/** The modules in the tree; the last one shares no name. */
const [CORE, HWMON, CORDIC] = ["drivers/i2c/i2c-core", "drivers/hwmon/hwmon", "lib/math/cordic"] as const;
const MODULES = [CORE, HWMON, CORDIC];
/** Renames a function of hwmon.c to one that i2c-core alone had until then. */
const SHARED = "CFLAGS_hwmon.o=-Dhwmon_dev_release=i2c_adapter_dev_release";

export function testHook(series: string): void {
  const source = sourceOf(series);
  describe(`Linux ${series}`, { timeout: BUILD_SECONDS * 1000 }, () => testSeries(source));
}

function testSeries(source: Source): void {
  const { series, tree } = source;
  /** The temporary images, in the order of the links; the first with debug information. */
  const [firstImage, lastImage] =
    series === "6.1"
      ? ([".tmp_vmlinux.kallsyms1", ".tmp_vmlinux.kallsyms2"] as const)
      : ([".tmp_vmlinux1", ".tmp_vmlinux2"] as const);
  const images = [firstImage, lastImage];
  const third = series === "6.1" ? ".tmp_vmlinux.kallsyms3" : ".tmp_vmlinux3";
  const build = new KernelBuild(source);
  const directory = temporaryDirectory();
  const hello = new OutsideModule(build, "oot-module", join(directory, "hello"));
  /** From 7.2 on, the names of modules do not count by default. */
  const countsModules = !series.startsWith("7.");
  const counts = build.path("scripts/kas-alias/modules.symbfreq");
  const stock = new StockKernel(build, join(directory, "stock"));
  const modules = MODULES.map((module) => build.path(`${module}.ko`));
  const core = build.path(`${CORE}.ko`);

  /** Without the hook, with it but the option off, and with the option on. */
  let bare: Made;
  let bareWithoutBtf: Made;
  let withoutBtf: Made;
  let bareVmlinux = "";
  let off: Map<string, string>;
  let offKallsyms = 0;
  let on: Made;
  let onVmlinux = "";
  let onKallsyms = 0;
  let guest: Map<string, string>;
  let rows: TableRow[] = [];
  let wrapped: Made;
  /** Of kas-alias in a link of vmlinux. */
  let hookSeconds = 0;
  let wrapperSeconds = 0;
  /** `make modules` that only links the modules. */
  let bareModules: Made;
  let onModules: Made;

  const kallsymsSize = () =>
    Number(/^\.rodata\s+(\d+)/m.exec(tool("size", ["-A", kallsymsObject()]).toString())?.[1]);
  const kallsymsObject = () => build.path(series === "6.1" ? `${lastImage}.o` : `${lastImage}.kallsyms.o`);
  const aliasesOf = (image: string) =>
    linesOf(readFileSync(build.path(`${image}.syms.aliased`), "utf8")).filter((line) => line.includes("@"));
  const leftBehind = () =>
    readdirSync(build.directory)
      .filter((name) => /alias/.test(name))
      .sort();
  const debugSections = (image: string) =>
    tool("readelf", ["-SW", build.path(image)])
      .toString()
      .includes(" .debug_line ");

  function bootKernel(name: string, options: string, ...files: string[]): Map<string, string> {
    const folder = join(directory, name);
    mkdirSync(folder);
    build.must("bzImage");
    const installed = join(folder, "installed");
    build.must(`INSTALL_MOD_PATH=${installed}`, "INSTALL_MOD_STRIP=1", "modules_install");
    const paths = linesOf(tool("find", [installed, "-name", "*.ko"]).toString());
    expect(paths).toHaveLength(MODULES.length);
    return boot(
      build.path("arch/x86/boot/bzImage"),
      options,
      [...paths, hello.path("hello.ko"), ...files],
      folder,
    );
  }

  /** Adds aliases to the modules for the names that they share with each other and vmlinux. */
  function injectModules(): void {
    succeed("kernel", "inject", build.directory, "--scope", "global");
    const to = join(directory, "injected-hello");
    const options = ["--scope", "global", "--symbol-frequency", counts, "--inject", "--output-dir", to];
    succeed("modules", hello.path("hello.ko"), ...options);
    copyFileSync(join(to, "hello.ko"), hello.path("hello.ko"));
  }

  /** The names that each module shares with vmlinux or other modules, or has twice, as nm shows them. */
  function namesToAlias(): string[][] {
    const objects = ["vmlinux.o", ...MODULES.map((module) => `${module}.o`)];
    const shared = sharedNames(objects.map((path) => build.path(path)));
    return modules.map((path) => symbolNames(path).filter((name) => shared.has(name)));
  }

  /** A Node.js that logs the time of each run of kas-alias, and the seconds of all runs since the last call. */
  const timedNode = join(directory, "timed-node");
  const log = join(directory, "node-seconds");
  writeFileSync(
    timedNode,
    `#!/bin/sh\nstart=$(date +%s.%N)\n"${process.execPath}" "$@"\nstatus=$?\necho "$(date +%s.%N) - $start" | bc >>"${log}"\nexit $status\n`,
    { mode: 0o755 },
  );
  function aliasSeconds(): number {
    const runs = linesOf(readFileSync(log, "utf8")).map(Number);
    rmSync(log);
    return runs.reduce((sum, seconds) => sum + seconds, 0);
  }

  /** Links the modules anew, with nothing else to do. */
  function relinkModules(...args: string[]): Made {
    for (const path of modules) rmSync(path);
    return build.must("modules", ...args);
  }

  beforeAll(() => {
    restoreTree(source);
    build.configure("-d", "KALLSYMS_ALIAS_SRCLINE");
    build.must("vmlinux", "modules");
    bare = build.relink();
    bareVmlinux = build.sha256("vmlinux");
    offKallsyms = kallsymsSize();
    bareModules = relinkModules();
    hello.must("modules");
    off = bootKernel("off", "", ...stock.prepare([...modules, hello.path("hello.ko")]));
    stock.guest = off;
    bareWithoutBtf = build.relinkWith({ DEBUG_INFO_BTF: false });
    succeed("kernel", "install", tree);
  }, BUILD_SECONDS * 1000);

  test("with the option off, vmlinux is byte-identical to that of the tree without the hook", () => {
    build.configure();
    expect(steps(build.relink(), "ALIAS")).toEqual([]);
    expect(build.sha256("vmlinux")).toBe(bareVmlinux);
  });

  describe("with the option on", () => {
    beforeAll(() => {
      build.configure("-e", "KALLSYMS_ALIAS_SRCLINE");
      build.must("prepare");
      on = build.relink(`NODE=${timedNode}`);
      hookSeconds = aliasSeconds();
      build.must("vmlinux", "modules");
      rmSync(build.path(".tmp_aliased"), { recursive: true });
      onModules = relinkModules();
      hello.must("modules");
      onVmlinux = build.sha256("vmlinux");
      onKallsyms = kallsymsSize();
      const table = join(directory, "vmlinux.jsonl");
      succeed("vmlinux", build.path("vmlinux"), "--table", table);
      rows = rowsOf(table);
      if (!countsModules) injectModules();
      // The table has the addresses that the image was linked for.
      guest = bootKernel("on", "nokaslr");
    }, BUILD_SECONDS * 1000);

    test("there is an ALIAS step for each pass, and no additional link", () => {
      expect(steps(on, "ALIAS")).toEqual(images.map((image) => `ALIAS ${image}`));
      expect(steps(on, "LD", "BTF")).toEqual(steps(bare, "LD", "BTF"));
    });

    test("only the images that had debug information before have it now", () => {
      expect(debugSections(lastImage)).toBe(false);
      if (series === "6.1") expect(debugSections(firstImage)).toBe(false);
    });

    test("the final image has the addresses that the last pass gave the aliases", () => {
      expect(rows.length).toBeGreaterThan(100);
      expect(aliasesOf(lastImage)).toEqual(
        rows.map(({ address, type, alias }) => `${address} ${type} ${alias}`),
      );
    });

    test("a second make does nothing", () => {
      expect(steps(build.must("vmlinux", "modules"), "LD", "ALIAS", "BTF")).toEqual([]);
    });

    test("a new kas-alias.mjs links again; KALLSYMS_EXTRA_PASS=1 gives the same vmlinux; V=1 shows the commands", () => {
      tool("touch", [join(tree, "scripts/kas-alias.mjs")]);
      const { output } = build.must("vmlinux", "KALLSYMS_EXTRA_PASS=1", "V=1");
      const command = String.raw`^\+ \S*node \S*/scripts/kas-alias\.mjs vmlinux`;
      const runs = (what: string) => output.match(new RegExp(`${command} ${what}`, "gm"));
      expect(runs(String.raw`--nm \S+\.syms --debug-file \S+ `)).toHaveLength(1);
      expect(runs(String.raw`--nm \S+\.syms --reuse-table \S+ `)).toHaveLength(2);
      expect(aliasesOf(third)).toHaveLength(rows.length);
      expect(build.sha256("vmlinux")).toBe(onVmlinux);
    });

    describe("a failure stops the build with one line, and the next make continues", () => {
      /** Expects a failure. @returns the tool's message */
      function failure(...args: string[]): string[] {
        const before = build.sha256("vmlinux");
        tool("touch", [join(tree, "scripts/link-vmlinux.sh")]);
        const { status, output } = build.make("vmlinux", ...args);
        expect(status).not.toBe(0);
        expect(build.sha256("vmlinux")).toBe(before);
        return linesOf(output).filter((line) => line.startsWith("kas-alias: "));
      }

      /** A program that replaces node. */
      function node(name: string, script: string): string {
        const path = join(directory, name);
        writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
        return `NODE=${path}`;
      }

      test("without a Node of 20.19 or later", () => {
        const missing = join(directory, "missing");
        const words = "no such command; name a Node.js of version 20.19 or later with NODE=";
        expect(failure(`NODE=${missing}`)).toEqual([`kas-alias: ${missing}: ${words}`]);
        const old = node(
          "old",
          `exec ${process.execPath} --import 'data:text/javascript,Object.defineProperty(process.versions,"node",{value:"20.18.3"})' "$@"`,
        );
        expect(failure(old)).toEqual(["kas-alias: needs Node.js 20.19 or later; this is 20.18.3"]);
      });

      test("in the first pass, without leaving a table", () => {
        const full = node("full", `[ "$1" = -e ] && exit 0; ulimit -f 8; exec ${process.execPath} "$@"`);
        const [line, ...more] = failure(full);
        expect(line).toMatch(/^kas-alias: \.tmp_vmlinux\S+: cannot be written: /);
        expect(more).toEqual([]);
        expect(leftBehind().filter((name) => name.startsWith(".kas-alias"))).toEqual([]);
        expect(leftBehind()).not.toContain(".tmp_vmlinux.aliases");
        expect(leftBehind()).not.toContain(`${firstImage}.syms.aliased`);
      });

      test("in the second pass", () => {
        const other = node(
          "other",
          `case "$*" in *--reuse-table*) sed -i '/"name":"name_show"/d' .tmp_vmlinux.aliases;; esac; exec ${process.execPath} "$@"`,
        );
        expect(failure(other)).toEqual([
          expect.stringMatching(/^kas-alias: \.tmp_vmlinux\.aliases: ends after \d+ of its \d+ rows; /),
        ]);
        build.must("vmlinux");
        expect(build.sha256("vmlinux")).toBe(onVmlinux);
      });
    });

    test("without BTF, the debug information of vmlinux.o is enough; the aliases are the same", () => {
      const names = () => aliasesOf(lastImage).map((line) => line.slice(17));
      const withBtf = names();
      withoutBtf = build.relinkWith({ DEBUG_INFO_BTF: false });
      expect(steps(withoutBtf, "LD", "BTF")).toEqual(steps(bareWithoutBtf, "LD", "BTF"));
      expect(steps(withoutBtf, "BTF")).toEqual([]);
      expect(images.map(debugSections)).toEqual([false, false]);
      expect(names()).toEqual(withBtf);
    });

    test("linked from vmlinux.o, as with CONFIG_X86_KERNEL_IBT or LTO, the aliases are the same", () => {
      const names = () =>
        aliasesOf(lastImage)
          .map((line) => line.slice(19))
          .sort();
      const before = names();
      build.relinkWith({ DEBUG_INFO_BTF: false, X86_KERNEL_IBT: true });
      expect(images.map(debugSections)).toEqual([false, false]);
      expect(names()).toEqual(before);
    });

    test("without KALLSYMS_ALL, the aliases are the same", () => {
      const before = aliasesOf(lastImage).length;
      expect(steps(build.relinkWith({ KALLSYMS_ALL: false }), "ALIAS")).toHaveLength(2);
      expect(aliasesOf(lastImage)).toHaveLength(before);
      expect(kallsymsSize()).toBeLessThan(onKallsyms);
    });

    if (countsModules) {
      describe("modules, which count for each other and vmlinux,", () => {
        beforeAll(() => {
          build.must("vmlinux", "modules");
        });

        test("get aliases for the names that they share with vmlinux or each other, and no others", () => {
          const names = namesToAlias();
          expect(modules.map(aliasedNames)).toEqual(names);
          expect(names[0]).toContain("name_show");
          expect(names[1]).toContain("name_show");
          expect(names[2]).toEqual([]);
        });

        test("are linked unchanged without aliases, and always have BTF", () => {
          const copies = MODULES.map((module) => statSync(build.path(`.tmp_aliased/${module}.o`)).size > 0);
          expect(copies).toEqual([true, true, false]);
          for (const path of modules) expect(tool("readelf", ["-SW", path]).toString()).toMatch(/ \.BTF /);
        });

        test("are linked alone when their source changes, or with the modules whose names changed", () => {
          const linkOf = (module: string) => `LD ${module}.ko`;
          const same = build.must("modules", "CFLAGS_hwmon.o=-DNOTHING");
          expect(steps(same, "LD", "ALIAS").sort()).toEqual(["ALIAS .tmp_aliased/aliases", linkOf(HWMON)]);
          const renamed = steps(build.must("modules", SHARED), "LD", "ALIAS");
          expect(renamed.sort()).toEqual(["ALIAS .tmp_aliased/aliases", linkOf(HWMON), linkOf(CORE)]);
          for (const path of modules.slice(0, 2)) {
            expect(aliasedNames(path)).toContain("i2c_adapter_dev_release");
          }
          expect(steps(build.must("modules"), "LD")).not.toContain(linkOf(CORDIC));
          expect(aliasedNames(core)).not.toContain("i2c_adapter_dev_release");
        });

        test("count only their own names without vmlinux.o, and the build reports it", () => {
          const [there, away] = [build.path("vmlinux.o"), build.path("away.o")];
          renameSync(there, away);
          try {
            // With BTF modules need vmlinux.
            const { output } = build.must(
              "modules",
              "CONFIG_DEBUG_INFO_BTF_MODULES=",
              "KBUILD_MODPOST_WARN=1",
            );
            expect(output).toContain(
              "WARNING: vmlinux.o is missing.\n         The kernel's names do not count for the aliases of modules.\n",
            );
            for (const path of modules.slice(0, 2)) expect(aliasedNames(path)).toContain("name_show");
            expect(aliasedNames(core)).not.toContain("modalias_show");
          } finally {
            renameSync(away, there);
          }
          build.must("modules");
          expect(aliasedNames(core)).toContain("modalias_show");
        });

        test("are installed and signed with their aliases; V=1 shows the commands", () => {
          rmSync(build.path(".tmp_aliased/aliases"));
          const { output } = build.must("modules", "V=1");
          expect(output).toMatch(
            /node \S*\/scripts\/kas-alias\.mjs modules --order \S+ --vmlinux vmlinux\.o /,
          );
          const to = join(directory, "installed");
          build.must(`INSTALL_MOD_PATH=${to}`, "modules_install");
          for (const path of modules) {
            const found = linesOf(tool("find", [to, "-name", basename(path)]).toString());
            const installed = defined(found[0], `${basename(path)} below ${to}`);
            expect(tool("modinfo", ["-F", "sig_hashalgo", installed]).toString()).toMatch(/^sha/);
            expect(aliasedNames(installed)).toEqual(aliasedNames(path));
          }
        });

        test("outside the tree get the aliases that the kernel's modules.symbfreq asks for", () => {
          expect(aliasedNames(hello.path("hello.ko"))).toEqual(["name_show"]);
          expect(tool("nm", [hello.path("hello.ko")]).toString()).toContain(" name_show@hello_c_");
          // The counts have changed since, and changed back.
          expect(steps(hello.must("modules"), "LD")).toEqual([]);
          expect(steps(hello.must("modules"), "LD", "ALIAS")).toEqual([]);
        });

        test("outside the tree report a missing modules.symbfreq; clean removes everything", () => {
          const other = new OutsideModule(build, "oot-module", join(directory, "no-counts"));
          const before = readdirSync(other.directory).sort();
          const [there, away] = [counts, build.path("away")];
          renameSync(there, away);
          try {
            const { output } = other.must("modules");
            expect(output).toMatch(/^WARNING: \S*scripts\/kas-alias\/modules\.symbfreq is missing\.$/m);
            expect(aliasedNames(other.path("hello.ko"))).toEqual([]);
          } finally {
            renameSync(away, there);
          }
          expect(steps(other.must("modules"), "LD")).toEqual([`LD ${other.path("hello.ko")}`]);
          expect(aliasedNames(other.path("hello.ko"))).toEqual(["name_show"]);
          other.must("clean");
          expect(readdirSync(other.directory).sort()).toEqual(before);
        });

        test("keep the order of their aliases, although GNU ld reorders global names", () => {
          const other = new OutsideModule(build, "oot-module", join(directory, "globals"));
          const names = [
            "modalias_show",
            "dev_show",
            "uevent_show",
            "type_show",
            "resource_show",
            "irq_show",
          ];
          const functions = names.map((name) => `int ${name}(void);\nint ${name}(void) { return 1; }\n`);
          appendFileSync(other.path("hello.c"), functions.join(""));
          other.must("modules");
          const lines = linesOf(tool("nm", ["-p", other.path("hello.ko")]).toString());
          const places = names.map((name) => {
            const line = (wanted: RegExp) => lines.findIndex((text) => wanted.test(text));
            return {
              name,
              original: line(RegExp(` T ${name}$`)),
              alias: line(RegExp(` T ${name}@hello_c_`)),
            };
          });
          const aliased = places.filter(({ alias }) => alias !== -1);
          expect(aliased.length).toBeGreaterThan(2);
          for (const { original, alias } of aliased) expect(alias).toBeGreaterThan(original);
        });

        test("count for vmlinux with KALLSYMS_ALIAS_SRCLINE_MODULES, which waits for their objects", () => {
          build.configure("-e", "KALLSYMS_ALIAS_SRCLINE_MODULES");
          const rename = "CFLAGS_hwmon.o=-Dhwmon_dev_release=kernel_init";
          const made = steps(build.must("vmlinux", rename), "LD", "ALIAS");
          expect(made.indexOf("ALIAS .tmp_aliased/aliases")).toBe(0);
          expect(made.slice(1, 2)).toEqual([expect.stringMatching(/^LD \.tmp_vmlinux/)]);
          const names = (image: string) => aliasesOf(image).map((line) => line.slice(19));
          const more = names(lastImage).filter((name) => !rows.some(({ alias }) => alias === name));
          expect(more).toContainEqual(expect.stringMatching(/^kernel_init@init_main_c_\d+$/));
          const shared = sharedNames(
            ["vmlinux.o", ...MODULES.map((module) => `${module}.o`)].map((path) => build.path(path)),
          );
          for (const name of more) expect(shared).toContain(name.replace(/@.*/, ""));
          expect(steps(build.must("vmlinux", rename), "LD", "ALIAS")).toEqual([]);
        });

        test("and vmlinux get aliases for variables with KALLSYMS_ALIAS_SRCLINE_DATA", () => {
          build.configure("-d", "KALLSYMS_ALIAS_SRCLINE_MODULES", "-e", "KALLSYMS_ALIAS_SRCLINE_DATA");
          build.must("vmlinux", "modules");
          const listing = linesOf(readFileSync(build.path(`${lastImage}.syms.aliased`), "utf8"));
          const pairs = listing.flatMap((line, i) =>
            /^\S+ [^tTwW] \S+@/.test(line)
              ? [[line, defined(listing[i - 1], `line before ${line}`)] as const]
              : [],
          );
          expect(pairs.length).toBeGreaterThan(50);
          const withoutNumber = (line: string) => line.replace(/(\.\d+)?(@.*)?$/, "");
          for (const [alias, original] of pairs) {
            expect(alias).not.toMatch(/\.\d+@/);
            expect(withoutNumber(alias)).toBe(withoutNumber(original));
          }
          expect(aliasesOf(lastImage).filter((line) => /^\S+ [tTwW] /.test(line))).toHaveLength(rows.length);
          expect(tool("nm", [core]).toString()).toMatch(/ [bBdDrR] \S+@drivers_i2c_/);
        });
      });
    }

    if (!countsModules) {
      describe("modules, which do not count,", () => {
        beforeAll(() => {
          for (const path of modules) rmSync(path);
          build.must("vmlinux", "modules");
        });

        test("are linked unchanged if no name occurs in them twice, and always have BTF", () => {
          for (const path of modules) {
            expect(aliasedNames(path)).toEqual([]);
            expect(tool("readelf", ["-SW", path]).toString()).toMatch(/ \.BTF /);
          }
        });

        test("outside the tree get aliases for names that occur in them twice", () => {
          const target = new OutsideModule(build, "livepatch/target", join(directory, "three-names"));
          target.must("modules");
          expect(aliasedNames(target.path("three_names.ko"))).toEqual([
            "name_show",
            "name_show",
            "name_show",
          ]);
          expect(steps(target.must("modules"), "LD", "ALIAS")).toEqual([]);
        });

        test("count for vmlinux and each other with KALLSYMS_ALIAS_SRCLINE_MODULES", () => {
          build.configure("-e", "KALLSYMS_ALIAS_SRCLINE_MODULES");
          const made = steps(build.must("vmlinux", "modules"), "LD", "ALIAS");
          expect(made.indexOf("ALIAS .tmp_aliased/aliases")).toBe(0);
          const names = namesToAlias();
          expect(modules.map(aliasedNames)).toEqual(names);
          expect(names[0]).toContain("name_show");
          const more = aliasesOf(lastImage)
            .map((line) => line.slice(19))
            .filter((name) => !rows.some(({ alias }) => alias === name));
          expect(more.length).toBeGreaterThan(0);
          const inModules = new Set(modules.flatMap(symbolNames));
          for (const name of more) expect(inModules).toContain(name.replace(/@.*/, ""));
          build.configure("-d", "KALLSYMS_ALIAS_SRCLINE_MODULES");
        });
      });
    }

    describe("modules", () => {
      test("need not be configured", () => {
        build.configure("-d", "KALLSYMS_ALIAS_SRCLINE_DATA", "-d", "I2C", "-d", "HWMON", "-d", "CORDIC");
        expect(steps(build.must("vmlinux", "modules"), "ALIAS").at(-1)).toBe(`ALIAS ${lastImage}`);
        expect(readFileSync(build.path("modules.order"), "utf8")).toBe("");
        expect(aliasesOf(lastImage)).toHaveLength(rows.length);
        build.configure("-m", "I2C", "-m", "HWMON", "-m", "CORDIC");
      });
    });

    test("remove restores the tree", () => {
      expect(succeed("kernel", "remove", tree)).toBe("");
      const changed = tool("sh", [
        "-c",
        'cd "$0" && find . -type f -exec cmp {} "$1"/{} \\;',
        source.pristine,
        tree,
      ]);
      expect(changed.toString()).toBe("");
      expect(readdirSync(join(tree, "scripts"))).not.toContain("kas-alias.mjs");
    });

    describe("and then removed, an nm wrapper", () => {
      const wrapper = join(directory, "kas-nm");
      const hookMap = join(directory, "System.map");
      const wrap = (...options: string[]) =>
        succeed("kernel", "wrap", "-o", wrapper, "--build", build.directory, ...options);
      const NM = `NM=${wrapper}`;

      beforeAll(() => {
        // Everything as with the hook alone.
        succeed("kernel", "install", tree);
        build.configure("-e", "KALLSYMS_ALIAS_SRCLINE", "-d", "KALLSYMS_ALIAS_SRCLINE_DATA");
        build.must("vmlinux", "modules");
        expect(build.sha256("vmlinux")).toBe(onVmlinux);
        copyFileSync(build.path("System.map"), hookMap);
        succeed("kernel", "remove", tree);
        build.configure();
        expect(readFileSync(build.path(".config"), "utf8")).not.toContain("ALIAS_SRCLINE");
        wrap();
        // nm is in the commands of other files.
        build.must("vmlinux", "modules", NM);
        wrapped = build.relink(NM, `NODE=${timedNode}`);
        wrapperSeconds = aliasSeconds();
      }, BUILD_SECONDS * 1000);

      test("gives the same vmlinux, without a change of the tree", () => {
        expect(steps(wrapped, "ALIAS")).toEqual(images.map((image) => `ALIAS ${image}`));
        expect(steps(wrapped, "LD", "BTF")).toEqual(steps(bare, "LD", "BTF"));
        expect(build.sha256("vmlinux")).toBe(onVmlinux);
      });

      test("adds the aliases to System.map, which depmod and the ranges of built-in modules do not mind", () => {
        const lines = linesOf(readFileSync(build.path("System.map"), "utf8"));
        expect(lines.filter((line) => line.includes("@"))).toHaveLength(rows.length);
        expect(`${lines.filter((line) => !line.includes("@")).join("\n")}\n`).toBe(
          readFileSync(hookMap, "utf8"),
        );
        const to = join(directory, "for-depmod");
        build.must(`INSTALL_MOD_PATH=${to}`, "modules_install", NM);
        const release = defined(readdirSync(join(to, "lib/modules"))[0], "a release");
        for (const map of [build.path("System.map"), hookMap]) {
          const warnings = tool("sh", ["-c", 'exec depmod -ae -F "$0" -b "$1" "$2" 2>&1', map, to, release]);
          expect(warnings.toString()).toBe("");
          if (series === "6.1") continue;
          const verify = join(tree, "scripts/verify_builtin_ranges.awk");
          const files = ["modules.builtin", "vmlinux.map", "vmlinux.o.map"];
          const arguments_ = [verify, "modules.builtin.ranges", map, ...files];
          const verified = tool("sh", ["-c", 'cd "$0" && exec gawk -f "$@"', build.directory, ...arguments_]);
          expect(verified.toString()).toMatch(/^ {2}Correct matches: +[1-9][0-9]* \(100% of total\)$/m);
        }
      });

      test("is not needed for a second make, and asks for another link when its options change", () => {
        const linked = () => steps(build.must("vmlinux", NM), "LD", "ALIAS").length > 0;
        expect(linked()).toBe(false);
        wrap();
        expect(linked()).toBe(false);
        wrap("--data");
        expect(linked()).toBe(true);
        expect(linesOf(readFileSync(build.path("System.map"), "utf8"))).toContainEqual(
          expect.stringMatching(/^\S+ [bBdDrR] \S+@/),
        );
        wrap();
        expect(linked()).toBe(true);
        expect(build.sha256("vmlinux")).toBe(onVmlinux);
      });

      test("stops the build with one line if it fails, and the next make continues", () => {
        tool("touch", [join(tree, "scripts/link-vmlinux.sh")]);
        const { status, output } = build.make("vmlinux", NM, `NODE=${join(directory, "missing")}`);
        expect(status).not.toBe(0);
        expect(linesOf(output).filter((line) => line.startsWith("kas-alias: "))).toHaveLength(1);
        expect(steps(build.must("vmlinux", NM), "ALIAS")).toHaveLength(images.length);
        expect(build.sha256("vmlinux")).toBe(onVmlinux);
      });

      test("leaves the modules to `kernel inject`, which gives each its aliases, once", () => {
        build.must("modules", NM);
        for (const path of modules) expect(aliasedNames(path)).toEqual([]);
        const names = namesToAlias();
        expect(names[0]).toContain("name_show");
        const scope = ["--scope", "global"];
        succeed("kernel", "inject", build.directory, ...scope);
        expect(modules.map(aliasedNames)).toEqual(names);
        for (const path of modules)
          for (const [, place] of tool("nm", [path]).toString().matchAll(/@(.*)/g))
            expect(place).toMatch(/^(drivers|include|lib)_/);
        const before = modules.map((path) => statSync(path).mtimeMs);
        succeed("kernel", "inject", build.directory, ...scope);
        expect(modules.map((path) => statSync(path).mtimeMs)).toEqual(before);
        expect(steps(build.must("modules", NM), "LD", "BTF")).toEqual([]);
        const to = join(directory, "injected");
        build.must(`INSTALL_MOD_PATH=${to}`, "modules_install", NM);
        for (const [i, path] of modules.entries()) {
          const [installed] = linesOf(tool("find", [to, "-name", basename(path)]).toString());
          expect(aliasedNames(defined(installed, path))).toEqual(names[i]);
        }
      });
    });
  });

  describe("in the guest", () => {
    test("without the option, no name has an @, and a probe of a duplicated name is refused", () => {
      expect(off.get("aliases")).toBe("");
      expect(off.get("bare")).toBe("refused");
      expect(off.get("error")).toContain("The symbol is not unique");
    });

    test("/proc/kallsyms has every alias of the table directly after its original, at the same address", () => {
      const lines = linesOf(defined(guest.get("aliases"), "the guest's section `aliases`"));
      const pairs = rows.flatMap(({ address, type, name, alias }) => [
        `${address} ${type} ${name}`,
        `${address} ${type} ${alias}`,
      ]);
      expect(lines).toEqual(pairs);
    });

    test("the aliases are the only new names, and the others keep their order, so every sympos stays the same", () => {
      expect(Number(guest.get("lines")) - Number(off.get("lines"))).toBe(rows.length);
      expect(off.get("names")).toMatch(SUM_OF_LINES);
      expect(guest.get("names")).toBe(off.get("names"));
    });

    test("modules' aliases exist while the modules are loaded, directly after their originals", () => {
      for (const kernel of [off, guest]) {
        expect(kernel.get("insmod")).toBe("done");
        expect(kernel.get("rmmod")).toBe("done");
        expect(kernel.get("after rmmod")).toBe("0");
      }
      expect(off.get("module aliases")).toBe("");
      const lines = linesOf(defined(guest.get("module aliases"), "the guest's section `module aliases`"));
      const pairs = lines.flatMap((line, i) =>
        i % 2 === 0 ? [[line, defined(lines[i + 1], `alias after ${line}`)] as const] : [],
      );
      for (const [original, alias] of pairs) expect(alias.replace(/@[^\t]*/, "")).toBe(original);
      const show = lines.filter((line) => / name_show\t/.test(line)).map((line) => line.split("\t")[1]);
      expect(show.sort()).toEqual(["[hello]", "[hwmon]", "[i2c_core]"]);
    });

    test("with modules too, the other names keep their order", () => {
      expect(off.get("names with modules")).toMatch(SUM_OF_LINES);
      expect(off.get("names with modules")).not.toBe(off.get("names"));
      expect(guest.get("names with modules")).toBe(off.get("names with modules"));
    });

    test("a probe of a module's alias is accepted, and fires only for its function", () => {
      expect(guest.get("module alias")).toBe("accepted");
      expect(guest.get("module namesake read")).toBe("0");
      expect(guest.get("module read")).toBe("1");
      const trace = defined(guest.get("module trace"), "the guest's section `module trace`");
      expect(trace).toMatch(/ two: \(name_show\+0x[0-9a-f]+\/0x[0-9a-f]+ \[hello\]\)/);
      expect(trace).not.toContain("@");
    });

    test("a name of vmlinux that a module has too is refused before 7.2, and accepted from then on", () => {
      expect(rows.some(({ name }) => name === "modalias_show")).toBe(false);
      expect(symbolNames(build.path("vmlinux.o"))).toContain("modalias_show");
      for (const kernel of [off, guest]) {
        expect(kernel.get("shared with a module")).toBe(countsModules ? "refused" : "accepted");
      }
    });

    test("a probe of an alias is accepted where its name is refused, and fires only for its function", () => {
      expect(guest.get("bare")).toBe("refused");
      expect(guest.get("error")).toContain("The symbol is not unique");
      expect(guest.get("alias")).toBe("accepted");
      expect(guest.get("namesake read")).toBe("0");
      expect(guest.get("read")).toBe("1");
    });

    test("the trace and the stack show the original name", () => {
      const trace = defined(guest.get("trace"), "the guest's section `trace`");
      expect(trace).toMatch(/ one: \(name_show\+0x[0-9a-f]+\/0x[0-9a-f]+\)/);
      expect(trace).toMatch(/^ => name_show$/m);
      expect(trace).not.toContain("@");
    });

    testStockKernel(stock);

    test("tracefs treats aliases as docs/kernel-integration.md describes", () => {
      expect(guest.get("long event")).toBe("refused");
      expect(guest.get("event of 63")).toBe("accepted");
      expect(guest.get("ftrace alias")).toBe("refused");
      const namesakes = rows.filter(({ name }) => name === "name_show").length;
      expect(guest.get("ftrace name")).toBe(`accepted\n${namesakes}`);
    });

    test("the costs", () => {
      const bytes = onKallsyms - offKallsyms;
      const [without, withAliases] = [bareWithoutBtf, withoutBtf].map(({ seconds }) => seconds);
      const figures = {
        relink: { without: bare.seconds, withAliases: on.seconds },
        relinkWithoutBtf: { without, withAliases },
        relinkByWrapper: wrapped.seconds,
        aliases: { hook: hookSeconds, wrapper: wrapperSeconds, ofLink: hookSeconds / bare.seconds },
        modules: { without: bareModules.seconds, withAliases: onModules.seconds },
        bytesPerAlias: bytes / rows.length,
      };
      process.stdout.write(`${series}: ${JSON.stringify(figures)}\n`);
      expect(bytes / rows.length).toBeLessThan(100);
    });
  });
}

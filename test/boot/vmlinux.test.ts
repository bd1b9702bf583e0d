// The hook in real builds, and what the built kernels say when they run.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { TableRow } from "../../src/table/alias-table.ts";
import { kasAlias } from "../commands/program.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { boot } from "./guest.ts";
import { KernelBuild, type Made, restoreTree, sources, steps } from "./kernel-build.ts";

const BUILD_SECONDS = 1800;
const linesOf = (text: string) => text.split("\n").filter((line) => line !== "");

describe.each(sources)("Linux $series", { timeout: BUILD_SECONDS * 1000 }, (source) => {
  const { series, tree } = source;
  /** The temporary images, in the order of the links; the first with debug information. */
  const images =
    series === "6.1"
      ? [".tmp_vmlinux.kallsyms1", ".tmp_vmlinux.kallsyms2"]
      : [".tmp_vmlinux1", ".tmp_vmlinux2"];
  const third = series === "6.1" ? ".tmp_vmlinux.kallsyms3" : ".tmp_vmlinux3";
  const build = new KernelBuild(source);
  const directory = temporaryDirectory();
  const modules = () => ["drivers/i2c/i2c-core.ko", "drivers/hwmon/hwmon.ko"].map((path) => build.path(path));

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

  const kallsymsSize = () =>
    Number(/^\.rodata\s+(\d+)/m.exec(tool("size", ["-A", kallsymsObject()]).toString())?.[1]);
  const kallsymsObject = () => build.path(series === "6.1" ? `${images[1]}.o` : `${images[1]}.kallsyms.o`);
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

  function bootKernel(name: string): Map<string, string> {
    const folder = join(directory, name);
    tool("mkdir", [folder]);
    build.must("bzImage");
    return boot(build.path("arch/x86/boot/bzImage"), modules(), folder);
  }

  beforeAll(() => {
    restoreTree(source);
    build.configure("-d", "KALLSYMS_ALIAS_SRCLINE");
    build.must("vmlinux", "modules");
    bare = build.relink();
    bareVmlinux = build.sha256("vmlinux");
    offKallsyms = kallsymsSize();
    bareWithoutBtf = build.relinkWithout("DEBUG_INFO_BTF");
    off = bootKernel("off");
    const { status, stderr } = kasAlias(["kernel", "install", tree]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  }, BUILD_SECONDS * 1000);

  test("with the option off, vmlinux is byte for byte that of the tree without the hook", () => {
    build.configure();
    expect(steps(build.relink(), "ALIAS")).toEqual([]);
    expect(build.sha256("vmlinux")).toBe(bareVmlinux);
  });

  describe("with the option on", () => {
    beforeAll(() => {
      build.configure("-e", "KALLSYMS_ALIAS_SRCLINE");
      build.must("vmlinux", "modules");
      on = build.relink();
      onVmlinux = build.sha256("vmlinux");
      onKallsyms = kallsymsSize();
      const table = join(directory, "vmlinux.jsonl");
      expect(kasAlias(["vmlinux", build.path("vmlinux"), "--table", table]).status).toBe(0);
      rows = linesOf(readFileSync(table, "utf8"))
        .slice(1)
        .map((line) => JSON.parse(line));
      guest = bootKernel("on");
    }, BUILD_SECONDS * 1000);

    test("there is an ALIAS step for each pass, and no other link", () => {
      expect(steps(on, "ALIAS")).toEqual(images.map((image) => `ALIAS ${image}.syms.aliased`));
      expect(steps(on, "LD", "BTF")).toEqual(steps(bare, "LD", "BTF"));
    });

    test("only the images that had debug information before have it", () => {
      expect(debugSections(images[1] as string)).toBe(false);
      if (series === "6.1") expect(debugSections(images[0] as string)).toBe(false);
    });

    test("the final image has the addresses that the last pass gave the aliases", () => {
      expect(rows.length).toBeGreaterThan(100);
      expect(aliasesOf(images[1] as string)).toEqual(
        rows.map(({ address, type, alias }) => `${address} ${type} ${alias}`),
      );
    });

    test("a second make links nothing; a new kas-alias.mjs does", () => {
      expect(steps(build.must("vmlinux"), "LD", "ALIAS")).toEqual([]);
      tool("touch", [join(tree, "scripts/kas-alias.mjs")]);
      expect(steps(build.must("vmlinux"), "ALIAS")).toHaveLength(2);
      expect(build.sha256("vmlinux")).toBe(onVmlinux);
    });

    test("KALLSYMS_EXTRA_PASS=1 gives the same vmlinux", () => {
      const made = build.relink("KALLSYMS_EXTRA_PASS=1");
      expect(steps(made, "ALIAS").at(-1)).toBe(`ALIAS ${third}.syms.aliased`);
      expect(build.sha256("vmlinux")).toBe(onVmlinux);
    });

    test("V=1 shows the commands", () => {
      const { output } = build.relink("V=1");
      expect(output).toMatch(
        /^\+ \S*node \S*\/scripts\/kas-alias\.mjs vmlinux --nm \S+\.syms --debug-file \S+ /m,
      );
      expect(output).toMatch(
        /^\+ \S*node \S*\/scripts\/kas-alias\.mjs vmlinux --nm \S+\.syms --reuse-table \S+ /m,
      );
    });

    describe("a failure stops the build with one line, and the next make goes on", () => {
      /** Fails, and gives what the tool said. */
      function failure(...args: string[]): string[] {
        const before = build.sha256("vmlinux");
        tool("touch", [join(tree, "scripts/link-vmlinux.sh")]);
        const { status, output } = build.make("vmlinux", ...args);
        expect(status).not.toBe(0);
        expect(build.sha256("vmlinux")).toBe(before);
        return linesOf(output).filter((line) => line.startsWith("kas-alias: "));
      }

      /** A program that stands in for node. */
      function node(name: string, script: string): string {
        const path = join(directory, name);
        writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
        return `NODE=${path}`;
      }

      test("without a Node of 20.19 or later", () => {
        const missing = join(directory, "missing");
        const words =
          "is no Node.js of version 20.19 or later; name one with NODE=, or disable CONFIG_KALLSYMS_ALIAS_SRCLINE";
        expect(failure(`NODE=${missing}`)).toEqual([`kas-alias: ${missing}: ${words}`]);
        const old = node(
          "old",
          `exec ${process.execPath} --import 'data:text/javascript,Object.defineProperty(process.versions,"node",{value:"20.18.3"})' "$@"`,
        );
        expect(failure(old)).toEqual([`kas-alias: ${join(directory, "old")}: ${words}`]);
      });

      test("in the first pass, leaving no table", () => {
        const full = node("full", `[ "$1" = -e ] && exit 0; ulimit -f 8; exec ${process.execPath} "$@"`);
        const [line, ...more] = failure(full);
        expect(line).toMatch(/^kas-alias: \.tmp_vmlinux\S+: cannot be written: /);
        expect(more).toEqual([]);
        expect(leftBehind().filter((name) => name.startsWith(".kas-alias"))).toEqual([]);
        expect(leftBehind()).not.toContain(".tmp_vmlinux.aliases");
        expect(leftBehind()).not.toContain(`${images[0]}.syms.aliased`);
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

    test("without BTF, the first image alone keeps debug information; the aliases are the same", () => {
      const names = () => aliasesOf(images[1] as string).map((line) => line.slice(17));
      const withBtf = names();
      withoutBtf = build.relinkWithout("DEBUG_INFO_BTF");
      expect(steps(withoutBtf, "LD", "BTF")).toEqual(steps(bareWithoutBtf, "LD", "BTF"));
      expect(steps(withoutBtf, "BTF")).toEqual([]);
      expect(images.map(debugSections)).toEqual([true, false]);
      expect(names()).toEqual(withBtf);
    });

    test("without KALLSYMS_ALL, the aliases are the same", () => {
      const before = aliasesOf(images[1] as string).length;
      expect(steps(build.relinkWithout("KALLSYMS_ALL"), "ALIAS")).toHaveLength(2);
      expect(aliasesOf(images[1] as string)).toHaveLength(before);
      expect(kallsymsSize()).toBeLessThan(onKallsyms);
    });

    test("remove restores the tree, and the build", () => {
      expect(kasAlias(["kernel", "remove", tree])).toEqual({ status: 0, stdout: "", stderr: "" });
      const changed = tool("sh", [
        "-c",
        'cd "$0" && find . -type f -exec cmp {} "$1"/{} \\;',
        source.pristine,
        tree,
      ]);
      expect(changed.toString()).toBe("");
      expect(readdirSync(join(tree, "scripts"))).not.toContain("kas-alias.mjs");
      build.configure();
      build.relink();
      expect(build.sha256("vmlinux")).toBe(bareVmlinux);
    });
  });

  describe("in the guest", () => {
    test("without the option, no name has an @, and a duplicated one is refused", () => {
      expect(off.get("aliases")).toBe("");
      expect(off.get("bare")).toBe("refused");
      expect(off.get("error")).toContain("The symbol is not unique");
    });

    test("/proc/kallsyms has every alias of the table directly behind its original, at the same address", () => {
      const lines = linesOf(guest.get("aliases") as string);
      const pairs = rows.flatMap(({ address, type, name, alias }) => [
        `${address} ${type} ${name}`,
        `${address} ${type} ${alias}`,
      ]);
      expect(lines).toEqual(pairs);
    });

    test("there are as many more names as aliases, and the others stand as they stood, so every sympos is the same", () => {
      expect(Number(guest.get("lines")) - Number(off.get("lines"))).toBe(rows.length);
      expect(guest.get("names")).toBe(off.get("names"));
    });

    test("an alias is probed where its name is refused, and fires for its own function only", () => {
      expect(guest.get("bare")).toBe("refused");
      expect(guest.get("error")).toContain("The symbol is not unique");
      expect(guest.get("alias")).toBe("accepted");
      expect(guest.get("namesake read")).toBe("0");
      expect(guest.get("read")).toBe("1");
    });

    test("the trace and the stack show the original name", () => {
      const trace = guest.get("trace") as string;
      expect(trace).toMatch(/ one: \(name_show\+0x[0-9a-f]+\/0x[0-9a-f]+\)/);
      expect(trace).toMatch(/^ => name_show$/m);
      expect(trace).not.toContain("@");
    });

    test("what tracefs makes of an alias is as docs/kernel-integration.md tells", () => {
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
        bytesPerAlias: bytes / rows.length,
      };
      process.stdout.write(`${series}: ${JSON.stringify(figures)}\n`);
      expect(bytes / rows.length).toBeLessThan(100);
    });
  });
});

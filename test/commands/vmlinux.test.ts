import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { labelsOf } from "../labels.ts";
import { buildSample, SAMPLE } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { kasAlias, PROGRAM } from "./program.ts";

const directory = temporaryDirectory();
let places = 0;

/** An empty directory of a test's own. */
function place(): string {
  const path = join(directory, String(++places));
  mkdirSync(path);
  return path;
}

const NM = tool("nm", ["-n", SAMPLE]).toString();
const ALIASED = kasAlias(["vmlinux", SAMPLE]).stdout;

const isAlias = (line: string) => line.includes("@");
const linesOf = (text: string) => text.split("\n").filter((line) => line !== "");
const aliasesOf = (text: string) => linesOf(text).filter(isAlias);

/** A run that must end with status 1 and one line on standard error that is not a stack trace. */
function failure(args: readonly string[], input = ""): string {
  const { status, stdout, stderr } = kasAlias(args, input);
  expect(stderr).toMatch(/^kas-alias: [^\n]+\n$/);
  expect(stderr).not.toMatch(/\n {4}at /);
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  return stderr.slice("kas-alias: ".length, -1);
}

describe("the aliased listing", () => {
  test("equals nm's, with alias lines after those of their symbols", () => {
    const lines = linesOf(ALIASED);
    expect(lines.filter((line) => !isAlias(line)).join("\n")).toBe(NM.trimEnd());
    expect(aliasesOf(ALIASED).length).toBeGreaterThan(20);
    lines.forEach((line, i) => {
      if (isAlias(line)) expect(lines[i - 1]).toBe(line.slice(0, line.indexOf("@")));
    });
  });

  test("is complete if long parts have no alias", () => {
    // 330 and 165 KiB: more than what is gathered for a write, and less, but written on its own.
    const filler = (stretch: string, lines: number) =>
      Array.from({ length: lines }, (_, i) => `0000000000001000 A ${stretch}_${i}\n`).join("");
    const [before, after] = [filler("before", 10_000), filler("after", 5000)];
    const { stdout } = kasAlias(["vmlinux", SAMPLE, "--nm", "-"], before + NM + after);
    expect(stdout).toBe(before + ALIASED + after);
  });

  test.each([
    ["drivers/rtc/sysfs.c", "name_show"],
    ["drivers/pnp/card.c", "name_show"],
    ["kernel/irq/irqdesc.c", "name_show"],
    ["kernel/params.c", "parse_options"],
    ["init/main.c", "parse_options"],
    ["fs/binfmt_elf.c", "load_elf_binary"],
    ["mm/slub.c", "check_cache"],
    ["mm/vmalloc.c", "check_cache"],
  ])("says where %s defines %s", (file, name) => {
    const source = readFileSync(join(SAMPLE, "..", "linux", file), "utf8").split("\n");
    const first = source.findIndex((text) => text.startsWith("static") && text.includes(`${name}(`)) + 1;
    expect(first).toBeGreaterThan(0);
    // Compilers give the line of the declaration or that of its brace.
    const brace = source.indexOf("{", first) + 1;
    const lines = Array.from({ length: brace - first + 1 }, (_, i) => first + i);
    const places = lines.map((line) => `@${file.replace(/\W/g, "_")}_${line}`);
    const names = aliasesOf(ALIASED).map((alias) => alias.slice(19));
    const found = names.filter(
      (alias) => alias.startsWith(name) && places.some((end) => alias.endsWith(end)),
    );
    expect(found).toHaveLength(1);
  });

  test("has no place twice", () => {
    const names = aliasesOf(ALIASED).map((alias) => alias.slice(19));
    expect(new Set(names).size).toBe(names.length);
  });

  test("is the same with nm's output on standard input or in a file", () => {
    const file = join(place(), "nm.txt");
    writeFileSync(file, NM);
    expect(kasAlias(["vmlinux", SAMPLE, "--nm", "-"], NM).stdout).toBe(ALIASED);
    expect(kasAlias(["vmlinux", SAMPLE, "--nm", file]).stdout).toBe(ALIASED);
  });

  test("is not changed by a second run", () => {
    expect(kasAlias(["vmlinux", SAMPLE, "--nm", "-"], ALIASED).stdout).toBe(ALIASED);
  });

  test.each(["llvm-addr2line", "eu-addr2line"])(
    "is the same with %s, for any number of processes",
    (name) => {
      const by = (jobs: string) =>
        kasAlias(["vmlinux", SAMPLE, "--resolver", "addr2line", "--addr2line", name, "--jobs", jobs]);
      const one = by("1");
      expect(one.status).toBe(0);
      expect(by("4").stdout).toBe(one.stdout);
      const ours = new Set(aliasesOf(ALIASED));
      const withLine = aliasesOf(one.stdout).filter((line) => /_[chS]_\d+/.test(line));
      expect(withLine.length).toBeGreaterThan(20);
      for (const line of withLine) expect(ours).toContain(line);
    },
  );

  test("and the table are byte-identical on every run, with any --jobs", () => {
    const run = (...more: string[]) => {
      const to = place();
      const args = ["vmlinux", SAMPLE, "-o", join(to, "a"), "--table", join(to, "t"), "--table-scope", "all"];
      expect(kasAlias([...args, ...more]).status).toBe(0);
      return [readFileSync(join(to, "a"), "utf8"), readFileSync(join(to, "t"), "utf8")];
    };
    const first = run("--jobs", "1");
    expect(first[0]).toBe(ALIASED);
    expect(run("--jobs", "4")).toEqual(first);
    expect(run()).toEqual(first);
  });
});

describe("--debug-file", () => {
  const stripped = join(place(), "vmlinux");
  tool("strip", ["-g", "-o", stripped, SAMPLE]);

  test("gives the locations of a vmlinux without debug information", () => {
    expect(kasAlias(["vmlinux", stripped, "--debug-file", SAMPLE]).stdout).toBe(ALIASED);
  });

  test("gives those of nm's output without an image", () => {
    expect(kasAlias(["vmlinux", "--nm", "-", "--debug-file", SAMPLE], NM).stdout).toBe(ALIASED);
  });

  test("gives those of /proc/kallsyms, which has shifted addresses and modules", () => {
    const shift = (line: string) =>
      (BigInt(`0x${line.slice(0, 16)}`) + 0x1c00_0000n).toString(16).padStart(16, "0") + line.slice(16);
    const kernel = linesOf(NM).filter((line) => !/ [aNUw] /.test(line));
    const modules = ["ffffffffc0000000 t name_show\t[rtc_cmos]", "ffffffffc0001000 t init_once\t[ext4]"];
    const kallsyms = [...kernel.map(shift), ...modules].join("\n");
    const { status, stdout, stderr } = kasAlias(["vmlinux", "--nm", "-", "--debug-file", SAMPLE], kallsyms);
    expect({ status, stderr }).toEqual({ status: 0, stderr: kasAlias(["vmlinux", SAMPLE]).stderr });
    expect(linesOf(stdout).filter((line) => !isAlias(line))).toEqual(linesOf(kallsyms));
    expect(aliasesOf(stdout)).toEqual(aliasesOf(ALIASED).map(shift));
  });

  describe("may be the object from which the image was linked", () => {
    const tree = place();
    const sections = { a: ".text.unlikely", b: ".text", c: ".init.text", d: ".dropped" };
    for (const [name, section] of Object.entries(sections)) {
      const attribute = `__attribute__((used, section("${section}")))`;
      writeFileSync(join(tree, `${name}.c`), `\n\nstatic ${attribute} int poll(int x) { return x; }\n`);
      tool("env", ["-C", tree, "gcc", "-g", "-O2", "-ffreestanding", "-fno-pic", "-c", `${name}.c`]);
    }
    const inTree = (command: string, ...args: string[]) => tool("env", ["-C", tree, command, ...args]);
    inTree("ld", "-r", "-o", "vmlinux.o", "a.o", "b.o", "c.o", "d.o");
    // The sections' order is another than in the object, and one is left out.
    writeFileSync(
      join(tree, "lds"),
      `SECTIONS { . = 0xffffffff81000000; .head : { *(.init.text) *(.text) } .tail : { *(.text.unlikely) }
/DISCARD/ : { *(.dropped) *(.eh_frame) } }\n`,
    );
    const link = ["-T", "lds", "-e", "0", "--unresolved-symbols=ignore-all", "vmlinux.o"];
    inTree("ld", ...link, "-o", "whole");
    inTree("ld", ...link, "--strip-debug", "-o", "image");
    const args = ["vmlinux", join(tree, "image"), "--debug-file", join(tree, "vmlinux.o")];

    test("with sections in another order", () => {
      const { status, stdout, stderr } = kasAlias(args);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      const lines = aliasesOf(stdout);
      expect(lines).toHaveLength(3);
      for (const line of lines) {
        const told = inTree("addr2line", "-e", "whole", line.slice(0, 16)).toString();
        const [, file, number] = /([abc])\.c:(\d+)/.exec(told) ?? [];
        expect(line).toBe(`${line.slice(0, 18)} poll@${file}_c_${number}`);
      }
    });

    test("but not without the image, or with another image", () => {
      expect(
        failure(["vmlinux", "--nm", "-", ...args.slice(2)], inTree("nm", "-n", "image").toString()),
      ).toMatch(/\/vmlinux\.o: is a relocatable file, .*; also give the vmlinux that was linked from it$/);
      inTree("ld", "-r", "-o", "other.o", "a.o", "b.o");
      expect(failure([...args.slice(0, 3), join(tree, "other.o")])).toMatch(
        /\/other\.o: has poll a different number of times than .*\/image; give the object that it was linked from$/,
      );
      inTree("objcopy", "--rename-section=.debug_line=.lines", "vmlinux.o", "bare.o");
      expect(failure([...args.slice(0, 3), join(tree, "bare.o")])).toMatch(
        /\/bare\.o: no line information \(\.debug_line\); build with CONFIG_DEBUG_INFO$/,
      );
    });
  });

  test("of another build is refused with the missing name", () => {
    const without = linesOf(NM).toSpliced(
      linesOf(NM).findIndex((line) => line.endsWith(" name_show")),
      1,
    );
    expect(failure(["vmlinux", "--nm", "-", "--debug-file", SAMPLE], `${without.join("\n")}\n`)).toMatch(
      /^standard input: has name_show (once|twice|2 times), but .*vmlinux has it 3 times; give a --debug-file of the same build$/,
    );
  });

  test("of another build is refused if the functions of a section are elsewhere", () => {
    const args = ["vmlinux", "--nm", "-", "--debug-file", SAMPLE];
    const lines = linesOf(NM);
    const from = lines.findIndex((line) => line.endsWith(" name_show"));
    const later = (line: string, bytes: bigint) =>
      (BigInt(`0x${line.slice(0, 16)}`) + bytes).toString(16) + line.slice(16);
    const moved = lines.map((line, i) => later(line, i < from ? 0n : 0x20n));
    expect(failure(args, `${moved.join("\n")}\n`)).toMatch(
      /^standard input: is of another build than .*vmlinux: \S+ and \S+ are not as far apart there; give a --debug-file of the same build$/,
    );
    const whole = lines.map((line) => later(line, 0x20n)).join("\n");
    expect(kasAlias(args, `${whole}\n`)).toMatchObject({ status: 0, stderr: "" });
  });

  test("of another build is refused by its build ID; for a listing alone it may be another link of the same build", () => {
    const other = buildSample(join(place(), "vmlinux"), { TEXT_BASE: "0xffffffff82000000" });
    expect(kasAlias(["vmlinux", "--nm", "-", "--debug-file", other], NM).stdout).toBe(ALIASED);
    for (const listing of [[], ["--nm", "-"]]) {
      expect(failure(["vmlinux", SAMPLE, ...listing, "--debug-file", other], NM)).toMatch(
        /\/vmlinux: is of another build than .*vmlinux: its build ID is [0-9a-f]{40}, not [0-9a-f]{40}; give a --debug-file of the same build$/,
      );
    }
  });
});

test("a listing of another build is refused", () => {
  const other = buildSample(join(place(), "vmlinux"), { TEXT_BASE: "0xffffffff82000000" });
  expect(failure(["vmlinux", SAMPLE, "--nm", "-"], tool("nm", ["-n", other]).toString())).toMatch(
    /^standard input: \S+ at ffffffff82[0-9a-f]{6} is not in .*vmlinux; give the listing of the same build/,
  );
});

test("a listing of 32-bit MIPS may extend the sign of addresses, as nm of binutils 2.40 does", () => {
  const image = buildSample(join(place(), "vmlinux"), {
    CC: "clang",
    LD: "ld.lld",
    CFLAGS: "--target=mips-linux-gnu",
  });
  const extended = tool("mips-linux-gnu-nm", ["-n", image])
    .toString()
    .replace(/^(?=[89a-f][0-9a-f]{7} )/gm, "ffffffff");
  expect(extended).toMatch(/^ffffffff/m);
  const own = aliasesOf(kasAlias(["vmlinux", image]).stdout);
  expect(own.length).toBeGreaterThan(20);
  const ofListing = aliasesOf(kasAlias(["vmlinux", image, "--nm", "-"], extended).stdout);
  expect(ofListing).toEqual(own.map((line) => `ffffffff${line}`));
});

describe("the alias table", () => {
  const LISTING = join(place(), "nm");
  writeFileSync(LISTING, NM);

  const read = (...args: string[]) => {
    const path = join(place(), "t.jsonl");
    const { status, stdout } = kasAlias(["vmlinux", SAMPLE, "--table", path, ...args]);
    expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
    const [header, ...rows] = linesOf(readFileSync(path, "utf8")).map((line) => JSON.parse(line));
    return { header, rows };
  };

  test.each([
    { release: "5.10.0-33-amd64", limit: 128 },
    { release: "6.0.19", limit: 128 },
    { release: "6.1.0", limit: 512 },
    { release: "7.3.4", limit: 512 },
    { release: "unknown", limit: 512 },
  ])("has names shorter than KSYM_NAME_LEN of $release, $limit", ({ release, limit }) => {
    const { header, rows } = read("--kernel-release", release);
    expect(header.options.maxNameLength).toBe(limit);
    const lengths = rows.map(({ alias }: { alias: string }) => Buffer.byteLength(alias));
    // One name of the sample is so long that its alias is shortened.
    expect(Math.max(...lengths)).toBeLessThan(limit);
    expect(read("--kernel-release", release, "--max-name-length", "200").header.options.maxNameLength).toBe(
      200,
    );
  });

  test("has a header with the kernel, its build and the options", () => {
    const { header, rows } = read();
    const notes = tool("readelf", ["-n", SAMPLE]).toString();
    const buildId = /Build ID: ([0-9a-f]+)/.exec(notes)?.[1];
    expect(buildId).toBeDefined();
    expect(Object.keys(header)).toEqual([
      "schema",
      "kernel",
      "arch",
      "scope",
      "objects",
      "rows",
      "generator",
      "options",
    ]);
    expect(header).toMatchObject({
      schema: "kas-alias/table@1",
      arch: "x86_64",
      scope: "object",
      objects: [{ name: "vmlinux", buildId }],
      rows: rows.length,
    });
    expect(tool("strings", [SAMPLE]).toString()).toContain(`Linux version ${header.kernel} `);
    expect(JSON.stringify(header.options)).not.toMatch(/jobs|\//);
    expect(read("--kernel-release", "6.12.1-x").header.kernel).toBe("6.12.1-x");
  });

  test("has the aliases of the listing, with all keys in every row", () => {
    const { rows } = read();
    expect(rows.map(({ address, type, alias }) => `${address} ${type} ${alias}`)).toEqual(aliasesOf(ALIASED));
    for (const row of rows) {
      expect(Object.keys(row)).toEqual(
        "object name alias type address section size file line unit sympos ordinal via function parameters arriving kind".split(
          " ",
        ),
      );
      expect(row.object).toBe("vmlinux");
      if (row.line !== null) expect(row.alias).toContain(`_${row.line}`);
      expect(row.ordinal === 0 || row.alias.endsWith(`_${row.ordinal}`)).toBe(true);
    }
  });

  test("shows how each place was found", () => {
    const { rows } = read();
    const row = (alias: string) => rows.find((candidate) => candidate.alias.startsWith(alias));
    expect(row("name_show@drivers_rtc")).toMatchObject({ via: "line", file: "drivers/rtc/sysfs.c" });
    // Its entry is data, which has no line; the first instruction after it has one.
    const source = readFileSync(join(SAMPLE, "../linux/arch/x86/kernel/entry.S"), "utf8").split("\n");
    const line = source.findIndex((text) => text.trim() === "nop") + 1;
    expect(row("restore_regs@arch_x86_kernel_entry_S")).toMatchObject({
      via: "next-line",
      file: "arch/x86/kernel/entry.S",
      line,
    });
    expect(row("swap_words@nodebug_c")).toMatchObject({
      via: "file-symbol",
      file: "nodebug.c",
      line: null,
      unit: null,
    });
    expect(row("dst_output@include_net_dst_h")).toMatchObject({
      file: "include/net/dst.h",
      unit: "net/ipv4/ip_output.c",
    });
  });

  test.each([
    ["an image", []],
    ["a listing and an image", ["--nm", LISTING]],
  ])(
    "with --table-scope all of %s has every function but padding and labels without an alias",
    (_, listing) => {
      const rows = read(...listing, "--table-scope", "all").rows;
      const isLabel = labelsOf(SAMPLE);
      expect(isLabel).toContain("ffffffff81000000 _text");
      const wanted = linesOf(NM).filter(
        (line) =>
          / [tTW] (?!__pfx_)/.test(line) &&
          (!isLabel.has(line.replace(/ [tTW] /, " ")) || ALIASED.includes(`${line}@`)),
      );
      expect(rows.map(({ address, type, name }) => `${address} ${type} ${name}`)).toEqual(wanted);
    },
  );

  test("with --table-scope all has section and size as in readelf", () => {
    const { rows } = read("--table-scope", "all");
    const sections = tool("readelf", ["-SW", SAMPLE]).toString();
    const entries = linesOf(tool("readelf", ["-sW", SAMPLE]).toString()).map((line) =>
      line.trim().split(/\s+/),
    );
    for (const { name, address, size, section } of rows) {
      const entry = entries.find((fields) => fields[1] === address && fields[7] === name);
      expect(entry?.[2]).toBe(String(size));
      expect(sections).toMatch(new RegExp(`\\[ *${entry?.[6]}\\] ${section.replace(".", "\\.")} `));
    }
    const ofName = rows.filter(({ name }) => name === "name_show");
    expect(ofName.map(({ sympos }) => sympos)).toEqual([1, 2, 3]);
    expect(rows.find(({ name }) => name === "start_kernel").sympos).toBe(0);
  });
});

describe("--stats", () => {
  const awk = (script: string) => Number(tool("awk", [script], NM).toString());

  test("=json gives the same figures as nm and awk", () => {
    const start = performance.now();
    const { status, stderr, stdout } = kasAlias(["vmlinux", SAMPLE, "--stats=json"]);
    const elapsed = (performance.now() - start) / 1000;
    expect({ status, stdout }).toEqual({ status: 0, stdout: ALIASED });
    expect(stderr).toMatch(/^\{.*\}\n$/);
    const stats = JSON.parse(stderr);
    expect(Object.keys(stats)).toEqual(
      "symbols duplicatedNames aliases excluded ambiguous ordinal unresolved seconds".split(" "),
    );
    expect(stats.symbols).toBe(awk("END { print NR }"));
    expect(stats.duplicatedNames).toBe(awk("{ n[$3]++ } END { for (s in n) if (n[s] > 1) d++; print d }"));
    expect(stats.aliases).toBe(aliasesOf(ALIASED).length);
    expect(stats.ambiguous.final).toBe(0);
    expect(stats.ordinal).toBe(aliasesOf(ALIASED).filter((line) => /_[chS]_\d+_\d+$/.test(line)).length);
    const text = awk(
      "{ n[$3]++; if ($2 ~ /^[tT]$/) t[$3]++ } END { for (s in n) if (n[s] > 1) d += t[s]; print d }",
    );
    const excluded = Object.values<number>(stats.excluded).reduce((sum, count) => sum + count, 0);
    expect(stats.aliases + excluded + stats.unresolved).toBe(text);
    expect(stats.excluded["__pfx_*"]).toBe(
      awk("{ n[$3]++ } END { for (s in n) if (s ~ /^__pfx_/ && n[s] > 1) d += n[s]; print d }"),
    );
    // The stages do not overlap.
    const seconds = Object.values<number>(stats.seconds).reduce((sum, each) => sum + each, 0);
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThan(elapsed);
  });

  test("gives the same in two lines of text", () => {
    const { stderr } = kasAlias(["vmlinux", SAMPLE, "--stats"]);
    const stats = JSON.parse(kasAlias(["vmlinux", SAMPLE, "--stats=json"]).stderr);
    expect(stderr).toMatch(/^[^\n]+\n[^\n]+\n$/);
    expect(stderr).toContain(
      `${stats.symbols} symbols, ${stats.duplicatedNames} duplicated names; ${stats.aliases} aliases`,
    );
    expect(stderr).toContain(`${stats.unresolved} unresolved`);
  });

  test("are printed only on request; unresolved symbols are reported unless --quiet", () => {
    const nameless = join(place(), "vmlinux");
    const fileSymbols = tool("readelf", ["-sW", SAMPLE])
      .toString()
      .matchAll(/ FILE .* (\S+)$/gm);
    tool("objcopy", [...Array.from(fileSymbols, ([, name]) => `--strip-symbol=${name}`), SAMPLE, nameless]);
    const withoutPlace = linesOf(ALIASED).filter((line) => !line.endsWith(" swap_words@nodebug_c"));
    expect(withoutPlace).toHaveLength(linesOf(ALIASED).length - 1);
    const stdout = `${withoutPlace.join("\n")}\n`;
    const stderr = `kas-alias: ${nameless}: 1 duplicated symbol has no source location and no alias\n`;
    expect(kasAlias(["vmlinux", nameless])).toEqual({ status: 0, stdout, stderr });
    expect(kasAlias(["vmlinux", nameless, "--quiet"])).toEqual({ status: 0, stdout, stderr: "" });
    expect(kasAlias(["vmlinux", nameless, "--stats"]).stderr).toContain("1 unresolved");
  });
});

describe("options of the aliases", () => {
  test("--separator", () => {
    const { stdout } = kasAlias(["vmlinux", SAMPLE, "--separator", "!"]);
    // The hash that replaces the removed part of a long alias is a hash of the whole alias.
    const withoutHash = (text: string) => text.replace(/(?<=[@!])[0-9a-f]{6}_/g, "");
    expect(withoutHash(stdout)).toBe(withoutHash(ALIASED.replaceAll("@", "!")));
  });

  test("--no-disambiguate", () => {
    const plain = aliasesOf(kasAlias(["vmlinux", SAMPLE, "--no-disambiguate"]).stdout);
    const withoutUnit = aliasesOf(ALIASED).map((line) => line.replace(/(@\w+)@\w+$/, "$1"));
    expect(plain).toEqual(withoutUnit.map((line) => line.replace(/(_c_\d+)_\d+$/, "$1")));
    const names = plain.map((line) => line.slice(19));
    expect(new Set(names).size).toBeLessThan(names.length);
  });

  test("--max-name-length", () => {
    const { stdout } = kasAlias(["vmlinux", SAMPLE, "--max-name-length", "30"]);
    const names = aliasesOf(stdout).map((line) => line.slice(19));
    expect(Math.max(...names.map((name) => name.length))).toBeLessThan(30);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(5);
  });

  test("--exclude and --include, repeated, and --no-default-filters", () => {
    const names = (...args: string[]) =>
      aliasesOf(kasAlias(["vmlinux", SAMPLE, ...args]).stdout).map((line) => line.slice(19).split("@", 1)[0]);
    expect(names()).toContain("name_show");
    expect(names("--exclude", "name_show", "--exclude", "no_such")).not.toContain("name_show");
    expect(names("--exclude", "*", "--include", "name_*", "--include", "x")).toEqual(
      Array(3).fill("name_show"),
    );
    expect(names("--no-default-filters")).toContain("__pfx_probe_one");
    expect(names()).not.toContain("__pfx_probe_one");
  });

  test("--source-root, repeated", () => {
    const at = "/usr/src/sample/linux";
    const { stdout } = kasAlias([
      "vmlinux",
      SAMPLE,
      "--source-root",
      `${at}/drivers`,
      "--source-root",
      `${at}/net`,
    ]);
    expect(stdout).toContain(" name_show@rtc_sysfs_c_");
    expect(stdout).toContain("@ipv4_ip_output_c");
  });
});

describe("where the output goes", () => {
  test("standard output, also with -", () => {
    expect(kasAlias(["vmlinux", SAMPLE, "-o", "-"]).stdout).toBe(ALIASED);
  });

  test("nowhere, with --table alone", () => {
    const to = place();
    expect(kasAlias(["vmlinux", SAMPLE, "--table", join(to, "t")]).stdout).toBe("");
    expect(readdirSync(to)).toEqual(["t"]);
  });

  test("the table to standard output too, and the listing to a file", () => {
    const to = place();
    const { stdout } = kasAlias(["vmlinux", SAMPLE, "--table", "-", "-o", join(to, "a")]);
    expect(linesOf(stdout)[0]).toContain("kas-alias/table@1");
    expect(readFileSync(join(to, "a"), "utf8")).toBe(ALIASED);
  });

  test("a device stays a device", () => {
    const before = statSync("/dev/null");
    expect(kasAlias(["vmlinux", SAMPLE, "-o", "/dev/null", "--table", "/dev/null"]).status).toBe(0);
    const after = lstatSync("/dev/null");
    expect(after.isCharacterDevice()).toBe(true);
    expect(after.ino).toBe(before.ino);
    expect(readdirSync("/dev").filter((name) => name.startsWith(".kas-alias"))).toEqual([]);
  });

  test("a pipe is written to", () => {
    const pipe = join(place(), "pipe");
    tool("mkfifo", [pipe]);
    const text = tool("sh", [
      "-c",
      `cat "${pipe}" & "${process.execPath}" "${PROGRAM}" vmlinux "${SAMPLE}" -o "${pipe}"; wait`,
    ]);
    expect(text.toString()).toBe(ALIASED);
    expect(lstatSync(pipe).isFIFO()).toBe(true);
  });

  test("/dev/stdout is standard output, either a pipe or a file opened for appending", () => {
    const to = place();
    writeFileSync(join(to, "log"), "before\n");
    for (const name of ["/dev/stdout", "/dev/fd/1"]) {
      const command = `"${process.execPath}" "${PROGRAM}" vmlinux "${SAMPLE}" -o ${name}`;
      expect(tool("sh", ["-c", `${command} | cat`]).toString()).toBe(ALIASED);
      tool("sh", ["-c", `${command} >>"${join(to, "log")}"`]);
    }
    expect(readFileSync(join(to, "log"), "utf8")).toBe(`before\n${ALIASED}${ALIASED}`);
  });

  test("a process substitution is written to", () => {
    const command = `"${process.execPath}" "${PROGRAM}" vmlinux "${SAMPLE}" -o >(sed s/^/x/)`;
    const text = tool("bash", ["-c", `${command} | cat`]).toString();
    expect(text).toBe(ALIASED.replace(/^(?=.)/gm, "x"));
  });

  test("through a symbolic link to its target, even one that does not exist yet", () => {
    const to = place();
    mkdirSync(join(to, "real"));
    writeFileSync(join(to, "real", "old"), "old");
    symlinkSync("real/old", join(to, "link"));
    symlinkSync("link", join(to, "link-of-link"));
    symlinkSync("real/new", join(to, "dangling"));
    expect(kasAlias(["vmlinux", SAMPLE, "-o", join(to, "link-of-link")]).status).toBe(0);
    expect(kasAlias(["vmlinux", SAMPLE, "-o", join(to, "dangling")]).status).toBe(0);
    for (const link of ["link", "link-of-link", "dangling"]) {
      expect(lstatSync(join(to, link)).isSymbolicLink()).toBe(true);
      expect(readFileSync(join(to, link), "utf8")).toBe(ALIASED);
    }
    expect(readdirSync(join(to, "real"))).toEqual(["new", "old"]);
  });

  test("a file keeps its mode; a new one has the usual mode", () => {
    const to = place();
    writeFileSync(join(to, "old"), "old");
    chmodSync(join(to, "old"), 0o640);
    writeFileSync(join(to, "other"), "");
    expect(kasAlias(["vmlinux", SAMPLE, "-o", join(to, "old")]).status).toBe(0);
    expect(kasAlias(["vmlinux", SAMPLE, "-o", join(to, "new")]).status).toBe(0);
    expect(statSync(join(to, "old")).mode & 0o7777).toBe(0o640);
    expect(statSync(join(to, "new")).mode).toBe(statSync(join(to, "other")).mode);
  });

  test("a relative path is relative to the working directory", () => {
    const to = place();
    expect(kasAlias(["vmlinux", SAMPLE, "-o", "out"], "", to).status).toBe(0);
    expect(readFileSync(join(to, "out"), "utf8")).toBe(ALIASED);
  });

  test("never over a file that was read, by any path", () => {
    const to = place();
    const file = join(to, "nm.txt");
    writeFileSync(file, NM);
    symlinkSync("nm.txt", join(to, "link"));
    linkSync(file, join(to, "other"));
    for (const output of ["nm.txt", "link", "other"].map((name) => join(to, name))) {
      const { status, stderr } = kasAlias(["vmlinux", SAMPLE, "--nm", file, "-o", output]);
      expect({ status, stderr }).toEqual({
        status: 2,
        stderr: `kas-alias: ${output}: is also an input; name another file\n`,
      });
    }
    expect(readFileSync(file, "utf8")).toBe(NM);
  });
});

describe("a failure leaves the old files unchanged, and no other files", () => {
  /** Runs with an old listing and an old table in place. @returns the message */
  function failing(args: (to: string) => string[], limit = "-f unlimited", status = 1): string {
    const to = place();
    writeFileSync(join(to, "a"), "old listing");
    writeFileSync(join(to, "t"), "old table");
    const shell = 'ulimit $0; exec "$@"';
    const command = [limit, process.execPath, PROGRAM, "vmlinux", ...args(to)];
    let message = "";
    try {
      tool("bash", ["-c", shell, ...command]);
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain(`: status ${status}: kas-alias: `);
    expect(message.trimEnd().split("\n")).toHaveLength(1);
    expect(readFileSync(join(to, "a"), "utf8")).toBe("old listing");
    expect(readFileSync(join(to, "t"), "utf8")).toBe("old table");
    expect(readdirSync(to).sort()).toEqual(["a", "t"]);
    return message.slice(message.indexOf("kas-alias: ") + "kas-alias: ".length).trimEnd();
  }

  test("when the disk is full", () => {
    const both = (to: string) => [
      SAMPLE,
      "-o",
      join(to, "a"),
      "--table",
      join(to, "t"),
      "--table-scope",
      "all",
    ];
    expect(failing(both, "-f 8")).toMatch(/\/[at]: cannot be written: .*; /);
  });

  test("when there is no address space for WebAssembly's memory", () => {
    const message = failing((to) => [SAMPLE, "-o", join(to, "a")], "-v 5000000");
    expect(message).toBe("memory: cannot reserve address space; raise the limit (ulimit -v)");
  });

  test("when a device is full", () => {
    const { status, stderr } = kasAlias(["vmlinux", SAMPLE, "-o", "/dev/full"]);
    expect(status).toBe(1);
    expect(stderr).toBe("kas-alias: /dev/full: cannot be written: no space left on device; make room\n");
  });

  test("when one of two targets cannot be written", () => {
    expect(failing((to) => [SAMPLE, "-o", join(to, "missing", "a"), "--table", join(to, "t")])).toMatch(
      /missing\/a: cannot be written: no such file or directory; /,
    );
    expect(failing((to) => [SAMPLE, "-o", join(to, "a"), "--table", to], "-f unlimited", 2)).toMatch(
      /: is a directory; name a file$/,
    );
    const twice = failing((to) => [SAMPLE, "-o", join(to, "a"), "--table", `${to}/./a`], "-f unlimited", 2);
    expect(twice).toMatch(/\/a: is named for two outputs; name another file for one of them$/);
    // Nobody may make files here, not even root.
    expect(failing((to) => [SAMPLE, "-o", join(to, "a"), "--table", "/sys/t"])).toMatch(
      /^\/sys\/t: cannot be written: .*; name another file$/,
    );
  });

  test("when the input is wrong", () => {
    expect(failing((to) => [join(to, "missing"), "-o", join(to, "a")])).toMatch(
      /missing: cannot be read: no such file or directory; check the path$/,
    );
    expect(failing((to) => [to, "-o", join(to, "a")])).toMatch(/: is a directory; name a file$/);
    expect(failing((to) => ["/dev/null", "-o", join(to, "a")])).toBe(
      "/dev/null: is not a regular file; copy it to a regular file first",
    );
    expect(failing((to) => [join(to, "t"), "-o", join(to, "a")])).toMatch(
      /\/t: is not an ELF file; give a vmlinux or a module, not a bzImage or text$/,
    );
    expect(failing((to) => [SAMPLE, "--nm", to, "-o", join(to, "a")])).toMatch(
      /: is a directory; name a file$/,
    );
    expect(failing((to) => [SAMPLE, "--nm", join(to, "t"), "-o", join(to, "a")])).toMatch(
      /\/t: line 1 is not a symbol: "old table"; /,
    );
    expect(failing((to) => [SAMPLE, "--nm", "/proc/self/mem", "-o", join(to, "a")])).toMatch(
      /^\/proc\/self\/mem: cannot be read: /,
    );
  });

  test("when an image lacks required sections", () => {
    const to = place();
    tool("strip", ["-o", join(to, "no-symbols"), SAMPLE]);
    tool("strip", ["-g", "-o", join(to, "no-lines"), SAMPLE]);
    tool("objcopy", ["-R", ".debug_info", SAMPLE, join(to, "no-units")]);
    tool("objcopy", ["--only-keep-debug", SAMPLE, join(to, "only-debug")]);
    const message = (name: string) => failure(["vmlinux", join(to, name)]).replace(to, "");
    expect(message("no-symbols")).toMatch(/^\/no-symbols: has no symbol table; give /);
    expect(message("no-lines")).toMatch(
      /^\/no-lines: no line information \(\.debug_line\); build with CONFIG_DEBUG_INFO or give --debug-file/,
    );
    expect(message("no-units")).toMatch(
      /^\/no-units: no compilation units \(\.debug_info\); build with CONFIG_/,
    );
    expect(kasAlias(["vmlinux", join(to, "only-debug")]).stdout.match(/@/g)?.length).toBe(
      ALIASED.match(/@/g)?.length,
    );
  });

  test("when addr2line fails", () => {
    const by = (name: string) =>
      failing((to) => [SAMPLE, "--resolver", "addr2line", "--addr2line", name, "-o", join(to, "a")]);
    expect(by("/missing/addr2line")).toBe(
      "/missing/addr2line: no such program; install it, name another with --addr2line, or use --resolver dwarf",
    );
    expect(by("false")).toMatch(/^false: failed on .* \(exit status 1\); use --resolver dwarf$/);
    expect(by("true")).toMatch(/^true: gave 0 answers for \d+ addresses; use --resolver dwarf$/);
  });
});

describe("wrong usage", () => {
  test.each([
    [["vmlinux"]],
    [["vmlinux", "--nm", "-"]],
    [["vmlinux", "--debug-file", SAMPLE]],
    [["vmlinux", SAMPLE, "more"]],
    [["vmlinux", SAMPLE, "--no-such-option"]],
    [["vmlinux", SAMPLE, "--separator", "ab"]],
    [["vmlinux", SAMPLE, "--separator", "_"]],
    [["vmlinux", SAMPLE, "--jobs", "0"]],
    [["vmlinux", SAMPLE, "--jobs", "-1"]],
    [["vmlinux", SAMPLE, "--jobs", "many"]],
    [["vmlinux", SAMPLE, "--max-name-length", "1.5"]],
    [["vmlinux", SAMPLE, "--resolver", "gdb"]],
    [["vmlinux", SAMPLE, "--table-scope", "none"]],
    [["vmlinux", SAMPLE, "--stats=xml"]],
    [["vmlinux", SAMPLE, "-o"]],
    [["no-such-command"]],
    [["resolve"]],
  ])("%j ends with 2 and one line", (args) => {
    const { status, stdout, stderr } = kasAlias(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^kas-alias: [^\n]+\n$/);
  });

  test("does not include --help and --version", () => {
    for (const args of [["--help"], ["vmlinux", "--help"], ["--version"], ["help", "resolve"]]) {
      const { status, stdout, stderr } = kasAlias(args);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout).toMatch(/Usage: kas-alias|^\d+\.\d+\.\d+\n$/);
    }
    expect(kasAlias(["--help"]).stdout).toContain("resolve");
  });
});

import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { defined } from "../defined.ts";
import { SAMPLE } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { buildModules, type NmSymbol } from "./module-objects.ts";
import { kasAlias } from "./program.ts";

const directory = temporaryDirectory();
const tree = join(directory, "tree");
buildModules(tree);
const TABLE = join(directory, "table.jsonl");
const made = kasAlias(["modules", "--directory", tree, "--vmlinux", SAMPLE, "--table", TABLE]);
if (made.status !== 0) throw new Error(made.stderr);
const ROWS: { object: string; alias: string; name: string; address: string; section: string }[] = tool(
  "tail",
  ["-n+2", TABLE],
)
  .toString()
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line));

let files = 0;
function written(text: string | Uint8Array): string {
  const path = join(directory, `file${++files}`);
  writeFileSync(path, text);
  return path;
}

const IMAGE = tool("nm", ["-n", SAMPLE])
  .toString()
  .trimEnd()
  .split("\n")
  .map((line) => ({
    address: BigInt(`0x${line.slice(0, 16)}`),
    type: line.slice(17, 18),
    name: line.slice(19),
  }));
const TEXT = defined(
  IMAGE.find(({ name }) => name === "_text"),
  "_text",
).address;

const hex = (address: bigint) => BigInt.asUintN(64, address).toString(16).padStart(16, "0");

/** The /proc/kallsyms of the sample, loaded at a higher address by an offset, without some names. */
function kallsyms(slide: bigint, without: readonly string[] = []): string {
  const lines = IMAGE.filter(({ type, name }) => type !== "a" && !without.includes(name)).map(
    ({ address, type, name }) => `${hex(address + slide)} ${type} ${name}\n`,
  );
  return lines.join("");
}

const SLIDE = 0x1a400000n;
const LOADED: Readonly<Record<string, string>> = {
  alpha_core: "drivers/alpha/alpha-core.ko",
  beta: "drivers/beta/beta.ko",
  gamma: "lib/gamma.ko",
};

/** The symbols of each module in the order of its symbol table, which is kallsyms'. */
const SYMBOLS = new Map(
  Object.entries(LOADED).map(([module, file]): [string, NmSymbol[]] => {
    const lines = tool("nm", ["-p", "-f", "sysv", join(tree, file)])
      .toString()
      .matchAll(/^(.*?) *\|([0-9a-f]+)\| +(\S) +\|[^|]*\|[^|]*\|[^|]*\|(\S*)$/gm);
    const symbols = Array.from(lines, ([, name = "", address = "", type = "", section = ""]) => ({
      name,
      address,
      type,
      section,
    }));
    return [module, symbols.filter(({ section }) => section.startsWith(".") && !section.startsWith(".init"))];
  }),
);

const moduleSymbols = (module: string) => defined(SYMBOLS.get(module), `symbols of ${module}`);

/** Where each section of a loaded module is. */
function sectionBase(module: string, section: string): bigint {
  const index = [...new Set(moduleSymbols(module).map((symbol) => symbol.section))].indexOf(section);
  return 0xffffffffc0000000n + BigInt(Object.keys(LOADED).indexOf(module) * 0x10000 + index * 0x1000);
}

/** The lines of /proc/kallsyms for the loaded modules. */
function modulesKallsyms(): string {
  return Object.keys(LOADED)
    .flatMap((module) =>
      moduleSymbols(module).map(({ name, address, type, section }) => {
        const at = sectionBase(module, section) + BigInt(`0x${address}`);
        return `${hex(at)} ${type} ${name}\t[${module}]\n`;
      }),
    )
    .join("");
}

function probe(aliases: readonly string[], from: string, ...more: string[]) {
  const { status, stdout, stderr } = kasAlias([
    "probe",
    ...aliases,
    "--table",
    TABLE,
    "--kallsyms",
    from,
    ...more,
  ]);
  expect(stderr).not.toMatch(/\n {4}at /);
  return { status, stderr, lines: stdout.split("\n").slice(0, -1) };
}

function failure(aliases: readonly string[], from: string, ...more: string[]): string {
  return failureWith(2, aliases, from, ...more);
}

function failureWith(expected: number, aliases: readonly string[], from: string, ...more: string[]): string {
  const { status, stderr, lines } = probe(aliases, from, ...more);
  expect({ status, lines }).toEqual({ status: expected, lines: [] });
  expect(stderr).toMatch(/^kas-alias: [^\n]+\n$/);
  return stderr.slice("kas-alias: ".length, -1);
}

const ofImage = ROWS.filter(({ object }) => object === "vmlinux");
const imageAliases = ofImage.map(({ alias }) => alias);
const RTC = "name_show@drivers_rtc_sysfs_c_26";

describe("kprobe-events", () => {
  test.each([0n, SLIDE, -0x1000000n, 0x3fe00000n])(
    "are offsets from _text, with the kernel loaded %d bytes higher",
    (slide) => {
      const { status, lines } = probe(imageAliases, written(kallsyms(slide)));
      expect(status).toBe(0);
      expect(lines).toHaveLength(imageAliases.length);
      lines.forEach((line, i) => {
        const [, event, offset] = /^p:kas\/([A-Za-z_]\w{0,62}) _text(?:\+0x([0-9a-f]+))?$/.exec(line) ?? [];
        const { address, name } = defined(ofImage[i], `row of line ${i}`);
        expect(BigInt(`0x${offset ?? 0}`) + TEXT).toBe(BigInt(`0x${address}`));
        expect(event?.slice(0, 40)).toContain(name.replace(/\W/g, "_").slice(0, 40));
      });
      expect(new Set(lines.map((line) => line.split(" ", 1)[0])).size).toBe(lines.length);
    },
  );

  test("are as in the documentation", () => {
    const symbol = IMAGE.find(({ address }) => hex(address) === ofRow(RTC).address);
    const offset = defined(symbol, `symbol of ${RTC}`).address - TEXT;
    const expected = [`p:kas/name_show_drivers_rtc_sysfs_c_26 _text+0x${offset.toString(16)}`];
    expect(probe([RTC], written(kallsyms(SLIDE))).lines).toEqual(expected);
    expect(probe([RTC, "name_show@rtc"], written(kallsyms(SLIDE))).lines).toEqual(expected);
    expect(probe([RTC], written(kallsyms(0n))).lines).toEqual(expected);
  });

  test("are offsets from _stext without _text, and addresses without both", () => {
    const [without] = probe([RTC], written(kallsyms(SLIDE, ["_text"]))).lines;
    expect(without).toMatch(/ _stext\+0x[0-9a-f]+$/);
    const [neither] = probe([RTC], written(kallsyms(SLIDE, ["_text", "_stext"]))).lines;
    const at = BigInt(`0x${ofRow(RTC).address}`) + SLIDE;
    expect(neither).toBe(`p:kas/name_show_drivers_rtc_sysfs_c_26 0x${at.toString(16)}`);
  });

  test("do not use a name that a module has too, which kernels before 7.2 refuse", () => {
    const evil = (name: string) => `ffffffffc0900010 t ${name}\t[evil]\n`;
    const now = kallsyms(SLIDE);
    expect(probe([RTC], written(now + evil("_text"))).lines).toEqual(
      probe([RTC], written(kallsyms(SLIDE, ["_text"]))).lines,
    );
    expect(probe([RTC], written(now + evil("_stext"))).lines).toEqual(probe([RTC], written(now)).lines);
    expect(probe([RTC], written(now + evil("_text") + evil("_stext"))).lines).toEqual(
      probe([RTC], written(kallsyms(SLIDE, ["_text", "_stext"]))).lines,
    );
  });

  test("are the same on a kernel that has some of the aliases, and on one that lists only text", () => {
    const plain = probe(imageAliases, written(kallsyms(SLIDE))).lines;
    const aliased = kasAlias(["vmlinux", SAMPLE]).stdout;
    expect(probe(imageAliases, written(aliased)).lines).toEqual(plain);
    expect(probe(imageAliases, written(textAlone(kallsyms(SLIDE)))).lines).toEqual(plain);
  });

  test("are the same if a kernel that lists only text omits .exit.text", () => {
    const image = join(directory, "exit");
    const outside = ["--redefine-sym=_sinittext=__exit_begin", "--redefine-sym=_einittext=__exit_end"];
    tool("objcopy", ["--rename-section=.init.text=.exit.text", ...outside, SAMPLE, image]);
    const table = join(directory, "exit.jsonl");
    expect(kasAlias(["modules", "--directory", tree, "--vmlinux", image, "--table", table]).status).toBe(0);
    const IN_EXIT = "parse_options@init_main_c_20";
    const inText = imageAliases.filter((alias) => alias !== IN_EXIT);
    expect(inText).toHaveLength(imageAliases.length - 1);

    const plain = probe(inText, written(kallsyms(SLIDE))).lines;
    const text = textAlone(kallsyms(SLIDE).replace(/ _([se])inittext$/gm, " __exit_$1"));
    expect(text).not.toMatch(/ start_kernel$/m);
    const listed = written(text);
    expect(probe(inText, listed, "--table", table).lines).toEqual(plain);
    expect(failure([IN_EXIT], listed, "--table", table)).toMatch(
      /: parse_options of vmlinux is in \.exit\.text, which kallsyms omits without CONFIG_KALLSYMS_ALL; build the kernel with it$/,
    );
  });
});

/** The lines that scripts/kallsyms keeps without CONFIG_KALLSYMS_ALL: those in its two text ranges, ends included. */
function textAlone(listing: string): string {
  const at = (name: string) => new RegExp(`^([0-9a-f]{16}) \\S ${name}$`, "m").exec(listing)?.[1];
  const ranges = [
    [at("_stext"), at("_etext")],
    [at("_sinittext"), at("_einittext")],
  ];
  const isText = (line: string) => {
    const address = line.slice(0, 16);
    return ranges.some(
      ([from, to]) => from !== undefined && to !== undefined && from <= address && address <= to,
    );
  };
  return `${listing.split("\n").filter(isText).join("\n")}\n`;
}

function ofRow(alias: string) {
  const row = ROWS.find((each) => each.alias === alias);
  if (row === undefined) throw new Error(`no ${alias}`);
  return row;
}

describe("a module's symbols", () => {
  const loaded = written(kallsyms(SLIDE) + modulesKallsyms());
  const ofModules = ROWS.filter(({ object, section }) => object in LOADED && !section.startsWith(".init"));
  const aliasOfBeta = () =>
    defined(
      ofModules.find(({ object }) => object === "beta"),
      "row of beta",
    ).alias;
  const addressOf = ({ object, section, address }: (typeof ROWS)[0]) =>
    sectionBase(object, section) + BigInt(`0x${address}`);

  test("are relative to their section's address", () => {
    expect(ofModules.length).toBeGreaterThan(10);
    const { lines } = probe(
      ofModules.map(({ alias }) => alias),
      loaded,
      "--format",
      "address",
    );
    expect(lines).toEqual(ofModules.map((row) => `0x${addressOf(row).toString(16)}`));
  });

  test("are probed by the module and a function with a unique name", () => {
    const { lines } = probe(
      ofModules.map(({ alias }) => alias),
      loaded,
    );
    const all = (kallsyms(SLIDE) + modulesKallsyms()).trimEnd().split("\n");
    let anchored = 0;
    lines.forEach((line, i) => {
      const row = defined(ofModules[i], `row of line ${i}`);
      const [, module, symbol, offset] = /^p:kas\/\w+ (\w+):([\w.]+)(?:\+0x([0-9a-f]+))?$/.exec(line) ?? [];
      if (module === undefined) {
        expect(line).toMatch(new RegExp(` 0x${addressOf(row).toString(16)}$`));
        return;
      }
      anchored++;
      expect(module).toBe(row.object);
      const named = all.filter((each) => each.slice(19).split("\t", 1)[0] === symbol);
      expect(named).toHaveLength(1);
      expect(BigInt(`0x${named[0]?.slice(0, 16)}`) + BigInt(`0x${offset ?? 0}`)).toBe(addressOf(row));
    });
    expect(anchored).toBeGreaterThan(5);
  });

  test("are refused before it is loaded", () => {
    const alias = aliasOfBeta();
    expect(failure([alias], written(kallsyms(SLIDE)))).toMatch(/: has no \S+ of beta; load beta first$/);
  });

  test("of another build are refused by the module's build ID", () => {
    const sys = join(directory, "sys");
    const note = (object: string, to: string) => {
      mkdirSync(dirname(to), { recursive: true });
      const section = object === SAMPLE ? ".notes" : ".note.gnu.build-id";
      tool("objcopy", ["-O", "binary", `--only-section=${section}`, object, to]);
    };
    const notes = join(sys, "kernel/notes");
    note(SAMPLE, notes);
    const ofBeta = join(sys, "module/beta/notes/.note.gnu.build-id");
    const alias = aliasOfBeta();
    note(join(tree, "drivers/beta/beta.ko"), ofBeta);
    expect(probe([alias], loaded, "--notes", notes).status).toBe(0);
    note(join(tree, "lib/gamma.ko"), ofBeta);
    expect(failure([alias], loaded, "--notes", notes)).toMatch(
      /: is of another build: its beta has the build ID [0-9a-f]{40}, /,
    );
  });
});

describe("a bpftrace program", () => {
  test("counts each of them and is accepted by bpftrace", () => {
    const { status, lines } = probe(imageAliases, written(kallsyms(SLIDE)), "--format", "bpftrace");
    expect(status).toBe(0);
    const events = probe(imageAliases, written(kallsyms(SLIDE))).lines.map((line) => line.split(/[/ ]/));
    expect(lines.filter((line) => line.startsWith("kprobe:"))).toEqual(
      events.map(([, event, where]) => `kprobe:${where} { @["${event}"] = count(); }`),
    );
    expect(lines.filter((line) => line.startsWith("// ")).slice(-imageAliases.length)).toEqual(
      imageAliases.map((alias) => `// ${alias}`),
    );
    const parsed = tool("bpftrace", ["-d", written(`${lines.join("\n")}\n`)]).toString();
    const offsets = Array.from(parsed.matchAll(/^ kprobe:_text\+?(\d*)$/gm), ([, offset]) =>
      BigInt(offset || 0),
    );
    expect(new Set(offsets)).toEqual(new Set(ofImage.map(({ address }) => BigInt(`0x${address}`) - TEXT)));
  });

  test("runs as a command, with the options that bpftrace needs", () => {
    const { lines } = probe([RTC], written(kallsyms(SLIDE)), "--format", "bpftrace");
    const program = written(`${lines.join("\n")}\n`);
    chmodSync(program, 0o755);
    const bin = join(directory, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "bpftrace"), '#!/bin/sh\necho "$BPFTRACE_VMLINUX" "$@"\n', { mode: 0o755 });
    const { stdout } = spawnSync(program, { encoding: "utf8", env: { PATH: `${bin}:${process.env.PATH}` } });
    expect(stdout).toBe(`/dev/null --unsafe ${program}\n`);
  });
});

describe("a table of another build is refused", () => {
  const now = written(kallsyms(SLIDE));

  test("by the build ID of an image or of notes", () => {
    const other = join(directory, "other");
    tool("objcopy", ["--remove-section=.notes", SAMPLE, other]);
    const notes = join(directory, "notes");
    tool("objcopy", ["-O", "binary", "--only-section=.notes", SAMPLE, notes]);
    expect(probe([RTC], now, "--notes", SAMPLE).status).toBe(0);
    expect(probe([RTC], now, "--notes", notes).status).toBe(0);
    expect(probe([RTC], now, "--notes", other).status).toBe(0);

    // The note of a big-endian kernel.
    const note = Buffer.alloc(36);
    note.writeUInt32BE(4, 0);
    note.writeUInt32BE(20, 4);
    note.writeUInt32BE(3, 8);
    note.write("GNU\0", 12);
    note.fill(0xab, 16);
    const words = /: is of another build: its vmlinux has the build ID [0-9a-f]{40}, .* has (ab){20}; give/;
    expect(failure([RTC], now, "--notes", written(note))).toMatch(words);
    note.swap32().write("GNU\0", 12);
    expect(failure([RTC], now, "--notes", written(note))).toMatch(words);
  });

  test("when its functions are elsewhere", () => {
    const shifted = kallsyms(SLIDE).replace(
      /^(.{16})( t name_show)$/m,
      (_, address, rest) => hex(BigInt(`0x${address}`) + 16n) + rest,
    );
    expect(failure([RTC], written(shifted))).toMatch(
      /: \S+ of vmlinux is not where the table has it: this is a different build; give the table of the running kernel$/,
    );
    expect(failure([RTC], written("ffffffff81000000 T _text\nffffffff81000010 T other\n"))).toMatch(
      /: has no name_show of vmlinux; give the table of the running kernel$/,
    );
  });
});

describe("refused are", () => {
  const now = written(kallsyms(SLIDE));

  test("several symbols, none, or one of another line", () => {
    expect(failure(["name_show"], now)).toMatch(
      /: has 3 symbols for name_show; give name_show@\S+ or name_show@/,
    );
    expect(failureWith(1, ["name_shwo"], now)).toMatch(/: has no name_shwo; give name_show$/);
    expect(failureWith(1, ["name_show@drivers_rtc_sysfs_c_20"], now)).toMatch(
      /: has no name_show@drivers_rtc_sysfs_c_20; give name_show@drivers_rtc_sysfs_c_26$/,
    );
  });

  test.each(["address", "kprobe-events", "bpftrace"])("a per-CPU variable, for %s", (format) => {
    const [header = "", first = ""] = tool("head", ["-n2", TABLE]).toString().split("\n");
    const variable = {
      name: "this_cpu_off",
      alias: null,
      type: "d",
      kind: "object",
      section: ".data..percpu",
    };
    const row = JSON.stringify({ ...JSON.parse(first), ...variable, address: "0000000000000030" });
    const table = written(`${JSON.stringify({ ...JSON.parse(header), rows: 1 })}\n${row}\n`);
    const listing = written(kallsyms(0n));
    const args = ["probe", "this_cpu_off", "--table", table, "--kallsyms", listing, "--format", format];
    const { status, stdout, stderr } = kasAlias(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^kas-alias: [^\n]* this_cpu_off is a per-CPU variable: [^\n]*; [^\n]*\n$/);
  });

  test("addresses that the kernel hides", () => {
    const hidden = kallsyms(SLIDE).replace(/^[0-9a-f]{16}/gm, "0000000000000000");
    expect(failure([RTC], written(hidden))).toMatch(/hidden by kptr_restrict; read it as root$/);
  });

  test("damaged notes", () => {
    expect(probe([RTC], now, "--notes", written(Buffer.alloc(40, 0xff))).status).toBe(0);
    expect(failure([RTC], now, "--notes", join(directory, "missing"))).toMatch(/cannot be read/);
  });
});

// The message of a failure, for any command: one line that begins with the file at fault and ends with advice.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { buildLivePatch } from "../livepatch/live-patch.ts";
import { SAMPLE } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { PROGRAM } from "./program.ts";

const directory = temporaryDirectory();
const path = (name: string) => join(directory, name);

const RTC = "name_show@drivers_rtc_sysfs_c_26";
const TABLE = path("table.jsonl");
const ALL = path("all.jsonl");
const MODULE = path("module.ko");
const PATCH = path("patch.ko");
const LISTING = path("nm.txt");

/** root may read any file, unless it drops these capabilities. */
const LIKE_OTHERS =
  process.getuid?.() === 0 ? ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] : [];

function kasAlias(args: readonly string[]) {
  const [command = "", ...rest] = [...LIKE_OTHERS, process.execPath, PROGRAM, ...args];
  const { error, status, stdout, stderr } = spawnSync(command, rest, { input: "", encoding: "utf8" });
  if (error !== undefined) throw error;
  return { status, stdout, stderr };
}

beforeAll(() => {
  const bytes = readFileSync(SAMPLE);
  mkdirSync(path("directory.ko"));
  tool("mkfifo", [path("pipe.ko")]);
  symlinkSync("loop.ko", path("loop.ko"));
  mkdirSync(path("holds-nothing"));
  mkdirSync(path("loops"));
  symlinkSync("a.ko", path("loops/a.ko"));
  mkdirSync(path("read-only"), { mode: 0o555 });
  writeFileSync(path("empty.ko"), "");
  writeFileSync(path("text.ko"), "no file of that kind\n");
  writeFileSync(path("cut-header.ko"), bytes.subarray(0, 40));
  writeFileSync(path("cut-sections.ko"), bytes.subarray(0, 1000));
  tool("strip", ["-o", path("no-symbols"), SAMPLE]);
  tool("strip", ["-g", "-o", path("no-lines"), SAMPLE]);
  tool("objcopy", ["-R", ".debug_info", SAMPLE, path("no-units")]);
  writeFileSync(LISTING, tool("nm", ["-n", SAMPLE]));
  writeFileSync(path("hidden"), readFileSync(LISTING, "latin1").replace(/^[0-9a-f]{16}/gm, "0".repeat(16)));

  // Its name is one of the sample's, so that its line is looked up.
  const source = "static __attribute__((used)) int name_show(int x) { return x; }\n";
  tool("gcc", ["-g", "-ffreestanding", "-c", "-o", MODULE, "-x", "c", "-"], source);
  tool("strip", ["-g", "-o", path("no-lines.ko"), MODULE]);
  tool("strip", ["-o", path("no-symbols.ko"), MODULE]);
  tool("cp", [SAMPLE, path("linked.ko")]);
  for (const name of ["missing", "directory", "empty", "text", "cut-header", "cut-sections", "no-symbols"]) {
    writeFileSync(path(`names-${name}`), `${path(name)}.ko\n`);
  }
  buildLivePatch(PATCH, { functions: [{ name: "name_show", position: 1 }] });

  for (const [table, scope] of [
    [TABLE, "aliases"],
    [ALL, "all"],
  ] as const) {
    expect(kasAlias(["vmlinux", SAMPLE, "--table", table, "--table-scope", scope])).toMatchObject({
      status: 0,
    });
  }
  const lines = readFileSync(TABLE, "utf8").split("\n");
  writeFileSync(path("short-table"), `${lines.slice(0, 3).join("\n")}\n`);
  writeFileSync(path("later-table"), lines.join("\n").replace("table@1", "table@2"));
  writeFileSync(
    path("damaged-table"),
    lines.join("\n").replaceAll('"name_show","alias"', '"name_show","alais"'),
  );

  for (const name of ["unreadable", "unreadable.ko"]) {
    writeFileSync(path(name), bytes);
    chmodSync(path(name), 0);
  }
});

/** Runs the program, which must print one line of the right form and write nothing else. */
function failure(args: readonly string[], expectedStatus: number): string {
  const { status, stdout, stderr } = kasAlias(args);
  expect(stderr).toMatch(/^kas-alias: [^\n]+\n$/);
  expect({ status, stdout }).toEqual({ status: expectedStatus, stdout: "" });
  // Words of the program's inside, of JavaScript's, and numbers that say nothing to anybody.
  expect(stderr).not.toMatch(/WebAssembly|\bat .*:\d+:\d+|\bE[A-Z]{4,}\b|\b\d+ bytes\b|undefined|\bNaN\b/);
  expect(stderr).not.toMatch(/(?!\n)\p{Cc}/u);
  return stderr.slice("kas-alias: ".length, -1);
}

/** The kinds of wrong files. */
const ANY_FILE = ["missing.ko", "directory.ko", "unreadable.ko", "loop.ko"];
const ELF = [...ANY_FILE, "pipe.ko", "/dev/zero", "empty.ko", "text.ko", "cut-header.ko", "cut-sections.ko"];
const TABLES = [
  ...ANY_FILE,
  "/dev/zero",
  "empty.ko",
  "text.ko",
  "short-table",
  "later-table",
  "damaged-table",
];
const OUTPUTS = ["missing/out", "read-only/out", "loop.ko"];
// One command goes through the whole list, the others, whose files the same code reads, through these.
const SOME_ELF = ["cut-sections.ko", "pipe.ko"];
const SOME_TABLES = ["later-table"];

interface Role {
  /** The command, and the role of the file. */
  readonly role: string;
  readonly args: (file: string) => readonly string[];
  readonly faults: readonly string[];
  readonly status?: number;
}

const ROLES: readonly Role[] = [
  {
    role: "vmlinux ELF",
    args: (file) => ["vmlinux", file],
    faults: [...ELF, "no-symbols", "no-lines", "no-units", "module.ko"],
  },
  {
    role: "vmlinux --debug-file",
    args: (file) => ["vmlinux", SAMPLE, "--debug-file", file],
    faults: [...SOME_ELF, "no-symbols", "no-lines"],
  },
  {
    role: "vmlinux --nm",
    args: (file) => ["vmlinux", SAMPLE, "--nm", file],
    faults: [...ANY_FILE, "empty.ko", "text.ko", "hidden"],
  },
  {
    role: "vmlinux --reuse-table",
    args: (file) => ["vmlinux", SAMPLE, "--reuse-table", file],
    faults: SOME_TABLES,
  },
  {
    role: "vmlinux --symbol-frequency",
    args: (file) => ["vmlinux", SAMPLE, "--symbol-frequency", file],
    faults: ["unreadable.ko", "text.ko"],
  },
  { role: "vmlinux -o", args: (file) => ["vmlinux", SAMPLE, "-o", file], faults: [...OUTPUTS, "/dev/full"] },
  {
    role: "vmlinux -o, wrong usage",
    args: (file) => ["vmlinux", SAMPLE, "-o", file],
    faults: ["directory.ko"],
    status: 2,
  },
  {
    role: "vmlinux --table",
    args: (file) => ["vmlinux", SAMPLE, "--table", file],
    faults: ["/dev/full"],
  },
  {
    role: "vmlinux --addr2line",
    args: (file) => ["vmlinux", SAMPLE, "--resolver", "addr2line", "--addr2line", file],
    faults: ["missing.ko"],
  },
  {
    role: "resolve ELF",
    args: (file) => ["resolve", file, "0"],
    faults: ["no-lines", "module.ko"],
  },
  {
    role: "modules MODULE",
    args: (file) => ["modules", file, "--vmlinux", SAMPLE, "--table", "-"],
    faults: [...ELF, "no-symbols.ko", "no-lines.ko", "linked.ko", "no-lines"],
  },
  {
    role: "modules --vmlinux",
    args: (file) => ["modules", MODULE, "--vmlinux", file, "--table", "-"],
    faults: [...SOME_ELF, "no-symbols", "no-lines"],
  },
  {
    role: "modules --order",
    args: (file) => ["modules", "--order", file, "--table", "-"],
    faults: ["missing.ko", "unreadable", "text.ko"],
  },
  {
    role: "modules --directory",
    args: (file) => ["modules", "--directory", file, "--table", "-"],
    faults: ["missing.ko", "text.ko", "holds-nothing"],
  },
  {
    role: "modules --symbol-frequency, read",
    args: (file) => ["modules", MODULE, "--symbol-frequency", file, "--table", "-"],
    faults: ["unreadable.ko", "text.ko"],
  },
  {
    role: "modules --symbol-frequency, written",
    args: (file) => ["modules", MODULE, "--vmlinux", SAMPLE, "--symbol-frequency", file],
    faults: ["missing/out"],
  },
  {
    role: "modules --table",
    args: (file) => ["modules", MODULE, "--vmlinux", SAMPLE, "--table", file],
    faults: ["missing/out"],
  },
  {
    role: "modules --output-dir",
    args: (file) => ["modules", MODULE, "--vmlinux", SAMPLE, "--inject", "--output-dir", file],
    faults: ["read-only/out"],
  },
  ...["install", "status", "remove"].map((command) => ({
    role: `kernel ${command} TREE`,
    args: (file: string) => ["kernel", command, file],
    faults: ["missing.ko", "holds-nothing", "text.ko"],
  })),
  {
    role: "diff OLD",
    args: (file) => ["diff", file, TABLE],
    faults: ["missing.ko", "text.ko", "short-table"],
    status: 2,
  },
  { role: "diff NEW", args: (file) => ["diff", TABLE, file], faults: SOME_TABLES, status: 2 },
  {
    role: "diff --used-in",
    args: (file) => ["diff", TABLE, ALL, "--used-in", file],
    faults: ["unreadable.ko"],
    status: 2,
  },
  { role: "diff -o", args: (file) => ["diff", TABLE, ALL, "-o", file], faults: ["missing/out"], status: 2 },
  {
    role: "history TABLE",
    args: (file) => ["history", file],
    faults: [...SOME_TABLES, "loop.ko"],
    status: 2,
  },
  { role: "history -o", args: (file) => ["history", ALL, "-o", file], faults: ["missing/out"], status: 2 },
  {
    role: "lookup --table",
    args: (file) => ["lookup", "name_show", "--table", file],
    faults: TABLES,
    status: 2,
  },
  {
    role: "probe --table",
    args: (file) => ["probe", RTC, "--table", file, "--kallsyms", LISTING],
    faults: SOME_TABLES,
    status: 2,
  },
  {
    role: "probe --kallsyms",
    args: (file) => ["probe", RTC, "--table", TABLE, "--kallsyms", file],
    faults: ["unreadable.ko", "empty.ko", "text.ko", "hidden"],
    status: 2,
  },
  {
    role: "probe --notes",
    args: (file) => ["probe", RTC, "--table", TABLE, "--kallsyms", LISTING, "--notes", file],
    faults: [...ANY_FILE, "cut-header.ko", "cut-sections.ko"],
    status: 2,
  },
  {
    role: "livepatch sympos --table",
    args: (file) => ["livepatch", "sympos", RTC, "--table", file],
    faults: SOME_TABLES,
  },
  {
    role: "livepatch sympos --vmlinux",
    args: (file) => ["livepatch", "sympos", RTC, "--table", TABLE, "--vmlinux", file],
    faults: SOME_ELF,
  },
  {
    role: "livepatch sympos --from",
    args: (file) => ["livepatch", "sympos", "--table", TABLE, "--from", file],
    faults: ["unreadable.ko", "empty.ko"],
  },
  {
    role: "livepatch sympos -o",
    args: (file) => ["livepatch", "sympos", RTC, "--table", TABLE, "-o", file],
    faults: ["missing/out"],
  },
  // What sympos and header read is read by the same code.
  {
    role: "livepatch header --table",
    args: (file) => ["livepatch", "header", RTC, "--table", file],
    faults: ["missing.ko", "later-table"],
  },
  {
    role: "livepatch header -o",
    args: (file) => ["livepatch", "header", RTC, "--table", TABLE, "-o", file],
    faults: ["missing/out"],
  },
  {
    role: "livepatch symbols-list --vmlinux",
    args: (file) => ["livepatch", "symbols-list", "--vmlinux", file],
    faults: [...SOME_ELF, "no-symbols"],
  },
  {
    role: "livepatch symbols-list --order",
    args: (file) => ["livepatch", "symbols-list", "--vmlinux", SAMPLE, "--order", file],
    faults: ["missing.ko", "unreadable", "text.ko"],
  },
  {
    role: "livepatch symbols-list -o",
    args: (file) => ["livepatch", "symbols-list", "--vmlinux", SAMPLE, "-o", file],
    faults: ["missing/out"],
  },
  {
    role: "livepatch check PATCH",
    args: (file) => ["livepatch", "check", file, "--table", TABLE],
    faults: [...SOME_ELF, "no-symbols.ko", "module.ko"],
    status: 2,
  },
  {
    role: "livepatch check --table",
    args: (file) => ["livepatch", "check", PATCH, "--table", file],
    faults: SOME_TABLES,
    status: 2,
  },
  {
    role: "livepatch check --against",
    args: (file) => ["livepatch", "check", PATCH, "--table", TABLE, "--against", file],
    faults: ["missing.ko", "text.ko", "short-table"],
    status: 2,
  },
];

const located = (file: string) => (file.startsWith("/") ? file : path(file));

describe.each(ROLES)("$role", ({ args, faults, status = 1 }) => {
  test.each(faults)("%s", (fault) => {
    const file = located(fault);
    const line = failure(args(file), status);
    expect(line.slice(0, file.length + 2)).toBe(`${file}: `);
    expect(line.slice(file.length)).toMatch(/^: \S.*; \S/);
  });
});

test("a directory on standard input is wrong usage", () => {
  for (const args of [
    ["resolve", SAMPLE],
    ["vmlinux", SAMPLE, "--nm", "-"],
    ["livepatch", "sympos", "--table", TABLE, "--from", "-"],
  ]) {
    const command = ["-c", 'exec "$@" <.', "sh", process.execPath, PROGRAM, ...args];
    const { status, stderr } = spawnSync("sh", command, { encoding: "utf8" });
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: "kas-alias: standard input: is a directory; redirect it from a file\n",
    });
  }
});

test("a file over 2 GiB and a name of any length are reported in a short line", () => {
  tool("truncate", ["-s", "3G", path("huge")]);
  expect(failure(["vmlinux", SAMPLE, "--nm", path("huge")], 1)).toBe(
    `${path("huge")}: cannot be read: over 2 GiB; give a smaller file`,
  );
  const name = "n".repeat(100_000);
  for (const [args, status] of [
    [["vmlinux", name], 1],
    [["vmlinux", SAMPLE, "-o", name], 1],
    [["diff", TABLE, TABLE, "--object", name], 2],
    [["lookup", name, "--table", TABLE], 1],
    [[name], 2],
    [["vmlinux", SAMPLE, `--${name}`], 2],
  ] as const) {
    expect(failure(args, status).length).toBeLessThan(3500);
  }
});

test("a link to itself in a directory of modules", () => {
  const line = failure(["modules", "--directory", path("loops"), "--table", "-"], 1);
  expect(line).toBe(
    `${path("loops/a.ko")}: cannot be read: too many symbolic links encountered; correct its symbolic links, which form a loop`,
  );
});

describe("a module of a modules.order", () => {
  test.each(["missing", "text", "no-symbols"])("%s", (fault) => {
    const file = path(`${fault}.ko`);
    const line = failure(
      ["livepatch", "symbols-list", "--vmlinux", SAMPLE, "--order", path(`names-${fault}`)],
      1,
    );
    expect(line.slice(0, file.length + 2)).toBe(`${file}: `);
    expect(line).toMatch(/; \S/);
  });
});

describe("wrong usage ends with status 2 and names the fault:", () => {
  const usages: [string[], string][] = [
    [["no-such-command"], "no-such-command"],
    [["kernel", "no-such-command"], "no-such-command"],
    [["livepatch", "no-such-command"], "no-such-command"],
    [["vmlinux"], "vmlinux"],
    [["resolve"], "elf"],
    [["modules"], "--order"],
    [["kernel", "install"], "tree"],
    [["diff"], "old"],
    [["diff", TABLE], "new"],
    [["history"], "table"],
    [["lookup", "name_show"], "--table"],
    [["lookup", "--table", TABLE], "name"],
    [["probe", RTC], "--table"],
    [["probe", "--table", TABLE], "alias"],
    [["livepatch", "sympos", RTC], "--table"],
    [["livepatch", "header", RTC], "--table"],
    [["livepatch", "symbols-list"], "--vmlinux"],
    [["livepatch", "check", PATCH], "--table"],
    [["livepatch", "check", "--table", TABLE], "patch"],
    [["vmlinux", SAMPLE, "-o"], "--output"],
    [["resolve", SAMPLE, "0", "--jobs", "many"], "--jobs"],
    [["modules", MODULE, "--inject"], "--output-dir"],
    [["diff", TABLE, TABLE, "--format", "xml"], "--format"],
    [["diff", TABLE, TABLE, "--name", "("], "--name"],
    [["diff", TABLE, TABLE, "--only", "all"], "--only"],
    [["probe", RTC, "--table", TABLE, "--format", "perf"], "--format"],
    [["livepatch", "check", PATCH, "more", "--table", TABLE], "check"],
    [["kernel", "status", directory, "more"], "status"],
    [["vmlinux", SAMPLE, "--no-such-option"], "--no-such-option"],
    [["modules", MODULE], "--table"],
    [["modules", MODULE, "--symbol-frequency", path("frequency")], "--vmlinux"],
    [["vmlinux", SAMPLE, "-o", ""], "--output"],
    [["vmlinux", SAMPLE, "-o", `${directory}/.`], "--output"],
    [["modules", MODULE, "--inject", "--output-dir", ""], "--output-dir"],
    [["vmlinux", SAMPLE, "--table", path("new/")], "--table"],
    [["livepatch", "symbols-list", "--vmlinux", SAMPLE, "-o", path("new/")], "--output"],
    [["vmlinux", SAMPLE, "-o", "-", "--table", "/dev/stdout"], "standard output"],
    [["modules", MODULE, "--vmlinux", SAMPLE, "--table=-", "--symbol-frequency=-"], "standard output"],
    [["vmlinux", SAMPLE, "-o", path("out"), "--table", path("out")], path("out")],
    [["resolve", SAMPLE, "no address"], "no address"],
    [["diff", TABLE, TABLE, "--object", "vmlinx"], "--object vmlinx: is in no table; give vmlinux"],
    [["diff", TABLE, TABLE, "--name", "^no_such_name$"], "--name ^no_such_name$"],
    [["diff", TABLE, TABLE, "--only", "added", "--used-in", LISTING], "--only added"],
    [["history", TABLE, "--object", "vmlinx"], "--object vmlinx"],
    [["history", TABLE, "--name", "^no_such_name$"], "--name ^no_such_name$"],
  ];
  const shown = (args: readonly string[]) =>
    args.map((arg) => arg.replace(`${directory}/`, "").replace(SAMPLE, "SAMPLE")).join(" ");
  test.each(usages.map(([args, named]) => ({ title: shown(args), args, named })))(
    "$title",
    ({ args, named }) => {
      expect(failure(args, 2)).toContain(named);
    },
  );
});

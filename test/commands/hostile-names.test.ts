// Names from files that anyone may have made forge no lines, end no comments, and do not control a terminal.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { COLUMNS } from "../../src/table/row-schema.ts";
import { SAMPLE } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { outcome, tool } from "../tool.ts";
import { kasAlias, PROGRAM } from "./program.ts";

const directory = temporaryDirectory();
const path = (name: string) => join(directory, name);

/** An image, or with -r a module, of two objects with functions of these names: as and ld do not take them all. */
function withNames(out: string, names: readonly string[], ...link: string[]): string {
  const bytes = names.map((name) => Buffer.from(name));
  const stand = bytes.map(({ length }, i) => `PH${i}_`.padEnd(length, "p"));
  const objects = ["a", "b"].map((unit) => {
    const functions = stand.map((name) => `static __attribute__((noipa)) int ${name}(int x) { return x; }\n`);
    const uses = stand.map((name) => `${name}(x)`).join("+");
    writeFileSync(path(`${unit}.c`), `${functions.join("")}int use_${unit}(int x) { return ${uses}; }\n`);
    tool("gcc", ["-g", "-O2", "-c", "-o", path(`${unit}.o`), path(`${unit}.c`)]);
    return path(`${unit}.o`);
  });
  tool("ld", [...link, "-o", path(out), ...objects]);
  let image = readFileSync(path(out)).toString("latin1");
  for (const [i, name] of stand.entries())
    image = image.replaceAll(name, () => bytes[i]?.toString("latin1") ?? "");
  writeFileSync(path(out), image, "latin1");
  return path(out);
}
const IMAGE = ["-Ttext=0xffffffff81000000", "-e", "0"];
const MODULE = ["-r", "--build-id"];

/** What must not reach a terminal. */
const HARMFUL = /(?![\n\t])[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/u;

const FORGED = "evil\nffffffff81234567 T commit_creds";

describe("a name with a line feed", () => {
  const image = withNames("forged", ["plain_name", FORGED], ...IMAGE);
  const module = withNames("forged.ko", ["plain_name", FORGED], ...MODULE);
  const line = /^kas-alias: [^\n]*: the name evil\\x0affffffff81234567 T commit_creds /;

  test.each([
    ["the listing", ["vmlinux", image]],
    ["Symbols.list", ["livepatch", "symbols-list", "--vmlinux", image]],
    ["the frequency file", ["modules", module, "--vmlinux", image, "--symbol-frequency", path("freq")]],
  ])("is refused in %s", (_, args) => {
    const { status, stdout, stderr } = kasAlias(args);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr.trimEnd().split("\n").at(-1)).toMatch(line);
  });

  test.each([
    ["vmlinux", image],
    ["modules", module],
  ])("is left out of the table of %s, with a warning", (command, file) => {
    const table = path("table.jsonl");
    for (const scope of ["aliases", "all"]) {
      const run = kasAlias([command, file, "--table", table, "--table-scope", scope]);
      expect(run).toMatchObject({
        status: 0,
        stderr: expect.stringMatching(/ has control characters; such symbols /),
      });
      expect(run.stderr).toMatch(line);
      expect(readFileSync(table, "utf8")).not.toContain("commit_creds");
      expect(kasAlias(["lookup", "plain_name", "--table", table]).status).toBe(0);
    }
  });

  test("is refused as the name of a module", () => {
    const odd = path("a\nb.ko");
    tool("cp", [module, odd]);
    expect(kasAlias(["modules", odd, "--table", "-"])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/a\\x0ab\.ko: has a control character in its name; rename the file\n$/),
    });
  });
});

test("a name that klp-convert would take for an object's is refused in Symbols.list", () => {
  const image = withNames("star", ["*evil_object"], ...IMAGE);
  expect(kasAlias(["livepatch", "symbols-list", "--vmlinux", image]).stderr).toMatch(
    /: the name \*evil_object /,
  );
});

/** A table whose texts are all hostile. */
function hostileTable(file: string, extra: string, first = 0): string {
  const nasty = `\u001b]0;pwn\u0007\u009b2J\u202e\u2066\u2028\u2029\ufeff\u007f${extra}`;
  const rows = ["one", "two"].map((name, i) => ({
    object: `mod\u202eule`,
    name: `${name}\u2028\ufeff`,
    alias: `${name}\u202e@a_c_${first + i}`,
    type: "t",
    address: `${i}`,
    section: `.text${nasty}`,
    size: 1,
    file: `a${nasty}.c`,
    line: 1,
    unit: `u${nasty}.c`,
    sympos: 1,
    ordinal: 0,
    via: nasty,
    function: nasty,
    parameters: null,
    arriving: null,
    kind: "function",
  }));
  expect(Object.keys(rows[0] ?? {})).toEqual(Object.keys(COLUMNS));
  const header = {
    schema: "kas-alias/table@1",
    kernel: `6.1${nasty}`,
    arch: "x86_64",
    scope: "object",
    objects: [{ name: "mod\u202eule", buildId: nasty }],
    rows: rows.length,
    generator: nasty,
    options: { separator: "@", [nasty]: 1 },
  };
  writeFileSync(path(file), [header, ...rows].map((each) => `${JSON.stringify(each)}\n`).join(""));
  return path(file);
}

describe("a terminal", () => {
  const [old, new_] = [hostileTable("old.jsonl", "\n1"), hostileTable("new.jsonl", "\n2", 7)];
  const script = path("script");
  writeFileSync(script, "kprobe:one\u202e@a_c_0 \u001b[2J\u202e\n");
  const image = withNames(
    "odd",
    ["esc\u001b]0;pwned\u0007x", "rtl\u202egpj", "ls\u2028x", "bom\ufeffx", "csi\u009b2J"],
    ...IMAGE,
  );
  const tool2 = path("addr2line");
  tool("bash", [
    "-c",
    `printf '#!/bin/sh\\nprintf "a\\\\342\\\\200\\\\256\\\\033[2J" >&2; exit 3\\n' > ${tool2}; chmod +x ${tool2}`,
  ]);

  test.each([
    ["vmlinux", [image]],
    ["vmlinux", [image, "--table", "-", "--table-scope", "all", "--data"]],
    ["vmlinux", [image, "--resolver", "addr2line", "--addr2line", tool2]],
    ["vmlinux", [image, "--nm", script]],
    ["resolve", [image, "ffffffff81000000"]],
    ["lookup", ["one\u2028\ufeff", "--table", old]],
    ["lookup", ["one\u2028\ufeff", "--json", "--table", old]],
    ["lookup", ["none\u001b[2J\u202e", "--table", old]],
    ...["text", "json", "markdown", "html", "map"].map(
      (format) => ["diff", [old, new_, "--format", format]] as const,
    ),
    ["diff", [old, new_, "--used-in", script]],
    ["history", [old, new_, "--force"]],
    ["history", [old, new_, "--format", "json"]],
    ["livepatch", ["sympos", "one\u202e@a_c_0", "--table", old]],
    ["livepatch", ["header", "one\u202e@a_c_0", "--table", old]],
    ["probe", ["one\u202e@a_c_0", "--table", old, "--kallsyms", script]],
  ] as const)("shows what %s %j prints, and no more", (command, args) => {
    const quoted = [process.execPath, PROGRAM, command, ...args].map((arg) => `'${arg}'`).join(" ");
    // Without its own echo of carriage returns, the terminal adds nothing.
    const { stdout } = outcome("script", ["-qec", `stty -onlcr; NO_COLOR=1 ${quoted}`, "/dev/null"]);
    const text = stdout.toString().replaceAll("\r\n", "\n");
    expect(text).not.toBe("");
    expect(HARMFUL.exec(text)?.[0]).toBeUndefined();
  });

  test("still has colours", () => {
    const { stdout } = outcome("script", [
      "-qec",
      `${process.execPath} ${PROGRAM} diff ${old} ${new_}`,
      "/dev/null",
    ]);
    expect(stdout.toString()).toContain("\u001b[1m");
  });
});

describe("a C header", () => {
  test.each([
    ["a backslash before a line feed", "a*\\\n/\nint injected = 42;\n//x.c"],
    ["a trigraph of one", "a*??/\n/\nint injected = 42;\n//x.c"],
    ["the end of the comment", "a*/int injected = 42;/*x.c"],
    ["nested ends", "a**//int injected = 42;/*/x.c"],
  ])("with %s in a path declares nothing", (_, file) => {
    const table = path("injected.jsonl");
    const [header = "", row = ""] = readFileSync(hostileTable("plain.jsonl", ""), "utf8").split("\n");
    const { name: _name, ...rest } = JSON.parse(row);
    const changed = { ...rest, object: "vmlinux", name: "show??/", alias: "show@a_c_1", file };
    const kernel = { ...JSON.parse(header), rows: 1, kernel: file };
    writeFileSync(table, `${JSON.stringify(kernel)}\n${JSON.stringify(changed)}\n`);
    const { status, stdout } = kasAlias(["livepatch", "header", "show@a_c_1", "--table", table]);
    expect(status).toBe(0);
    for (const standard of ["gnu17", "c99", "c17"]) {
      const source = `${stdout}\nstruct f { const char *old_name; int old_sympos; };\nstruct f f = { KAS_FUNC_show_a_c_1 };\n`;
      const args = [
        "-x",
        "c",
        `-std=${standard}`,
        "-Wall",
        "-Wno-trigraphs",
        "-Wno-comment",
        "-Werror",
        "-c",
      ];
      tool("gcc", [...args, "-o", path("header.o"), "-"], source);
      expect(tool("nm", [path("header.o")]).toString()).not.toContain("injected");
      expect(readFileSync(path("header.o")).includes("show??/\0")).toBe(true);
    }
  });
});

test("a bpftrace program and kprobe lines have one line for each probe", () => {
  const table = path("probe.jsonl");
  expect(kasAlias(["vmlinux", SAMPLE, "--table", table]).status).toBe(0);
  const lines = readFileSync(table, "utf8").replaceAll("name_show@", "name_show\u2028\u202e@");
  writeFileSync(table, lines);
  const [, alias = ""] = /"alias":"(name_show[^"]*)"/.exec(lines) ?? [];
  const kallsyms = path("kallsyms");
  writeFileSync(kallsyms, tool("nm", ["-n", SAMPLE]));
  for (const format of ["kprobe-events", "bpftrace"]) {
    const { status, stdout } = kasAlias([
      "probe",
      alias,
      "--table",
      table,
      "--kallsyms",
      kallsyms,
      "--format",
      format,
    ]);
    expect({ status, isClean: !HARMFUL.test(stdout) }).toEqual({ status: 0, isClean: true });
  }
});

// Listings of the running kernel are compared with its build ID. A preload script gives the program other notes and symbols.
import { spawnSync } from "node:child_process";
import { closeSync, openSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isRunningKallsyms } from "../../src/lookup/kernel-notes.ts";
import { buildSample, SAMPLE } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { kasAlias, PROGRAM } from "./program.ts";

const directory = temporaryDirectory();
const path = (name: string) => join(directory, name);

const KALLSYMS = "/proc/kallsyms";
const NOTES = "/sys/kernel/notes";
const RTC = "name_show@drivers_rtc_sysfs_c_26";
const OTHER = buildSample(path("other"), { TEXT_BASE: "0xffffffff82000000" });
const [LISTING, OWN_NOTES, TABLE] = [path("listing"), path("notes"), path("table")];
writeFileSync(LISTING, tool("nm", ["-n", SAMPLE]));
tool("objcopy", ["-O", "binary", "--only-section=.notes", SAMPLE, OWN_NOTES]);
kasAlias(["vmlinux", SAMPLE, "--table", TABLE]);
const OTHER_NOTES = path("other-notes");
tool("objcopy", ["-O", "binary", "--only-section=.notes", OTHER, OTHER_NOTES]);
const idOf = (file: string) => /Build ID: ([0-9a-f]{40})/.exec(tool("readelf", ["-n", file]).toString())?.[1];
const LINK = path("link");
symlinkSync(KALLSYMS, LINK);

const PRELOAD = path("preload.cjs");
writeFileSync(
  PRELOAD,
  `const fs = require("node:fs");
  const instead = JSON.parse(process.env.INSTEAD);
  for (const name of ["openSync", "readFileSync", "statSync"]) {
    const original = fs[name];
    fs[name] = (path, ...rest) => original(instead[path] ?? path, ...rest);
  }
  require("node:module").syncBuiltinESMExports();`,
);

/** Runs the program on a kernel with the sample's symbols, and these notes. */
function run(notes: string, ...args: string[]) {
  const instead = { [KALLSYMS]: LISTING, [LINK]: LISTING, [NOTES]: notes };
  const env = { ...process.env, NODE_OPTIONS: `--require ${PRELOAD}`, INSTEAD: JSON.stringify(instead) };
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], {
    env,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

const refusal = (file: string, advice: string, status = 1) => ({
  status,
  stdout: "",
  stderr: `kas-alias: ${file}: is of another build: its vmlinux has the build ID ${idOf(SAMPLE)}, ${NOTES} has ${idOf(OTHER)}; ${advice}\n`,
});

describe.each([
  { role: "the image", args: [SAMPLE], refused: SAMPLE, advice: "give the vmlinux of that kernel" },
  {
    role: "its --debug-file",
    args: ["--debug-file", SAMPLE],
    refused: SAMPLE,
    advice: "give the vmlinux of that kernel",
  },
  {
    role: "the --reuse-table",
    args: ["--reuse-table", TABLE],
    refused: TABLE,
    advice: "give the table of that kernel",
  },
])("$role of `vmlinux --nm`", ({ args, refused, advice }) => {
  test.each([
    { name: KALLSYMS, kallsyms: KALLSYMS },
    { name: "a link to it", kallsyms: LINK },
  ])("is refused if the kernel of $name has another build ID", ({ kallsyms }) => {
    const command = ["vmlinux", ...args, "--nm", kallsyms];
    expect(run(OTHER_NOTES, ...command)).toEqual(refusal(refused, advice));
    const { status, stdout, stderr } = run(OWN_NOTES, ...command);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain(RTC);
  });

  test("is accepted with a saved listing, unless --notes has another build ID", () => {
    const command = ["vmlinux", ...args, "--nm", LISTING];
    expect(run(OTHER_NOTES, ...command)).toMatchObject({ status: 0, stderr: "" });
    expect(run(NOTES, ...command, "--notes", OWN_NOTES)).toMatchObject({ status: 0, stderr: "" });
    const { status, stderr } = run(NOTES, ...command, "--notes", OTHER);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: refusal(refused, advice).stderr.replace(NOTES, OTHER),
    });
  });
});

test("`probe` refuses the table if the running kernel has another build ID", () => {
  for (const kallsyms of [[], ["--kallsyms", LINK]]) {
    const command = ["probe", RTC, "--table", TABLE, ...kallsyms];
    expect(run(OTHER_NOTES, ...command)).toEqual(refusal(TABLE, "give the table of that kernel", 2));
    expect(run(OWN_NOTES, ...command)).toMatchObject({ status: 0, stderr: "" });
  }
});

test("where the running kernel's notes cannot be read, one line says so", () => {
  const missing = path("missing");
  const line = `kas-alias: ${NOTES}: cannot be read: no such file or directory; the build ID of the running kernel is not checked\n`;
  const aliased = ["vmlinux", "--nm", KALLSYMS, "--debug-file", SAMPLE];
  for (const command of [aliased, ["probe", RTC, "--table", TABLE]]) {
    const { status, stdout, stderr } = run(missing, ...command);
    expect({ status, stderr }).toEqual({ status: 0, stderr: line });
    expect(stdout).toMatch(/name_show.drivers_rtc_sysfs_c_26/);
  }
  expect(run(missing, ...aliased, "--quiet")).toMatchObject({ status: 0, stderr: "" });
  expect(run(missing, ...aliased, "--notes", missing)).toMatchObject({ status: 1, stdout: "" });
});

test("--notes requires --nm", () => {
  const { status, stderr } = kasAlias(["vmlinux", SAMPLE, "--notes", OWN_NOTES]);
  expect({ status, stderr }).toEqual({ status: 2, stderr: "kas-alias: --notes requires --nm\n" });
});

test("the running kernel's kallsyms has many paths; a copy is not one of them", () => {
  for (const each of [KALLSYMS, LINK, "/proc/self/root/proc/kallsyms"])
    expect(isRunningKallsyms(each)).toBe(true);
  const file = openSync(KALLSYMS, "r");
  expect(isRunningKallsyms(`/dev/fd/${file}`)).toBe(true);
  closeSync(file);
  writeFileSync(path("kallsyms"), "");
  for (const each of [path("kallsyms"), "/proc/version", "/dev/null", path("nothing")]) {
    expect(isRunningKallsyms(each)).toBe(false);
  }
});

test("the running kernel's symbols on standard input are compared too", () => {
  const file = openSync(KALLSYMS, "r");
  const env = {
    ...process.env,
    NODE_OPTIONS: `--require ${PRELOAD}`,
    INSTEAD: JSON.stringify({ [NOTES]: OTHER_NOTES }),
  };
  const args = [PROGRAM, "vmlinux", "--nm", "-", "--debug-file", SAMPLE];
  const { status, stderr } = spawnSync(process.execPath, args, {
    env,
    encoding: "utf8",
    stdio: [file, "pipe", "pipe"],
  });
  closeSync(file);
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: refusal(SAMPLE, "give the vmlinux of that kernel").stderr,
  });
});

// The program on other versions of Node.js: the output is byte-identical to that of the current version.
import { type SpawnSyncOptions, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { PROGRAM } from "../commands/program.ts";
import { buildRelocatable } from "../elf/relocatable-sample.ts";
import { SAMPLE } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";

interface Runtime {
  readonly version: string;
  readonly node: string;
}

const runtimes: readonly Runtime[] = JSON.parse(readFileSync(process.env.KAS_ALIAS_NODES ?? "", "utf8"));
const [old, ...supported] = runtimes;
const current: Runtime = { version: process.versions.node, node: process.execPath };
const script = (name: string) => fileURLToPath(new URL(`../../scripts/${name}`, import.meta.url));

const directory = temporaryDirectory();
const input = (name: string) => join(directory, name);

const MODULES = ["plain.ko", "xz.ko.xz", "zst.ko.zst", "gz.ko.gz"].map(input);

/** Every command, on the files written by the one before. */
const COMMANDS: readonly (readonly string[])[] = [
  ["vmlinux", SAMPLE, "-o", "listing", "--table", "table"],
  ["vmlinux", SAMPLE, "--data", "--location", "decl", "--signatures", "--table", "data"],
  ["vmlinux", SAMPLE, "--resolver", "addr2line", "-o", "listing.addr2line"],
  ["resolve", SAMPLE],
  ["modules", ...MODULES, "--vmlinux", SAMPLE, "--table", "modules"],
  ["modules", input("plain.ko"), "--vmlinux", SAMPLE, "--inject", "--output-dir", "injected"],
  ["lookup", "name_show@rtc", "--table", "table"],
  [
    "probe",
    "name_show@drivers_rtc_sysfs_c_26",
    "--table",
    "table",
    "--kallsyms",
    "listing",
    "--notes",
    SAMPLE,
  ],
  ["diff", "table", "data"],
  ["diff", "table", "data", "--format", "html", "-o", "page"],
  ["history", "table"],
  ["livepatch", "header", "name_show@drivers_rtc_sysfs_c_26", "--table", "table"],
  ["vmlinux", "nowhere"],
  ["--help"],
];

let addresses = "";
let expected: ReturnType<typeof answersOf>;

beforeAll(() => {
  addresses = tool("nm", [SAMPLE])
    .toString()
    .replaceAll(/^(\w+).*$/gm, "$1");
  buildRelocatable(input("plain.ko"), { cc: ["gcc"], ld: "ld" });
  for (const [ending, ...compress] of [
    ["xz", "xz"],
    ["zst", "zstd", "-q"],
    ["gz", "gzip"],
  ] as const) {
    const path = input(`${ending}.ko`);
    tool("cp", [input("plain.ko"), path]);
    tool(compress[0], [...compress.slice(1), path]);
  }
  expected = answersOf(current);
});

function run({ node }: Runtime, args: readonly string[], options: SpawnSyncOptions = {}) {
  const { error, status, stdout, stderr } = spawnSync(node, args, options);
  if (error !== undefined) throw error;
  return { status, stdout: String(stdout), stderr: String(stderr) };
}

/** The output and files of the commands on a version of Node.js. */
function answersOf(runtime: Runtime) {
  const cwd = input(runtime === current ? "current" : runtime.version);
  mkdirSync(cwd);
  const printed = COMMANDS.map((command) => ({
    command,
    ...run(runtime, [PROGRAM, ...command], { cwd, input: addresses }),
  }));
  const names = readdirSync(cwd, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return { printed, files: new Map(names.map((name) => [name.slice(cwd.length + 1), readFileSync(name)])) };
}

test("the current Node.js can do everything tested on the others", () => {
  const { printed, files } = expected;
  expect(printed.map(({ status }) => status)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 0]);
  expect([...files.keys()]).toEqual([
    ...["data", "injected/plain.ko", "listing", "listing.addr2line", "modules", "page", "table"],
  ]);
});

describe.each(supported)("Node.js $version", (runtime) => {
  test("has the expected version", () => {
    expect(run(runtime, ["--version"])).toEqual({ status: 0, stdout: `v${runtime.version}\n`, stderr: "" });
  });

  test("gives the same output", () => {
    expect(answersOf(runtime)).toEqual(expected);
  });
});

describe(`Node.js ${old?.version}`, () => {
  const refusal = `kas-alias: needs Node.js 20.19 or later; this is ${old?.version}\n`;

  test.each([PROGRAM, script("start.mjs"), script("test.mjs")])("is refused in one line by %s", (path) => {
    expect(run(old as Runtime, [path, "vmlinux", SAMPLE])).toEqual({
      status: 1,
      stdout: "",
      stderr: refusal,
    });
  });
});

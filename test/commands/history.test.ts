import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { SAMPLE } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { buildNextSample } from "./next-sample.ts";
import { kasAlias, PROGRAM } from "./program.ts";

const directory = temporaryDirectory();
const file = (name: string) => join(directory, name);
const [OLD, NEW, LAST] = [file("1.9.0.kas.jsonl"), file("1.10.0.kas.jsonl"), file("1.10.1.kas.jsonl")];
const history = (...args: string[]) => kasAlias(["history", ...args]);
const lines = (text: string) => text.split("\n").slice(0, -1);

beforeAll(() => {
  mkdirSync(file("next"));
  const next = buildNextSample(file("next"));
  for (const [elf, table, release] of [
    [SAMPLE, OLD, "1.9.0"],
    [next, NEW, "1.10.0"],
    [next, LAST, "1.10.1"],
  ] as const) {
    const written = ["--table", table, "--table-scope", "all", "--kernel-release", release];
    expect(kasAlias(["vmlinux", elf, ...written])).toEqual({ status: 0, stdout: "", stderr: "" });
  }
});

test("each symbol is shown in every kernel, oldest first, for any order of the tables", () => {
  const { status, stdout, stderr } = history(
    LAST,
    OLD,
    NEW,
    "--name",
    "^(name_show|parse_options|probe_.*|panic)$",
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(lines(stdout)).toEqual([
    "name_show  vmlinux  drivers/pnp/card.c  1.9.0:5  1.10.0:5,sympos=3  1.10.1:5",
    "name_show  vmlinux  drivers/rtc/sysfs.c  1.9.0:26  1.10.0:29,sympos=2  1.10.1:29",
    "name_show  vmlinux  kernel/irq/irqdesc.c  1.9.0:11  1.10.0:11  1.10.1:11",
    "panic  vmlinux  kernel/panic.c  1.9.0:14  1.10.0:14  1.10.1:14",
    "parse_options  vmlinux  init/main.c  1.9.0:20  1.10.0:20  1.10.1:20",
    "parse_options  vmlinux  kernel/options.c  1.10.0:7  1.10.1:7",
    "parse_options  vmlinux  kernel/params.c  1.9.0:7  1.10.0:gone",
    "probe_card  vmlinux  drivers/pnp/card.c  1.10.0:17  1.10.1:17",
    "probe_one  vmlinux  drivers/pnp/card.c  1.9.0:17  1.10.0:gone",
    "probe_one  vmlinux  drivers/rtc/class.c  1.9.0:11  1.10.0:11,unique,sympos=0  1.10.1:11",
  ]);
});

test("JSON has one object per symbol, with its events", () => {
  const { stdout } = history(OLD, NEW, LAST, "--format", "json");
  const symbols = lines(stdout).map((line) => JSON.parse(line));
  const symbol = symbols.find(
    ({ name, file }) => name === "since_epoch_show" && file === "drivers/rtc/sysfs.c",
  );
  const alias = "since_epoch_show@drivers_rtc_sysfs_c_17";
  expect(symbol).toEqual({
    name: "since_epoch_show",
    object: "vmlinux",
    file: "drivers/rtc/sysfs.c",
    unit: "drivers/rtc/sysfs.c",
    events: [
      { kernel: "1.9.0", event: "appeared", line: 14, alias: null, sympos: 0 },
      { kernel: "1.10.0", event: "moved", line: 17, alias, sympos: 2 },
      { kernel: "1.10.0", event: "ambiguous", line: 17, alias, sympos: 2 },
      { kernel: "1.10.0", event: "sympos", line: 17, alias, sympos: 2 },
    ],
  });
  const rows = lines(readFileSync(OLD, "utf8")).length - 1;
  expect(symbols.filter(({ events }) => events[0].kernel === "1.9.0")).toHaveLength(rows);
});

test("tables may come through pipes", () => {
  const script = 'exec "$0" "$1" history <(cat "$2") <(cat "$3") --name "^panic$"';
  const { stdout } = spawnSync("bash", ["-c", script, process.execPath, PROGRAM, NEW, OLD]);
  expect(stdout.toString()).toBe("panic  vmlinux  kernel/panic.c  1.9.0:14  1.10.0:14\n");
});

describe("refused, in one line, is", () => {
  const changed = (name: string, change: (text: string) => string) => {
    writeFileSync(file(name), change(readFileSync(NEW, "utf8")));
    return file(name);
  };
  const refusal = (...args: string[]) => {
    const { status, stdout, stderr } = history(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^kas-alias: [^\n]+\n$/);
    return stderr.replaceAll(`${directory}/`, "").slice("kas-alias: ".length, -1);
  };

  test("another architecture, unless --force is given", () => {
    const arm = changed("arm", (text) => text.replace("x86_64", "aarch64").replace("1.10.0", "1.11.0"));
    expect(refusal(OLD, arm)).toMatch(
      /^arm: is for aarch64, but 1.9.0.kas.jsonl is for x86_64; give --force/,
    );
    expect(history(OLD, arm, "--force").status).toBe(0);
  });

  test("another schema, or a damaged line", () => {
    expect(
      refusal(
        OLD,
        changed("later", (text) => text.replace("table@1", "table@2")),
      ),
    ).toMatch(/^later: has the schema/);
    const cut = changed("cut", (text) => text.slice(0, -10).replace("1.10.0", "1.11.0"));
    expect(refusal(OLD, NEW, cut)).toMatch(/^cut: line 84 is damaged/);
  });

  test("one object in two tables of a kernel", () => {
    expect(refusal(OLD, OLD)).toBe(
      "1.9.0.kas.jsonl: has vmlinux of 1.9.0, and so does 1.9.0.kas.jsonl; give one of them",
    );
  });
});

test("tables of one kernel are combined", () => {
  const [header = "", ...rows] = lines(readFileSync(NEW, "utf8"));
  const part = (name: string, object: string, kept: string[]) => {
    const own = header
      .replace('"name":"vmlinux"', `"name":"${object}"`)
      .replace(/"rows":\d+/, `"rows":${kept.length}`);
    writeFileSync(
      file(name),
      `${[own, ...kept.map((line) => line.replace('"vmlinux"', `"${object}"`))].join("\n")}\n`,
    );
    return file(name);
  };
  const [image, module] = [
    part("image", "vmlinux", rows.slice(0, 50)),
    part("module", "hello", rows.slice(50)),
  ];
  const { status, stdout } = history(image, OLD, module);
  expect(status).toBe(0);
  expect(lines(stdout).filter((line) => /^\S+ {2}hello .* 1\.10\.0:/.test(line))).toHaveLength(
    rows.length - 50,
  );
});

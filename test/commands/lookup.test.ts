import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { defined } from "../defined.ts";
import { SAMPLE } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { kasAlias } from "./program.ts";

const directory = temporaryDirectory();
const TABLE = join(directory, "sample.jsonl");
const ALL = join(directory, "all.jsonl");
for (const more of [[TABLE], [ALL, "--table-scope", "all"]]) {
  const { status, stderr } = kasAlias(["vmlinux", SAMPLE, "--table", ...more]);
  if (status !== 0) throw new Error(stderr);
}
const NM = tool("nm", ["-n", SAMPLE]).toString().trimEnd().split("\n");

/** The addresses of nm's lines with a name that matches the pattern. */
function addressesOf(name: RegExp): string[] {
  return NM.filter((line) => name.test(line.slice(19))).map((line) => line.slice(0, 16));
}

/** The line of a file of the sample's source, from 1, that has a text. */
function lineOf(file: string, text: string): number {
  const lines = readFileSync(join(SAMPLE, "..", "linux", file), "utf8").split("\n");
  const index = lines.findIndex((line) => line.includes(text));
  if (index === -1) throw new Error(`${file} has no ${text}`);
  return index + 1;
}

function lookUp(query: string, ...more: string[]) {
  const { status, stdout, stderr } = kasAlias(["lookup", query, "--table", TABLE, ...more]);
  expect(stderr).not.toMatch(/\n {4}at /);
  return { status, stderr, lines: stdout.split("\n").slice(0, -1) };
}

/** The second columns, which are addresses. */
const addresses = (lines: readonly string[]) => lines.map((line) => line.split(/ +/)[1]);

describe("a name", () => {
  test("gives all of its symbols, with location, object and position", () => {
    const { status, stderr, lines } = lookUp("name_show");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(addresses(lines)).toEqual(addressesOf(/^name_show$/));
    expect(lines).toHaveLength(3);
    const line = lineOf("drivers/rtc/sysfs.c", "name_show(") + 1;
    const rtc = lines.filter(
      (text) => text.split(/ +/).slice(2, 4).join() === `drivers/rtc/sysfs.c:${line},vmlinux`,
    );
    expect(rtc).toHaveLength(1);
    expect(lines.map((text) => text.slice(-1)).sort()).toEqual(["1", "2", "3"]);
  });

  test("finds names that compilers derived from it", () => {
    const clones = addressesOf(/^check_cache\./);
    expect(clones).toHaveLength(4);
    expect(addresses(lookUp("check_cache").lines)).toEqual(clones);
    expect(addresses(lookUp("calculate_order").lines)).toEqual(addressesOf(/^calculate_order\.isra\.0$/));
    expect(addresses(lookUp("take_slot", "--table", ALL).lines).sort()).toEqual(
      addressesOf(/^take_slot(\.|$)/).sort(),
    );
  });

  test("of padding is in no table", () => {
    expect(addressesOf(/^__pfx_probe_one$/)).toHaveLength(2);
    expect(lookUp("probe_one", "--table", ALL).lines).not.toEqual([]);
    expect(readFileSync(ALL, "utf8")).not.toContain("__pfx_");
  });

  test("of padding in an older table is not found by a line, which it has from the function before", () => {
    const [header = "", ...rows] = readFileSync(ALL, "utf8").trimEnd().split("\n");
    const own = defined(
      rows.find((text) => text.includes('"name":"probe_one"')),
      "row of probe_one",
    );
    const { file, line, ...rest } = JSON.parse(own);
    const padding = { ...rest, name: "__pfx_probe_one", alias: null, file, line: line + 2 };
    const older = join(directory, "older");
    const text = [JSON.stringify({ ...JSON.parse(header), rows: 2 }), JSON.stringify(padding), own];
    writeFileSync(older, `${text.join("\n")}\n`);
    const { lines } = lookUp(`${file}:${line + 3}`, "--table", older);
    expect(lines.join("\n")).toContain("probe_one");
    expect(lines.join("\n")).not.toContain("__pfx_");
    expect(addresses(lookUp("__pfx_probe_one", "--table", older).lines)).toEqual([rest.address]);
  });

  test("that is also a key of the table does not match the key", () => {
    expect(lookUp("alias").status).toBe(1);
    expect(lookUp("vmlinux").status).toBe(1);
  });
});

describe("a name and a part of its path", () => {
  const rtc = defined(lookUp("drivers/rtc/sysfs.c:26").lines[0], "symbol of drivers/rtc/sysfs.c:26");

  test.each([
    "name_show@rtc",
    "name_show@sysfs.c",
    "name_show@sysfs",
    "name_show@rtc/sysfs.c",
    "name_show@drivers/rtc/sysfs.c",
    "name_show@./drivers/rtc/sysfs.c",
    "name_show@/home/me/linux/drivers/rtc/sysfs.c",
    "name_show@rtc_sysfs",
    "name_show@drivers_rtc_sysfs_c",
    "name_show@drivers/rtc/sysfs.c:26",
  ])("%s", (query) => {
    expect(lookUp(query).lines.map((line) => line.split(" ", 1))).toEqual([rtc.split(" ", 1)]);
  });

  test("can be the unit of an inline function", () => {
    const both = lookUp("dst_output").lines;
    const ipv6 = lookUp("dst_output@ip6_output.c").lines;
    expect(ipv6).toHaveLength(1);
    expect(both.length).toBeGreaterThan(1);
    expect(ipv6[0]).toMatch(/^dst_output@include_net_dst_h_\d+@net_ipv6_ip6_output_c /);
  });

  test("with another path gives the existing places", () => {
    const { status, stderr, lines } = lookUp("name_show@drivers/usb");
    expect({ status, lines }).toEqual({ status: 1, lines: [] });
    expect(stderr).toMatch(
      /^kas-alias: .*: has no name_show@drivers\/usb; closest: name_show@\S+, name_show@/,
    );
  });
});

describe("a file and a line", () => {
  test("give the symbols that begin there", () => {
    const line = lineOf("kernel/params.c", "parse_options(");
    const { lines } = lookUp(`kernel/params.c:${line}`);
    expect(lines.map((text) => text.split("@", 1)[0])).toEqual(["parse_options"]);
    expect(lookUp(`params.c:${line}`).lines).toEqual(lines);
  });

  test("within a function give that function, with a note", () => {
    const line = lineOf("drivers/rtc/sysfs.c", "name_show(") + 1;
    const { status, stderr, lines } = lookUp(`drivers/rtc/sysfs.c:${line + 2}`);
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: `kas-alias: ${TABLE}: has no drivers/rtc/sysfs.c:${line + 2}; this is the nearest\n`,
    });
    expect(lines).toEqual(lookUp(`drivers/rtc/sysfs.c:${line}`).lines);
  });
});

describe("an alias", () => {
  const alias = "name_show@drivers_rtc_sysfs_c_26";

  test("gives its symbol", () => {
    const { status, lines } = lookUp(alias);
    expect(status).toBe(0);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(new RegExp(`^${alias} +ffffffff81`));
  });

  test.each([
    ["name_show@drivers_rtc_sysfs_c_19", "name_show@drivers_rtc_sysfs_c_26"],
    ["name_show@drivers_rtc_sysfs_c_400", "name_show@drivers_rtc_sysfs_c_26"],
    ["name_show@drivers_rtc_sysfs_c_19_2", "name_show@drivers_rtc_sysfs_c_26"],
    ["name_show.isra.0@drivers_rtc_sysfs_c_19", "name_show@drivers_rtc_sysfs_c_26"],
    ["check_cache.part.0@mm_slub_c_30", "check_cache.part.0@mm_slub_c_28"],
    [
      "dst_output@include_net_dst_h_2@net_ipv6_ip6_output_c",
      /^dst_output@include_net_dst_h_\d+@net_ipv6_ip6_output_c$/,
    ],
  ])("of another kernel, %s, offers the nearest and says so", (old, expected) => {
    const { status, stderr, lines } = lookUp(old);
    expect(status).toBe(0);
    expect(stderr).toBe(`kas-alias: ${TABLE}: has no ${old}; this is the nearest\n`);
    const names = lines.map((line) => line.replace(/ .*/, ""));
    expect(names).toHaveLength(1);
    expect(names[0]).toMatch(expected);
  });
});

describe("--exact", () => {
  test.each([
    "check_cache",
    "name_show@rtc",
    "name_show@drivers_rtc_sysfs_c_19",
    "kernel/params.c:7",
    "name_sho",
  ])("finds nothing for %s, and names what is close", (query) => {
    const { status, stderr, lines } = lookUp(query, "--exact");
    expect({ status, lines }).toEqual({ status: 1, lines: [] });
    expect(stderr).toMatch(/; closest: \S/);
  });

  test("finds whole names and aliases", () => {
    expect(addresses(lookUp("name_show", "--exact").lines)).toEqual(addressesOf(/^name_show$/));
    expect(addresses(lookUp("calculate_order.isra.0", "--exact").lines)).toEqual(
      addressesOf(/^calculate_order\.isra\.0$/),
    );
    expect(lookUp("name_show@drivers_rtc_sysfs_c_26", "--exact").lines).toHaveLength(1);
  });
});

describe("--json", () => {
  test("gives the table's rows", () => {
    const { status, lines } = lookUp("name_show", "--json");
    expect(status).toBe(0);
    const rows = readFileSync(TABLE, "utf8")
      .split("\n")
      .filter((line) => line.includes('"name":"name_show"'));
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { query: "name_show", match: "name", symbols: rows.map((row) => JSON.parse(row)), closest: [] },
    ]);
  });

  test("reports an empty result", () => {
    const { status, lines } = lookUp("name_shwo", "--json");
    expect(status).toBe(1);
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { query: "name_shwo", match: null, symbols: [], closest: ["name_show"] },
    ]);
  });
});

describe("notes", () => {
  test("give the closest names in one line if nothing matches", () => {
    const { status, stderr, lines } = lookUp("name_shwo");
    expect({ status, stderr, lines }).toEqual({
      status: 1,
      stderr: `kas-alias: ${TABLE}: has no name_shwo; closest: name_show\n`,
      lines: [],
    });
    expect(lookUp("qqqqqqqqqqqqqqq").stderr).toBe(`kas-alias: ${TABLE}: has no qqqqqqqqqqqqqqq\n`);
  });

  test("warn that a function is freed after initialisation", () => {
    expect(lookUp("parse_options@init").stderr).toMatch(
      /: parse_options@init_main_c_\d+ is in \.init\.text, /,
    );
  });
});

describe("trouble ends with status 2:", () => {
  const trouble = (...args: string[]) => {
    const { status, stdout, stderr } = kasAlias(["lookup", ...args]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^kas-alias: [^\n]+\n$/);
    return stderr.slice("kas-alias: ".length, -1);
  };
  const changed = (change: (text: string) => string) => {
    const path = join(directory, "changed.jsonl");
    writeFileSync(path, change(readFileSync(TABLE, "utf8")));
    return path;
  };

  test("no table", () => {
    expect(trouble("x")).toContain("--table");
    expect(trouble("x", "--table", join(directory, "missing"))).toMatch(/cannot be read: no such file/);
    expect(trouble("x", "--table", SAMPLE)).toMatch(/is not an alias table/);
    expect(trouble("x", "--table", directory)).toMatch(/is a directory/);
  });

  test("a truncated table", () => {
    expect(
      trouble(
        "x",
        "--table",
        changed((text) => text.slice(0, text.lastIndexOf("{"))),
      ),
    ).toMatch(/: ends after \d+ of its \d+ rows; regenerate the table$/);
  });

  test("a damaged line among the matches, by its number", () => {
    const path = changed((text) => text.replace('"name":"name_show","alias":', '"name":"name_show","alas":'));
    const line = readFileSync(path, "utf8")
      .slice(0, readFileSync(path, "utf8").indexOf('"alas"'))
      .split("\n").length;
    expect(trouble("name_show", "--table", path)).toContain(`line ${line} is damaged: no "alias"`);
    expect(kasAlias(["lookup", "dst_output", "--table", path]).status).toBe(0);
  });
});

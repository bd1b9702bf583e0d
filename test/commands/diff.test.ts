import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { defined } from "../defined.ts";
import { SAMPLE } from "../sample-kernel.ts";
import { row, table } from "../table/tables.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { buildNextSample } from "./next-sample.ts";
import { kasAlias } from "./program.ts";

const directory = temporaryDirectory();
const file = (name: string) => join(directory, name);
const [OLD, NEW] = [file("old.kas.jsonl"), file("new.kas.jsonl")];
const [OLD_ALIASES, NEW_ALIASES] = [file("old-aliases.kas.jsonl"), file("new-aliases.kas.jsonl")];

const diff = (...args: string[]) => kasAlias(["diff", ...args]);

interface Side {
  readonly name: string;
  readonly alias: string | null;
  readonly file: string | null;
  readonly line: number | null;
  readonly sympos: number;
}
interface Change {
  readonly group: string;
  readonly reason: string | null;
  readonly other: string | null;
  readonly object: string;
  readonly name: string;
  readonly old: Side | null;
  readonly new: Side | null;
}

/** The JSON form; the whole of it when `only` is all groups. */
function json(...args: string[]): {
  status: number;
  counts: Record<string, number>;
  symposChanged: number;
  changes: Change[];
} {
  const { status, stdout, stderr } = diff(...args, "--format", "json");
  expect(stderr).toBe("");
  return { status, ...JSON.parse(stdout) };
}
const EVERYTHING = ["--only", "unchanged,moved,relocated,sympos,added,removed"];

const lines = (text: string) => text.split("\n").slice(0, -1);
const rowsOf = (path: string) =>
  lines(readFileSync(path, "utf8"))
    .slice(1)
    .map((line): Side => JSON.parse(line));
const aliasesOf = (path: string) => rowsOf(path).flatMap(({ alias }) => alias ?? []);

beforeAll(() => {
  const next = file("next");
  mkdirSync(next);
  const image = buildNextSample(next);
  for (const [elf, table, scope, release] of [
    [SAMPLE, OLD, "all", "1.9.0"],
    [image, NEW, "all", "1.10.0"],
    [SAMPLE, OLD_ALIASES, "aliases", "1.9.0"],
    [image, NEW_ALIASES, "aliases", "1.10.0"],
  ] as const) {
    const written = ["--table", table, "--table-scope", scope, "--kernel-release", release];
    expect(kasAlias(["vmlinux", elf, ...written])).toEqual({ status: 0, stdout: "", stderr: "" });
  }
});

describe("from the sample kernel to its next version", () => {
  test("every symbol of an edited file is where the edit put it", () => {
    const { changes } = json(OLD, NEW);
    const told = changes.map(({ group, reason, other, name, old, new: new_ }) => {
      const place = (side: Side | null) => (side === null ? "" : `${side.file}:${side.line}`);
      return [group, reason ?? "", other ?? "", name, place(old), place(new_)].join(" ");
    });
    expect(told.sort()).toEqual([
      "added duplicated  since_epoch_show drivers/rtc/sysfs.c:14 drivers/rtc/sysfs.c:17",
      "added name  early_patch  arch/x86/kernel/head64.c:21",
      "added name  probe_card  drivers/pnp/card.c:17",
      "added namesake  since_epoch_show  kernel/time/jiffies.c:9",
      "added suffix fill_slots.constprop.0 fill_slots  mm/vmalloc.c:20",
      "moved   name_show drivers/rtc/sysfs.c:26 drivers/rtc/sysfs.c:29",
      "relocated   parse_mount_options kernel/params.c:16 kernel/options.c:16",
      "relocated   parse_options kernel/params.c:7 kernel/options.c:7",
      "removed duplicated  fill_slots.constprop.0 mm/slub.c:19 mm/slub.c:19",
      "removed duplicated  probe_one drivers/rtc/class.c:11 drivers/rtc/class.c:11",
      "removed name  early_fixup arch/x86/kernel/head64.c:21 ",
      "removed namesake  probe_one drivers/pnp/card.c:17 ",
      "removed suffix fill_slots fill_slots.constprop.0 mm/vmalloc.c:19 ",
      "sympos   name_show drivers/pnp/card.c:5 drivers/pnp/card.c:5",
    ]);
  });

  test("changed positions are reported, also of symbols that moved", () => {
    const { changes, symposChanged } = json(OLD, NEW, "--only", "sympos");
    const names = changes.map(({ name, old, new: new_ }) => `${name} ${old?.sympos} ${new_?.sympos}`);
    expect(names.sort()).toEqual([
      "fill_slots.constprop.0 1 0",
      "name_show 2 3",
      "name_show 3 2",
      "probe_one 2 0",
      "since_epoch_show 0 2",
    ]);
    expect(symposChanged).toBe(names.length);
  });

  test.each([
    ["all symbols", OLD, NEW],
    ["aliases", OLD_ALIASES, NEW_ALIASES],
    ["all symbols beside aliases", OLD, NEW_ALIASES],
    ["aliases beside all symbols", OLD_ALIASES, NEW],
  ] as const)("tables of %s give the new aliases out of the old ones", (_, old, new_) => {
    const { changes, counts } = json(old, new_, ...EVERYTHING);
    expect(changes).toHaveLength(Object.values(counts).reduce((sum, count) => sum + count));
    const map = new Map(
      lines(diff(old, new_, "--format", "map", "--quiet").stdout).map((line): [string, string] => {
        const [from = "", to] = line.split("\t");
        return [from, defined(to, `new alias for ${from}`)];
      }),
    );
    expect(map.size).toBeGreaterThan(0);
    const gone = new Set(
      changes.filter(({ group }) => group === "removed").map((change) => change.old?.alias),
    );
    const kept = aliasesOf(old).filter((alias) => !gone.has(alias));
    const added = changes
      .filter(({ group }) => group === "added")
      .flatMap((change) => change.new?.alias ?? []);
    const applied = [...kept.map((alias) => map.get(alias) ?? alias), ...added];
    expect(applied.sort()).toEqual(aliasesOf(new_).sort());
  });

  test("every symbol is in one group", () => {
    const { changes } = json(OLD, NEW, ...EVERYTHING);
    const view = ({ name, alias, file, line, sympos }: Side) =>
      JSON.stringify([name, alias, file, line, sympos]);
    const sides = (side: "old" | "new") => changes.flatMap((change) => change[side] ?? []).map(view);
    expect(sides("old").sort()).toEqual(rowsOf(OLD).map(view).sort());
    expect(sides("new").sort()).toEqual(rowsOf(NEW).map(view).sort());
  });

  test("swapped tables have added and removed symbols exchanged", () => {
    const view = (changes: readonly Change[], swap: boolean) =>
      changes
        .map(({ group, reason, other, old, new: new_ }) => {
          const swapped = group === "added" ? "removed" : group === "removed" ? "added" : group;
          return JSON.stringify(
            swap ? [swapped, reason, other, new_, old] : [group, reason, other, old, new_],
          );
        })
        .sort();
    expect(view(json(NEW, OLD).changes, true)).toEqual(view(json(OLD, NEW).changes, false));
  });
});

describe("the status is that of diff(1):", () => {
  test("0, without output, for a table and itself", () => {
    expect(diff(OLD, OLD)).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(diff(OLD, OLD, "--format", "map")).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(json(OLD, OLD)).toMatchObject({
      status: 0,
      changes: [],
      counts: { unchanged: rowsOf(OLD).length },
    });
    expect(diff(OLD_ALIASES, OLD_ALIASES)).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  test("1 if something requested differs", () => {
    expect(diff(OLD, NEW).status).toBe(1);
    expect(diff(OLD, NEW, "--name", "^no_op$").status).toBe(0);
    expect(diff(OLD, NEW, "--only", "unchanged").status).toBe(0);
  });

  test("2 for trouble", () => {
    expect(diff(OLD, file("none")).status).toBe(2);
    expect(diff(OLD).status).toBe(2);
    expect(diff(OLD, NEW, "--only", "changed").status).toBe(2);
    expect(diff(OLD, NEW, "--name", "(").status).toBe(2);
    expect(diff(OLD, NEW, "--name", "^no_such_name$").status).toBe(2);
    expect(diff(OLD, NEW, "--object", "ext4").status).toBe(2);
    expect(diff(OLD, NEW, "-o", file("none/diff")).status).toBe(2);
  });
});

describe("refused, in one line, is", () => {
  const changed = (name: string, change: (text: string) => string) => {
    writeFileSync(file(name), change(readFileSync(NEW, "utf8")));
    return file(name);
  };
  const refusal = (...args: string[]) => {
    const { status, stdout, stderr } = diff(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^kas-alias: [^\n]+\n$/);
    return stderr.replaceAll(`${directory}/`, "").slice("kas-alias: ".length, -1);
  };

  test("another architecture, unless --force is given", () => {
    const arm = changed("arm", (text) => text.replace('"arch":"x86_64"', '"arch":"aarch64"'));
    expect(refusal(OLD, arm)).toBe(
      "arm: is for aarch64, but old.kas.jsonl is for x86_64; give --force to compare them anyway",
    );
    expect(diff(OLD, arm, "--force").status).toBe(1);
    const unknown = changed("unknown", (text) => text.replace('"arch":"x86_64"', '"arch":null'));
    expect(diff(OLD, unknown).status).toBe(1);
  });

  test("another schema", () => {
    expect(
      refusal(
        OLD,
        changed("later", (text) => text.replace("table@1", "table@2")),
      ),
    ).toBe(
      "later: has the schema kas-alias/table@2; this version reads kas-alias/table@1; use the version of kas-alias that wrote it",
    );
  });

  test("a table that is truncated or has a damaged line", () => {
    expect(
      refusal(
        OLD,
        changed("short", (text) => text.slice(0, -10)),
      ),
    ).toMatch(/^short: line 84 is damaged/);
    expect(
      refusal(
        OLD,
        changed("cut", (text) => `${lines(text).slice(0, 50).join("\n")}\n`),
      ),
    ).toMatch(/^cut: ends after 49 of its 83 rows/);
  });
});

describe("the text", () => {
  test("has the counts first, then the groups, and no colour in a file", () => {
    const { stdout } = diff(OLD, NEW);
    expect(stdout).toMatch(/^1\.9\.0 → 1\.10\.0, 82 → 83 symbols\n\n {2}72 {2}unchanged\n {3}1 {2}moved\n/);
    expect(stdout).toContain(
      "\n  vmlinux  name_show@drivers_rtc_sysfs_c_26 → name_show@drivers_rtc_sysfs_c_29  sympos 3 → 2\n",
    );
    expect(stdout).toContain("fill_slots mm/vmalloc.c:20  was fill_slots.constprop.0\n");
    expect(stdout).not.toContain("\u001b");
  });

  test("has colour on a terminal, unless NO_COLOR is set", () => {
    const onTerminal = (env: string) =>
      tool("script", [
        "-qec",
        `env ${env} node dist/kas-alias.mjs diff ${OLD} ${NEW} || true`,
        "/dev/null",
      ]).toString();
    expect(onTerminal("-u NO_COLOR")).toContain("\u001b[33mname_show@");
    expect(onTerminal("NO_COLOR=1")).not.toContain("\u001b");
  });

  test("has no terminal control sequences, for any content of a table", () => {
    const evil = file("evil");
    const steering = JSON.stringify("\u001b[2J\u009b2J");
    writeFileSync(
      evil,
      readFileSync(NEW, "utf8").replaceAll('"drivers/rtc/sysfs.c"', steering).replace('"1.10.0"', steering),
    );
    const { status, stdout } = diff(OLD, evil);
    expect(status).toBe(1);
    expect(stdout).toContain("2J");
    expect(stdout).not.toMatch(/(?!\n)\p{Cc}/u);
    expect(kasAlias(["history", OLD, evil]).stdout).not.toMatch(/(?!\n)\p{Cc}/u);
  });

  test("reports what tables of aliases cannot show", () => {
    const { stdout } = diff(OLD_ALIASES, NEW_ALIASES);
    expect(stdout).toMatch(/^note: both tables hold aliases only: .*--table-scope all$/m);
    expect(diff(OLD_ALIASES, NEW_ALIASES, "--format", "map").stderr).toContain("--table-scope all\n");
  });

  test("reports only the requested names, objects and groups", () => {
    const { stdout } = diff(OLD, NEW, "--name", "^(name_show|probe_.*)$", "--only", "moved,removed");
    expect(stdout).toContain("\nmoved: 1\n");
    expect(stdout).toContain("\nremoved: 2\n");
    expect(stdout).not.toContain("\nadded");
    expect(stdout).not.toContain("parse_options");
  });
});

describe("scripts that use aliases", () => {
  const SCRIPTS = {
    "probes.bt": `// name_show@drivers_rtc_sysfs_c_26, my_name_show@drivers_rtc_sysfs_c_26
kprobe:"name_show@drivers_rtc_sysfs_c_26",kprobe:"name_show@drivers_pnp_card_c_5" { }
`,
    "setup.sh": `echo 'p:a probe_one@drivers_pnp_card_c_17+0x10' >> kprobe_events
echo 'p:b parse_options@kernel_params_c_7' >> kprobe_events\r
echo 'p:c parse_options@kernel_params_c_71 parse_options@kernel_params_c_7@x' >> kprobe_events
`,
    "steady.bt": 'kprobe:"no_op@kernel_sys_ni_c_8" { }\n',
  };
  const path = (name: keyof typeof SCRIPTS) => {
    writeFileSync(file(name), SCRIPTS[name]);
    return file(name);
  };

  test("are listed with the lines to change", () => {
    const { status, stdout } = diff(OLD, NEW, "--used-in", path("probes.bt"), path("setup.sh"));
    expect(status).toBe(1);
    expect(stdout.slice(stdout.indexOf(`\n${directory}`)).replaceAll(`${directory}/`, "")).toBe(`
probes.bt:1
-// name_show@drivers_rtc_sysfs_c_26, my_name_show@drivers_rtc_sysfs_c_26
+// name_show@drivers_rtc_sysfs_c_29, my_name_show@drivers_rtc_sysfs_c_26

probes.bt:2
-kprobe:"name_show@drivers_rtc_sysfs_c_26",kprobe:"name_show@drivers_pnp_card_c_5" { }
+kprobe:"name_show@drivers_rtc_sysfs_c_29",kprobe:"name_show@drivers_pnp_card_c_5" { }

setup.sh:1
-echo 'p:a probe_one@drivers_pnp_card_c_17+0x10' >> kprobe_events
  probe_one@drivers_pnp_card_c_17 is gone: one fewer of the name

setup.sh:2
-echo 'p:b parse_options@kernel_params_c_7' >> kprobe_events
+echo 'p:b parse_options@kernel_options_c_7' >> kprobe_events
`);
  });

  test("give status 0 if nothing in them changes", () => {
    expect(diff(OLD, NEW, "--used-in", path("steady.bt"))).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(diff(OLD, NEW, "--used-in", file("none")).status).toBe(2);
  });

  test("are corrected by the map and the awk of the documentation, without moving an alias twice", () => {
    const [, found] = /^ {4}awk '\n([^']*)'/m.exec(readFileSync("docs/diff.md", "utf8")) ?? [];
    const awk = defined(found, "awk program in docs/diff.md");
    writeFileSync(
      file("map"),
      "a@x_c_1\ta@x_c_2\na@x_c_2\ta@x_c_3\nb.part.0@x_h_1@y_c\tb.part.0@x_h_2@y_c\n",
    );
    const script =
      'kprobe:"a@x_c_1",kprobe:"a@x_c_2" b.part.0@x_h_1@y_c+0x1 ba@x_c_1 a@x_c_11 me@example.com\n';
    writeFileSync(file("script"), script);
    const applied = execFileSync("awk", [awk, file("map"), file("script")]).toString();
    expect(applied).toBe(
      'kprobe:"a@x_c_2",kprobe:"a@x_c_3" b.part.0@x_h_2@y_c+0x1 ba@x_c_1 a@x_c_11 me@example.com\n',
    );
  });
});

describe("an alias of several symbols, one of which has a new alias,", () => {
  const SHARED = "f@h_h_5";
  const script = () => {
    writeFileSync(file("shared.bt"), `kprobe:"${SHARED}" { }\n`);
    return file("shared.bt");
  };
  const SPLIT: string[] = [];
  beforeAll(() => {
    const written = (name: string, line: number) => {
      const rows = [
        row({ name: "f", alias: SHARED, file: "h.h", line: 5, unit: "a.c", sympos: 1 }),
        row({ name: "f", alias: `f@h_h_${line}`, file: "h.h", line, unit: "b.c", sympos: 2 }),
      ];
      const { header } = table(rows);
      writeFileSync(file(name), [header, ...rows].map((each) => `${JSON.stringify(each)}\n`).join(""));
      return file(name);
    };
    SPLIT.push(written("shared", 5), written("split", 9));
  });

  test("is omitted from the map, with a warning", () => {
    const warning = `kas-alias: ${SHARED}: several symbols have this alias (1 such); not in the map\n`;
    for (const args of [[], ["--only", "moved"], ["--used-in", script()]]) {
      const { stdout, stderr } = diff(...SPLIT, "--format", "map", ...args);
      expect({ stdout, warned: stderr.endsWith(warning) }).toEqual({ stdout: "", warned: true });
    }
  });

  test("is not replaced in a script", () => {
    const { status, stdout } = diff(...SPLIT, "--used-in", script());
    expect(status).toBe(1);
    expect(stdout.slice(stdout.indexOf(`\n${directory}`))).toBe(
      `\n${script()}:1\n-kprobe:"${SHARED}" { }\n  ${SHARED} is that of several symbols, now ${SHARED}, f@h_h_9\n`,
    );
  });
});

describe("the Markdown", () => {
  test("has a table per group, in which no name is interpreted as markup", () => {
    const { stdout } = diff(OLD, NEW, "--format", "markdown");
    expect(stdout).toContain("| moved | 1 |");
    expect(stdout).toContain(
      "| `vmlinux` | `name_show@drivers_rtc_sysfs_c_26` | `name_show@drivers_rtc_sysfs_c_29` | sympos 3 → 2 |",
    );
    const odd = (alias: string) => {
      const text = readFileSync(OLD, "utf8").replaceAll(
        '"name_show@drivers_rtc_sysfs_c_26"',
        JSON.stringify(alias),
      );
      writeFileSync(file("odd"), text);
      return diff(file("odd"), NEW, "--format", "markdown", "--only", "moved").stdout;
    };
    expect(odd("a|b`c@<b>_1")).toContain("| ``a\\|b`c@<b>_1`` |");
  });

  test("stays small enough for a comment, and reports omissions", () => {
    const found = lines(readFileSync(NEW, "utf8")).find((line) => line.includes('"name":"name_show"'));
    const row = defined(found, "row of name_show");
    const many = (line: number) =>
      Array.from({ length: 5000 }, (_, i) =>
        row.replace(/"line":\d+/, `"line":${line}`).replace(/"name":"[^"]*"/, `"name":"n${i}"`),
      );
    const [header = ""] = lines(readFileSync(NEW, "utf8"));
    const table = (name: string, rows: string[]) => {
      writeFileSync(
        file(name),
        `${[header.replace(/"rows":\d+/, `"rows":${rows.length}`), ...rows].join("\n")}\n`,
      );
      return file(name);
    };
    const { stdout } = diff(table("many1", many(1)), table("many2", many(2)), "--format", "markdown");
    expect(stdout.length).toBeLessThan(65_536);
    expect(stdout).toMatch(/… and \d+ more: `kas-alias diff --only moved`/);
  });
});

test("a file replaces the old one completely", () => {
  writeFileSync(file("out"), "old");
  expect(diff(OLD, NEW, "-o", file("out"))).toEqual({ status: 1, stdout: "", stderr: "" });
  expect(readFileSync(file("out"), "utf8")).toBe(diff(OLD, NEW).stdout);
});

// Faults that have nothing to do with the input's content: each is one line, without a stack trace.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { SAMPLE } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { kasAlias, PROGRAM } from "./program.ts";

const directory = temporaryDirectory();
const path = (name: string) => join(directory, name);

const TABLE = path("table.jsonl");
expect(kasAlias(["vmlinux", SAMPLE, "--table", TABLE]).status).toBe(0);

/** Runs a shell command with the program as `$K`. */
function shell(command: string, env: NodeJS.ProcessEnv = {}) {
  const K = `${process.execPath} ${PROGRAM}`;
  const { status, stdout, stderr } = spawnSync("bash", ["-c", command], {
    env: { ...process.env, K, ...env },
    encoding: "utf8",
    cwd: directory,
    maxBuffer: 1 << 28,
  });
  return { status, stdout, stderr };
}

const ONE_LINE = /^kas-alias: [^\n]+\n$/;

test("an unusable TMPDIR matters only to a file that needs it, which names it", () => {
  const small = path("small.gz");
  writeFileSync(small, tool("gzip", ["-c", SAMPLE]));
  const zeros = path("zeros");
  tool("truncate", ["-s", "50M", zeros]);
  const large = path("large.gz");
  writeFileSync(large, tool("bash", ["-c", `cat ${SAMPLE} ${zeros} | gzip -c`]));
  for (const TMPDIR of ["/nonexistent", "/dev/null", "/proc"]) {
    expect(shell(`$K vmlinux ${small} -o /dev/null`, { TMPDIR })).toMatchObject({ status: 0, stderr: "" });
    const { status, stderr } = shell(`$K vmlinux ${large} -o /dev/null`, { TMPDIR });
    expect(stderr).toMatch(ONE_LINE);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringMatching(
        `^kas-alias: ${TMPDIR}: cannot hold temporary files: .*; make room, or set TMPDIR`,
      ),
    });
  }
  expect(shell(`$K vmlinux ${large} -o /dev/null`)).toMatchObject({ status: 0, stderr: "" });
});

test("a text that is longer than a string can be", () => {
  const huge = path("huge");
  tool("truncate", ["-s", "600M", huge]);
  for (const args of [`diff ${TABLE} ${TABLE} --used-in ${huge}`, `modules --order ${huge} --table -`]) {
    const { status, stderr } = shell(`$K ${args}`);
    expect({ args, stderr }).toEqual({ args, stderr: expect.stringMatching(ONE_LINE) });
    expect(stderr).toContain(`${huge}: has a text of `);
    expect([1, 2]).toContain(status);
  }
  expect(shell(`$K lookup x --table ${huge}`).stderr).toMatch(ONE_LINE);
});

test("a working directory that was deleted", () => {
  for (const args of [
    "vmlinux ../no -o x",
    `vmlinux ${SAMPLE} -o out`,
    `vmlinux ${SAMPLE} -o ${path("out")}`,
  ]) {
    const { status, stderr } = shell(`mkdir gone && cd gone && rmdir ../gone && $K ${args}`);
    expect(stderr).not.toMatch(/internal error|^ +at /m);
    if (status !== 0) expect(stderr).toMatch(ONE_LINE);
  }
});

test.each([" ", "/", directory])("--addr2line '%s'", (name) => {
  const { status, stderr } = kasAlias(["vmlinux", SAMPLE, "--resolver", "addr2line", "--addr2line", name]);
  expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(ONE_LINE) });
  expect(stderr).toMatch(/no such program|cannot be run/);
});

test("a very long name of control characters takes one short line", () => {
  const listing = path("long-name");
  const line = `ffffffff81000000 t ${"\x01".repeat(10_000)}\n`;
  writeFileSync(listing, line + line);
  const { stderr } = kasAlias(["vmlinux", "--nm", listing, "--debug-file", SAMPLE]);
  expect(stderr).toMatch(ONE_LINE);
  expect(stderr.length).toBeLessThan(3_500);
});

test("JSON that is nested deeply", () => {
  const deep = path("deep.jsonl");
  const [header = "", row = ""] = readFileSync(TABLE, "utf8").split("\n");
  const nested = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
  writeFileSync(
    deep,
    `${header.replace(/"rows":\d+/, '"rows":1')}\n${row.slice(0, -1)},"later":${nested}}\n`,
  );
  const name = /"name":"([^"]+)"/.exec(row)?.[1] ?? "";
  for (const args of [`lookup ${name} --json --table ${deep}`, `diff ${deep} ${TABLE}`, `history ${deep}`]) {
    const { stderr } = shell(`$K ${args}`);
    expect({ args, stderr }).toEqual({ args, stderr: expect.stringMatching(ONE_LINE) });
    expect(stderr).toContain("line 2 is damaged: not a JSON object, or nested too deeply");
  }
  writeFileSync(deep, `${header.replace(/"options":\{/, `"options":{"deep":${nested},`)}\n`);
  expect(shell(`$K diff ${deep} ${deep}`).stderr).toMatch(ONE_LINE);
});

test("what nothing has foreseen is one line, and a trace on request", () => {
  const broken = path("broken.mjs");
  // A name of a global that the program uses, replaced by one that fails.
  writeFileSync(
    broken,
    'Buffer.prototype.indexOf = () => { throw new TypeError("made up\\nby a test"); };\n',
  );
  const run = `${process.execPath} --import ${broken} ${PROGRAM} lookup x --table ${TABLE}`;
  const { status, stderr } = shell(run);
  expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringMatching(ONE_LINE) });
  expect(stderr).toContain(
    "internal error: made up by a test; run it again with KAS_ALIAS_DEBUG=1, and report",
  );
  expect(shell(run, { KAS_ALIAS_DEBUG: "1" }).stderr).toMatch(/^TypeError: made up\n(.*\n)* +at /);

  writeFileSync(broken, 'setTimeout(() => { throw new TypeError("later"); }, 300);\n');
  const later = shell(
    `${process.execPath} --import ${broken} ${PROGRAM} vmlinux --nm - --debug-file ${SAMPLE} < <(sleep 5)`,
  );
  expect(later).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/^kas-alias: internal error: later; /),
  });
});

test("the files that a killed run left are removed by the next run that writes there, those of a living one are not", () => {
  const out = path("swept");
  tool("mkdir", [out]);
  const target = join(out, "listing");
  const kill = path("kill.mjs");
  writeFileSync(
    kill,
    `import fs from "node:fs"; import { syncBuiltinESMExports } from "node:module";
     fs.renameSync = () => process.kill(process.pid, "SIGKILL"); syncBuiltinESMExports();`,
  );
  const args = ["--import", kill, PROGRAM, "vmlinux", SAMPLE, "-o", target];
  const { pid, signal } = spawnSync(process.execPath, args);
  expect(signal).toBe("SIGKILL");
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").slice(0, 8);
  const place = `${boot}.${readlinkSync("/proc/self/ns/pid").replace(/\D/g, "")}`;
  const name = (id: number, where = place) => `.kas-alias-${id}-${where}-1700000000000-0`;
  expect(readdirSync(out)).toEqual([expect.stringMatching(`^\\.kas-alias-${pid}-${place}-\\d+-0$`)]);

  const living = name(process.pid);
  const elsewhere = name(pid, "0123abcd.4026531836");
  const old = name(pid, "0123abcd.1");
  const others = ["notes", ".kas-alias-notes", ".kas-alias-1-x"];
  for (const each of [living, elsewhere, old, ...others]) writeFileSync(join(out, each), "");
  const twoDaysAgo = Date.now() / 1000 - 2 * 86_400;
  for (const each of [old, living]) utimesSync(join(out, each), twoDaysAgo, twoDaysAgo);
  expect(kasAlias(["vmlinux", SAMPLE, "-o", target])).toMatchObject({ status: 0, stderr: "" });
  expect(readdirSync(out).sort()).toEqual([living, elsewhere, "listing", ...others].sort());
});

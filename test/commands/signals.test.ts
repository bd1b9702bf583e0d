import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { openElf } from "../../src/elf/elf-file.ts";
import { defined } from "../defined.ts";
import { isRunning } from "../running.ts";
import { SAMPLE } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { kasAlias, start } from "./program.ts";

const directory = temporaryDirectory();
const compressed = join(directory, "vmlinux");

// Its debug information goes to a temporary file while it is read.
beforeAll(() => {
  tool("objcopy", ["--compress-debug-sections=zlib", SAMPLE, compressed]);
});

describe("a signal", () => {
  test.each(["SIGINT", "SIGTERM"] as const)(
    "%s ends the children, removes temporaries, keeps the old file and ends the program",
    async (signal) => {
      const to = join(directory, signal);
      const temporary = join(to, "tmp");
      mkdirSync(temporary, { recursive: true });
      writeFileSync(join(to, "out"), "old");
      const log = join(to, "pid");
      const hanging = join(to, "hanging-addr2line");
      writeFileSync(
        hanging,
        `#!/bin/sh\necho $$ >"${log}.new"\nmv "${log}.new" "${log}"\nexec tail -f /dev/null\n`,
      );
      chmodSync(hanging, 0o755);
      const args = [
        "vmlinux",
        compressed,
        "--resolver",
        "addr2line",
        "--addr2line",
        hanging,
        "-o",
        join(to, "out"),
      ];
      const { child, ended } = start(args, {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, TMPDIR: temporary },
      });
      await expect.poll(() => existsSync(log), { timeout: 20_000 }).toBe(true);
      const tail = Number(readFileSync(log, "utf8"));
      expect(isRunning(tail)).toBe(true);
      child.kill(signal);
      expect(await ended).toEqual({ status: null, signal, stderr: "" });
      await expect.poll(() => isRunning(tail), { timeout: 20_000 }).toBe(false);
      expect(readdirSync(temporary)).toEqual([]);
      expect(readdirSync(to).sort()).toEqual(["hanging-addr2line", "out", "pid", "tmp"]);
      expect(readFileSync(join(to, "out"), "utf8")).toBe("old");
    },
  );
});

describe("a pipe that nobody opens or writes", () => {
  const pipe = join(directory, "pipe");
  beforeAll(() => {
    tool("mkfifo", [pipe]);
  });
  const waiting = [
    ["vmlinux", SAMPLE, "--nm", pipe],
    ["vmlinux", SAMPLE, "-o", pipe],
    ["lookup", "name_show", "--table", pipe],
    ["diff", pipe, pipe],
    ["resolve", SAMPLE],
  ];
  test.each(waiting.flatMap((args) => (["SIGINT", "SIGTERM"] as const).map((signal) => ({ signal, args }))))(
    "$signal ends $args",
    async ({ signal, args }) => {
      const { child, ended } = start(args, { stdio: ["pipe", "ignore", "pipe"] });
      // It sleeps when it waits for the pipe; where it does not yet, the signal ends it too.
      await new Promise((wait) => setTimeout(wait, 500));
      child.kill(signal);
      expect(await ended).toEqual({ status: null, signal, stderr: "" });
    },
  );
});

test("neither a successful run nor a failed one leaves temporaries", async () => {
  const temporary = join(directory, "tmp");
  mkdirSync(temporary);
  // Its symbols are refused while its debug information is still being decompressed.
  const damaged = join(directory, "damaged");
  const bytes = readFileSync(compressed);
  const elf = openElf(compressed);
  const symbols = defined(
    elf.sections.find(({ name }) => name === ".symtab"),
    ".symtab",
  ).offset;
  elf.file.close();
  bytes.writeUInt32LE(0x7fffffff, symbols + 24);
  writeFileSync(damaged, bytes);
  for (const [args, status] of [
    [["resolve", compressed, "ffffffff81000010"], 0],
    [["resolve", compressed, "no address"], 2],
    [["vmlinux", compressed, "-o", "/sys/out"], 1],
    [["vmlinux", damaged, "-o", join(directory, "out")], 1],
  ] as const) {
    const { ended } = start(args, { stdio: "ignore", env: { ...process.env, TMPDIR: temporary } });
    expect((await ended).status).toBe(status);
    expect(readdirSync(temporary)).toEqual([]);
  }
});

describe("a closed standard output", () => {
  test("ends the program quietly with 141 and complete files", async () => {
    const table = join(directory, "table");
    const { child, ended } = start(["vmlinux", SAMPLE, "-o", "-", "--table", table], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout?.destroy();
    expect(await ended).toEqual({ status: 141, signal: null, stderr: "" });
    const other = join(directory, "other-table");
    kasAlias(["vmlinux", SAMPLE, "--table", other]);
    expect(readFileSync(table, "utf8")).toBe(readFileSync(other, "utf8"));
  });

  test("ends resolve in the same way", async () => {
    const { child, ended } = start(["resolve", SAMPLE, "0"], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout?.destroy();
    expect(await ended).toEqual({ status: 141, signal: null, stderr: "" });
  });
});

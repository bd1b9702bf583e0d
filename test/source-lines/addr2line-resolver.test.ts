import { chmodSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { Failure } from "../../src/failure.ts";
import { type Addr2lineOptions, addr2lineResolver } from "../../src/source-lines/addr2line-resolver.ts";
import { defined } from "../defined.ts";
import { answersOf, locationTexts, queriesOf, resolved } from "../locations.ts";
import { isRunning } from "../running.ts";
import { SAMPLE } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";

const directory = temporaryDirectory();
let scripts = 0;

/** A shell script that replaces an addr2line. */
function fakeTool(body: string): string {
  const path = join(directory, `addr2line-${++scripts}`);
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

const ADDRESSES = tool("nm", ["-n", SAMPLE])
  .toString()
  .split("\n")
  .filter((line) => / [tT] /.test(line))
  .map((line) => line.slice(0, 16));

const defaults = { elf: SAMPLE, jobs: 2 };

async function ask(name: string, addresses: string[], options: Partial<Addr2lineOptions> = {}) {
  const resolver = addr2lineResolver({ ...defaults, tool: name, ...options });
  return locationTexts(await resolver.resolve(queriesOf(addresses)));
}

/** The message of the Failure that a tool ends in. */
async function failureOf(name: string, options: Partial<Addr2lineOptions> = {}, count = 3): Promise<string> {
  const error = await ask(name, ADDRESSES.slice(0, count), options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof Failure) return error.message;
  throw error ?? new Error(`${name} gave an answer`);
}

describe("a real tool", () => {
  test.each(["llvm-addr2line", "eu-addr2line", "addr2line"])("%s gives its own answers", async (name) => {
    const expected = answersOf(name, SAMPLE, ADDRESSES);
    expect(expected.filter((answer) => answer !== undefined).length).toBeGreaterThan(50);
    expect(await ask(name, ADDRESSES)).toEqual(expected);
  });

  test("agrees with the built-in resolver wherever it answers", async () => {
    const llvm = await ask("llvm-addr2line", ADDRESSES);
    const ours = await resolved(SAMPLE, ADDRESSES);
    const answered = llvm.flatMap((answer, i) => (answer === undefined ? [] : [i]));
    expect(answered.length).toBeGreaterThan(50);
    for (const i of answered) expect(ours[i]).toBe(llvm[i]);
  });

  test.each([1, 2, 7])("gives the same answers in batches with %i processes at a time", async (jobs) => {
    const many = Array.from({ length: 1000 }, (_, i) =>
      defined(ADDRESSES[(i * 7) % ADDRESSES.length], "address of the sample"),
    );
    const expected = answersOf("llvm-addr2line", SAMPLE, many);
    expect(await ask("llvm-addr2line", many, { jobs })).toEqual(expected);
  });

  test("is not started without addresses", async () => {
    expect(await ask(join(directory, "missing"), [])).toEqual([]);
  });
});

describe("the answers of a tool", () => {
  const answering = (...lines: string[]) => fakeTool(`cat >/dev/null\ncat <<'END'\n${lines.join("\n")}\nEND`);

  test("may have columns, discriminators and unknown lines", async () => {
    const fake = answering(
      "/src/a.c:12:5",
      "/src/a.c:12 (discriminator 3)",
      "/src/a.c:7:1 (discriminator 12)",
      "/src/with space:and colon.c:9",
      "??:0",
      "??:?",
      "/src/a.c:?",
      "/src/a.c:0",
      "relative/b.c:1",
    );
    expect(await ask(fake, ADDRESSES.slice(0, 9))).toEqual([
      "/src/a.c:12",
      "/src/a.c:12",
      "/src/a.c:7",
      "/src/with space:and colon.c:9",
      undefined,
      undefined,
      undefined,
      undefined,
      "relative/b.c:1",
    ]);
  });

  test("are complete when the tool ends, though another program keeps its output open", async () => {
    const holder = join(directory, "holder");
    const fake = fakeTool(`sleep 600 & echo $! >"${holder}"; while read -r a; do echo a.c:1; done`);
    const before = Date.now();
    expect(await ask(fake, ADDRESSES.slice(0, 2))).toEqual(["a.c:1", "a.c:1"]);
    expect(Date.now() - before).toBeLessThan(300_000);
    process.kill(Number(tool("cat", [holder])));
  }, 400_000);

  test("may end in CR LF, and lack the last newline", async () => {
    const fake = fakeTool("cat >/dev/null; printf 'a.c:1\\r\\nb.c:2'");
    expect(await ask(fake, ADDRESSES.slice(0, 2))).toEqual(["a.c:1", "b.c:2"]);
  });

  test("come from the tool's usual interface: file with -e, one address per line on standard input", async () => {
    const log = join(directory, "log");
    const fake = fakeTool(`echo "$@" >"${log}"; while read -r a; do echo "$a" >>"${log}"; echo x.c:1; done`);
    expect(await ask(fake, ["ffffffff81000010", "10"])).toEqual(["x.c:1", "x.c:1"]);
    expect(tool("cat", [log]).toString()).toBe(`-e ${SAMPLE}\n0xffffffff81000010\n0x0000000000000010\n`);
  });

  test("are in the order of the addresses, whichever process ends first", async () => {
    const fake = fakeTool('for a in $(cat); do echo "$a.c:1"; done');
    const many = Array.from({ length: 2000 }, (_, i) => i.toString(16).padStart(16, "0"));
    expect(await ask(fake, many, { jobs: 4 })).toEqual(many.map((address) => `0x${address}.c:1`));
  });
});

describe("a tool that", () => {
  test("is missing", async () => {
    const missing = join(directory, "missing");
    expect(await failureOf(missing)).toBe(
      `${missing}: no such program; install it, name another with --addr2line, or use --resolver dwarf`,
    );
  });

  test("is not executable", async () => {
    const plain = join(directory, "plain");
    writeFileSync(plain, "");
    expect(await failureOf(plain)).toMatch(/plain: cannot be run: .*; use --resolver dwarf$/);
  });

  test("exits with 1 has its first message shown", async () => {
    const fake = fakeTool("echo 'no such thing' >&2; echo more >&2; exit 1");
    expect(await failureOf(fake)).toBe(
      `${fake}: failed on ${SAMPLE} (exit status 1): no such thing; use --resolver dwarf`,
    );
  });

  test("is killed", async () => {
    const fake = fakeTool("kill -SEGV $$");
    expect(await failureOf(fake)).toBe(
      `${fake}: failed on ${SAMPLE} (killed by SIGSEGV); use --resolver dwarf`,
    );
  });

  test("prints garbage", async () => {
    const fake = fakeTool("cat >/dev/null; printf 'a.c:1\\nwhat\\033[31m?\\nb.c:2\\n'");
    expect(await failureOf(fake)).toBe(
      `${fake}: "what\\x1b[31m?" is not addr2line output; use --resolver dwarf`,
    );
  });

  test("prints a line above 2^32", async () => {
    const fake = fakeTool("cat >/dev/null; echo a.c:4294967299; echo b.c:2; echo c.c:3");
    expect(await failureOf(fake)).toContain('"a.c:4294967299" is not addr2line output');
  });

  test("prints endless bytes without a newline", async () => {
    const fake = fakeTool("cat >/dev/null; exec tr '\\0' x </dev/zero");
    expect(await failureOf(fake)).toMatch(/: gave an answer of more than 8192 bytes; use --resolver dwarf$/);
  });

  test("never stops to answer", async () => {
    const fake = fakeTool("yes drivers/x.c:1");
    expect(await failureOf(fake)).toMatch(/: gave more answers than the 3 addresses; use --resolver dwarf$/);
  });

  test("is silent for long is reported while it runs", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const fake = fakeTool("sleep 2; cat >/dev/null; echo a.c:1; echo b.c:2");
      const said: [string, number][] = [];
      const asked = ask(fake, ADDRESSES.slice(0, 2), { onSilence: (...args) => said.push(args) });
      await vi.advanceTimersByTimeAsync(9_999);
      expect(said).toEqual([]);
      await vi.advanceTimersByTimeAsync(1);
      expect(said).toEqual([[fake, 10]]);
      expect(await asked).toEqual(["a.c:1", "b.c:2"]);
    } finally {
      vi.useRealTimers();
    }
  });

  test.each([
    ["too few lines", "echo a.c:1; echo b.c:2", 2],
    ["nothing", "", 0],
  ])("prints %s", async (_, body, lines) => {
    const fake = fakeTool(`cat >/dev/null\n${body}`);
    expect(await failureOf(fake)).toMatch(
      new RegExp(`: gave ${lines} answers for 3 addresses; use --resolver dwarf$`),
    );
  });

  test("ends without reading its input", async () => {
    expect(await failureOf(fakeTool("exit 3"), {}, ADDRESSES.length)).toContain("(exit status 3)");
  });

  test("hangs is killed, with all the others", async () => {
    const fake = fakeTool(`echo $$ >"${directory}/pid-$$"; exec tail -f /dev/null`);
    const many = new Array<string>(600).fill(defined(ADDRESSES[0], "address of the sample"));
    await expect(ask(fake, many, { patience: 1500 })).rejects.toThrow(
      `${fake}: no answer for 1.5 s; use --resolver dwarf`,
    );
    const pids = readdirSync(directory).flatMap((name) => /^pid-(\d+)$/.exec(name)?.[1] ?? []);
    expect(pids.length).toBeGreaterThan(0);
    await expect.poll(() => pids.some((pid) => isRunning(Number(pid))), { timeout: 20_000 }).toBe(false);
  });

  test("is running is killed when the caller aborts", async () => {
    const fake = fakeTool(`echo $$ >"${directory}/abandoned"; exec tail -f /dev/null`);
    const caller = new AbortController();
    const answer = ask(fake, ADDRESSES.slice(0, 2), { signal: caller.signal });
    const pid = () =>
      readdirSync(directory).includes("abandoned") && Number(tool("cat", [join(directory, "abandoned")]));
    await expect.poll(pid, { timeout: 20_000 }).toBeGreaterThan(0);
    caller.abort();
    await expect(answer).rejects.toThrow();
    await expect.poll(() => isRunning(Number(pid())), { timeout: 20_000 }).toBe(false);
  });
});

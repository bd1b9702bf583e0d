// What happens to a command that writes files when a signal, SIGKILL or a full disk comes at any change of any file: between two changes
// nothing on the disk differs, so these are all moments. Every file is the old one or the new one.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { PROGRAM } from "../commands/program.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { COMMANDS, prepare, snapshot, troubleOf, type Writing } from "./commands.ts";

const directory = temporaryDirectory();
const TEMPLATE = join(directory, "template");
const RUN = join(directory, "run");
const LIBRARY = join(directory, "fault.so");
/** More than the changes that any of the commands makes. */
const MOST_CHANGES = 400;
/** Ten times as long as a run takes on a busy machine, in milliseconds. */
const WATCHDOG = 60_000;

beforeAll(() => {
  mkdirSync(TEMPLATE);
  prepare(TEMPLATE);
  const source = fileURLToPath(new URL("fault.c", import.meta.url));
  tool("gcc", ["-shared", "-fPIC", "-o", LIBRARY, source, "-ldl"]);
});

/** Runs a command in a new copy of the template. */
function runIn({ args }: Pick<Writing, "args">, fault: Readonly<Record<string, string>> = {}) {
  rmSync(RUN, { recursive: true, force: true });
  cpSync(TEMPLATE, RUN, { recursive: true });
  const { error, status, signal, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], {
    cwd: RUN,
    encoding: "utf8",
    env: { ...process.env, TMPDIR: join(RUN, "tmp"), LD_PRELOAD: LIBRARY, ...fault },
    stdio: ["ignore", "ignore", "pipe"],
    timeout: WATCHDOG,
    killSignal: "SIGABRT",
  });
  if (error !== undefined) throw error;
  return { status, signal, stderr, files: snapshot(RUN) };
}

const isTemporary = (path: string) => /(^|\/)\.kas-alias-[^/]*$|^tmp\//.test(path);

/** Checks that each file is old or new, and that only SIGKILL leaves temporaries. */
function expectWhole(
  files: ReadonlyMap<string, string>,
  states: ReadonlyMap<string, string>[],
  killed: boolean,
) {
  const paths = new Set([...files.keys(), ...states.flatMap((state) => [...state.keys()])]);
  for (const path of paths) {
    if (isTemporary(path)) expect({ path, killed }).toEqual({ path, killed: true });
    else if (!states.some((state) => state.get(path) === files.get(path))) {
      expect.fail(`${path} is neither the old file nor the new one`);
    }
  }
}

describe.each(COMMANDS)("$title", (command) => {
  const { status: success } = command;
  let states: Map<string, string>[] = [];
  beforeAll(() => {
    const { status, stderr, files } = runIn(command);
    expect({ status, stderr }).toEqual({ status: success, stderr: "" });
    states = [snapshot(TEMPLATE), files];
    expect(files).not.toEqual(states[0]);
  });

  /** Runs the command with a fault at each change, until there are no more changes. @returns the number of faults */
  function atEachChange(
    faultAt: (at: number) => string,
    check: (run: ReturnType<typeof runIn>, at: number) => void,
  ) {
    for (let at = 1; at < MOST_CHANGES; at++) {
      const run = runIn(command, { KAS_FAULT: faultAt(at), KAS_AT: String(at) });
      if (run.status === success) {
        expect(run.files).toEqual(states[1]);
        return at - 1;
      }
      check(run, at);
    }
    throw new Error("the program does not end");
  }

  test("killed, leaves no file half written", { timeout: MOST_CHANGES * 10_000 }, () => {
    const kills = atEachChange(
      () => String(constants.signals.SIGKILL),
      ({ signal, files }) => {
        expect(signal).toBe("SIGKILL");
        expectWhole(files, states, true);
      },
    );
    expect(kills).toBeGreaterThan(2);
  });

  test("ended by a signal, also removes its temporaries", { timeout: MOST_CHANGES * 10_000 }, () => {
    const nameAt = (at: number) => (at % 2 === 0 ? "SIGINT" : "SIGTERM");
    atEachChange(
      (at) => String(constants.signals[nameAt(at)]),
      ({ signal, stderr, files }, at) => {
        expect({ signal, stderr }).toEqual({ signal: nameAt(at), stderr: "" });
        expectWhole(files, states, false);
      },
    );
  });

  test("on a full disk, says so", { timeout: MOST_CHANGES * 10_000 }, () => {
    const faults = atEachChange(
      () => "full",
      ({ status, stderr, files }) => {
        expect(stderr).toMatch(/^kas-alias: [^\n]+: cannot be written: no space left on device; [^\n]+\n$/);
        expect(status).toBe(troubleOf(command.args));
        expectWhole(files, states, false);
      },
    );
    expect(faults).toBeGreaterThan(0);
  });

  test("writes everything if each write takes a part", () => {
    const { status, stderr, files } = runIn(command, { KAS_FAULT: "short" });
    expect({ status, stderr }).toEqual({ status: success, stderr: "" });
    expect(files).toEqual(states[1]);
  });

  test.each(["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])(
    "writes its files with closed descriptors: %s",
    (closed) => {
      const script = `exec "$@" ${closed}`;
      rmSync(RUN, { recursive: true, force: true });
      cpSync(TEMPLATE, RUN, { recursive: true });
      const args = ["-c", script, "sh", process.execPath, PROGRAM, ...command.args];
      expect(spawnSync("sh", args, { cwd: RUN, timeout: WATCHDOG }).status).toBe(success);
      expect(snapshot(RUN)).toEqual(states[1]);
    },
  );
});

describe("standard output", () => {
  const printing: readonly Writing[] = [
    ["vmlinux", "build/vmlinux"],
    ["vmlinux", "build/vmlinux", "--table", "/dev/stdout"],
    ["resolve", "build/vmlinux", "ffffffff81000010"],
    ["modules", "--directory", "build", "--table", "-"],
    ["diff", "old.jsonl", "new.jsonl", "--format", "json"],
    ["history", "old.jsonl", "--quiet"],
    ["lookup", "name_show", "--table", "new.jsonl"],
    ["livepatch", "symbols-list", "--vmlinux", "packed"],
    ["kernel", "explain"],
    ["kernel", "wrap"],
    ["kernel", "status", "linux"],
    ["--help"],
    ["modules", "--help"],
    ["--version"],
  ].map((args) => ({ title: args.join(" "), args, status: args[0] === "diff" ? 1 : 0 }));

  /** Runs with standard output to a file, or a device. */
  function print(
    { args }: Writing,
    target: string,
    fault: Readonly<Record<string, string>> = {},
    limit = "unlimited",
  ) {
    const { status, stderr } = spawnSync(
      "bash",
      ["-c", `ulimit -f ${limit}; exec "$@"`, "bash", process.execPath, PROGRAM, ...args],
      {
        cwd: TEMPLATE,
        encoding: "utf8",
        stdio: ["ignore", openSync(target, "w"), "pipe"],
        env: { ...process.env, ...fault },
        timeout: WATCHDOG,
      },
    );
    return { status, stderr };
  }

  test.each(printing)("of $title", (command) => {
    const { args, status } = command;
    const trouble = troubleOf(args);
    const { stdout } = spawnSync(process.execPath, [PROGRAM, ...args], { cwd: TEMPLATE });
    expect(stdout.length).toBeGreaterThan(0);
    const out = join(directory, "stdout");
    const full = {
      status: trouble,
      stderr: "kas-alias: standard output: cannot be written: no space left on device; make room\n",
    };
    expect(print(command, "/dev/full")).toEqual(full);
    const faults = { LD_PRELOAD: LIBRARY, KAS_FAULT: "short" };
    expect(print(command, out, faults)).toEqual({ status, stderr: "" });
    expect(readFileSync(out)).toEqual(stdout);
    expect(print(command, out, { ...faults, KAS_FAULT: "again" })).toEqual({ status, stderr: "" });
    expect(readFileSync(out)).toEqual(stdout);
    // In blocks of 1,024 bytes.
    expect(print(command, out, {}, "0")).toEqual({
      status: trouble,
      stderr:
        "kas-alias: standard output: cannot be written: file too large; raise the limit of the size of files (ulimit -f)\n",
    });
  });

  test.each(printing)("of $title, closed: ends quietly", ({ args }) => {
    const script = `"$@" | true; exit "\${PIPESTATUS[0]}"`;
    const { status, stderr } = spawnSync("bash", ["-c", script, "bash", process.execPath, PROGRAM, ...args], {
      cwd: TEMPLATE,
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({ status: 141, stderr: "" });
  });
});

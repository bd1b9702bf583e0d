// Runs the real command line again and again in one process: the bundle's code, each time with variables and a `process` of its own.
import { EventEmitter } from "node:events";
import { createReadStream, fstatSync, ftruncateSync, readFileSync, readSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { Script } from "node:vm";

export interface Ended {
  readonly status: number;
  /** In bytes, one character each. */
  readonly stdout: string;
  readonly stderr: string;
  /** Whether the program still did something after its end, so that this process must not be used again. */
  readonly isBusy: boolean;
}

/**
 * Loads the program into this process, whose standard streams must be files opened for reading and appending.
 *
 * @returns a function that runs it to its end
 */
export function loadProgram(bundle: string): (args: readonly string[]) => Promise<Ended> {
  const code = readFileSync(bundle, "utf8")
    .replace(/^#!.*/, "")
    .replaceAll("import.meta.url", JSON.stringify(pathToFileURL(bundle).href));
  const main = `(async (process) => { "use strict"; ${code}\n})`;
  const script = new Script(main, { filename: bundle });
  let events = new EventEmitter();
  // After the end of a run nobody listens: a process of its own would have ended too.
  process.on("uncaughtException", (error) => events.emit("uncaughtException", error));

  return async (args) => {
    ftruncateSync(1);
    ftruncateSync(2);
    events = new EventEmitter();
    const status = await runToEnd(script, [process.execPath, bundle, ...args], events);
    events.emit("exit", status);
    events.removeAllListeners();
    return { status, stdout: contentOf(1), stderr: contentOf(2), isBusy: !(await settles()) };
  };
}

/** Methods for events, which the program calls on `process`. */
const LISTENING = ["on", "once", "addListener", "off", "removeListener", "listenerCount", "emit"] as const;

/** @returns the exit status */
async function runToEnd(script: Script, argv: readonly string[], events: EventEmitter): Promise<number> {
  const listening = LISTENING.map((name) => [name, { value: events[name].bind(events) }]);
  const { promise: exited, resolve } = withResolver();
  const own = Object.create(process, {
    ...Object.fromEntries(listening),
    argv: { value: argv },
    exitCode: { value: undefined, writable: true },
    // The program does nothing after this.
    exit: { value: (status: number) => resolve(status) },
    stdin: { get: () => createReadStream("", { fd: 0, start: 0, autoClose: false }) },
    getBuiltinModule: {
      value: (name: string) => (name === "node:process" ? own : process.getBuiltinModule(name)),
    },
  });
  const ended = script
    .runInThisContext()(own)
    .then(
      () => own.exitCode ?? 0,
      // As Node.js does for an error of the main module.
      (error: unknown) => {
        events.emit("uncaughtException", error);
        return exited;
      },
    );
  return Promise.race([exited, ended]);
}

function withResolver() {
  let resolve: (status: number) => void = () => {};
  const promise = new Promise<number>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

function contentOf(fd: number): string {
  const bytes = Buffer.alloc(fstatSync(fd).size);
  readSync(fd, bytes, 0, bytes.length, 0);
  return bytes.toString("latin1");
}

/** Waits up to a second for what the program has begun. */
async function settles(): Promise<boolean> {
  for (let turns = 0; turns < 200; turns++) {
    await new Promise((resolve) => setImmediate(resolve));
    // The channel to the campaign is always there.
    if (process.getActiveResourcesInfo().every((type) => type === "PipeWrap")) return true;
    if (turns > 20) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return false;
}

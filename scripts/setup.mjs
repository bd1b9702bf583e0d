// The first step of every script: installs the npm dependencies and builds the bundle if necessary.
import { spawn } from "node:child_process";
import { accessSync, constants, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { constants as osConstants } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeFault } from "./node-version.mjs";

const fault = nodeFault(process.versions.node);
if (fault !== "") {
  say(fault);
  process.exit(1);
}

export const ROOT = fileURLToPath(new URL("..", import.meta.url));
export const BUNDLE = join(ROOT, "dist", "kas-alias.mjs");

/** A fault that the user can correct: printed as one line, without a stack. */
export class Fault extends Error {}

/**
 * Runs a script's work, which returns the exit status.
 * @param {() => Promise<number>} work
 */
export async function main(work) {
  try {
    process.exitCode = await work();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}

/** @type {Set<import("node:child_process").ChildProcess>} */
const children = new Set();
/** @type {string[]} */
const temporaries = [];
/** @type {NodeJS.Signals | undefined} */
let stoppedBy;

for (const name of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
  process.on(name, () => {
    stoppedBy = name;
    for (const child of children) child.kill(name);
    if (children.size === 0) exitAsStopped();
  });
}
process.on("exit", () => {
  for (const directory of temporaries) rmSync(directory, { recursive: true, force: true });
});

function exitAsStopped() {
  if (stoppedBy) process.exit(128 + osConstants.signals[stoppedBy]);
}

/**
 * Starts a command without a shell and waits for its end.
 * @param {string} command
 * @param {string[]} args
 * @param {import("node:child_process").SpawnOptions} [options]
 * @returns {Promise<{ status: number, stdout: string, stderr: string }>} the texts of the streams that are pipes;
 *   128 + n means signal n, as in a shell
 */
export function run(command, args, options = { stdio: "inherit" }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, ...options });
    /** @type {Buffer[]} */
    const stdout = [];
    /** @type {Buffer[]} */
    const stderr = [];
    child.stdout?.on("data", (chunk) => stdout.push(chunk));
    child.stderr?.on("data", (chunk) => stderr.push(chunk));
    children.add(child);
    child.on("error", (error) => {
      children.delete(child);
      reject(new Fault(`cannot start ${command}: ${error.message}`));
    });
    child.on("close", (code, signal) => {
      children.delete(child);
      exitAsStopped();
      const status = signal === null ? (code ?? 1) : 128 + osConstants.signals[signal];
      resolve({ status, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() });
    });
  });
}

/**
 * Runs a command with all its output on standard error; its failure is a Fault.
 * @param {string} command
 * @param {string[]} args
 * @param {import("node:child_process").SpawnOptions} [options]
 */
export async function must(command, args, options) {
  const { status } = await run(command, args, { stdio: ["ignore", 2, 2], ...options });
  if (status !== 0) throw new Fault(`${[command, ...args].join(" ")} failed with status ${status}`);
}

/** Installs the npm dependencies and builds the bundle, each only if it is missing or older than its sources. */
export async function ensureDependencies() {
  const installed = join(ROOT, "node_modules", ".package-lock.json");
  if (modified(installed) < modified(join(ROOT, "package-lock.json"))) {
    say("Installing the npm dependencies …");
    // Under `npm start` or NODE_ENV=production npm would leave esbuild out.
    await must("npm", ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"]);
  }
  const sources = ["src", "package.json", "package-lock.json", "scripts/build.mjs", "scripts/kernel"];
  if (modified(BUNDLE) < Math.max(...sources.map((path) => newest(join(ROOT, path))))) {
    say("Building dist/kas-alias.mjs …");
    await must(process.execPath, ["scripts/build.mjs"]);
  }
}

/** @param {string} tool a command on PATH, or an absolute path */
export function isInstalled(tool) {
  if (tool.startsWith("/")) return existsSync(tool);
  return (process.env.PATH ?? "").split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Creates a directory and deletes it when the process ends, also by a signal.
 * @param {string} parent
 */
export function temporaryDirectory(parent) {
  const directory = mkdtempSync(join(parent, "kas-alias-"));
  temporaries.push(directory);
  return directory;
}

/** @param {string} text */
export function say(text) {
  process.stderr.write(`${text}\n`);
}

/**
 * Time of the last change in ms; 0 if the path does not exist.
 * @param {string} path
 */
function modified(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/**
 * @param {string} path a file, or a directory with everything in it
 * @returns {number}
 */
function newest(path) {
  if (!statSync(path).isDirectory()) return modified(path);
  return Math.max(modified(path), ...readdirSync(path).map((name) => newest(join(path, name))));
}

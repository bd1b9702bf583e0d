// `npm run coverage`: lists the lines of src/ that no test executes in the bundle. Arguments select tests, as with `npm test`.
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { eachMapping, TraceMap } from "@jridgewell/trace-mapping";
import { BUNDLE, main, must, ROOT, run, temporaryDirectory } from "./setup.mjs";

const MAP = `${BUNDLE}.map`;
/** Width of the names in the report, in characters. */
const WIDTH = 44;

/**
 * @typedef {object} Range characters of the bundle, and the number of their executions
 * @property {number} startOffset
 * @property {number} endOffset
 * @property {number} count
 */

/** @typedef {Map<string, Map<number, boolean>>} Lines by path, the lines with code, and whether they ran */

await main(async () => {
  const directory = join(temporaryDirectory(tmpdir()), "coverage");
  mkdirSync(directory);
  // scripts/build.mjs writes a readable bundle and a source map when this is set.
  const env = { ...process.env, NODE_V8_COVERAGE: directory };
  rmSync(BUNDLE, { force: true });
  const tests = ["scripts/test.mjs", ...process.argv.slice(2)];
  try {
    const { status } = await run(process.execPath, tests, { env, stdio: ["ignore", 2, 2] });
    const code = readFileSync(BUNDLE, "utf8");
    const { ran, runs } = readRuns(directory, code.length);
    process.stdout.write(report(linesThatRan(code, readFileSync(MAP, "utf8"), ran), runs));
    return status;
  } finally {
    rmSync(MAP, { force: true });
    await must(process.execPath, ["scripts/build.mjs"]);
  }
});

/**
 * Marks the characters of the bundle that any run executed with 1.
 * @param {string} directory with one file per process, as NODE_V8_COVERAGE writes them
 * @param {number} length of the bundle
 */
function readRuns(directory, length) {
  const url = pathToFileURL(BUNDLE).href;
  const ran = new Uint8Array(length);
  const one = new Uint8Array(length);
  let runs = 0;
  for (const name of readdirSync(directory)) {
    const text = readFileSync(join(directory, name), "utf8");
    // A test process that did not load the bundle, or was killed before it had written everything.
    if (!text.includes(url) || !text.endsWith("}")) continue;
    for (const script of JSON.parse(text).result) {
      if (script.url !== url) continue;
      runs++;
      one.fill(0);
      /** @type {Range[]} */
      const ranges = script.functions.flatMap((/** @type {{ ranges: Range[] }} */ { ranges }) => ranges);
      // An inner range is more precise than the range around it.
      ranges.sort((a, b) => b.endOffset - b.startOffset - (a.endOffset - a.startOffset));
      for (const { startOffset, endOffset, count } of ranges)
        one.fill(count > 0 ? 1 : 0, startOffset, endOffset);
      for (let i = 0; i < length; i++) ran[i] = (ran[i] ?? 0) | (one[i] ?? 0);
    }
  }
  return { ran, runs };
}

/**
 * Finds the lines that ran: those of which any part ran.
 * @param {string} code of the bundle
 * @param {string} sourceMap
 * @param {Uint8Array} ran
 */
function linesThatRan(code, sourceMap, ran) {
  const starts = [0, ...Array.from(code.matchAll(/\n/g), ({ index }) => index + 1)];
  /** @type {Lines} */
  const files = new Map();
  eachMapping(new TraceMap(sourceMap), ({ source, originalLine, generatedLine, generatedColumn }) => {
    if (source === null || originalLine === null) return;
    const path = relative(ROOT, resolve(dirname(MAP), source));
    if (!path.startsWith("src/")) return;
    const lines = files.get(path) ?? new Map();
    files.set(path, lines);
    const hasRun = ran[(starts[generatedLine - 1] ?? 0) + generatedColumn] === 1;
    lines.set(originalLine, hasRun || (lines.get(originalLine) ?? false));
  });
  return files;
}

/**
 * @param {Lines} files
 * @param {number} runs
 */
function report(files, runs) {
  const rows = [...files].map(([path, lines]) => {
    const missed = [...lines].filter(([, hasRun]) => !hasRun).map(([line]) => line);
    return { path, lines: lines.size, missed: missed.sort((a, b) => a - b) };
  });
  const sum = (/** @type {typeof rows} */ some) => ({
    lines: some.reduce((total, { lines }) => total + lines, 0),
    missed: some.reduce((total, { missed }) => total + missed.length, 0),
  });
  const folders = [...new Set(rows.map(({ path }) => dirname(path)))].sort().map((folder) => {
    return row(folder, sum(rows.filter(({ path }) => dirname(path) === folder)));
  });
  const worst = rows
    .filter(({ missed }) => missed.length > 0)
    .sort((a, b) => b.missed.length - a.missed.length || (a.path < b.path ? -1 : 1))
    .map(({ path, lines, missed }) => `${row(path, { lines, missed: missed.length })}  ${spans(missed)}`);
  return [
    `${"folder".padEnd(WIDTH)}  lines  missed  covered`,
    ...folders,
    row("total", sum(rows)),
    "",
    "Lines that no run of the bundle reached:",
    ...worst,
    "",
    `${runs} runs of the bundle, with its worker threads`,
    "",
  ].join("\n");
}

/**
 * @param {string} name
 * @param {{ lines: number, missed: number }} count
 */
function row(name, { lines, missed }) {
  const share = ((100 * (lines - missed)) / lines).toFixed(1);
  return `${name.padEnd(WIDTH)} ${String(lines).padStart(6)} ${String(missed).padStart(7)} ${share.padStart(6)} %`;
}

/**
 * Formats line numbers, with neighbours as ranges: `3-5, 9`.
 * @param {number[]} lines in ascending order
 */
function spans(lines) {
  /** @type {[number, number][]} */
  const found = [];
  for (const line of lines) {
    const last = found.at(-1);
    if (last !== undefined && line === last[1] + 1) last[1] = line;
    else found.push([line, line]);
  }
  return found.map(([first, last]) => (first === last ? first : `${first}-${last}`)).join(", ");
}

// Gets the kernel sources for the boot tests from Debian's packages, into a cache.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  CACHE,
  discard,
  download,
  ensurePackages,
  listsOf,
  packageVersions,
  withPackageLists,
} from "./apt.mjs";
import { Fault, main, must, say, temporaryDirectory } from "./setup.mjs";

const BOOT = join(CACHE, "boot");
/**
 * The series to build; without a suite, the system's. Those of `all` take long and rarely change.
 * @type {{ series: string, suite?: string, all?: true }[]}
 */
const SERIES = [
  { series: "6.1" },
  { series: "6.12" },
  { series: "7.3", suite: "trixie-backports" },
  { series: "7.2", suite: "sid", all: true },
  { series: "5.10", suite: "bullseye-security", all: true },
];
/** The files and folders that the hook may change. */
const CHANGED = [".gitignore", "Makefile", "init/Kconfig", "scripts"];

/**
 * @typedef {object} Source
 * @property {string} series such as "6.12"
 * @property {string} home a directory for everything built from it
 * @property {string} tree path of the unpacked sources
 * @property {string} pristine path of a directory with a copy of the files that the hook changes
 */

/**
 * Fetches and unpacks the sources that the cache lacks. Series that cannot be fetched are named, and not in the list.
 * @param {boolean} all also the series that rarely change
 * @returns {Promise<string>} path of a list of them, as JSON
 */
export async function fetchSources(all) {
  await ensurePackages({ xz: "xz-utils", tar: "tar", "apt-cache": "apt", "dpkg-deb": "dpkg" });
  mkdirSync(BOOT, { recursive: true });
  /** @type {Source[]} */
  const sources = [];
  for (const wanted of SERIES.filter((each) => all || !each.all)) {
    try {
      sources.push(await withPackageLists(() => fetchSource(wanted)));
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      say(`Linux ${wanted.series}: ${error.message}`);
    }
  }
  const list = join(BOOT, "sources.json");
  writeFileSync(list, `${JSON.stringify(sources, null, 2)}\n`);
  return list;
}

/**
 * @param {{ series: string, suite?: string }} wanted
 * @returns {Promise<Source>}
 */
async function fetchSource({ series, suite }) {
  const name = `linux-source-${series}`;
  const [wanted] = await packageVersions(name, suite === undefined ? [] : await listsOf(suite, "amd64"));
  if (wanted === undefined) throw new Fault(`${suite ?? "apt"} has no package ${name}`);
  const home = join(BOOT, `${wanted.name}_${wanted.version}`);
  const source = { series, home, tree: join(home, "tree"), pristine: join(home, "pristine") };
  const stamp = join(home, "sha256");
  const content = [wanted.sha256, ...CHANGED].join(" ");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === content) return source;

  const deb = await download(wanted);
  say(`Unpacking ${wanted.fileName} …`);
  const whole = join(temporaryDirectory(BOOT), "whole");
  mkdirSync(join(whole, "tree"), { recursive: true });
  mkdirSync(join(whole, "pristine"));
  const unpack = 'dpkg-deb --fsys-tarfile "$1" | tar -xO "$2" | tar -xJ -C "$3" --strip-components=1';
  const inner = `./usr/src/${name}.tar.xz`;
  await must("bash", ["-c", `set -o pipefail; ${unpack}`, "bash", deb, inner, join(whole, "tree")]);
  await must("cp", ["-a", "--parents", ...CHANGED, "../pristine"], { cwd: join(whole, "tree") });
  writeFileSync(join(whole, "sha256"), content);
  rmSync(home, { recursive: true, force: true });
  renameSync(whole, home);
  discard(wanted);
  return source;
}

if (import.meta.filename === process.argv[1]) {
  await main(async () => {
    await fetchSources(process.argv.includes("--all"));
    return 0;
  });
}

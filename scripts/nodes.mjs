// Gets the versions of Node.js for `npm run test:nodes` from npm packages, into a cache.
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { arch } from "node:os";
import { join } from "node:path";
import { CACHE, hash } from "./apt.mjs";
import { Fault, main, must, run, say, temporaryDirectory } from "./setup.mjs";

const NODES = join(CACHE, "nodes");

/** The oldest supported version, the newest of each maintained line, and that of Debian 12, which is too old. */
const WANTED = ["18.20.4", "20.19.0", "22", "24", "26"];

/**
 * @typedef {object} Runtime
 * @property {string} version such as "22.23.5"
 * @property {string} node path of the executable
 */

/** Fetches the versions that the cache lacks. @returns {Promise<string>} path of a list of them, as JSON */
export async function fetchNodes() {
  mkdirSync(NODES, { recursive: true });
  const runtimes = [];
  for (const wanted of WANTED) runtimes.push(await fetchNode(wanted));
  const list = join(temporaryDirectory(NODES), "nodes.json");
  writeFileSync(list, `${JSON.stringify(runtimes, null, 2)}\n`);
  renameSync(list, join(NODES, "nodes.json"));
  return join(NODES, "nodes.json");
}

/**
 * Fetches a version from the package that has only the executable; the package `node` would run a script to fetch it.
 * @param {string} wanted a version, or a major version for its newest release
 * @returns {Promise<Runtime>}
 */
async function fetchNode(wanted) {
  const name = `node-linux-${arch()}`;
  const cached = await intact(name, wanted);
  if (cached) return cached;
  const newest = await newestVersion(name, wanted);
  const version = newest?.version ?? cachedVersion(name, wanted);
  if (version === undefined)
    throw new Fault(`npm view ${name}@${wanted} failed, and ${NODES} has no such version`);
  const found = await intact(name, version);
  if (found) return found;
  const home = join(NODES, `${name}-${version}`);
  if (newest === undefined) throw new Fault(`npm view ${name}@${wanted} failed, and ${home} is damaged`);

  say(`Downloading ${name} ${version} …`);
  const directory = temporaryDirectory(NODES);
  const pack = ["pack", "--silent", "--pack-destination", directory, `${name}@${version}`];
  await must("npm", pack);
  const [archive = ""] = readdirSync(directory);
  const digest = createHash("sha512").update(readFileSync(join(directory, archive)));
  if (`sha512-${digest.digest("base64")}` !== newest.integrity) throw new Fault(`${archive}: wrong SHA-512`);
  const whole = join(directory, "whole");
  mkdirSync(whole);
  const inner = "package/bin/node";
  await must("tar", ["-xzf", join(directory, archive), "-C", whole, "--strip-components=2", inner]);
  chmodSync(join(whole, "node"), 0o755);
  writeFileSync(join(whole, "sha256"), await hash(join(whole, "node")));
  // A damaged copy, or that of another process.
  if (existsSync(home)) renameSync(home, join(directory, "old"));
  renameSync(whole, home);
  return { version, node: join(home, "node") };
}

/**
 * Finds an intact version in the cache; undefined if there is none.
 * @param {string} name
 * @param {string} version
 * @returns {Promise<Runtime | undefined>}
 */
async function intact(name, version) {
  const home = join(NODES, `${name}-${version}`);
  const [node, stamp] = [join(home, "node"), join(home, "sha256")];
  if (!existsSync(stamp) || !existsSync(node)) return undefined;
  return readFileSync(stamp, "utf8") === (await hash(node)) ? { version, node } : undefined;
}

/**
 * Asks the registry for a version; undefined if the registry does not answer.
 * @param {string} name
 * @param {string} wanted
 * @returns {Promise<{ version: string, integrity: string } | undefined>}
 */
async function newestVersion(name, wanted) {
  const fields = ["name", "version", "dist.integrity", "--json", "--silent"];
  const { status, stdout } = await run("npm", ["view", `${name}@${wanted}`, ...fields], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) {
    say(`npm view ${name}@${wanted} failed; continuing with the newest version in the cache.`);
    return undefined;
  }
  const found = [JSON.parse(stdout)].flat().sort((a, b) => byNumbers(a.version, b.version));
  const newest = found.at(-1);
  return newest && { version: newest.version, integrity: newest["dist.integrity"] };
}

/**
 * Finds the newest version in the cache.
 * @param {string} name
 * @param {string} wanted
 */
function cachedVersion(name, wanted) {
  const versions = readdirSync(NODES).map((entry) => entry.slice(name.length + 1));
  const fits = (/** @type {string} */ version) => version === wanted || version.startsWith(`${wanted}.`);
  return versions.filter(fits).sort(byNumbers).at(-1);
}

/**
 * @param {string} a such as "22.23.5"
 * @param {string} b
 */
function byNumbers(a, b) {
  return a.localeCompare(b, "en", { numeric: true });
}

if (import.meta.filename === process.argv[1]) {
  await main(async () => {
    await fetchNodes();
    return 0;
  });
}

// Debian packages: installs those that the tests need; looks up and downloads others without installing them.
import { createHash } from "node:crypto";
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Fault, isInstalled, must, run, say, temporaryDirectory } from "./setup.mjs";

/** The folder for downloads, unpacked packages and built kernels, outside the checkout. */
export const CACHE =
  process.env.KAS_ALIAS_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "kas-alias");
const DOWNLOADS = join(CACHE, "downloads");

/**
 * Installs the Debian packages of missing commands; without root, fails with a line that lists them.
 * @param {Record<string, string>} tools maps a command, or the absolute path of a file, to its package
 */
export async function ensurePackages(tools) {
  const missing = Object.keys(tools).filter((tool) => !isInstalled(tool));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((tool) => tools[tool] ?? tool))].sort();
  if (!canInstall()) {
    throw new Fault(`missing: ${missing.join(", ")}; install the packages ${packages.join(" ")}`);
  }
  say(`Installing the Debian packages ${packages.join(" ")} …`);
  await updatePackageLists();
  const install = ["install", "-y", "--no-install-recommends", ...packages];
  if ((await aptGet(install)).status !== 0) throw new Fault(`apt-get ${install.join(" ")} failed`);
  const still = missing.filter((tool) => !isInstalled(tool));
  if (still.length > 0)
    throw new Fault(`the packages ${packages.join(" ")} did not provide ${still.join(", ")}`);
}

/** Whether this is root on a system with apt. */
function canInstall() {
  return process.getuid?.() === 0 && isInstalled("apt-get");
}

/**
 * Updates the package lists as far as possible. Fetching an index can fail, for a mirror during synchronisation or for a foreign
 * architecture. That index may not be needed, so only a failed look-up of a package is a fault.
 */
async function updatePackageLists() {
  const { status } = await aptGet(["update"]);
  if (status !== 0) say("Some package lists could not be updated; continuing with the existing ones.");
}

/** Time to wait for a lock of another process, in seconds. */
const LOCK_PATIENCE = 600;

/**
 * Runs apt-get. apt-get itself waits for dpkg's lock, but fails at once if another process holds the lock of the package lists
 * or of the downloaded packages. In that case it is run again.
 * @param {string[]} args
 * @param {{ cwd?: string }} [options]
 */
async function aptGet(args, options = {}) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };
  const common = ["-qq", "-o", `DPkg::Lock::Timeout=${LOCK_PATIENCE}`, "-o", "APT::Sandbox::User=root"];
  const start = Date.now();
  for (let attempt = 0; ; attempt++) {
    const result = await run("apt-get", [...common, ...args], {
      env,
      ...options,
      stdio: ["ignore", 2, "pipe"],
    });
    const isLocked = result.status !== 0 && /^E: (Could not get lock|Unable to lock)/m.test(result.stderr);
    if (!isLocked || Date.now() - start > LOCK_PATIENCE * 1000) {
      process.stderr.write(result.stderr);
      return result;
    }
    if (attempt === 0) say("Waiting for another process that uses apt …");
    await setTimeout(1000);
  }
}

/**
 * Package lists: options of apt-get and apt-cache that select them. No options select the system's.
 * @typedef {readonly string[]} Lists
 */

/** @type {Lists} */
const SYSTEM = [];

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Age at which lists are updated, in ms. */
const LISTS_AGE = 24 * 3600 * 1000;

/**
 * Fetches the lists of another suite and architecture, from the mirror of the system's, into a state of their own: nothing can be
 * installed from them, and a fault in one does not affect the others.
 * @param {string} suite
 * @param {string} architecture Debian's name
 * @returns {Promise<Lists>}
 */
export async function listsOf(suite, architecture) {
  const state = join(CACHE, "apt", `${suite}-${architecture}`);
  const updated = join(state, "updated");
  for (const directory of ["lists/partial", "archives/partial"])
    mkdirSync(join(state, directory), { recursive: true });
  const sources = join(state, "sources.list");
  const set = {
    "Dir::Etc::sourcelist": sources,
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::State::lists": join(state, "lists"),
    "Dir::State::status": "/dev/null",
    "Dir::Cache": state,
    "APT::Architecture": architecture,
    "APT::Architectures": architecture,
  };
  const lists = Object.entries(set).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  const age = Date.now() - (statSync(updated, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  if (age < LISTS_AGE) return lists;
  writeFileSync(sources, `deb [signed-by=${KEYRING}] ${await mirror(suite)} ${suite} main\n`);
  if ((await aptGet([...lists, "update"])).status === 0) writeFileSync(updated, "");
  else say(`The package lists of ${suite} for ${architecture} could not be updated.`);
  return lists;
}

/**
 * The mirror from which the system gets Debian's packages, or its security updates for a suite of these.
 * @param {string} suite
 */
async function mirror(suite) {
  const format = ["--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages"];
  const { stdout } = await run("apt-get", ["indextargets", ...format], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const label = suite.endsWith("-security") ? "Debian-Security" : "Debian";
  const uri = new RegExp(`^${label} (.+)$`, "m").exec(stdout)?.[1];
  if (uri === undefined) throw new Fault(`apt knows no mirror of ${label}; add one to /etc/apt/sources.list`);
  return uri;
}

/**
 * @typedef {object} Package
 * @property {Lists} lists the lists that have it
 * @property {string} name
 * @property {string} version
 * @property {string} depends
 * @property {string} fileName of the .deb
 * @property {string} sha256 of the .deb
 */

/**
 * Looks up all versions of a package, newest first.
 * @param {string} name with `=version` to select one
 * @param {Lists} [lists]
 * @returns {Promise<Package[]>}
 */
export async function packageVersions(name, lists = SYSTEM) {
  const { stdout } = await run("apt-cache", [...lists, "show", name], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  return stdout
    .split(/\n\n+/)
    .map((stanza) => {
      const field = (/** @type {string} */ key) => new RegExp(`^${key}: (.*)$`, "m").exec(stanza)?.[1] ?? "";
      return {
        lists,
        name: field("Package"),
        version: field("Version"),
        depends: field("Depends"),
        fileName: basename(field("Filename")),
        sha256: field("SHA256"),
      };
    })
    .filter(({ sha256 }) => sha256 !== "");
}

/**
 * Looks up the newest version of a package.
 * @param {string} name with `=version` to select one
 * @returns {Promise<Package>}
 */
export async function describe(name) {
  const [newest] = await packageVersions(name);
  if (newest === undefined) throw new Fault(`apt has no package ${name}; run apt-get update as root`);
  return newest;
}

/**
 * Finds the names of packages.
 * @param {string} pattern a regular expression of apt-cache search
 * @param {Lists} [lists]
 */
export async function packageNames(pattern, lists = SYSTEM) {
  const { stdout } = await run("apt-cache", [...lists, "search", "--names-only", pattern], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return stdout.split("\n").flatMap((line) => line.split(" ")[0] || []);
}

/**
 * Runs work that looks up packages. If it fails, updates the lists and runs it once more: lists may be missing, or list packages
 * that the mirror no longer has.
 * @template T
 * @param {() => Promise<T>} work
 */
export async function withPackageLists(work) {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Fault && canInstall())) throw error;
    say(`${error.message}; updating the package lists …`);
    await updatePackageLists();
    return await work();
  }
}

/**
 * Returns the path of a package's .deb; downloads it unless the cache has it with the right hash.
 * @param {Package} wanted
 */
export async function download({ lists, name, version, fileName, sha256 }) {
  mkdirSync(DOWNLOADS, { recursive: true });
  const deb = join(DOWNLOADS, fileName);
  if (existsSync(deb) && (await hash(deb)) === sha256) return deb;
  say(`Downloading ${fileName} …`);
  const cwd = temporaryDirectory(DOWNLOADS);
  const { status } = await aptGet([...lists, "download", `${name}=${version}`], { cwd });
  if (status !== 0) throw new Fault(`apt-get download ${name}=${version} failed`);
  const [downloaded = fileName] = readdirSync(cwd);
  if ((await hash(join(cwd, downloaded))) !== sha256) throw new Fault(`${fileName}: wrong SHA-256`);
  renameSync(join(cwd, downloaded), deb);
  return deb;
}

/**
 * Lists packages and all that they depend on.
 * @param {string[]} names
 * @param {Lists} lists of a suite other than the system's
 * @returns {Promise<string[]>} `name=version` of each
 */
export async function closure(names, lists) {
  const { stdout } = await run(
    "apt-get",
    [...lists, "-qq", "--no-install-recommends", "--print-uris", "-y", "install", ...names],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  // Each line: 'URI' FILE SIZE HASH.
  const packages = stdout.matchAll(/^'[^']*' ([^_]+)_([^_]+)_/gm);
  const found = Array.from(packages, ([, name, version = ""]) => `${name}=${decodeURIComponent(version)}`);
  if (found.length === 0) throw new Fault(`apt has no ${names.join(", ")} of that suite`);
  return found.sort();
}

/**
 * Downloads packages and unpacks them into a directory; nothing is installed.
 * @param {string[]} packages `name=version`, as closure() lists them
 * @param {Lists} lists
 * @param {string} directory
 */
export async function unpackAll(packages, lists, directory) {
  const cwd = temporaryDirectory(CACHE);
  const { status } = await aptGet([...lists, "download", ...packages], { cwd });
  if (status !== 0) throw new Fault(`apt-get download ${packages.join(" ")} failed`);
  for (const deb of readdirSync(cwd)) await must("dpkg-deb", ["-x", join(cwd, deb), directory]);
}

/**
 * Deletes the .deb of a package from the cache.
 * @param {Package} unpacked
 */
export function discard({ fileName }) {
  rmSync(join(DOWNLOADS, fileName), { force: true });
}

/**
 * SHA-256 of a file, in hex.
 * @param {string} path
 */
export async function hash(path) {
  const sha256 = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) sha256.update(chunk);
  return sha256.digest("hex");
}

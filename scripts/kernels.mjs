// Gets the kernels that the kernel tests and the benchmarks work on, out of Debian's packages, into a cache.
import { createHash } from "node:crypto";
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import {
  canInstall,
  ensurePackages,
  Fault,
  main,
  must,
  run,
  say,
  temporaryDirectory,
  updatePackageLists,
} from "./setup.mjs";

export const CACHE =
  process.env.KAS_ALIAS_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "kas-alias");
const DOWNLOADS = join(CACHE, "downloads");

const IMAGE_PATHS = [
  "./usr/lib/debug/boot/vmlinux-*",
  "./usr/lib/debug/boot/System.map-*",
  "./usr/lib/debug/lib/modules",
];

/** Some of the modules that the image's package without debug info installs. */
const INSTALLED_PATHS = ["./lib/modules/*/kernel/net/bridge", "./lib/modules/*/kernel/drivers/nvme"];

/**
 * An earlier point release of one series, of which the image is all that is wanted. Debian names the packages by an ABI number:
 * `previous` finds them all.
 */
const PREVIOUS = {
  series: "6.1",
  packages: "^linux-image-6\\.1\\.0-[0-9]+-cloud-amd64-dbg$",
  paths: ["./usr/lib/debug/boot/vmlinux-*"],
};

/**
 * `image` is an empty package that depends on the one with the current image.
 * The paths are what is wanted of each, as tar patterns; a changed list unpacks afresh.
 */
const SERIES = [
  {
    series: "6.1",
    image: "linux-image-cloud-amd64-dbg",
    imagePaths: IMAGE_PATHS,
    source: "linux-source-6.1",
    sourcePaths: ["*/scripts/kallsyms.c", "*/scripts/mksysmap"],
  },
  {
    series: "6.12",
    image: "linux-image-6.12-cloud-amd64-dbg",
    imagePaths: IMAGE_PATHS,
    source: "linux-source-6.12",
    sourcePaths: ["*/scripts/kallsyms.c", "*/scripts/include/*.h", "*/scripts/mksysmap"],
  },
];

/**
 * @typedef {object} Kernel
 * @property {string} series such as "6.12"
 * @property {string} package the Debian package of the image
 * @property {string} version its version
 * @property {string} vmlinux path of the image with debug info
 * @property {string} systemMap path of its System.map
 * @property {string} modules path of the directory with all its modules, .ko files with debug info
 * @property {string} installed path of a directory with some of the modules as they are installed, stripped .ko.xz files
 * @property {string} source path of the directory with the kernel's scripts/
 * @property {string} sourcePackage path of the .deb of the kernel's sources
 * @property {string | undefined} previous path of the image, with debug info, of the point release before; of one series only
 */

/**
 * The kernels, fetched and unpacked where they are not yet; also written to kernels.json in the cache.
 * @param {{ rehash?: boolean }} [options] rehash: compare the unpacked files' SHA-256 too, not just size and time
 * @returns {Promise<Kernel[]>}
 */
export async function fetchKernels({ rehash = false } = {}) {
  await ensurePackages({ xz: "xz-utils", tar: "tar", "apt-cache": "apt", "dpkg-deb": "dpkg" });
  mkdirSync(DOWNLOADS, { recursive: true });
  const kernels = await fetchAll(rehash).catch(async (error) => {
    // The lists may be missing, or name packages that the mirror no longer has.
    if (!(error instanceof Fault && canInstall())) throw error;
    await updatePackageLists();
    return await fetchAll(rehash);
  });
  const list = join(temporaryDirectory(CACHE), "kernels.json");
  writeFileSync(list, `${JSON.stringify(kernels, null, 2)}\n`);
  renameSync(list, join(CACHE, "kernels.json"));
  return kernels;
}

/** @param {boolean} rehash */
async function fetchAll(rehash) {
  const kernels = await Promise.allSettled(SERIES.map((series) => fetchSeries(series, rehash)));
  return kernels.map((kernel) => {
    if (kernel.status === "rejected") throw kernel.reason;
    return kernel.value;
  });
}

/**
 * @param {(typeof SERIES)[number]} wanted
 * @param {boolean} rehash
 * @returns {Promise<Kernel>}
 */
async function fetchSeries({ series, image, imagePaths, source, sourcePaths }, rehash) {
  const dependency = /(\S+) \(= ([^)]+)\)/.exec((await describe(image)).depends);
  if (!dependency) throw new Fault(`${image} does not depend on one version of an image`);
  const imagePackage = await describe(`${dependency[1]}=${dependency[2]}`);
  const sourcePackage = await describe(`${source}=${dependency[2]}`);
  const debug = join(await unpack(imagePackage, imagePaths, rehash), "usr/lib/debug");
  const boot = join(debug, "boot");
  const installedPackage = await describe(`${imagePackage.name.replace(/-dbg$/, "")}=${dependency[2]}`);
  const installed = join(await unpack(installedPackage, INSTALLED_PATHS, rehash), "lib/modules");
  const release = readdirSync(boot)
    .find((name) => name.startsWith("vmlinux-"))
    ?.slice("vmlinux-".length);
  const scripts = await unpack(sourcePackage, sourcePaths, rehash, `./usr/src/${source}.tar.xz`);
  const previous = series === PREVIOUS.series ? await fetchPrevious(imagePackage.version, rehash) : undefined;
  return {
    series,
    package: imagePackage.name,
    version: imagePackage.version,
    vmlinux: join(boot, `vmlinux-${release}`),
    systemMap: join(boot, `System.map-${release}`),
    modules: join(debug, "lib/modules"),
    installed,
    source: join(scripts, source),
    sourcePackage: await download(sourcePackage),
    previous,
  };
}

/**
 * The image of the newest point release before a version, of those that Debian still has.
 * @param {string} version
 * @param {boolean} rehash
 */
async function fetchPrevious(version, rehash) {
  const upstream = (/** @type {string} */ each) => each.replace(/-[^-]*$/, "");
  const { stdout } = await run("apt-cache", ["search", "--names-only", PREVIOUS.packages], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const names = stdout.split("\n").flatMap((line) => line.split(" ")[0] || []);
  const earlier = (await Promise.all(names.map((name) => describe(name))))
    .filter((each) => upstream(each.version) !== upstream(version))
    .sort((a, b) => byNumbers(upstream(b.version), upstream(a.version)))
    .find((each) => byNumbers(upstream(each.version), upstream(version)) < 0);
  if (!earlier) throw new Fault(`apt knows no package ${PREVIOUS.packages} before ${version}`);
  const boot = join(await unpack(earlier, PREVIOUS.paths, rehash), "usr/lib/debug/boot");
  return join(boot, readdirSync(boot)[0] ?? "");
}

/**
 * @param {string} a such as "6.1.190"
 * @param {string} b
 */
function byNumbers(a, b) {
  return a.localeCompare(b, "en", { numeric: true });
}

/**
 * @typedef {object} Package
 * @property {string} name
 * @property {string} version
 * @property {string} depends
 * @property {string} fileName of the .deb
 * @property {string} sha256 of the .deb
 */

/**
 * What apt knows about a package.
 * @param {string} name with `=version` for another than the newest
 * @returns {Promise<Package>}
 */
export async function describe(name) {
  const { stdout } = await run("apt-cache", ["show", "--no-all-versions", name], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const field = (/** @type {string} */ key) => new RegExp(`^${key}: (.*)$`, "m").exec(stdout)?.[1] ?? "";
  if (!field("SHA256")) throw new Fault(`apt knows no package ${name}; run apt-get update as root`);
  return {
    name: field("Package"),
    version: field("Version"),
    depends: field("Depends"),
    fileName: basename(field("Filename")),
    sha256: field("SHA256"),
  };
}

/**
 * The path of a package's .deb, downloaded unless it is there and right.
 * @param {Package} wanted
 */
export async function download({ name, version, fileName, sha256 }) {
  const deb = join(DOWNLOADS, fileName);
  if (existsSync(deb) && (await hash(deb)) === sha256) return deb;
  say(`Downloading ${fileName} …`);
  const cwd = temporaryDirectory(DOWNLOADS);
  await must("apt-get", ["-qq", "-o", "APT::Sandbox::User=root", "download", `${name}=${version}`], { cwd });
  const [downloaded = fileName] = readdirSync(cwd);
  if ((await hash(join(cwd, downloaded))) !== sha256) throw new Fault(`${fileName}: wrong SHA-256`);
  renameSync(join(cwd, downloaded), deb);
  return deb;
}

/**
 * The directory with a package's wanted files, unpacked unless they are there and right.
 * @param {Package} wanted
 * @param {string[]} paths tar patterns
 * @param {boolean} rehash
 * @param {string} [inner] path of a .tar.xz in the package: the patterns are for its contents
 */
async function unpack(wanted, paths, rehash, inner) {
  const home = join(CACHE, `${wanted.name}_${wanted.version}`);
  const origin = JSON.stringify({ sha256: wanted.sha256, paths });
  if (await isIntact(home, origin, rehash)) return home;
  const deb = await download(wanted);
  say(`Unpacking ${wanted.fileName} …`);
  const whole = join(temporaryDirectory(CACHE), "whole");
  mkdirSync(whole);
  const contents = 'dpkg-deb --fsys-tarfile "$deb"';
  const pipeline = inner ? `${contents} | tar -xO "$inner" | tar -xJ "$@"` : `${contents} | tar -x "$@"`;
  const script = `set -o pipefail; deb=$1 inner=$2; shift 2; ${pipeline}`;
  const tarOptions = ["-C", whole, "--wildcards", "--no-wildcards-match-slash", ...paths];
  await must("bash", ["-c", script, "bash", deb, inner ?? "", ...tarOptions]);
  await writeManifest(whole, origin);
  replace(whole, home);
  return home;
}

/**
 * Puts a directory in another's place; when a second process has just done the same, either result is right.
 * @param {string} whole
 * @param {string} home
 */
function replace(whole, home) {
  for (;;) {
    try {
      renameSync(whole, home);
      return;
    } catch (error) {
      if (!isCode(error, "ENOTEMPTY", "EEXIST")) throw error;
    }
    try {
      renameSync(home, join(temporaryDirectory(CACHE), "old"));
    } catch (error) {
      if (!isCode(error, "ENOENT")) throw error;
    }
  }
}

/**
 * @param {unknown} error
 * @param {string[]} codes
 */
function isCode(error, ...codes) {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}

const MANIFEST = "manifest.json";

/**
 * @param {string} directory
 * @param {string} origin which package and which of its files
 */
async function writeManifest(directory, origin) {
  const files = [];
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile()) continue;
    const { size, mtimeMs } = statSync(path);
    files.push({ path: path.slice(directory.length + 1), size, mtimeMs, sha256: await hash(path) });
  }
  writeFileSync(join(directory, MANIFEST), `${JSON.stringify({ origin, files }, null, 2)}\n`);
}

/**
 * Whether an unpacked package still is what its manifest says.
 * @param {string} directory
 * @param {string} origin
 * @param {boolean} rehash
 */
async function isIntact(directory, origin, rehash) {
  const manifest = join(directory, MANIFEST);
  if (!existsSync(manifest)) return false;
  const { origin: recorded, files } = JSON.parse(readFileSync(manifest, "utf8"));
  if (recorded !== origin) return false;
  for (const { path, size, mtimeMs, sha256 } of files) {
    const file = join(directory, path);
    const stats = statSync(file, { throwIfNoEntry: false });
    if (stats?.size !== size || stats?.mtimeMs !== mtimeMs) return false;
    if (rehash && (await hash(file)) !== sha256) return false;
  }
  return true;
}

/**
 * SHA-256 of a file, in hex.
 * @param {string} path
 */
async function hash(path) {
  const sha256 = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) sha256.update(chunk);
  return sha256.digest("hex");
}

if (import.meta.filename === process.argv[1]) {
  await main(async () => {
    const kernels = await fetchKernels({ rehash: process.argv.includes("--rehash") });
    for (const kernel of kernels) process.stdout.write(`${JSON.stringify(kernel)}\n`);
    return 0;
  });
}

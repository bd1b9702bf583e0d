// Gets the kernels for the kernel tests and the benchmarks from Debian's packages, into a cache.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import {
  CACHE,
  describe,
  discard,
  download,
  ensurePackages,
  hash,
  packageNames,
  packageVersions,
  withPackageLists,
} from "./apt.mjs";
import { Fault, main, must, say, temporaryDirectory } from "./setup.mjs";

const IMAGE_PATHS = [
  "./usr/lib/debug/boot/vmlinux-*",
  "./usr/lib/debug/boot/System.map-*",
  "./usr/lib/debug/lib/modules",
];

/** Some of the modules in the image's package without debug info. */
const INSTALLED_PATHS = ["./lib/modules/*/kernel/net/bridge", "./lib/modules/*/kernel/drivers/nvme"];

/** From the package of the earlier point release only the image is needed. */
const PREVIOUS = { series: "6.1", paths: ["./usr/lib/debug/boot/vmlinux-*"] };

/**
 * `images` matches the packages with an image and its debug info, of all point releases.
 * The paths are tar patterns of the needed files in each package; a changed list causes a new unpacking.
 */
const SERIES = [
  {
    series: "6.1",
    images: "^linux-image-6\\.1\\.[0-9]+[^ ]*-cloud-amd64-dbg$",
    imagePaths: IMAGE_PATHS,
    source: "linux-source-6.1",
    sourcePaths: ["*/scripts/kallsyms.c", "*/scripts/mksysmap"],
  },
  {
    series: "6.12",
    images: "^linux-image-6\\.12\\.[0-9]+[^ ]*-cloud-amd64-dbg$",
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
 * @property {string} installedPackage the Debian package of \`installed\`
 * @property {string} vmlinux path of the image with debug info
 * @property {string} systemMap path of its System.map
 * @property {string} modules path of the directory with all its modules, .ko files with debug info
 * @property {string} installed path of a directory with some modules in the form that Debian installs, stripped .ko.xz files
 * @property {string} source path of the directory with the kernel's scripts/
 * @property {string} sourcePackage path of the .deb of the kernel's sources
 * @property {string | undefined} previous path of the image, with debug info, of the point release before; of one series only
 */

/**
 * Fetches and unpacks the kernels that the cache lacks; also writes their list to kernels.json in the cache.
 * @param {{ rehash?: boolean }} [options] rehash: also compare the SHA-256 of unpacked files, not only size and time
 * @returns {Promise<Kernel[]>}
 */
export async function fetchKernels({ rehash = false } = {}) {
  await ensurePackages({ xz: "xz-utils", tar: "tar", "apt-cache": "apt", "dpkg-deb": "dpkg" });
  mkdirSync(CACHE, { recursive: true });
  const kernels = await withPackageLists(() => fetchAll(rehash));
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

/** @typedef {import("./apt.mjs").Package} Package */

/**
 * Fetches a kernel of a series: the newest point release of which the archive has all packages. The archive may get the newest image
 * before its sources or before the signed package. The `-unsigned` package has the same modules as the signed one.
 * @param {(typeof SERIES)[number]} wanted
 * @param {boolean} rehash
 * @returns {Promise<Kernel>}
 */
async function fetchSeries(wanted, rehash) {
  const images = await imagesOf(wanted.images);
  /** @type {unknown} */
  let fault = new Fault(`apt has no package ${wanted.images}; run apt-get update as root`);
  for (const image of images) {
    try {
      const kernel = await fetchKernel(wanted, image, images, rehash);
      say(
        `Linux ${wanted.series}: ${kernel.package} ${kernel.version}, modules of ${kernel.installedPackage}`,
      );
      return kernel;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      say(`${image.name} ${image.version} cannot be used: ${error.message}`);
      if (image === images[0]) fault = error;
    }
  }
  throw fault;
}

/**
 * Finds the packages with an image, newest first.
 * @param {string} pattern of their names
 * @param {import("./apt.mjs").Lists} [lists]
 */
export async function imagesOf(pattern, lists) {
  const names = await packageNames(pattern, lists);
  const versions = await Promise.all(names.map((name) => packageVersions(name, lists)));
  return versions.flat().sort((a, b) => byNumbers(b.version, a.version));
}

/**
 * @param {(typeof SERIES)[number]} wanted
 * @param {Package} image
 * @param {readonly Package[]} images of the series, newest first
 * @param {boolean} rehash
 * @returns {Promise<Kernel>}
 */
async function fetchKernel(
  { series, imagePaths, source, sourcePaths, images: pattern },
  image,
  images,
  rehash,
) {
  const sourcePackage = await describe(`${source}=${image.version}`);
  const signed = image.name.replace(/-dbg$/, "");
  const [installedPackage] = [
    ...(await packageVersions(`${signed}=${image.version}`)),
    ...(await packageVersions(`${signed}-unsigned=${image.version}`)),
  ];
  if (!installedPackage)
    throw new Fault(`apt has no package ${signed}=${image.version}, nor an unsigned one`);
  const debug = join(await unpack(image, imagePaths, rehash), "usr/lib/debug");
  const boot = join(debug, "boot");
  const installed = join(await unpack(installedPackage, INSTALLED_PATHS, rehash), "lib/modules");
  const release = readdirSync(boot)
    .find((name) => name.startsWith("vmlinux-"))
    ?.slice("vmlinux-".length);
  const scripts = await unpack(sourcePackage, sourcePaths, rehash, `./usr/src/${source}.tar.xz`);
  return {
    series,
    package: image.name,
    version: image.version,
    installedPackage: installedPackage.name,
    vmlinux: join(boot, `vmlinux-${release}`),
    systemMap: join(boot, `System.map-${release}`),
    modules: join(debug, "lib/modules"),
    installed,
    source: join(scripts, source),
    sourcePackage: await download(sourcePackage),
    previous:
      series === PREVIOUS.series ? await fetchPrevious(image.version, images, pattern, rehash) : undefined,
  };
}

/**
 * Fetches the image of the newest earlier point release that Debian still has.
 * @param {string} version
 * @param {readonly Package[]} images newest first
 * @param {string} pattern of their names
 * @param {boolean} rehash
 */
async function fetchPrevious(version, images, pattern, rehash) {
  const upstream = (/** @type {string} */ each) => each.replace(/-[^-]*$/, "");
  const earlier = images.find((each) => byNumbers(upstream(each.version), upstream(version)) < 0);
  if (!earlier) throw new Fault(`apt has no package ${pattern} before ${version}`);
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
 * Returns the directory with the needed files of a package; unpacks them unless the cache has them intact.
 * @param {Package} wanted
 * @param {string[]} paths tar patterns
 * @param {boolean} rehash
 * @param {string} [inner] path of a .tar.xz in the package, to whose contents the patterns apply
 */
export async function unpack(wanted, paths, rehash, inner) {
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
  // Sources are read again, from the .deb.
  if (inner === undefined) discard(wanted);
  return home;
}

/**
 * Replaces a directory by another. If a second process has just done the same, either result is right.
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
 * @param {string} origin the package and its files
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
 * Whether an unpacked package still matches its manifest.
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

if (import.meta.filename === process.argv[1]) {
  await main(async () => {
    const kernels = await fetchKernels({ rehash: process.argv.includes("--rehash") });
    for (const kernel of kernels) process.stdout.write(`${JSON.stringify(kernel)}\n`);
    return 0;
  });
}

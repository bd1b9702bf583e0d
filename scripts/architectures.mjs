// Gets kernels of all architectures for the kernel tests: Debian's newest images, one an architecture, with some modules.
import { mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CACHE, ensurePackages, listsOf } from "./apt.mjs";
import { imagesOf, unpack } from "./kernels.mjs";
import { Fault, main, say, temporaryDirectory } from "./setup.mjs";

/**
 * One image an architecture. `images` matches the packages with an image and its debug info, of all releases in the suite.
 * `nm` is the nm of that architecture; that of x86 lists loong64 too, whose symbols need no treatment of their own.
 */
const ARCHITECTURES = [
  { name: "amd64", suite: "trixie-backports", images: seven("cloud-amd64"), nm: "nm" },
  { name: "arm64", suite: "trixie-backports", images: seven("cloud-arm64"), nm: "aarch64-linux-gnu-nm" },
  { name: "riscv64", suite: "sid", images: seven("riscv64"), nm: "riscv64-linux-gnu-nm" },
  { name: "armhf", suite: "sid", images: seven("armmp"), nm: "arm-linux-gnueabihf-nm" },
  { name: "loong64", suite: "sid", images: seven("loong64"), nm: "nm" },
  { name: "ppc64el", suite: "sid", images: seven("powerpc64le"), nm: "powerpc64le-linux-gnu-nm" },
  { name: "s390x", suite: "sid", images: seven("s390x"), nm: "s390x-linux-gnu-nm" },
  { name: "i386", suite: "bookworm", images: "^linux-image-6\\.1\\.[0-9.-]+-686-dbg$", nm: "nm" },
  {
    name: "mips64el",
    suite: "bookworm",
    images: "^linux-image-6\\.1\\.[0-9.-]+-5kc-malta-dbg$",
    nm: "mips64-linux-gnuabi64-nm",
  },
];

/** @param {string} flavour */
function seven(flavour) {
  return `^linux-image-7\\.[0-9.]+\\+deb[0-9]+-${flavour}-dbg$`;
}

/** These are tested always, and as many of the others, a different choice each day. */
const ALWAYS = ["amd64", "arm64", "riscv64"];
const ROTATING = 2;

/** About 70 modules, many of whose functions share names. */
const MODULES = "net/sched";

/**
 * @typedef {object} ForeignKernel
 * @property {string} architecture Debian's name
 * @property {string} nm the nm to compare with
 * @property {string} fault why it is missing; empty if it is there
 * @property {string} package the Debian package
 * @property {string} version its version
 * @property {string} vmlinux path of the image with debug info
 * @property {string} modules path of the directory with modules, .ko files with debug info
 */

/**
 * The architectures to test: by default some always, and others by the number of the day.
 * @param {string} wanted names separated by commas, or `all`; empty for the default
 */
function chosenArchitectures(wanted) {
  const names = ARCHITECTURES.map(({ name }) => name);
  if (wanted === "all") return names;
  if (wanted !== "") {
    const chosen = wanted.split(",");
    const unknown = chosen.filter((name) => !names.includes(name));
    if (unknown.length > 0)
      throw new Fault(`KAS_ARCHES: ${unknown.join(", ")}: give some of ${names} or all`);
    return chosen;
  }
  const others = names.filter((name) => !ALWAYS.includes(name));
  const day = Math.floor(Date.now() / (24 * 3600 * 1000));
  const rotating = Array.from({ length: ROTATING }, (_, i) => others[(day * ROTATING + i) % others.length]);
  return [...ALWAYS, ...rotating.flatMap((name) => name ?? [])];
}

/**
 * Fetches and unpacks the kernels that the cache lacks; also writes their list to architectures.json in the cache. A kernel that
 * cannot be had is in the list with the fault.
 * @param {string} [wanted] the architectures, as KAS_ARCHES names them
 * @returns {Promise<ForeignKernel[]>}
 */
export async function fetchArchitectures(wanted = process.env.KAS_ARCHES ?? "") {
  await ensurePackages({ xz: "xz-utils", tar: "tar", "apt-cache": "apt", "dpkg-deb": "dpkg" });
  mkdirSync(CACHE, { recursive: true });
  const chosen = chosenArchitectures(wanted);
  say(`Architectures: ${chosen.join(", ")}; KAS_ARCHES can name others, or all.`);
  const kernels = [];
  for (const architecture of ARCHITECTURES.filter(({ name }) => chosen.includes(name))) {
    kernels.push(await fetchArchitecture(architecture));
  }
  const list = join(temporaryDirectory(CACHE), "architectures.json");
  writeFileSync(list, `${JSON.stringify(kernels, null, 2)}\n`);
  renameSync(list, join(CACHE, "architectures.json"));
  return kernels;
}

/**
 * @param {(typeof ARCHITECTURES)[number]} wanted
 * @returns {Promise<ForeignKernel>}
 */
async function fetchArchitecture({ name: architecture, suite, images, nm }) {
  const missing = { architecture, nm, package: "none", version: "", vmlinux: "", modules: "" };
  try {
    const [image] = await imagesOf(images, await listsOf(suite, architecture));
    if (image === undefined) throw new Fault(`${suite} has no package ${images} for ${architecture}`);
    const debug = join(await unpack(image, pathsOf(image.name), false), "usr/lib/debug");
    const modules = join(debug, "lib/modules");
    const [release = ""] = readdirSync(modules);
    const directory = join(modules, release);
    const isInBoot = image.name.startsWith("linux-image-6");
    const vmlinux = isInBoot ? join(debug, "boot", `vmlinux-${release}`) : join(directory, "vmlinux");
    say(`${architecture}: ${image.name} ${image.version}`);
    const { name, version } = image;
    return { architecture, nm, fault: "", package: name, version, vmlinux, modules: directory };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    say(`${architecture}: ${error.message}`);
    return { ...missing, fault: error.message };
  }
}

/** @param {string} name of the package */
function pathsOf(name) {
  const modules = "./usr/lib/debug/lib/modules/*";
  const image = name.startsWith("linux-image-6") ? "./usr/lib/debug/boot/vmlinux-*" : `${modules}/vmlinux`;
  return [image, `${modules}/kernel/${MODULES}`];
}

if (import.meta.filename === process.argv[1]) {
  await main(async () => {
    const kernels = await fetchArchitectures();
    for (const kernel of kernels) process.stdout.write(`${JSON.stringify(kernel)}\n`);
    return kernels.every(({ fault }) => fault === "") ? 0 : 1;
  });
}

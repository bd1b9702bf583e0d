/** The patches that add the hook to kernels of one series. */
export interface KernelSeries {
  /** `6.12` */
  readonly name: string;
  /** In git's format, in the order to apply. */
  readonly patches: readonly string[];
}

/** The patches from scripts/kernel, which scripts/build.mjs puts into the bundle. */
declare const KERNEL_PATCHES: string;

export function kernelPatches(): readonly KernelSeries[] {
  return JSON.parse(KERNEL_PATCHES);
}
